// SPDX-License-Identifier: ISC
#include "store_world.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "store/crc.h"

#include <errno.h>

// ---- chance

uint64_t world_next(uint64_t *random)
{
    uint64_t z = (*random += 0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

uint64_t world_below(struct world *w, uint64_t n)
{
    return world_next(&w->random) % n;
}

// ---- the engine without a runtime

int world_do(struct local *l, struct local_job *job)
{
    local_group(l, &job, 1);
    return job->result;
}

static int spill(struct store_body *body)
{
    return local_body_spill(body, world_do);
}

static const struct engine the_engine = {
    .name = "local", .body_spill = spill, .body_free = local_body_free};

int world_open(struct world *w)
{
    struct store_local_config config = {.disk = w->disk,
                                        .segment_bytes = 24000,
                                        .free_bytes_min = 1,
                                        .skip_data_sync = w->skip_data_sync};
    int r = local_open(&config, NULL, &w->l);

    if (r == 0)
        w->l->store.engine = &the_engine;
    else
        w->l = NULL;
    return r;
}

void world_close(struct world *w)
{
    if (w->l)
        local_close(w->l);
    w->l = NULL;
}

// ---- the state, as text

static void dump_entry(struct local *l, const struct store_entry *e, struct buf *out)
{
    char *bytes = malloc((size_t)e->body.size + 1);
    ssize_t n;

    CHECK(bytes);
    n = e->body.size ? local_body_read(l, &e->body, 0, bytes, (size_t)e->body.size) : 0;
    buf_putf(out, "  %u f%x k%llx m%llu i%llx s%llu d%lld ", e->uid, e->flags,
             (unsigned long long)e->keywords, (unsigned long long)e->modseq,
             (unsigned long long)e->body.message_id, (unsigned long long)e->body.size,
             (long long)e->internal_date);
    if (n == (ssize_t)e->body.size)
        buf_putf(out, "%08x\n", crc32c(0, bytes, (size_t)n));
    else
        buf_putf(out, "unreadable %d\n", (int)n);
    free(bytes);
}

static void dump_mailbox(struct local *l, const struct store_mailbox *m, struct buf *out)
{
    struct store_changes changes;
    int r;

    buf_putf(out, "%llu %s v%u n%u m%llu e%llu c%u u%u d%u b%llu x%llu s%u\n",
             (unsigned long long)m->id, m->name, m->uidvalidity, m->uidnext,
             (unsigned long long)m->modseq, (unsigned long long)m->expunge_modseq, m->message_count,
             m->unseen_count, m->deleted_count, (unsigned long long)m->bytes,
             (unsigned long long)m->deleted_bytes, m->special_use);
    changes = (struct store_changes){0};
    r = local_changes(l, m->id, 0, &changes);
    if (r)
        buf_putf(out, "  changes %d\n", r);
    for (size_t i = 0; i < changes.changed.count; i++)
        dump_entry(l, &changes.changed.items[i], out);
    for (size_t i = 0; i < changes.expunged_count; i++)
        buf_putf(out, " -%u", changes.expunged[i]);
    store_changes_done(&changes);
    buf_put(out, STR("\n"));
}

void world_dump(struct local *l, struct buf *out)
{
    struct store_doc_list docs;

    buf_clear(out);
    for (uint64_t account = 1; account <= 2; account++) {
        struct store_mailbox *all;
        struct store_quota q;
        size_t count;

        catalog_quota(l->store.catalog, account, &q);
        buf_putf(out, "account %llu b%llu/%llu n%llu\n", (unsigned long long)account,
                 (unsigned long long)q.bytes, (unsigned long long)q.bytes_max,
                 (unsigned long long)q.messages);
        catalog_mailboxes(l->store.catalog, account, &all, &count);
        for (size_t i = 0; i < count; i++)
            dump_mailbox(l, &all[i], out);
        free(all);
    }
    store_doc_list_init(&docs);
    if (local_doc_list(l, "k", &docs))
        buf_put(out, STR("documents cannot be read\n"));
    for (size_t i = 0; i < docs.count; i++)
        buf_putf(out, "%.*s ", (int)(docs.items[i].key_len + docs.items[i].value_len),
                 docs.bytes.ptr + docs.items[i].key_at);
    store_doc_list_done(&docs);
    world_dump_queue(l, out);
    CHECK(buf_ok(out));
}

// ---- steps

static const char *const the_names[] = {"INBOX", "Sent", "Lists/a", "Lists/b"};

struct str world_a_name(struct world *w)
{
    return str_from(the_names[world_below(w, 4)]);
}

static uint64_t a_mailbox(struct world *w)
{
    struct store_mailbox m;

    if (catalog_mailbox_by_name(w->l->store.catalog, 1 + world_below(w, 2), world_a_name(w), &m))
        return 0;
    return m.id;
}

int world_make_body(struct world *w, size_t len, struct store_body **out)
{
    char bytes[2048];
    int r = store_body_new(&w->l->store, out);

    while (r == 0 && len) {
        size_t n = len < sizeof(bytes) ? len : sizeof(bytes);

        for (size_t i = 0; i + 8 <= sizeof(bytes); i += 8) {
            uint64_t word = world_next(&w->random);

            memcpy(bytes + i, &word, 8);
        }
        r = store_body_append(*out, str_of(bytes, n));
        len -= n;
    }
    if (r == 0 && (*out)->big)
        r = spill(*out);
    return r;
}

static int put_mail(struct world *w, struct piece *p, size_t len)
{
    size_t recipients = world_below(w, 3) ? 1 : 1 + world_below(w, 3);
    bool goes_on = world_below(w, 2);
    int r = world_make_body(w, len, &p->body);

    if (goes_on)
        world_queue_mail(w, p);
    if (goes_on && world_below(w, 2))
        return r; // to nobody here
    for (size_t i = 0; i < recipients; i++) {
        p->puts[i] = (struct store_put){.account_id = 1 + world_below(w, 2),
                                        .name = world_a_name(w),
                                        .body = p->body,
                                        .internal_date = (int64_t)world_below(w, 1000000),
                                        .flags = (uint32_t)world_below(w, 32)};
        store_change_put(p->change, &p->puts[i]);
    }
    return r;
}

static void change_mailboxes(struct world *w, struct piece *p)
{
    uint64_t id = a_mailbox(w);

    switch (world_below(w, 6)) {
    case 0:
        if (id)
            store_change_mailbox_delete(p->change, id);
        break;
    case 1:
        if (id)
            store_change_mailbox_rename(p->change, id, world_a_name(w));
        break;
    case 2:
        store_change_quota(p->change, 1 + world_below(w, 2), world_below(w, 100000), 0);
        break;
    case 3: // refused after half of it
        store_change_doc_put(p->change, "k", STR("refused"), STR("1"));
        store_change_mailbox_create(p->change, 1, STR("refused"), 0, NULL);
        store_change_mailbox_delete(p->change, 424242);
        break;
    default:
        p->text[0] = (char)('a' + world_below(w, 4));
        p->text[1] = (char)('0' + world_below(w, 10));
        store_change_doc_put(p->change, "k", str_of(p->text, 1), str_of(p->text, 2));
        break;
    }
}

static void change_messages(struct world *w, struct piece *p)
{
    uint64_t id = a_mailbox(w), other = a_mailbox(w);
    uint32_t first = 1 + (uint32_t)world_below(w, 6);

    p->range = (struct store_range){first, first + (uint32_t)world_below(w, 4)};
    if (!id)
        return;
    switch (world_below(w, 4)) {
    case 0:
        p->flagging = (struct store_flagging){.mailbox_id = id,
                                              .uids = {&p->range, 1},
                                              .mode = (enum store_flag_mode)world_below(w, 3),
                                              .flags = (uint32_t)world_below(w, 32),
                                              .unchanged_since = UINT64_MAX};
        store_change_flag(p->change, &p->flagging);
        break;
    case 1:
        p->expunging = (struct store_expunging){.mailbox_id = id, .uids = {&p->range, 1}};
        store_change_expunge(p->change, &p->expunging);
        break;
    default:
        p->copying = (struct store_copying){.from_mailbox_id = id,
                                            .to_mailbox_id = other ? other : id,
                                            .uids = {&p->range, 1},
                                            .move = world_below(w, 2)};
        store_change_copy(p->change, &p->copying);
        break;
    }
}

static int fill_piece(struct world *w, struct piece *p, bool alone)
{
    store_change_new(&w->l->store, &p->change);
    p->change->now_s = 1700000000 + w->step;
    p->job = (struct local_job){.kind = JOB_COMMIT, .change = p->change};
    switch (world_below(w, 11)) {
    case 8:
    case 9:
    case 10:
        world_change_queue(w, p, alone);
        return 0;
    case 0:
        change_mailboxes(w, p);
        return 0;
    case 1:
    case 2:
    case 3:
        change_messages(w, p);
        return 0;
    case 4:
        if (w->seed % 8 == 0 && w->step > 8)
            return put_mail(w, p, BIG_BODY + world_below(w, 1000));
        return put_mail(w, p, world_below(w, 9000));
    default:
        return put_mail(w, p, world_below(w, 700));
    }
}

/// True when all of the group was answered (refusals too), false when the disk failed.
static bool group_step(struct world *w)
{
    static struct piece pieces[MAILS_MAX];
    struct local_job *jobs[MAILS_MAX];
    size_t count = 1 + world_below(w, MAILS_MAX);
    bool answered = true;
    int r = 0;

    memset(pieces, 0, sizeof(pieces));
    for (size_t i = 0; i < count; i++) {
        r = r < 0 ? r : fill_piece(w, &pieces[i], count == 1);
        jobs[i] = &pieces[i].job;
        if (!pieces[i].change)
            break;
    }
    if (r == 0)
        local_group(w->l, jobs, count);
    for (size_t i = 0; i < count; i++) {
        answered &= r == 0 && pieces[i].job.result != -EIO && pieces[i].job.result != -EAGAIN;
        store_change_free(pieces[i].change);
        store_body_free(pieces[i].body);
    }
    return answered;
}

static bool one_step(struct world *w)
{
    switch (world_below(w, 10)) {
    case 0:
        world_close(w);
        return world_open(w) == 0;
    case 1:
        local_punch(w->l, 100);
        local_collect(w->l, world_do);
        return !rt_sim_disk_is_cut(w->disk);
    default:
        return group_step(w);
    }
}

/// The workload, until its end or until the disk fails. w->step counts the acknowledged steps.
void world_run(struct world *w, bool reference)
{
    uint64_t steps = 6 + w->seed % (STEPS_MAX - 6);

    w->random = w->seed;
    w->step = 0;
    if (world_open(w) < 0)
        return;
    if (reference)
        world_dump(w->l, &w->dumps[0]);
    while (w->step < steps && one_step(w)) {
        w->step++;
        if (reference)
            world_dump(w->l, &w->dumps[w->step]);
    }
}

bool world_takes_new_mail(struct world *w)
{
    struct store_mailbox m = {.uidnext = 1};
    struct piece p = {0};
    bool good;

    catalog_mailbox_by_name(w->l->store.catalog, 1, STR("INBOX"), &m);
    store_change_new(&w->l->store, &p.change);
    p.change->now_s = 1800000000;
    p.job = (struct local_job){.kind = JOB_COMMIT, .change = p.change};
    good = world_make_body(w, 300, &p.body) == 0;
    p.puts[0] = (struct store_put){.account_id = 1, .name = STR("INBOX"), .body = p.body};
    store_change_put(p.change, &p.puts[0]);
    good = good && world_do(w->l, &p.job) == 0 && p.puts[0].uid == m.uidnext;
    store_change_free(p.change);
    store_body_free(p.body);
    return good;
}
