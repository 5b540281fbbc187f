// SPDX-License-Identifier: ISC
//
// One turn of a connection: one mail, some of its recipients, one transaction. Then, in this order:
// what each recipient's answer means for its entry becomes durable (queue_finish), the lane learns
// from it, and the entries leave memory. When the results cannot be kept, the worker waits with
// them: nothing of that mail is sent again meanwhile.
#include "base/check.h"
#include "base/cleanup.h"
#include "proto/smtp/reply.h"
#include "log/log.h"

#include "queue/here.h"
#include "queue/inside.h"

#include <errno.h>

enum { MESSAGE_MEMORY_MAX = 256 * 1024, KEEP_PAUSE_MAX_MS = 30000 };

/// One transaction while it runs.
struct attempt {
    struct queue_worker *w;
    const struct queue_entry *first; // they all have its sender, body and options
    const struct store_body_ref *body;
    struct buf message; // when it is small
    bool was_read;      // some of it may have gone out
    size_t count;
    struct queue_item **items;
    struct send_recipient *recipients;
    struct outcome *outcomes;
};

// ---- keeping results

static void log_result(const struct queue_entry *e, const struct outcome *o, struct str host)
{
    static const char *const words[] = {[DONE] = "done", [LATER] = "later", [NEVER] = "never"};
    int64_t delay_s = rt_wall_s() - e->arrived_s;
    struct log_line line;

    log_begin(&line, LOG_INFO, "queue/attempt", words[o->verdict]);
    log_mail(&line, e->mail_id);
    log_str(&line, "to", e->recipient);
    log_str(&line, "host", host);
    log_u64(&line, "code", o->code);
    log_str(&line, "enhanced", o->enhanced);
    log_str(&line, "text", o->text);
    log_u64(&line, "delay", delay_s > 0 ? (uint64_t)delay_s : 0);
    log_end(&line);
}

static struct queue_result *make_results(struct queue_shard *shard,
                                         const struct queue_verdict *verdicts, size_t count,
                                         struct str host, struct str dialogue)
{
    const struct queue_config *config = queue_settings_now(shard->schedule);
    struct queue_back_off b = {config->retry_first, config->retry_max};
    struct queue_result *results = calloc(count, sizeof(*results));
    int64_t now_us = rt_wall_us();

    CHECK(results);
    for (size_t i = 0; i < count; i++) {
        const struct queue_entry *entry = &verdicts[i].item->entry;

        results[i] = (struct queue_result){
            .entry = entry,
            .outcome = verdicts[i].outcome,
            .due_us = queue_due_again(entry, &b, now_us, rt_random()),
            .host = host,
            .has_dsn = verdicts[i].has_dsn,
            .is_lmtp = verdicts[i].is_lmtp,
            .has_deliver_by = verdicts[i].has_deliver_by,
            .dialogue = dialogue,
        };
        log_result(entry, &results[i].outcome, host);
    }
    return results;
}

/// [await] One try. A store that answers -EIO keeps nothing any more, of nobody; everything else is
/// this mail's own trouble (no space for its report), or will pass.
static bool finish_once(struct queue_shard *shard, const struct queue_result *results, size_t count,
                        bool *is_stuck)
{
    struct queue_schedule *schedule = shard->schedule;
    struct log_line line;
    size_t gone;
    int r = schedule->doors.finish(schedule->queue, results, count, &gone);

    if (r >= 0)
        return true;
    *is_stuck = r == -EIO;
    log_begin(&line, LOG_ERROR, "queue/attempt", "results cannot be kept yet");
    log_mail(&line, results[0].entry->mail_id);
    log_errno(&line, r);
    log_end(&line);
    return false;
}

/// [await] Again and again, and a last time when this is cancelled. False: the process ends before.
static bool finish_at_last(struct queue_shard *shard, const struct queue_result *results,
                           size_t count)
{
    uint32_t pause_ms = 1000;
    bool is_last, is_stuck;

    do {
        is_last = rt_sleep(shard->is_stopping ? 1000 : pause_ms) == -ECANCELED;
        pause_ms = pause_ms < KEEP_PAUSE_MAX_MS ? pause_ms * 2 : KEEP_PAUSE_MAX_MS;
        if (finish_once(shard, results, count, &is_stuck))
            return true;
    } while (!is_last);
    log_event(LOG_ERROR, "queue/attempt",
              "stopping with results that were not kept: these mails are sent again");
    return false;
}

