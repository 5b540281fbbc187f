// SPDX-License-Identifier: ISC
//
// The queue's part of the workload: acceptance for recipients here and elsewhere in one change;
// entries changed, removed, passed on with their body, finished with a report.
#include "base/check.h"
#include "store/crc.h"
#include "store_world.h"

static const char *const the_lanes[] = {"mx:a.test", "mx:b.test", "smart"};

static int64_t a_due(struct world *w)
{
    return world_below(w, 4) ? (int64_t)world_below(w, 50) : STORE_QUEUE_HELD;
}

static struct str a_value(struct world *w, char *room)
{
    int len = snprintf(room, 16, "to %llu", (unsigned long long)world_below(w, 100000));

    return str_of(room, (size_t)len);
}

void world_queue_mail(struct world *w, struct piece *p)
{
    size_t count = 1 + world_below(w, 3);

    for (size_t i = 0; i < count; i++) {
        p->queued[i] = (struct store_queue_put){.body = p->body,
                                                .mail_id = 1 + world_below(w, 10),
                                                .due_us = a_due(w),
                                                .lane = str_from(the_lanes[world_below(w, 3)]),
                                                .value = a_value(w, p->words[i])};
        store_change_queue_put(p->change, &p->queued[i]);
    }
}

static int read_all(struct index *x, struct store_queue_list *out)
{
    struct queue_query query = {
        .kind = QUEUE_DUE, .after = {INT64_MIN, 0}, .due_max_us = INT64_MAX, .max = SIZE_MAX};

    *out = (struct store_queue_list){0};
    buf_init(&out->bytes, DUMP_MAX);
    return index_queue_read(x, &query, out);
}

/// One that waits, its id and body; now and then one that does not, or no more. 0: none.
static uint64_t an_entry(struct world *w, struct store_body_ref *body)
{
    struct store_queue_list all;
    uint64_t id = 0, choice = world_below(w, 1000);

    *body = (struct store_body_ref){0};
    if (choice % 10 == 0)
        return 1 + world_below(w, 20);
    if (read_all(&w->l->index, &all) == 0 && all.count) {
        id = all.items[choice % all.count].id;
        *body = all.items[choice % all.count].body;
    }
    store_queue_list_done(&all);
    return id;
}

/// A change that is refused after a part of it makes its group be done again one by one, unless it
/// has a savepoint; what a cut leaves then lies between two of the states that were noted. What has
/// a document in it has a savepoint.
static void keep_group_whole(struct piece *p, bool alone)
{
    if (!alone)
        store_change_doc_put(p->change, "k", STR("queue"), STR("1"));
}

static void finish(struct world *w, struct piece *p, uint64_t id)
{
    struct store_body_ref other;

    if (world_make_body(w, 100 + world_below(w, 500), &p->body))
        return;
    p->puts[0] = (struct store_put){.account_id = 1, .name = world_a_name(w), .body = p->body};
    store_change_put(p->change, &p->puts[0]);
    store_change_queue_remove(p->change, id);
    if (world_below(w, 2))
        store_change_queue_remove(p->change, an_entry(w, &other)); // perhaps the same
}

static void pass_on(struct world *w, struct piece *p, uint64_t id)
{
    p->queued[0] = (struct store_queue_put){.ref = &p->ref,
                                            .mail_id = 50,
                                            .due_us = a_due(w),
                                            .lane = str_from(the_lanes[world_below(w, 3)]),
                                            .value = a_value(w, p->words[0])};
    store_change_queue_put(p->change, &p->queued[0]);
    if (world_below(w, 2))
        store_change_queue_remove(p->change, id);
}

void world_change_queue(struct world *w, struct piece *p, bool alone)
{
    uint64_t id = an_entry(w, &p->ref);

    if (!id)
        return;
    switch (world_below(w, 6)) {
    case 0:
    case 1:
        store_change_queue_remove(p->change, id);
        break;
    case 2:
        store_change_queue_set(p->change, id, a_due(w), str_from(the_lanes[world_below(w, 3)]),
                               a_value(w, p->words[0]));
        break;
    case 3:
        keep_group_whole(p, alone);
        pass_on(w, p, id);
        break;
    default:
        keep_group_whole(p, alone);
        finish(w, p, id);
        break;
    }
}

// ---- as text

static void dump_entry(struct local *l, const struct store_queue_entry *e, struct buf *out)
{
    char *bytes = malloc((size_t)e->body.size + 1);
    ssize_t n;

    CHECK(bytes);
    n = e->body.size ? local_body_read(l, &e->body, 0, bytes, (size_t)e->body.size) : 0;
    buf_putf(out, "queue %llu mail %llu due %lld %.*s %.*s i%llx s%llu ", (unsigned long long)e->id,
             (unsigned long long)e->mail_id, (long long)e->due_us, STR_ARG(e->lane),
             STR_ARG(e->value), (unsigned long long)e->body.message_id,
             (unsigned long long)e->body.size);
    if (n == (ssize_t)e->body.size)
        buf_putf(out, "%08x\n", crc32c(0, bytes, (size_t)n));
    else
        buf_putf(out, "unreadable %d\n", (int)n);
    free(bytes);
}

void world_dump_queue(struct local *l, struct buf *out)
{
    struct store_queue_list all;
    uint64_t count, held;
    int r = read_all(&l->index, &all);

    catalog_queue(l->store.catalog, &count, &held);
    buf_putf(out, "queue %llu held %llu\n", (unsigned long long)count, (unsigned long long)held);
    if (r < 0)
        buf_putf(out, "queue cannot be read: %d\n", r);
    store_queue_list_settle(&all);
    for (size_t i = 0; i < all.count; i++)
        dump_entry(l, &all.items[i], out);
    store_queue_list_done(&all);
}
