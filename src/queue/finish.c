// SPDX-License-Identifier: ISC
//
// What becomes of each entry is decided first, as plain values; then one change does it all. When
// an operator was faster with one of them, the store says so and nothing has happened: the others
// are done again without it.
#include "queue/finish.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "rt/rt.h"

#include "queue/here.h"
#include "queue/intake.h"
#include "queue/report.h"
#include "queue/suppress.h"

#include <errno.h>

enum {
    FINISH_ARENA_MAX = 1 << 20,
    FULL_BYTES_MAX = 1 << 20,     // RET=FULL, and no more
    FULL_UNASKED_MAX = 64 << 10,  // without RET
    TURNS_MAX = 8,                // and whoever removes entries one by one meanwhile has to wait
    HEADER_BYTES_MAX = 256 << 10, // of a larger message so much is read for its header
};

/// One entry's.
struct fate {
    const struct queue_result *result;
    const struct queue_entry *entry;
    struct outcome outcome; // with what time decided
    bool is_gone;           // somebody else removed it
    bool stays;             // tried again, at
    int64_t due_us;
    bool is_by_told, is_warned;
    bool is_reported;
    struct report_recipient report;
    struct str suppress_key, suppress_value; // what goes into the documents; "": nothing
    struct store_put filed;                  // of one that is filed here
};

struct finish {
    struct queue *queue;
    struct arena arena;
    struct fate *fates;
    size_t count;
    struct store_change *change;
    struct queue_report **reports; // one for each return path
    size_t report_count;
    struct queue_news *news;
};

// ---- deciding

/// RFC 3461 4.1: nothing given means FAILURE, and DELAY if we like.
static bool is_wanted(const struct queue_entry *e, enum envelope_notify what)
{
    if (e->notify == 0)
        return what != ENVELOPE_NOTIFY_SUCCESS;
    return (e->notify & what) != 0;
}

static void decide_report(struct fate *f, enum report_action action)
{
    const struct queue_entry *e = f->entry;

    f->is_reported = true;
    f->report = (struct report_recipient){
        .action = action,
        .address = e->recipient,
        .original = e->original,
        .orcpt = e->orcpt,
        .status = f->outcome.enhanced,
        .host = f->result->host,
        .code = f->outcome.code,
        .text = f->outcome.text,
        .dialogue = action == REPORT_FAILED ? f->result->dialogue : STR(""),
        .attempt_s = rt_wall_s(),
        .retry_until_s = e->expires_s,
    };
}

/// RFC 2852 4.1.4: who wanted to know whether the time is kept is told that the next host will not
/// tell him; who wanted a trace is told of each hop.
static bool is_hop_told(const struct fate *f)
{
    const struct queue_entry *e = f->entry;

    if (f->result->is_lmtp || e->is_list || e->notify == ENVELOPE_NOTIFY_NEVER)
        return false;
    return e->by_trace || (e->by == ENVELOPE_BY_NOTIFY && !f->result->has_deliver_by);
}

static void decide_done(struct fate *f)
{
    if ((is_wanted(f->entry, ENVELOPE_NOTIFY_SUCCESS) && !f->result->has_dsn) || is_hop_told(f))
        decide_report(f, f->result->is_lmtp ? REPORT_DELIVERED : REPORT_RELAYED);
}

static void decide_never(struct fate *f)
{
    if (is_wanted(f->entry, ENVELOPE_NOTIFY_FAILURE))
        decide_report(f, REPORT_FAILED);
}

/// RFC 2852 4.1.4.2: the time is over, the sender is told once, the mail goes on.
static bool is_by_over(const struct queue_entry *e, int64_t now_s)
{
    return e->by == ENVELOPE_BY_NOTIFY && now_s >= e->by_s;
}

static bool is_late(const struct queue *queue, const struct queue_entry *e, int64_t now_s)
{
    uint64_t warning_s = queue_config_now(queue)->delay_warning / 1000;

    return warning_s > 0 && !e->is_warned && now_s >= e->arrived_s + (int64_t)warning_s;
}

