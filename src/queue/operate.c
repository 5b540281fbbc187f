// SPDX-License-Identifier: ISC
//
// What the operator does. Changing claims each entry first: its shard takes it out of its line, and
// nobody begins with it until the change is in the store; one that is being sent is changed when
// that came to nothing. A claim ends as an attempt does, so what was read before the change does
// not come back after it.
#include "base/check.h"
#include "log/log.h"

#include "queue/inside.h"
#include "queue/walk.h"

#include <errno.h>

// ---- doing

/// One page of entries that something is done to.
struct doing {
    const struct queue *queue;
    struct queue_schedule *schedule; // NULL: nothing is being sent
    enum queue_deed deed;
    int64_t begun_us; // by the wall
    struct queue_entry *entries;
    struct queue_item **items; // claimed
    size_t count;
    size_t wishes; // of those that are being sent
};

static void claim(struct queue_shard *shard, void *arg)
{
    struct doing *d = arg;

    for (size_t i = 0; i < d->count; i++) {
        struct queue_item *item;

        if (queue_shard_of(d->schedule, d->entries[i].lane) != shard)
            continue;
        d->items[i] = queue_shard_claim(shard, d->entries[i].id);
        item = d->items[i] ? NULL : map_get_u64(&shard->items, d->entries[i].id);
        if (!item || item->state != QUEUE_IN_FLIGHT || d->deed == QUEUE_RETRY)
            continue;
        item->wish = 1 + (unsigned)d->deed;
        d->wishes++;
    }
}

static void unblock(struct queue_shard *shard, struct str name)
{
    for (enum route_care care = ROUTE_CARE_USUAL; care <= ROUTE_CARE_NONE; care++) {
        struct queue_lane *lane = queue_lane_find(shard, name, care);

        if (lane && queue_lane_is_blocked(lane))
            queue_lane_unblock(lane);
    }
}

static void end_claims(struct queue_shard *shard, void *arg)
{
    struct doing *d = arg;

    for (size_t i = 0; i < d->count; i++) {
        if (!d->items[i] || queue_shard_of(d->schedule, d->entries[i].lane) != shard)
            continue;
        queue_shard_end(shard, d->items[i]);
        if (d->deed == QUEUE_RETRY || d->deed == QUEUE_RELEASE)
            unblock(shard, d->entries[i].lane);
    }
    queue_shard_forget(shard);
}

static void ask_all(struct doing *d, void (*fn)(struct queue_shard *shard, void *arg))
{
    for (unsigned i = 0; d->schedule && i < d->schedule->shard_count; i++)
        queue_ask(&d->schedule->shards[i], fn, d);
}

/// [await] Entries of one mail: one report tells of all of them. STORE_NOT_FOUND: all are gone.
static int bounce(const struct doing *d, const struct queue_entry *const *entries, size_t count,
                  size_t *out_gone)
{
    struct queue_result *results = calloc(count, sizeof(*results));
    struct queue *queue = (struct queue *)(uintptr_t)d->queue;
    int r;

    CHECK(results);
    for (size_t i = 0; i < count; i++)
        results[i] = (struct queue_result){
            .entry = entries[i],
            .outcome = {NEVER, 554, STR("5.3.0"), STR("sent back by the administrator")},
            .host = STR(""),
            .dialogue = STR(""),
        };
    r = d->schedule->doors.finish(queue, results, count, out_gone);
    free(results);
    return r < 0 ? r : *out_gone == count ? STORE_NOT_FOUND : 0;
}

/// When it is to be tried. What is tried at once lies where the reading does not come again: behind
/// the time at which the deed began.
static int64_t due_of(const struct doing *d)
{
    return d->deed == QUEUE_HOLD ? STORE_QUEUE_HELD : d->begun_us;
}

/// [await] Another time, the rest as it is: an attempt that ended between the reading and the claim
/// has written down what it came to. 0, STORE_NOT_FOUND, -errno.
static int set_due(const struct doing *d, const struct queue_entry *e)
{
    struct store_queue_list now = {0};
    struct store_change *change = NULL;
    int r = store_queue_get(d->queue->store, e->id, &now);

    if (r == 0)
        r = store_change_new(d->queue->store, &change);
    if (r == 0) {
        store_change_queue_set(change, e->id, due_of(d), now.items[0].lane, now.items[0].value);
        r = store_commit(change);
    }
    store_change_free(change);
    store_queue_list_done(&now);
    return r;
}