/// [await] Until it succeeds, if any of it was sent.
static bool finish(struct queue_shard *shard, const struct queue_result *results, size_t count,
                   bool was_sent)
{
    bool is_stuck, is_kept;

    if (finish_once(shard, results, count, &is_stuck))
        return true;
    if (!was_sent)
        return false;
    if (is_stuck)
        queue_stuck_add(shard->schedule);
    is_kept = finish_at_last(shard, results, count);
    if (is_stuck)
        queue_stuck_drop(shard->schedule);
    return is_kept;
}

void queue_keep(struct queue_shard *shard, struct queue_verdict *verdicts, size_t count,
                struct str host, struct str dialogue)
{
    struct queue_result *results;
    int64_t due_us = INT64_MAX;
    bool is_kept;

    if (count == 0)
        return;
    results = make_results(shard, verdicts, count, host, dialogue);
    if (dialogue.len)
        log_story(results[0].entry->mail_id, "queue/attempt", "dialogue", dialogue);
    is_kept = finish(shard, results, count, verdicts[0].item->state == QUEUE_IN_FLIGHT);
    for (size_t i = 0; i < count; i++) {
        if (is_kept && results[i].outcome.verdict == LATER && verdicts[i].item->wish)
            queue_carry_out(shard->schedule, (enum queue_deed)(verdicts[i].item->wish - 1),
                            verdicts[i].item->id);
        if (results[i].outcome.verdict == LATER && results[i].due_us < due_us)
            due_us = results[i].due_us;
        queue_shard_end(shard, verdicts[i].item);
    }
    if (due_us < INT64_MAX)
        queue_told(shard->schedule, due_us);
    queue_shard_forget(shard);
    free(results);
}

// ---- the message

static ssize_t read_memory(struct attempt *a, uint64_t offset, void *to, size_t len)
{
    struct str rest = str_skip(buf_str(&a->message), offset + a->first->skip);

    rest = str_head(rest, len);
    memcpy(to, rest.ptr, rest.len);
    return (ssize_t)rest.len;
}

static ssize_t read_message(void *arg, uint64_t offset, void *to, size_t len)
{
    struct attempt *a = arg;

    a->was_read = true;
    if (a->message.len)
        return read_memory(a, offset, to, len);
    return store_body_read(a->w->shard->schedule->queue->store, a->body, offset + a->first->skip,
                           to, len);
}

static int load_message(struct attempt *a)
{
    buf_init(&a->message, MESSAGE_MEMORY_MAX);
    if (a->body->size > MESSAGE_MEMORY_MAX)
        return 0;
    return store_body_load(a->w->shard->schedule->queue->store, a->body, &a->message);
}

// ---- the transaction

static void attempt_init(struct attempt *a, struct queue_worker *w)
{
    size_t i = 0;

    *a = (struct attempt){.w = w, .count = w->turn_count};
    a->items = ARENA_ARRAY(&w->arena, struct queue_item *, a->count);
    a->recipients = ARENA_ARRAY(&w->arena, struct send_recipient, a->count);
    a->outcomes = ARENA_ARRAY(&w->arena, struct outcome, a->count);
    LIST_EACH (&w->turn, it) {
        const struct queue_entry *e = &LIST_OF(it, struct queue_item, link)->entry;

        a->items[i] = LIST_OF(it, struct queue_item, link);
        a->recipients[i++] = (struct send_recipient){
            .address = e->recipient,
            .notify = e->notify,
            .orcpt = e->orcpt,
        };
    }
    CHECK(i == a->count && i > 0);
    a->first = &a->items[0]->entry;
    a->body = &a->items[0]->body;
}

static void set_all(struct attempt *a, struct outcome o)
{
    for (size_t i = 0; i < a->count; i++)
        a->outcomes[i] = o;
}

static void send_it(struct attempt *a)
{
    const struct queue_entry *e = a->first;
    struct queue_worker *w = a->w;
    struct send_mail mail = {
        .sender = e->sender,
        .recipients = a->recipients,
        .recipient_count = a->count,
        .size = a->body->size > e->skip ? a->body->size - e->skip : 0,
        .read = read_message,
        .arg = a,
        .body = e->content,
        .is_utf8 = e->is_utf8,
        .requires_tls = e->requires_tls,
        .envid = e->envid,
        .ret = e->ret,
        .by = e->by,
        .by_trace = e->by_trace,
        .by_s = e->by_s,
        .priority = e->priority,
    };

    buf_clear(&w->talk.mail);
    w->talk.is_open = true;
    a->was_read = false;
    send_mail(w->session, &mail, &w->arena, a->outcomes);
    w->talk.is_open = false;
    w->mails++;
}

