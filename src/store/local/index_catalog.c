// SPDX-License-Identifier: ISC
//
// The catalog and the segments' numbers as rows: written with each group, read at opening.
#include "base/check.h"
#include "store/local/index.h"

#include <errno.h>

// ---- writing

static int put_keywords(struct index *x, const struct head *head)
{
    for (unsigned i = head->shown.keyword_count; i < head->work.keyword_count; i++) {
        sqlite3_stmt *st = index_use(x, ST_KEYWORD_PUT);
        int r;

        if (!st)
            return x->error;
        bind_u64(st, 1, head->id);
        bind_u64(st, 2, i);
        bind_str(st, 3, str_from(head->keywords[i]));
        r = index_run(x, st);
        if (r < 0)
            return r;
    }
    return 0;
}

static int put_mailbox(struct index *x, const struct head *head)
{
    const struct head_state *s = &head->work;
    bool whole = !head->shown.exists || head->shown.name != s->name;
    sqlite3_stmt *st = index_use(x, whole ? ST_MAILBOX_PUT : ST_MAILBOX_SET);

    if (!st)
        return x->error;
    bind_u64(st, 1, head->id);
    bind_u64(st, 4, s->uidnext);
    bind_u64(st, 5, s->recent_uid);
    bind_u64(st, 6, s->modseq);
    bind_u64(st, 7, s->expunge_modseq);
    bind_u64(st, 8, s->message_count);
    bind_u64(st, 9, s->unseen_count);
    bind_u64(st, 10, s->deleted_count);
    bind_u64(st, 11, s->expunged_count);
    bind_u64(st, 12, s->bytes);
    bind_u64(st, 13, s->deleted_bytes);
    bind_u64(st, 14, s->special_use);
    if (whole) {
        bind_u64(st, 2, head->account->id);
        bind_u64(st, 3, s->uidvalidity);
        bind_str(st, 15, str_of(s->name->bytes, s->name->len));
    }
    return index_run(x, st);
}

static int run_with_id(struct index *x, enum statement which, uint64_t id)
{
    sqlite3_stmt *st = index_use(x, which);

    if (!st)
        return x->error;
    bind_u64(st, 1, id);
    return index_run(x, st);
}

static int put_head(struct index *x, const struct head *head)
{
    int r;

    if (head->work.exists) {
        r = put_mailbox(x, head);
        return r < 0 ? r : put_keywords(x, head);
    }
    if (!head->shown.exists)
        return 0; // made and removed in one group
    r = run_with_id(x, ST_MAILBOX_REMOVE, head->id);
    return r < 0 ? r : run_with_id(x, ST_KEYWORDS_CLEAR, head->id);
}

static int put_subscriptions(struct index *x, const struct account *account)
{
    const struct name_set *set = account->work.subscriptions;
    int r;

    r = run_with_id(x, ST_SUBSCRIPTIONS_CLEAR, account->id);
    for (size_t i = 0; r == 0 && set && i < set->count; i++) {
        sqlite3_stmt *st = index_use(x, ST_SUBSCRIPTION_PUT);

        if (!st)
            return x->error;
        bind_u64(st, 1, account->id);
        bind_str(st, 2, str_from(set->names[i]));
        r = index_run(x, st);
    }
    return r;
}

static int put_account(struct index *x, const struct account *account)
{
    const struct account_state *work = &account->work, *shown = &account->shown;
    sqlite3_stmt *st;
    int r = 0;

    if (work->subscriptions != shown->subscriptions)
        r = put_subscriptions(x, account);
    if (r < 0)
        return r;
    if (work->bytes_max == shown->bytes_max && work->messages_max == shown->messages_max)
        return 0;
    if (!work->bytes_max && !work->messages_max)
        return run_with_id(x, ST_ACCOUNT_REMOVE, account->id);
    st = index_use(x, ST_ACCOUNT_PUT);
    if (!st)
        return x->error;
    bind_u64(st, 1, account->id);
    bind_u64(st, 2, work->bytes_max);
    bind_u64(st, 3, work->messages_max);
    return index_run(x, st);
}

static int put_meta(struct index *x, const char *key, uint64_t value)
{
    sqlite3_stmt *st = index_use(x, ST_META_PUT);

    if (!st)
        return x->error;
    bind_str(st, 1, str_from(key));
    bind_u64(st, 2, value);
    return index_run(x, st);
}

static bool made_mailbox(const struct catalog *c)
{
    for (size_t i = 0; i < c->touched_count; i++) {
        if (!c->touched[i]->shown.exists)
            return true;
    }
    return false;
}

static int put_queue(struct index *x, const struct catalog *c)
{
    const struct queue_numbers *now = &c->queue, *before = &c->queue_shown;
    int r = 0;

    if (now->next_id != before->next_id)
        r = put_meta(x, "queue_next", now->next_id);
    if (r == 0 && now->count != before->count)
        r = put_meta(x, "queue_count", now->count);
    if (r == 0 && now->held != before->held)
        r = put_meta(x, "queue_held", now->held);
    return r;
}

int index_write_catalog(struct index *x, struct catalog *c)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < c->touched_count; i++)
        r = put_head(x, c->touched[i]);
    for (size_t i = 0; r == 0 && i < c->touched_account_count; i++)
        r = put_account(x, c->touched_accounts[i]);
    if (r == 0 && made_mailbox(c))
        r = put_meta(x, "next_mailbox", c->next_mailbox_id);
    if (r == 0 && made_mailbox(c))
        r = put_meta(x, "uidvalidity", c->last_uidvalidity);
    return r < 0 ? r : put_queue(x, c);
}

