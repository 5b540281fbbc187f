// SPDX-License-Identifier: ISC
//
// Policies of MTA-STS (RFC 8461), kept in the store as documents "sts", one for each domain: a line
// "ID SECONDS" (the id of its TXT record, and when it was fetched), then the policy as it came. A
// policy that is valid holds, whatever became of its record or its server (5.1): whoever takes
// away the answers must not take away the protection.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"

#include "route/state.h"

#include <errno.h>
#include <stdlib.h>

enum {
    WAIT_MS = 50, // for a fetch that somebody else has begun
    DOC_MAX = MTA_STS_POLICY_MAX + 64,
    REFRESH_ARENA_MAX = 4 << 20,
};

struct kept {
    bool is_valid;
    struct str id;
    int64_t fetched_s;
    struct mta_sts policy;
};

// ---- the document

static bool parse_kept(struct str text, struct arena *arena, struct kept *out)
{
    struct str head, id;
    const char *why;
    uint64_t fetched;

    if (!str_split(&text, '\n', &head) || !str_split(&head, ' ', &id) ||
        !str_to_u64(head, INT64_MAX / 2, &fetched) ||
        !mta_sts_parse(text, arena, &out->policy, &why))
        return false;
    out->id = arena_str(arena, id);
    out->fetched_s = (int64_t)fetched;
    return true;
}

static void load(const struct route *route, struct str domain, struct arena *arena,
                 struct kept *out)
{
    CLEANUP(buf_drop) struct buf text = {.max = DOC_MAX};

    *out = (struct kept){0};
    if (!route->store || store_doc_get(route->store, "sts", domain, &text) != 0 ||
        !parse_kept(buf_str(&text), arena, out))
        return;
    out->is_valid = out->fetched_s + out->policy.max_age > rt_wall_s();
}

static int keep(const struct route *route, struct str domain, struct str id, struct str body)
{
    CLEANUP(buf_drop) struct buf text = {.max = DOC_MAX};
    struct store_change *change;
    int r;

    buf_putf(&text, "%.*s %lld\n", STR_ARG(id), (long long)rt_wall_s());
    buf_put(&text, body);
    r = store_change_new(route->store, &change);
    if (r < 0)
        return r;
    store_change_doc_put(change, "sts", domain, buf_str(&text));
    r = store_commit(change);
    store_change_free(change);
    return r;
}

// ---- fetching

/// RFC 8460 4.3.2.2
static const char *failure_of(int error)
{
    switch (error) {
    case 0:
        return "";
    case -EACCES:
        return "sts-webpki-invalid";
    case -EBADMSG:
        return "sts-policy-invalid";
    default:
        return "sts-policy-fetch-error";
    }
}

static uint64_t pause_of(const struct route *route)
{
    return __atomic_load_n(&route->config, __ATOMIC_ACQUIRE)->sts_retry;
}

/// [await] 0 and the policy in the arena; else why not.
static int fetch(const struct route *route, struct str domain, struct str id, struct arena *arena,
                 struct mta_sts *out, struct buf *why)
{
    const struct route_config *config = __atomic_load_n(&route->config, __ATOMIC_ACQUIRE);
    CLEANUP(buf_drop) struct buf body = {.max = MTA_STS_POLICY_MAX};
    CLEANUP(buf_drop) struct buf host = {.max = 300};
    CLEANUP(buf_drop) struct buf url = {.max = 512};
    uint16_t port = config->sts_port ? (uint16_t)config->sts_port : 443;
    struct fetch f = {
        .route = route, .port = port, .media = "text/plain", .out = &body, .why = why};
    const char *broken = NULL;
    int r;

    buf_putf(&host, "mta-sts.%.*s", STR_ARG(domain));
    buf_putf(&url, "https://%s:%u/.well-known/mta-sts.txt", buf_cstr(&host), port);
    f.host = buf_cstr(&host);
    f.url = buf_cstr(&url);
    r = fetch_run(&f, arena);
    if (r == 0 && !mta_sts_parse(buf_str(&body), arena, out, &broken)) {
        buf_putf(why, "the policy at %s: %s", f.url, broken);
        r = -EBADMSG;
    }
    if (r == 0 && keep(route, domain, id, buf_str(&body)) != 0)
        log_event(LOG_WARN, "route/sts", "a policy cannot be kept");
    state_tried(route->state, domain, failure_of(r));
    return r;
}

struct refreshing {
    const struct route *route;
    struct arena arena;
    struct str domain, id;
};

static int refresh(void *arg)
{
    struct refreshing *r = arg;
    CLEANUP(buf_drop) struct buf why = {.max = 1024};
    struct mta_sts policy;
    struct log_line line;
    int error = fetch(r->route, r->domain, r->id, &r->arena, &policy, &why);

    log_begin(&line, error ? LOG_WARN : LOG_INFO, "route/sts",
              error ? "policy could not be refreshed, the old one holds" : "policy refreshed");
    log_str(&line, "domain", r->domain);
    log_str(&line, "why", buf_str(&why));
    log_end(&line);
    arena_done(&r->arena);
    free(r);
    return 0;
}