/// [await] As set_due.
static int remove_entry(const struct doing *d, const struct queue_entry *e)
{
    struct store_change *change;
    int r = store_change_new(d->queue->store, &change);

    if (r < 0)
        return r;
    store_change_queue_remove(change, e->id);
    r = store_commit(change);
    store_change_free(change);
    return r;
}

/// [await] 0, STORE_NOT_FOUND, -errno.
static int change(const struct doing *d, const struct queue_entry *e)
{
    size_t gone;

    switch (d->deed) {
    case QUEUE_BOUNCE:
        return bounce(d, &e, 1, &gone);
    case QUEUE_REMOVE:
        return remove_entry(d, e);
    case QUEUE_RETRY:
        if (e->due_us <= d->begun_us)
            return 0; // it is due: that its lane is opened again is all it needs
        return set_due(d, e);
    case QUEUE_HOLD:
    case QUEUE_RELEASE:
        return set_due(d, e);
    }
    return -EINVAL;
}

static void log_deed(enum queue_deed deed, const struct queue_entry *e)
{
    static const char *const words[] = {"to be tried again", "held", "released", "removed",
                                        "sent back"};
    struct log_line line;

    log_begin(&line, LOG_INFO, "queue/operate", words[deed]);
    log_mail(&line, e->mail_id);
    log_str(&line, "to", e->recipient);
    log_end(&line);
}

/// From when on the scanner has to look again: what is due now, and what was claimed and then could
/// not be changed.
static int64_t first_due(const struct doing *d)
{
    int64_t due_us = d->begun_us;

    for (size_t i = 0; i < d->count; i++) {
        if (d->entries[i].due_us < due_us)
            due_us = d->entries[i].due_us;
    }
    return due_us;
}

/// [await] What is claimed, one by one.
static int change_each(struct doing *d, uint64_t *out_count)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < d->count; i++) {
        if (d->schedule && !d->items[i])
            continue;
        r = change(d, &d->entries[i]);
        if (r != 0)
            continue;
        ++*out_count;
        log_deed(d->deed, &d->entries[i]);
    }
    return r;
}

/// [await] What is claimed, mail by mail.
static int bounce_each(struct doing *d, uint64_t *out_count)
{
    const struct queue_entry **mail = calloc(d->count, sizeof(*mail));
    int r = 0;

    CHECK(mail);
    for (size_t i = 0, n; r >= 0 && i < d->count;) {
        uint64_t mail_id = d->entries[i].mail_id;
        size_t gone = 0;

        for (n = 0; i < d->count && d->entries[i].mail_id == mail_id && n < QUEUE_TURN_MAX; i++)
            if (d->items[i])
                mail[n++] = &d->entries[i];
        r = n ? bounce(d, mail, n, &gone) : 0;
        for (size_t k = 0; r == 0 && k < n; k++)
            log_deed(d->deed, mail[k]);
        if (r == 0)
            *out_count += n - gone;
    }
    free(mail);
    return r;
}

/// [await] Claim, change, end. The entries are views into the list.
static int do_claimed(struct doing *d, uint64_t *out_count)
{
    int64_t due_us = first_due(d);
    int r;

    d->wishes = 0;
    ask_all(d, claim);
    *out_count += d->wishes;
    r = d->deed == QUEUE_BOUNCE ? bounce_each(d, out_count) : change_each(d, out_count);
    ask_all(d, end_claims);
    if (d->schedule)
        queue_told(d->schedule, due_us);
    return r < 0 ? r : 0;
}

/// [await] The news are open from before the claims, so that the schedule is there all the while.
static int do_page(struct doing *d, uint64_t *out_count)
{
    struct queue_news *news = queue_news_open(d->queue);
    int r = -EAGAIN;

    d->schedule = news ? queue_news_schedule(news) : NULL;
    if (news || d->deed != QUEUE_BOUNCE)
        r = do_claimed(d, out_count);
    queue_news_close(news);
    return r;
}

/// Without it a reading of what fails sooner than it comes by would have no end.
static bool was_tried_meanwhile(const struct doing *d, const struct queue_entry *e)
{
    return e->last_s > d->begun_us / 1000000 && e->last_s <= rt_wall_s();
}

