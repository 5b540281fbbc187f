// SPDX-License-Identifier: ISC
#include "base/cleanup.h"
#include "log/log.h"

#include "account/resolve.h"
#include "route/network.h"
#include "route/returned.h"
#include "route/route.h"

enum { RESOLVED_BYTES_MAX = 64 << 20 };

static const struct outcome welcome = {DONE, 250, {"2.1.5", 5}, {"recipient ok", 12}};

static struct outcome never(struct str enhanced, struct str text)
{
    return (struct outcome){NEVER, 550, enhanced, text};
}

/// Too much by itself will be too much in every transaction.
static struct outcome too_much(const struct envelope *e)
{
    if (e->recipient_count == 0)
        return never(STR("5.4.5"), STR("that address leads to too many places"));
    return (struct outcome){LATER, 452, STR("4.5.3"),
                            STR("too much for one transaction, send to this one in the next")};
}

bool route_may_relay(const struct route *route, const struct envelope *e)
{
    // a reload may replace it while we are here
    const struct route_config *config = __atomic_load_n(&route->config, __ATOMIC_ACQUIRE);

    return e->is_report || e->is_local || e->identity_id != 0 ||
           network_list_has(&config->relay_networks, e->peer);
}

static void put_address(struct buf *out, const struct address *to)
{
    if (to->domain.len > 0)
        address_put(out, to);
    else
        buf_put(out, to->local);
}

/// Another host's address, given by the client itself.
static struct outcome judge_foreign(const struct route *route, const struct envelope *e,
                                    const struct address *to)
{
    CLEANUP(buf_drop) struct buf domain = {0};

    if (!route_may_relay(route, e))
        return never(STR("5.7.1"), STR("relaying denied: sign in first, on the submission port"));
    buf_init(&domain, ADDRESS_PATH_MAX);
    if (!address_put_domain(&domain, to->domain))
        return never(STR("5.1.2"), STR("that is no domain mail can be sent to"));
    return welcome;
}

/// What the kind alone decides; DONE when there are targets to look at.
static struct outcome judge_kind(const struct route *route, const struct envelope *e,
                                 const struct route_returned *returned,
                                 const struct account_resolved *r)
{
    switch (r->kind) {
    case ACCOUNT_KIND_UNKNOWN:
        return never(STR("5.1.1"), STR("no such user here"));
    case ACCOUNT_KIND_NOT_LOCAL:
        return returned->is_return ? welcome : judge_foreign(route, e, &returned->to);
    case ACCOUNT_KIND_LOOP:
        return never(STR("5.4.6"), STR("that address leads back to itself"));
    case ACCOUNT_KIND_TOO_BIG:
        return never(STR("5.4.5"), STR("that address leads to too many places"));
    case ACCOUNT_KIND_LOCAL:
    case ACCOUNT_KIND_ALIAS:
    case ACCOUNT_KIND_LIST:
        return welcome;
    }
    return too_much(e);
}

static size_t bytes_of(const struct envelope *e, const struct account_resolved *r)
{
    size_t bytes = 4096 + 2 * (e->recipient_cap + 4) * sizeof(struct envelope_recipient) +
                   r->target_count * sizeof(struct envelope_target);

    for (size_t i = 0; i < r->target_count; i++) {
        const struct account_target *t = &r->targets[i];

        bytes += t->address.len + t->detail.len + t->list.len + 128;
        if (t->account_id == 0)
            bytes += STORE_QUEUE_LANE_MAX;
    }
    return bytes;
}

/// Where an alias or a list leads, its owner decided: also to other hosts, for everybody.
static struct outcome judge_targets(struct envelope *e, const struct account_resolved *r)
{
    if (r->target_count > ENVELOPE_TARGETS_MAX - e->target_count ||
        !arena_has_room(e->arena, bytes_of(e, r)))
        return too_much(e);
    for (size_t i = 0; i < r->target_count; i++) {
        const struct account_target *t = &r->targets[i];

        if (t->return_path.ptr && envelope_return_path(e, t->return_path) < 0)
            return too_much(e);
    }
    return welcome;
}