static void decide_later(const struct queue *queue, struct fate *f, int64_t now_s)
{
    const struct queue_entry *e = f->entry;

    f->stays = true;
    f->due_us = f->result->due_us;
    // the last attempt is when its time is over
    if (e->expires_s != 0 && f->due_us > e->expires_s * 1000000)
        f->due_us = e->expires_s * 1000000;
    f->is_by_told = is_by_over(e, now_s);
    f->is_warned = is_late(queue, e, now_s);
    if ((f->is_warned && is_wanted(e, ENVELOPE_NOTIFY_DELAY)) ||
        (f->is_by_told && e->notify != ENVELOPE_NOTIFY_NEVER))
        decide_report(f, REPORT_DELAYED);
}

/// The words of the last refusal stay: they are the reason.
static struct outcome expired(struct arena *arena, const struct outcome *last)
{
    CLEANUP(buf_drop) struct buf text = {0};

    buf_init(&text, 4096);
    buf_put(&text, STR("no more attempts, the time is over; the last one: "));
    if (last->code != 0)
        buf_putf(&text, "%u ", last->code);
    if (last->enhanced.len > 0)
        buf_putf(&text, "%.*s ", STR_ARG(last->enhanced));
    buf_put(&text, str_head(last->text, 1000));
    return (struct outcome){NEVER, 0, STR("5.4.7"), arena_str(arena, buf_str(&text))};
}

static void decide(struct finish *finish, struct fate *f, const struct queue_result *result)
{
    int64_t now_s = rt_wall_s();

    *f = (struct fate){.result = result, .entry = result->entry, .outcome = result->outcome};
    if (f->outcome.verdict == LATER && f->entry->expires_s != 0 && now_s >= f->entry->expires_s)
        f->outcome = expired(&finish->arena, &result->outcome);
    switch (f->outcome.verdict) {
    case DONE:
        decide_done(f);
        return;
    case NEVER:
        decide_never(f);
        return;
    case LATER:
        decide_later(finish->queue, f, now_s);
        return;
    }
}

// ---- the entries

static struct str text_of(struct arena *arena, const struct outcome *o)
{
    CLEANUP(buf_drop) struct buf text = {0};

    buf_init(&text, 1 << 20);
    if (o->enhanced.len > 0)
        buf_putf(&text, "%.*s ", STR_ARG(o->enhanced));
    buf_put(&text, str_head(o->text, 2000));
    return arena_str(arena, buf_str(&text));
}

static void reschedule(struct finish *finish, const struct fate *f)
{
    struct queue_entry e = *f->entry;
    CLEANUP(buf_drop) struct buf value = {0};

    e.attempts++;
    e.is_warned |= f->is_warned;
    if (f->is_by_told)
        e.by = ENVELOPE_BY_NONE;
    e.last_code = f->outcome.code;
    e.last_text = text_of(&finish->arena, &f->outcome);
    e.last_host = f->result->host;
    e.last_s = rt_wall_s();
    buf_init(&value, QUEUE_ENTRY_BYTES_MAX);
    queue_entry_put(&value, &e);
    CHECK(buf_ok(&value));
    store_change_queue_set(finish->change, e.id, f->due_us, e.lane,
                           arena_str(&finish->arena, buf_str(&value)));
}

/// A report that finds nobody says nothing about an address somebody used.
static void suppress(struct finish *finish, struct fate *f)
{
    const struct queue_entry *e = f->entry;

    f->suppress_key = STR("");
    if (finish->queue->suppress && !e->is_report && e->sender.len > 0 && e->account_id == 0 &&
        queue_suppress_is_final(&f->result->outcome))
        queue_suppress_put(finish->queue->suppress, finish->change, e->recipient,
                           &f->result->outcome, &finish->arena, &f->suppress_key,
                           &f->suppress_value);
}