/// The mail does not wait for it.
static void refresh_later(const struct route *route, struct str domain, struct str id)
{
    struct refreshing *r;
    struct state_last last;

    if (!state_try(route->state, domain, pause_of(route), &last))
        return;
    r = calloc(1, sizeof *r);
    CHECK(r);
    arena_init(&r->arena, REFRESH_ARENA_MAX);
    r->route = route;
    r->domain = arena_str(&r->arena, domain);
    r->id = arena_str(&r->arena, id);
    if (rt_spawn(refresh, r, "route/sts", NULL) < 0) {
        state_tried(route->state, domain, "");
        arena_done(&r->arena);
        free(r);
    }
}

// ---- the answer

/// The id of the one record there; STR_NONE: none, or broken.
static struct str announced(const struct dns_answer *answer)
{
    struct str id = STR_NONE, one;
    size_t count = 0;

    for (size_t i = 0; answer->status == DNS_FOUND && i < answer->count; i++) {
        count += mta_sts_is_record(answer->records[i].txt);
        if (mta_sts_record_parse(answer->records[i].txt, &one))
            id = one;
    }
    return count == 1 ? id : STR_NONE;
}

static void say(struct find_sts *out, struct arena *arena, const char *how, const struct buf *why)
{
    CLEANUP(buf_drop) struct buf text = {.max = 2048};

    buf_put(&text, str_from(how));
    if (out->has_policy)
        buf_putf(&text, ": %s, for %u s", mta_sts_mode_name(out->policy.mode), out->policy.max_age);
    for (size_t i = 0; out->has_policy && i < out->policy.mx_count && i < 10; i++)
        buf_putf(&text, ", %.*s", STR_ARG(out->policy.mx[i]));
    if (why && why->len)
        buf_putf(&text, ": %.*s", STR_ARG(buf_str(why)));
    out->why = arena_str(arena, buf_str(&text));
}

static void by_kept(const struct route *route, struct str domain, struct str id,
                    const struct kept *kept, struct arena *arena, struct find_sts *out)
{
    *out = (struct find_sts){.has_policy = true, .policy = kept->policy};
    if (id.ptr &&
        (!str_eq(id, kept->id) || kept->fetched_s + kept->policy.max_age / 2 < rt_wall_s()))
        refresh_later(route, domain, id);
    say(out, arena, id.ptr ? "kept policy" : "kept policy (its TXT record is gone)", NULL);
}

/// [await] Somebody else is fetching it: what comes of that is there for all who wait.
static bool await_other(const struct route *route, struct str domain, struct arena *arena,
                        struct state_last *last, struct kept *kept)
{
    while (last->is_running && rt_sleep(WAIT_MS) == 0) {
        load(route, domain, arena, kept);
        if (kept->is_valid)
            return false;
        if (state_try(route->state, domain, pause_of(route), last))
            return true;
    }
    return false;
}

static void by_fetch(const struct route *route, struct str domain, struct str id,
                     struct arena *arena, struct find_sts *out)
{
    CLEANUP(buf_drop) struct buf why = {.max = 1024};
    struct kept kept = {0};
    struct state_last last;
    int r;

    if (!state_try(route->state, domain, pause_of(route), &last) &&
        !await_other(route, domain, arena, &last, &kept)) {
        if (kept.is_valid) {
            by_kept(route, domain, id, &kept, arena, out);
            return;
        }
        out->failure = last.failure;
        say(out, arena, "announced, but could not be had some minutes ago", NULL);
        return;
    }
    r = fetch(route, domain, id, arena, &out->policy, &why);
    out->has_policy = r == 0;
    out->failure = str_from(failure_of(r));
    say(out, arena, out->has_policy ? "fetched policy" : "announced, but not to be had", &why);
}

void sts_find(void *arg, struct str domain, struct arena *arena, struct find_sts *out)
{
    const struct route *route = arg;
    CLEANUP(buf_drop) struct buf name = {.max = 300};
    struct dns_answer answer;
    struct kept kept;
    struct str id;

    *out = (struct find_sts){0};
    if (!route->state || !arena_has_room(arena, 4 * FIND_ANSWER_MAX))
        return;
    buf_putf(&name, "_mta-sts.%.*s", STR_ARG(domain));
    load(route, domain, arena, &kept);
    rt_resolve(route->resolver, buf_str(&name), DNS_TXT, arena, &answer);
    id = announced(&answer);
    if (kept.is_valid)
        by_kept(route, domain, id, &kept, arena, out);
    else if (id.ptr)
        by_fetch(route, domain, id, arena, out);
    else
        say(out, arena,
            answer.status == DNS_FAILED || answer.status == DNS_BOGUS
                ? "none kept, and DNS does not answer for _mta-sts"
                : "no policy is announced",
            NULL);
}