static bool has_verdict(const struct attempt *a, enum verdict verdict)
{
    for (size_t i = 0; i < a->count; i++) {
        if (a->outcomes[i].verdict == verdict)
            return true;
    }
    return false;
}

/// Nothing to send: filed here, when its time has come.
static bool is_here(const struct queue_worker *w)
{
    return str_eq(w->lane->name, QUEUE_LANE_HERE);
}

// ---- what the lane learns

static bool is_full_answer(const struct outcome *o)
{
    return o->code == 452 && (o->enhanced.len == 0 || str_eq(o->enhanced, STR("4.5.3")));
}

/// [await] Nothing was said about it to anybody: back into its line, or what an operator wished.
static void give_back(struct queue_shard *shard, struct queue_item *item)
{
    int64_t due_us = item->entry.due_us;

    if (!item->wish) {
        queue_shard_give_back(item);
        return;
    }
    queue_carry_out(shard->schedule, (enum queue_deed)(item->wish - 1), item->id);
    queue_shard_end(shard, item);
    queue_told(shard->schedule, due_us); // in case that it could not be done
}

/// RFC 5321 4.5.3.1.10: who takes only so many recipients at once gets the others in the next
/// transaction.
static size_t give_back_rest(struct attempt *a, struct queue_verdict *verdicts)
{
    bool some = has_verdict(a, DONE);
    size_t kept = 0;

    for (size_t i = 0; i < a->count; i++) {
        struct queue_worker *w = a->w;

        if (some && is_full_answer(&a->outcomes[i])) {
            give_back(w->shard, a->items[i]);
            continue;
        }
        verdicts[kept++] = (struct queue_verdict){
            .item = a->items[i],
            .outcome = a->outcomes[i],
            .has_dsn = w->peer.has_dsn,
            .has_deliver_by = (w->peer.extensions & SMTP_HAS_DELIVERBY) != 0,
            .is_lmtp = is_here(w) || (w->host && w->host->is_lmtp),
        };
    }
    if (kept < a->count)
        a->w->lane->pace.recipients_max = (unsigned)kept;
    return kept;
}

static void keep_all(struct attempt *a, struct str host, struct str dialogue)
{
    struct queue_verdict *verdicts = ARENA_ARRAY(&a->w->arena, struct queue_verdict, a->count);
    size_t count = give_back_rest(a, verdicts);

    queue_keep(a->w->shard, verdicts, count, host, dialogue);
}

static const struct outcome *trouble_in(const struct attempt *a)
{
    bool is_dead = send_is_dead(a->w->session);

    for (size_t i = 0; i < a->count; i++) {
        const struct outcome *o = &a->outcomes[i];

        if (o->verdict == LATER && (is_dead || queue_is_trouble(o)))
            return o;
    }
    return NULL;
}

static void teach(const struct attempt *a)
{
    struct queue_lane *lane = a->w->lane;
    unsigned most = (unsigned)queue_settings_now(lane->shard->schedule)->lane_connections_max;
    const struct outcome *trouble = trouble_in(a);

    if (has_verdict(a, DONE)) {
        queue_pace_success(&lane->pace, most, rt_now_us());
        return;
    }
    if (!trouble) {
        lane->pace.troubles = 0;
        return;
    }
    queue_lane_note(lane, trouble, str_from(a->w->host_text));
    if (queue_pace_trouble(&lane->pace, trouble, lane->connections, rt_now_us()))
        queue_lane_block(lane, trouble);
}

// ---- a turn

static struct str dialogue_of(struct queue_worker *w, struct buf *to)
{
    buf_init(to, QUEUE_DIALOGUE + 64);
    if (w->mails <= 1)
        buf_put(to, buf_str(&w->talk.opening));
    else
        buf_put(to, STR("-- on the session of an earlier mail\n"));
    buf_put(to, buf_str(&w->talk.mail));
    return buf_str(to);
}

static void settle(struct attempt *a)
{
    CLEANUP(buf_drop) struct buf dialogue = {0};
    struct queue_worker *w = a->w;

    keep_all(a, str_from(w->host_text), dialogue_of(w, &dialogue));
}

static void give_back_all(struct attempt *a)
{
    for (size_t i = a->count; i > 0; i--)
        give_back(a->w->shard, a->items[i - 1]);
}