static int put_segment(struct index *x, const struct segments *s, const struct segment *segment)
{
    sqlite3_stmt *st = index_use(x, ST_SEGMENT_PUT);
    uint64_t count = segment->live_count, bytes = segment->live_bytes;

    if (!st)
        return x->error;
    for (size_t i = 0; i < s->delta_count; i++) {
        if (s->deltas[i].segment == segment) {
            count += (uint64_t)s->deltas[i].count;
            bytes += (uint64_t)s->deltas[i].bytes;
        }
    }
    bind_u64(st, 1, segment->id);
    bind_u64(st, 2, segment == s->current ? s->at : segment->size);
    bind_u64(st, 3, count);
    bind_u64(st, 4, bytes);
    return index_run(x, st);
}

int index_write_segments(struct index *x, struct segments *s)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < s->changed_count; i++)
        r = put_segment(x, s, s->changed[i]);
    return r;
}

// ---- reading

static int load_mailboxes(struct index *x, struct catalog *c)
{
    sqlite3_stmt *st;
    int r;

    r = sqlite3_prepare_v2(x->db, "SELECT * FROM mailbox", -1, &st, NULL);
    if (r != SQLITE_OK)
        return index_errno(r);
    while ((r = sqlite3_step(st)) == SQLITE_ROW) {
        struct head_state s = {.uidvalidity = (uint32_t)column_u64(st, 2),
                               .uidnext = (uint32_t)column_u64(st, 3),
                               .recent_uid = (uint32_t)column_u64(st, 4),
                               .modseq = column_u64(st, 5),
                               .expunge_modseq = column_u64(st, 6),
                               .message_count = (uint32_t)column_u64(st, 7),
                               .unseen_count = (uint32_t)column_u64(st, 8),
                               .deleted_count = (uint32_t)column_u64(st, 9),
                               .expunged_count = (uint32_t)column_u64(st, 10),
                               .bytes = column_u64(st, 11),
                               .deleted_bytes = column_u64(st, 12),
                               .special_use = (unsigned)column_u64(st, 13)};

        if (column_str(st, 14).len <= STORE_NAME_MAX)
            catalog_load_head(c, column_u64(st, 0), column_u64(st, 1), column_str(st, 14), &s);
    }
    sqlite3_finalize(st);
    return index_errno(r);
}

struct loading {
    struct index *x;
    struct catalog *c;
    struct segments *s;
    struct queue_numbers queue;
};

static void load_keyword(struct loading *l, sqlite3_stmt *st)
{
    struct head *head = catalog_head(l->c, column_u64(st, 0));

    if (head && head->work.keyword_count < STORE_KEYWORDS_MAX)
        catalog_load_keyword(head, column_str(st, 2));
}

static void load_account(struct loading *l, sqlite3_stmt *st)
{
    struct account *account = catalog_load_account(l->c, column_u64(st, 0));

    account->work.bytes_max = column_u64(st, 1);
    account->work.messages_max = column_u64(st, 2);
    account->shown = account->work;
}

static void load_subscription(struct loading *l, sqlite3_stmt *st)
{
    catalog_load_subscription(l->c, column_u64(st, 0), column_str(st, 1));
}

static void load_segment(struct loading *l, sqlite3_stmt *st)
{
    segments_load(l->s, (uint32_t)column_u64(st, 0), column_u64(st, 1), column_u64(st, 2),
                  column_u64(st, 3));
}

static void load_meta(struct loading *l, sqlite3_stmt *st)
{
    if (str_eq(column_str(st, 0), STR("next_mailbox")))
        l->c->next_mailbox_id = column_u64(st, 1);
    else if (str_eq(column_str(st, 0), STR("uidvalidity")))
        l->c->last_uidvalidity = (uint32_t)column_u64(st, 1);
    else if (str_eq(column_str(st, 0), STR("queue_next")))
        l->queue.next_id = column_u64(st, 1);
    else if (str_eq(column_str(st, 0), STR("queue_count")))
        l->queue.count = column_u64(st, 1);
    else if (str_eq(column_str(st, 0), STR("queue_held")))
        l->queue.held = column_u64(st, 1);
}

static int each_row(struct loading *l, const char *sql,
                    void (*each)(struct loading *l, sqlite3_stmt *st))
{
    sqlite3_stmt *st;
    int r;

    r = sqlite3_prepare_v2(l->x->db, sql, -1, &st, NULL);
    if (r != SQLITE_OK)
        return index_errno(r);
    while ((r = sqlite3_step(st)) == SQLITE_ROW)
        each(l, st);
    sqlite3_finalize(st);
    return index_errno(r);
}

int index_load(struct index *x, struct catalog *c, struct segments *s)
{
    struct loading l = {x, c, s, {.next_id = 1}};
    int r;

    r = load_mailboxes(x, c);
    if (r == 0)
        r = each_row(&l, "SELECT * FROM keyword ORDER BY mailbox, bit", load_keyword);
    if (r == 0)
        r = each_row(&l, "SELECT * FROM account", load_account);
    if (r == 0)
        r = each_row(&l, "SELECT * FROM subscription", load_subscription);
    if (r == 0)
        r = each_row(&l, "SELECT * FROM segment ORDER BY id", load_segment);
    if (r == 0)
        r = each_row(&l, "SELECT * FROM meta", load_meta);
    if (r == 0)
        catalog_load_queue(c, &l.queue);
    return r;
}
