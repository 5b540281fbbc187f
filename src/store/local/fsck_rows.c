// SPDX-License-Identifier: ISC
//
// fsck's look at the rows: the numbers of each mailbox and of the queue against their entries, each
// entry's body, entries of nobody, and how many hold each body.
#include "store/local/fsck.h"

// ---- mailboxes

static int compare(struct fsck *f, const struct head *head, const char *column, uint64_t found,
                   uint64_t expected)
{
    if (found == expected)
        return 0;
    fsck_tell(f, (struct fsck_finding){.level = FSCK_REPAIRABLE,
                                       .code = "number-wrong",
                                       .cure = "run fsck --repair, which counts again",
                                       .mailbox_id = head->id,
                                       .what = column,
                                       .found = found,
                                       .expected = expected});
    return fsck_set_number(f, "mailbox", column, head->id, expected);
}

static int compare_all(struct fsck *f, const struct head *head, const struct head_state *sum)
{
    const struct head_state *s = &head->work;
    const struct {
        const char *column;
        uint64_t found, expected;
    } numbers[] = {
        {"messages", s->message_count, sum->message_count},
        {"unseen", s->unseen_count, sum->unseen_count},
        {"deleted", s->deleted_count, sum->deleted_count},
        {"bytes", s->bytes, sum->bytes},
        {"deleted_bytes", s->deleted_bytes, sum->deleted_bytes},
        {"uidnext", s->uidnext, sum->uidnext > s->uidnext ? sum->uidnext : s->uidnext},
        {"modseq", s->modseq, sum->modseq > s->modseq ? sum->modseq : s->modseq},
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        int r = compare(f, head, numbers[i].column, numbers[i].found, numbers[i].expected);

        if (r < 0)
            return r;
    }
    return 0;
}

int fsck_mailbox(struct fsck *f, const struct head *head)
{
    struct head_state sum = {.uidnext = 1, .modseq = 1};
    struct entry_list list = {0};
    int r;

    f->report->mailboxes++;
    r = index_entries(f->x, head->id, 1, UINT32_MAX, &list);
    for (size_t i = 0; r == 0 && i < list.entries.count; i++) {
        const struct store_entry *e = &list.entries.items[i];

        f->report->entries++;
        sum.message_count++;
        sum.unseen_count += !(e->flags & STORE_SEEN);
        sum.bytes += e->body.size;
        if (e->flags & STORE_DELETED) {
            sum.deleted_count++;
            sum.deleted_bytes += e->body.size;
        }
        sum.uidnext = e->uid + 1;
        if (e->modseq > sum.modseq)
            sum.modseq = e->modseq;
        r = fsck_body(f, (struct fsck_finding){.mailbox_id = head->id, .uid = e->uid}, &e->body);
    }
    store_entries_done(&list.entries);
    return r < 0 ? r : compare_all(f, head, &sum);
}

// ---- the queue

static int compare_queue(struct fsck *f, const char *key, uint64_t found, uint64_t expected)
{
    sqlite3_stmt *st;

    if (found == expected)
        return 0;
    fsck_tell(f, (struct fsck_finding){.level = FSCK_REPAIRABLE,
                                       .code = "queue-number-wrong",
                                       .cure = "run fsck --repair, which counts again",
                                       .what = key,
                                       .found = found,
                                       .expected = expected});
    if (!f->options->repair)
        return 0;
    st = index_use(f->x, ST_META_PUT);
    if (!st)
        return f->x->error;
    bind_str(st, 1, str_from(key));
    bind_u64(st, 2, expected);
    return index_run(f->x, st);
}

static int check_queued(struct fsck *f, sqlite3_stmt *st, struct queue_numbers *sum)
{
    struct fsck_finding finding = {.queue_id = column_u64(st, 0)};
    struct store_body_ref body = {.message_id = column_u64(st, 2), .size = column_u64(st, 3)};

    f->report->queued++;
    sum->count++;
    sum->held += sqlite3_column_int64(st, 1) == STORE_QUEUE_HELD;
    if (finding.queue_id >= sum->next_id)
        sum->next_id = finding.queue_id + 1;
    return fsck_body(f, finding, &body);
}

int fsck_queue(struct fsck *f)
{
    const struct queue_numbers *now = &f->l->store.catalog->queue;
    struct queue_numbers sum = {.next_id = now->next_id};
    sqlite3_stmt *st;
    int r;

    r = sqlite3_prepare_v2(f->x->db, "SELECT id, due, message, size FROM queue", -1, &st, NULL);
    if (r != SQLITE_OK)
        return index_errno(r);
    r = 0;
    while (r == 0 && (r = sqlite3_step(st)) == SQLITE_ROW)
        r = check_queued(f, st, &sum);
    sqlite3_finalize(st);
    r = r < 0 ? r : index_errno(r);
    if (r == 0)
        r = compare_queue(f, "queue_next", now->next_id, sum.next_id);
    if (r == 0)
        r = compare_queue(f, "queue_count", now->count, sum.count);
    if (r == 0)
        r = compare_queue(f, "queue_held", now->held, sum.held);
    return r;
}

// ---- rows that belong to nobody

int fsck_orphans(struct fsck *f)
{
    static const char sql[] = "SELECT mailbox, count(*) FROM entry WHERE mailbox NOT IN"
                              " (SELECT id FROM mailbox) GROUP BY mailbox";
    sqlite3_stmt *st;
    int r;

    r = sqlite3_prepare_v2(f->x->db, sql, -1, &st, NULL);
    if (r != SQLITE_OK)
        return index_errno(r);
    while ((r = sqlite3_step(st)) == SQLITE_ROW)
        fsck_tell(f, (struct fsck_finding){.level = FSCK_DAMAGE,
                                           .code = "entries-without-mailbox",
                                           .cure = "restore the index from a backup, or rebuild it",
                                           .mailbox_id = column_u64(st, 0),
                                           .found = column_u64(st, 1)});
    sqlite3_finalize(st);
    return index_errno(r);
}

int fsck_refs(struct fsck *f)
{
    sqlite3_stmt *st;
    int r;

    r = sqlite3_prepare_v2(f->x->db, "SELECT id, refs FROM message", -1, &st, NULL);
    if (r != SQLITE_OK)
        return index_errno(r);
    while ((r = sqlite3_step(st)) == SQLITE_ROW) {
        uint64_t id = column_u64(st, 0), refs = column_u64(st, 1);
        const struct message_seen *seen = map_get_u64(&f->messages, id);

        if (refs == (seen ? seen->refs : 0))
            continue;
        fsck_tell(f, (struct fsck_finding){.level = FSCK_REPAIRABLE,
                                           .code = "references-wrong",
                                           .cure = "run fsck --repair, which counts again",
                                           .message_id = id,
                                           .found = refs,
                                           .expected = seen ? seen->refs : 0});
        fsck_set_number(f, "message", "refs", id, seen ? seen->refs : 0);
    }
    sqlite3_finalize(st);
    return index_errno(r);
}