static bool is_filed(const struct fate *f)
{
    return !f->is_gone && f->outcome.verdict == DONE && f->entry->account_id != 0;
}

/// [await] The mailbox gets its body before the entry gives it back.
static int end_entry(struct finish *finish, struct fate *f)
{
    int r = 0;

    if (is_filed(f))
        r = queue_here_file(finish->queue, f->entry, finish->change, &f->filed);
    if (r == 0)
        store_change_queue_remove(finish->change, f->entry->id);
    return r;
}

/// [await] How many, or -errno.
static int add_entries(struct finish *finish)
{
    int added = 0, r = 0;

    for (size_t i = 0; i < finish->count; i++) {
        struct fate *f = &finish->fates[i];

        if (f->is_gone)
            continue;
        added++;
        if (f->stays)
            reschedule(finish, f);
        else
            r = end_entry(finish, f);
        if (r < 0)
            return r;
        suppress(finish, f);
    }
    return added;
}

// ---- the reports

/// Shall all of the message come back? Only where it failed (RFC 3461 4.3), and as it is.
static bool is_full_wanted(const struct fate *f)
{
    const struct queue_entry *e = f->entry;
    uint64_t size = e->body.size - (e->skip < e->body.size ? e->skip : e->body.size);

    if (f->report.action != REPORT_FAILED || e->requires_tls ||
        e->content == ENVELOPE_BODY_BINARYMIME || e->ret == ENVELOPE_RET_HDRS)
        return false;
    return size <= (e->ret == ENVELOPE_RET_FULL ? FULL_BYTES_MAX : FULL_UNASKED_MAX);
}

/// [await] A message that cannot be read must not stop the report that it was not delivered, nor
/// the end of its entry: it would be sent again.
static void load_original(struct finish *finish, const struct queue_entry *e, bool is_full,
                          struct buf *out)
{
    uint64_t size = e->body.size > e->skip ? e->body.size - e->skip : 0;
    size_t len = is_full ? FULL_BYTES_MAX : HEADER_BYTES_MAX;
    ssize_t n;

    if (size < len)
        len = (size_t)size;
    buf_init(out, FULL_BYTES_MAX);
    n = store_body_read(finish->queue->store, &e->body, e->skip, buf_room(out, len), len);
    if (n >= 0)
        buf_added(out, (size_t)n);
    else
        log_failure("queue/finish", "the message cannot be read for its report", (int)n);
}

static int make_report(struct finish *finish, const struct fate *first,
                       const struct report_recipient *recipients, size_t count, bool is_full)
{
    CLEANUP(buf_drop) struct buf original = {0};
    const struct queue_entry *e = first->entry;
    struct queue_report_mail mail = {
        .id = e->mail_id,
        .sender = e->sender,
        .arrived_s = e->arrived_s,
        .envid = e->envid,
        .requires_tls = e->requires_tls,
        .is_full = is_full,
    };

    load_original(finish, e, is_full, &original);
    mail.original = buf_str(&original);
    return queue_report_new(finish->queue, finish->change, &mail, recipients, count,
                            &finish->reports[finish->report_count++]);
}

/// All that have the return path of fate `first`, unless an earlier one has it too.
static int report_with(struct finish *finish, size_t first, struct report_recipient *recipients)
{
    const struct fate *f = &finish->fates[first];
    size_t count = 0;
    bool is_full = false;

    for (size_t i = 0; i < finish->count; i++) {
        const struct fate *other = &finish->fates[i];

        if (other->is_gone || !other->is_reported ||
            !str_eq(other->entry->sender, f->entry->sender))
            continue;
        if (i < first)
            return 0;
        is_full |= is_full_wanted(other);
        recipients[count++] = other->report;
    }
    return make_report(finish, f, recipients, count, is_full);
}

