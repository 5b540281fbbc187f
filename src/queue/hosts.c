// SPDX-License-Identifier: ISC
//
// From a lane to a session: its hosts in the order in which route gives them, the next when one
// fails. TLS as the host's policy wants it: where it is only welcome, a handshake that fails is
// followed by a connection in plain text; where it is a must, by the next host, and by "later" when
// there is none. A refusal before any mail was named never sends a mail back: it may be us, or our
// address, that is not welcome today.
#include "base/check.h"
#include "base/cleanup.h"
#include "proto/smtp/reply.h"
#include "log/log.h"

#include "queue/inside.h"

#include <stdio.h>

enum {
    WAYS_ARENA_MAX = 64 << 20,
    OPENING_MAX = QUEUE_DIALOGUE / 2,
    TTL_MIN_S = 5,
    HOSTS_US_MAX = 1800 * 1000000, // thirty hosts that keep us waiting do not keep us a day
};

// ---- the talk, for the story

void queue_talk_init(struct queue_talk *talk)
{
    buf_init(&talk->opening, OPENING_MAX);
    buf_init(&talk->mail, QUEUE_DIALOGUE - OPENING_MAX);
}

void queue_talk_done(struct queue_talk *talk)
{
    buf_done(&talk->opening);
    buf_done(&talk->mail);
}

/// RFC 5321 4.1.1.1: the answer to EHLO begins with the server's name.
static void look_for_self(struct queue_talk *talk, enum send_side side, struct str line)
{
    struct str rest, name;

    if (side == SEND_CLIENT)
        talk->asks_name =
            str_case_starts(line, STR("EHLO ")) || str_case_starts(line, STR("HELO "));
    if (side != SEND_SERVER || !talk->asks_name)
        return;
    talk->asks_name = false;
    rest = str_skip(line, 4);
    if (str_starts(line, STR("250")) && str_split(&rest, ' ', &name))
        talk->is_self = str_case_eq(name, talk->self);
}

static void on_line(void *arg, enum send_side side, struct str line)
{
    static const char *const marks[] = {"C: ", "S: ", "-- "};
    struct queue_talk *talk = arg;
    struct buf *to = talk->is_open ? &talk->mail : &talk->opening;

    look_for_self(talk, side, line);
    if (to->failed)
        return;
    line = str_head(line, 512);
    buf_putf(to, "%s%.*s\n", marks[side], STR_ARG(line));
}

// ---- the hosts

void queue_ways_drop(struct queue_ways *ways)
{
    if (!ways || --ways->refs > 0)
        return;
    arena_done(&ways->arena);
    free(ways);
}

/// [await] With a reference for the caller.
static struct queue_ways *ask_hosts(struct queue_worker *w)
{
    struct queue_schedule *schedule = w->shard->schedule;
    struct queue_lane *lane = w->lane;
    struct queue_ways *ways = lane->ways;
    uint32_t ttl;

    if (ways && ways->expires_us > rt_now_us()) {
        ways->refs++;
        return ways;
    }
    ways = calloc(1, sizeof(*ways));
    CHECK(ways);
    ways->refs = 2; // the lane's and the caller's
    arena_init(&ways->arena, WAYS_ARENA_MAX);
    schedule->doors.hosts(schedule->queue->route, lane->name, lane->care, &ways->arena,
                          &ways->hosts);
    ttl = ways->hosts.ttl > TTL_MIN_S ? ways->hosts.ttl : TTL_MIN_S;
    ways->expires_us = rt_now_us() + (uint64_t)ttl * 1000000;
    queue_ways_drop(lane->ways);
    lane->ways = ways;
    return ways;
}

// ---- one host

static void set_policy(struct queue_worker *w, const struct route_host *host)
{
    size_t count = 0;

    for (; count < host->name_count && count < sizeof(w->names) / sizeof(w->names[0]); count++)
        w->names[count] = arena_str(&w->opening, host->names[count]).ptr;
    w->policy = (struct rt_tls_policy){
        .verify = host->verify,
        // RFC 7672 8.1: the TLSA base domain, which may lie behind a CNAME
        .server_name = count ? w->names[0] : w->host_name,
        .names = w->names,
        .name_count = count,
        .allow_wildcards = host->allow_wildcards,
        .records = host->tlsa,
        .record_count = host->tlsa_count,
    };
}

static enum send_tls tls_of(const struct route_host *host)
{
    switch (host->tls) {
    case ROUTE_TLS_NEVER:
        return SEND_TLS_NEVER;
    case ROUTE_TLS_MUST:
        return SEND_TLS_MUST;
    case ROUTE_TLS_IMPLICIT:
        return SEND_TLS_IMPLICIT;
    case ROUTE_TLS_MAY:
    default:
        return SEND_TLS_MAY;
    }
}

static struct str our_name(const struct queue *queue, const struct queue_config *config)
{
    return config->helo.len ? config->helo : queue->host_name;
}