/// No host, or none that answers. While other connections of this lane work, it is they who are
/// enough; else nobody can be reached.
static void settle_unopened(struct attempt *a, const struct outcome *o)
{
    struct queue_worker *w = a->w;
    struct queue_lane *lane = w->lane;

    if (o->verdict != NEVER)
        queue_lane_note(lane, o, str_from(w->host_text));
    if (w->shard->is_stopping) {
        give_back_all(a);
        return;
    }
    if (o->verdict == LATER && lane->connections > 1) {
        queue_pace_trouble(&lane->pace, o, lane->connections - 1, rt_now_us());
        give_back_all(a);
        return;
    }
    set_all(a, *o);
    w->mails = 0;
    buf_clear(&w->talk.mail);
    if (o->verdict == LATER)
        queue_lane_block(lane, o);
    settle(a);
}

bool queue_is_too_late(const struct queue_entry *e)
{
    return e->by == ENVELOPE_BY_RETURN && e->by_s <= rt_wall_s();
}

/// A session that was kept may be gone.
static void check_session(struct queue_worker *w)
{
    if (w->session && w->was_idle && send_check(w->session) < 0)
        queue_hang_up(w);
    w->was_idle = false;
}

/// [await] False: there is no session, and *o says why.
static bool need_session(struct queue_worker *w, struct outcome *o)
{
    check_session(w);
    if (!w->session)
        *o = queue_open(w);
    return w->session != NULL;
}

/// [await] False: the server stops meanwhile.
static bool pace(struct queue_worker *w)
{
    uint64_t now_us = rt_now_us();
    uint64_t until_us = now_us + queue_pace_wait(&w->lane->pace, now_us);

    for (; now_us < until_us && !w->shard->is_stopping; now_us = rt_now_us()) {
        if (queue_bell_wait(&w->bell, until_us - now_us) == -ECANCELED)
            return false;
    }
    return !w->shard->is_stopping;
}

/// A kept session that died before any of the message was sent says nothing about this mail.
static bool was_lost_unsent(const struct attempt *a)
{
    return send_is_dead(a->w->session) && a->w->mails > 1 && !a->was_read && !has_verdict(a, DONE);
}

static void send_message(struct attempt *a)
{
    struct outcome o;

    send_it(a);
    if (was_lost_unsent(a)) {
        queue_hang_up(a->w);
        if (!need_session(a->w, &o)) {
            settle_unopened(a, &o);
            return;
        }
        send_it(a);
    }
    teach(a);
    settle(a);
}

/// With a session, or with *o that says why there is none.
static void try_it(struct attempt *a, const struct outcome *o)
{
    int r;

    if (!a->w->session) {
        settle_unopened(a, o);
        return;
    }
    r = load_message(a);
    if (r == 0) {
        send_message(a);
        return;
    }
    log_failure("queue/attempt", "the message cannot be read", r);
    set_all(a, (struct outcome){LATER, 451, STR("4.3.0"), STR("the message cannot be read")});
    keep_all(a, STR(""), STR(""));
}

static bool is_turn_too_late(const struct queue_worker *w)
{
    return queue_is_too_late(&LIST_OF(w->turn.next, struct queue_item, link)->entry);
}

/// [await] A session, unless none is needed. False: the server stops meanwhile.
static bool prepare(struct queue_worker *w, struct outcome *o)
{
    bool is_ready;

    w->is_opening = true;
    is_ready = pace(w);
    if (is_ready && w->turn_count)
        need_session(w, o);
    w->is_opening = false;
    return is_ready;
}

static void expire(struct attempt *a)
{
    set_all(a, (struct outcome){NEVER, 554, STR("5.4.7"), STR("delivery time expired")});
    keep_all(a, STR(""), STR(""));
}

static void file_here(struct attempt *a)
{
    for (size_t i = 0; i < a->count; i++)
        a->outcomes[i] = queue_here(a->w->shard->schedule->queue, &a->items[i]->entry);
    keep_all(a, STR(""), STR(""));
}

void queue_attempt(struct queue_worker *w)
{
    struct outcome o = {.verdict = DONE};
    struct attempt a;
    bool is_late = is_turn_too_late(w), is_ready = true;

    if (!is_late && !is_here(w))
        is_ready = prepare(w, &o);
    if (w->turn_count == 0)
        return; // an operator took all of it
    attempt_init(&a, w);
    if (is_late)
        expire(&a);
    else if (is_here(w))
        file_here(&a);
    else if (!is_ready)
        give_back_all(&a);
    else
        try_it(&a, &o);
    buf_done(&a.message);
}