/// What the administrator lets nobody send to ("error:" in transports) is refused at once, not
/// taken and sent back. Members of a list are the list's matter.
static struct outcome judge_way(const struct route *route, const struct envelope *e,
                                const struct account_resolved *r)
{
    const struct account_target *t = &r->targets[0];
    struct str sender = t->return_path.ptr ? t->return_path : e->sender;
    struct outcome o;

    if (e->is_report || r->target_count != 1 || t->account_id != 0 || t->list.len > 0)
        return welcome;
    o = route_lane_outcome(route_lane(route, sender, t->address, e->arena));
    return o.verdict == DONE ? welcome : o;
}

static struct envelope_target target_of(const struct route *route, struct envelope *e,
                                        const struct account_target *t)
{
    struct envelope_target target = {
        .account_id = t->account_id,
        .address = arena_str(e->arena, t->address),
        .detail = arena_str(e->arena, t->detail),
        .lane = STR(""),
        .list = arena_str(e->arena, t->list),
    };

    if (t->return_path.ptr)
        target.return_path = (unsigned)envelope_return_path(e, t->return_path);
    if (t->account_id == 0)
        target.lane =
            route_lane(route, e->return_paths[target.return_path], target.address, e->arena);
    return target;
}

static void add(const struct route *route, struct envelope *e, const struct address *to,
                const struct route_returned *returned, const struct account_resolved *r)
{
    CLEANUP(buf_drop) struct buf address = {0};
    struct envelope_recipient *recipient;

    buf_init(&address, 1024);
    put_address(&address, to);
    recipient = envelope_add(e, buf_str(&address));
    recipient->is_return = returned->is_return;
    recipient->about_id = returned->about_id;
    recipient->targets = ARENA_ARRAY(e->arena, struct envelope_target, r->target_count);
    recipient->target_count = r->target_count;
    e->target_count += r->target_count;
    for (size_t i = 0; i < r->target_count; i++)
        recipient->targets[i] = target_of(route, e, &r->targets[i]);
}

static void log_recipient(const struct envelope *e, const struct address *to,
                          const struct account_resolved *r, const struct outcome *o)
{
    static const char *const kinds[] = {
        [ACCOUNT_KIND_LOCAL] = "local",      [ACCOUNT_KIND_ALIAS] = "alias",
        [ACCOUNT_KIND_LIST] = "list",        [ACCOUNT_KIND_UNKNOWN] = "unknown user",
        [ACCOUNT_KIND_NOT_LOCAL] = "remote", [ACCOUNT_KIND_LOOP] = "loop",
        [ACCOUNT_KIND_TOO_BIG] = "too big",
    };
    CLEANUP(buf_drop) struct buf address = {0};
    struct log_line line;

    buf_init(&address, 1024);
    put_address(&address, to);
    log_begin(&line, LOG_INFO, "route/recipient", kinds[r->kind]);
    log_mail(&line, e->id);
    log_str(&line, "to", buf_str(&address));
    if (o->verdict == DONE) {
        log_u64(&line, "targets", r->target_count);
    } else {
        log_u64(&line, "code", o->code);
        log_str(&line, "why", o->text);
    }
    log_end(&line);
}

struct outcome route_recipient(const struct route *route, struct envelope *e,
                               const struct address *to)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_resolved resolved = {.kind = ACCOUNT_KIND_UNKNOWN};
    struct route_returned returned;
    unsigned return_path_count = e->return_path_count;
    struct outcome o;

    arena_init(&arena, RESOLVED_BYTES_MAX);
    o = route_take_apart(route, e, to, &arena, &returned);
    if (o.verdict == DONE) {
        account_resolve(route->accounts, &returned.to, &arena, &resolved);
        o = judge_kind(route, e, &returned, &resolved);
    }
    if (o.verdict == DONE)
        o = judge_targets(e, &resolved);
    if (o.verdict == DONE)
        o = judge_way(route, e, &resolved);
    if (o.verdict == DONE)
        add(route, e, to, &returned, &resolved);
    else
        e->return_path_count = return_path_count;
    log_recipient(e, to, &resolved, &o);
    return o;
}