static void set_server(struct queue_worker *w, const struct route_host *host)
{
    const struct queue *queue = w->shard->schedule->queue;
    const struct queue_config *config = queue_settings_now(w->shard->schedule);
    const char *source = NULL;

    arena_reset(&w->opening);
    w->host = host;
    snprintf(w->host_name, sizeof(w->host_name), "%.*s", STR_ARG(host->name));
    snprintf(w->host_text, sizeof(w->host_text), "%s", w->host_name);
    snprintf(w->helo, sizeof(w->helo), "%.*s", STR_ARG(our_name(queue, config)));
    if (config->source.len)
        source = arena_str(&w->opening, config->source).ptr;
    for (size_t i = 0; i < host->address_count; i++)
        w->addresses[i] = arena_str(&w->opening, host->addresses[i]).ptr;
    set_policy(w, host);
    w->talk.self = queue->host_name;
    w->server = (struct send_server){
        .config = __atomic_load_n(&queue->send, __ATOMIC_ACQUIRE),
        .addresses = w->addresses,
        .address_count = host->address_count,
        .source = source,
        .port = host->port,
        .is_lmtp = host->is_lmtp,
        .name = w->host_name,
        .tls = tls_of(host),
        .tls_client = queue->tls_client,
        .policy = &w->policy,
        .helo = str_from(w->helo),
        .user = host->user,
        .password = host->password,
        .pool = queue->pool,
        .transcript = on_line,
        .arg = &w->talk,
    };
}

/// RFC 8460 4.3.
static const char *failure_of_certificate(enum rt_tls_failure failure)
{
    switch (failure) {
    case RT_TLS_FINE:
        return "";
    case RT_TLS_EXPIRED:
        return "certificate-expired";
    case RT_TLS_WRONG_NAME:
        return "certificate-host-mismatch";
    case RT_TLS_UNTRUSTED:
        return "certificate-not-trusted";
    case RT_TLS_NO_MATCH:
    case RT_TLS_BROKEN:
        break;
    }
    return "validation-failure";
}

/// Of a session that came to nothing.
static const char *failure_of(unsigned trouble)
{
    if (trouble & SEND_NO_STARTTLS)
        return "starttls-not-supported";
    if (trouble & SEND_TLSA_UNUSABLE)
        return "tlsa-invalid";
    if (trouble & SEND_TLS_EXPIRED)
        return failure_of_certificate(RT_TLS_EXPIRED);
    if (trouble & SEND_TLS_WRONG_NAME)
        return failure_of_certificate(RT_TLS_WRONG_NAME);
    if ((trouble & SEND_TLS_UNTRUSTED) && !(trouble & SEND_TLS_NO_MATCH))
        return failure_of_certificate(RT_TLS_UNTRUSTED);
    return "validation-failure";
}

/// Of a session that stands: what route wants told, and what a policy in testing would have
/// refused.
static struct str failure_of_session(const struct route_host *host, const struct send_peer *peer)
{
    if (!peer->has_tls)
        return STR("starttls-not-supported");
    if (host->tls_failure.len || !host->is_testing)
        return host->tls_failure;
    return str_from(failure_of_certificate(peer->tls.failure));
}

static void note_tls(struct queue_worker *w, const struct outcome *o, unsigned trouble)
{
    struct queue_schedule *schedule = w->shard->schedule;
    unsigned of_tls = SEND_NO_STARTTLS | SEND_TLS_FAILED | SEND_TLS_UNTRUSTED | SEND_TLSA_UNUSABLE;
    struct route_tls_result result = {
        .domain = w->lane->name,
        .policy = w->ways->hosts.policy,
        .host = w->host->name,
        .address = w->peer.address ? str_from(w->peer.address) : w->host->addresses[0],
        .detail = o->text,
    };

    // without TLS on purpose: the second half of a session that was counted already; without care
    // for it: reports, which report nothing about themselves (RFC 8460 3)
    if (!schedule->doors.tls_note || w->server.tls == SEND_TLS_NEVER ||
        w->lane->care == ROUTE_CARE_NONE || (o->verdict != DONE && !(trouble & of_tls)))
        return;
    result.failure =
        o->verdict == DONE ? failure_of_session(w->host, &w->peer) : str_from(failure_of(trouble));
    schedule->doors.tls_note(schedule->queue->route, &result);
}

static struct outcome dial(struct queue_worker *w, unsigned *trouble)
{
    struct outcome o;

    *trouble = 0;
    w->peer = (struct send_peer){0};
    o = send_open(&w->server, &w->arena, &w->session, trouble);
    if (o.verdict == DONE) {
        send_peer(w->session, &w->peer);
        if (w->peer.address)
            snprintf(w->host_text, sizeof(w->host_text), "%s (%s)", w->host_name, w->peer.address);
    }
    note_tls(w, &o, *trouble);
    return o;
}

/// A password goes to nobody else, nor does what must stay under TLS (RFC 8689 4.2.1).
static bool needs_verified(const struct queue_worker *w)
{
    return w->server.user.len > 0 || w->lane->care == ROUTE_CARE_TLS;
}

/// RFC 7672 2.2: without a TLSA record that can be used, TLS is a must and any certificate will do.
/// RFC 7435: and where it is only welcome, plain text is better than no mail.
static struct outcome dial_with_tls(struct queue_worker *w)
{
    unsigned trouble;
    struct outcome o = dial(w, &trouble);