static bool is_for(const struct doing *d, const struct queue_entry *e)
{
    bool is_held = e->due_us == STORE_QUEUE_HELD;

    switch (d->deed) {
    case QUEUE_RELEASE:
        return is_held;
    case QUEUE_HOLD:
        return !is_held;
    case QUEUE_RETRY:
        return !is_held && !was_tried_meanwhile(d, e);
    case QUEUE_REMOVE:
    case QUEUE_BOUNCE:
    default:
        return true;
    }
}

static int by_mail(const void *a, const void *b)
{
    uint64_t one = ((const struct queue_entry *)a)->mail_id;
    uint64_t other = ((const struct queue_entry *)b)->mail_id;

    return one < other ? -1 : one > other;
}

static size_t choose(const struct queue_walk *walk, struct doing *d, size_t most)
{
    d->count = 0;
    for (size_t i = 0; i < walk->list.count && d->count < most; i++) {
        struct queue_entry entry;

        queue_entry_parse(&walk->list.items[i], &entry);
        if (queue_walk_wants(walk->filter, &entry) && is_for(d, &entry))
            d->entries[d->count++] = entry;
    }
    if (d->deed == QUEUE_BOUNCE)
        qsort(d->entries, d->count, sizeof(*d->entries), by_mail);
    return d->count;
}

/// [await] All pages.
static int do_all(struct queue_walk *walk, struct doing *d, bool dry_run, uint64_t *out_count)
{
    int r;

    while ((r = queue_walk_next(walk)) == 0 && walk->list.count) {
        size_t most = walk->list.count;

        if (walk->filter->max && walk->filter->max - *out_count < most)
            most = walk->filter->max - *out_count;
        d->entries = calloc(walk->list.count, sizeof(*d->entries));
        d->items = calloc(walk->list.count, sizeof(struct queue_item *));
        CHECK(d->entries && d->items);
        if (choose(walk, d, most) && dry_run)
            *out_count += d->count;
        else if (d->count)
            r = do_page(d, out_count);
        free(d->entries);
        free(d->items);
        if (r < 0 || (walk->filter->max && *out_count >= walk->filter->max))
            break;
        r = queue_walk_may_go_on();
        if (r < 0)
            break;
    }
    return r;
}

int queue_do(struct queue *queue, const struct queue_filter *filter, enum queue_deed deed,
             bool dry_run, uint64_t *out_count)
{
    struct doing d = {.queue = queue, .deed = deed, .begun_us = rt_wall_us()};
    struct queue_walk walk;
    int r;

    *out_count = 0;
    queue_walk_init(&walk, queue, filter);
    r = do_all(&walk, &d, dry_run, out_count);
    queue_walk_done(&walk);
    return r;
}

void queue_carry_out(struct queue_schedule *schedule, enum queue_deed deed, uint64_t id)
{
    struct doing d = {
        .queue = schedule->queue, .schedule = schedule, .deed = deed, .begun_us = rt_wall_us()};
    struct store_queue_list list = {0};
    struct queue_entry entry;
    int r = store_queue_get(schedule->queue->store, id, &list);

    if (r == 0 && list.count == 1 && queue_entry_parse(&list.items[0], &entry))
        r = change(&d, &entry);
    else if (r == 0)
        r = STORE_NOT_FOUND;
    if (r == 0)
        log_deed(deed, &entry);
    else if (r < 0)
        log_failure("queue/operate", "what was wished for could not be done", r);
    store_queue_list_done(&list);
}

// ---- flush

struct flush {
    struct queue_news *news;
    struct queue_shard *shard;
    size_t len;
    char name[];
};

static void flush(void *arg)
{
    struct flush *f = arg;

    for (enum route_care care = ROUTE_CARE_USUAL; care <= ROUTE_CARE_NONE && !f->shard->is_stopping;
         care++) {
        struct queue_lane *lane = queue_lane_need(f->shard, str_of(f->name, f->len), care);

        lane->flush_us = rt_wall_us();
        lane->more = true;
        queue_lane_unblock(lane);
    }
    queue_news_close(f->news);
    free(f);
}

void queue_flush(struct queue *queue, struct str domain)
{
    struct queue_news *news = queue_news_open(queue);
    struct flush *f;

    if (!news)
        return;
    f = malloc(sizeof(*f) + domain.len);
    CHECK(f);
    f->news = news;
    f->shard = queue_shard_of(queue_news_schedule(news), domain);
    f->len = domain.len;
    memcpy(f->name, domain.ptr, domain.len);
    rt_post(f->shard->loop, flush, f);
}