static int add_reports(struct finish *finish)
{
    struct report_recipient *recipients =
        ARENA_ARRAY(&finish->arena, struct report_recipient, finish->count);

    finish->reports = ARENA_ARRAY(&finish->arena, struct queue_report *, finish->count);
    for (size_t i = 0; i < finish->count; i++) {
        int r;

        if (finish->fates[i].is_gone || !finish->fates[i].is_reported)
            continue;
        r = report_with(finish, i, recipients);
        if (r < 0)
            return r;
    }
    return 0;
}

// ---- one change

static void forget_change(struct finish *finish)
{
    queue_news_close(TAKE(finish->news));
    for (size_t i = 0; i < finish->report_count; i++)
        queue_report_free(finish->reports[i]);
    finish->report_count = 0;
    store_change_free(TAKE(finish->change));
}

static void tell(struct finish *finish)
{
    for (size_t i = 0; i < finish->report_count; i++)
        queue_report_tell(finish->reports[i], finish->news);
    for (size_t i = 0; i < finish->count; i++) {
        const struct fate *f = &finish->fates[i];

        if (is_filed(f))
            deliver_log_filed(f->entry->mail_id, &f->filed);
        if (!f->is_gone && f->suppress_key.len > 0)
            queue_suppress_note(finish->queue->suppress, f->suppress_key, f->suppress_value);
    }
}

/// [await] 0, STORE_NOT_FOUND: one of them is gone; -errno.
static int try_change(struct finish *finish)
{
    int r;

    r = store_change_new(finish->queue->store, &finish->change);
    if (r < 0)
        return r;
    r = add_entries(finish);
    if (r <= 0)
        return r;
    r = add_reports(finish);
    if (r < 0)
        return r;
    finish->news = queue_news_open(finish->queue);
    r = store_commit(finish->change);
    if (r > 0 && r != STORE_NOT_FOUND)
        return -EAGAIN; // it works, and refuses this
    if (r == 0)
        tell(finish);
    return r;
}

/// [await] Marks those that are not there any more; how many, or -errno.
static int find_gone(struct finish *finish)
{
    struct store_queue_list list = {0};
    int found = 0, r = 0;

    for (size_t i = 0; i < finish->count && r >= 0; i++) {
        struct fate *f = &finish->fates[i];

        if (f->is_gone)
            continue;
        r = store_queue_get(finish->queue->store, f->entry->id, &list);
        if (r == STORE_NOT_FOUND) {
            f->is_gone = true;
            found++;
        }
    }
    store_queue_list_done(&list);
    return r < 0 ? r : found;
}

/// [await] Each turn but the last finds at least one that is gone.
static int run(struct finish *finish)
{
    for (size_t turn = 0; turn < TURNS_MAX; turn++) {
        int r = try_change(finish);

        forget_change(finish);
        if (r != STORE_NOT_FOUND)
            return r;
        r = find_gone(finish);
        if (r <= 0)
            return r < 0 ? r : -EAGAIN;
    }
    return -EAGAIN;
}

static size_t arena_bytes(size_t count)
{
    return FINISH_ARENA_MAX + TURNS_MAX * count * 4 * QUEUE_ENTRY_BYTES_MAX;
}

int queue_finish(struct queue *queue, const struct queue_result *results, size_t count,
                 size_t *out_gone)
{
    struct finish finish = {.queue = queue, .count = count};
    size_t gone = 0;
    int r;

    if (out_gone)
        *out_gone = 0;
    if (count == 0)
        return 0;
    arena_init(&finish.arena, arena_bytes(count));
    finish.fates = ARENA_ARRAY(&finish.arena, struct fate, count);
    for (size_t i = 0; i < count; i++)
        decide(&finish, &finish.fates[i], &results[i]);
    r = run(&finish);
    for (size_t i = 0; i < count; i++)
        gone += finish.fates[i].is_gone;
    if (r == 0 && out_gone)
        *out_gone = gone;
    arena_done(&finish.arena);
    return r;
}