    // RFC 8689 4.2.1: no host there with TLS, no mail; it goes back
    if (w->lane->care == ROUTE_CARE_TLS && (trouble & SEND_NO_STARTTLS) &&
        str_eq(o.enhanced, STR("4.7.10")))
        return (struct outcome){NEVER, 550, STR("5.7.10"), o.text};

    if (o.verdict == DONE)
        return o;
    if (trouble & SEND_TLSA_UNUSABLE) {
        on_line(&w->talk, SEND_NOTE, STR("none of the TLSA records can be used"));
        w->policy.verify = needs_verified(w) ? RT_VERIFY_PKIX : RT_VERIFY_NONE;
        return dial(w, &trouble);
    }
    if (w->host->tls == ROUTE_TLS_MAY && (trouble & (SEND_TLS_FAILED | SEND_TLS_UNTRUSTED))) {
        on_line(&w->talk, SEND_NOTE, STR("TLS failed and is no must: again without"));
        w->server.tls = SEND_TLS_NEVER;
        return dial(w, &trouble);
    }
    return o;
}

/// Mail that would come round to us (RFC 5321 6.3). Ways of the configuration and LMTP servers may
/// well have our name.
static bool is_ourselves(const struct queue_worker *w)
{
    return w->talk.is_self && !w->host->is_lmtp && !str_starts(w->lane->name, STR("="));
}

/// RFC 8689 4.2.1: who does not promise it is left for the next host.
static bool keeps_tls(const struct queue_worker *w)
{
    return w->lane->care != ROUTE_CARE_TLS || (w->peer.extensions & SMTP_HAS_REQUIRETLS);
}

static struct outcome open_host(struct queue_worker *w, const struct route_host *host)
{
    struct outcome o;

    set_server(w, host);
    w->talk.is_self = w->talk.asks_name = false;
    o = dial_with_tls(w);
    if (o.verdict == DONE && is_ourselves(w)) {
        send_close(TAKE(w->session));
        return (struct outcome){NEVER, 554, STR("5.4.6"), STR("mail for there loops back to us")};
    }
    if (o.verdict == DONE && !keeps_tls(w)) {
        send_close(TAKE(w->session));
        return (struct outcome){NEVER, 550, STR("5.7.30"),
                                STR("the mail must stay under TLS, and no server there promises "
                                    "that")};
    }
    if (o.verdict == NEVER &&
        !(w->lane->care == ROUTE_CARE_TLS && str_eq(o.enhanced, STR("5.7.10"))))
        o.verdict = LATER;
    return o;
}

// ---- all of them

/// What route found wrong before anybody was dialled.
static void note_hosts(struct queue_worker *w)
{
    struct queue_schedule *schedule = w->shard->schedule;
    const struct route_hosts *hosts = &w->ways->hosts;

    for (size_t i = 0; schedule->doors.tls_note && i < hosts->note_count; i++)
        schedule->doors.tls_note(schedule->queue->route, &hosts->notes[i]);
}

static void tell_story(const struct queue_worker *w)
{
    const struct queue_item *first = LIST_OF(w->turn.next, struct queue_item, link);

    if (w->turn_count && w->ways->hosts.story.len)
        log_story(first->entry.mail_id, "queue/hosts", "route", w->ways->hosts.story);
}

/// [await] Until one has a session, or there are no more. A host that may be there tomorrow
/// outweighs those that never will do; behind ourselves nobody is tried (RFC 5321 5.1).
static struct outcome try_hosts(struct queue_worker *w)
{
    const struct route_hosts *hosts = &w->ways->hosts;
    uint64_t until_us = rt_now_us() + HOSTS_US_MAX;
    struct outcome o = hosts->outcome;

    for (size_t i = 0; i < hosts->count && w->turn_count && !w->shard->is_stopping; i++) {
        struct outcome next;

        if (rt_now_us() >= until_us)
            break;
        next = open_host(w, &hosts->items[i]);
        if (i == 0 || next.verdict != NEVER)
            o = next;
        if (next.verdict == DONE || is_ourselves(w))
            break;
    }
    return o;
}

struct outcome queue_open(struct queue_worker *w)
{
    struct outcome o;

    buf_clear(&w->talk.opening);
    w->talk.is_open = false;
    w->mails = 0;
    w->host_text[0] = '\0';
    w->ways = ask_hosts(w);
    tell_story(w);
    note_hosts(w);
    o = try_hosts(w);
    if (!w->session) {
        // what it says outlives the hosts
        o.enhanced = arena_str(&w->arena, o.enhanced);
        o.text = arena_str(&w->arena, o.text);
        queue_hang_up(w);
        if (o.verdict == DONE)
            o = (struct outcome){LATER, 451, STR("4.3.2"), STR("this server is stopping")};
    }
    return o;
}

void queue_hang_up(struct queue_worker *w)
{
    send_close(TAKE(w->session));
    queue_ways_drop(TAKE(w->ways));
    w->host = NULL;
    w->mails = 0;
}
