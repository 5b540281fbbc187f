// SPDX-License-Identifier: ISC
#include "queue/outward.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "mail/return_path.h"
#include "rt/rt.h"

#include "account/name.h"
#include "queue/bodies.h"
#include "queue/entry.h"
#include "queue/intake.h"

/// RFC 4865: it is not begun with before; its life begins then.
static int64_t begin_s(const struct envelope *e)
{
    int64_t now_s = rt_wall_s();

    return e->hold_until_s > now_s ? e->hold_until_s : now_s;
}

/// RFC 2852 4.1.4.1: what is to be returned by a time is not tried after it.
static int64_t expires_s(const struct queue *queue, const struct envelope *e)
{
    const struct queue_config *config = queue_config_now(queue);
    uint64_t lifetime_ms = e->is_report ? config->bounce_lifetime : config->lifetime;
    int64_t expires = begin_s(e) + (int64_t)(lifetime_ms / 1000);

    return e->by == ENVELOPE_BY_RETURN && e->by_s < expires ? e->by_s : expires;
}

/// RFC 3461 5.2.7.2: behind an alias with several places nobody says "delivered" any more; the
/// alias said "expanded".
static unsigned notify_behind_alias(const struct envelope_recipient *recipient)
{
    if (recipient->target_count == 1 || !(recipient->notify & ENVELOPE_NOTIFY_SUCCESS))
        return recipient->notify;
    if (recipient->notify == ENVELOPE_NOTIFY_SUCCESS)
        return ENVELOPE_NOTIFY_NEVER;
    return recipient->notify & ~(unsigned)ENVELOPE_NOTIFY_SUCCESS;
}

/// RFC 3461 5.2.7.3: with a list begins a mail of its own, which the sender is told nothing about.
static void fill_wishes(const struct envelope *e, const struct envelope_recipient *recipient,
                        const struct envelope_target *target, struct queue_entry *entry)
{
    if (target->list.len > 0) {
        entry->is_list = true;
        entry->ret = ENVELOPE_RET_HDRS;
        return;
    }
    entry->notify = notify_behind_alias(recipient);
    entry->orcpt = recipient->orcpt;
    entry->envid = e->envid;
    entry->ret = e->ret;
}

/// Passed on by an alias of ours for a sender of another domain: the next host would ask why we
/// send his mail (SPF). What the recipient's domain is, the alias was.
static bool is_passed_on(const struct queue *queue, const struct address *sender,
                         struct str alias_domain)
{
    struct accounts *accounts = queue->route->accounts;

    return alias_domain.len > 0 && account_domain_is_local(accounts, alias_domain) &&
           !account_domain_is_local(accounts, sender->domain);
}

/// The return path as other hosts see it (mail/return_path.h); lives in the arena or the envelope.
static struct str sender_of(const struct queue *queue, const struct envelope *e,
                            const struct envelope_recipient *recipient,
                            const struct envelope_target *target, struct arena *arena)
{
    struct str plain = e->return_paths[target->return_path], secret = queue->route->secret;
    struct str alias_domain = account_name_split(recipient->address).domain;
    CLEANUP(buf_drop) struct buf path = {0}, domain = {0};
    struct address sender;

    buf_init(&path, ADDRESS_PATH_MAX);
    buf_init(&domain, ADDRESS_PATH_MAX);
    if (secret.len == 0 || plain.len == 0 || target->account_id != 0)
        return plain;
    if (target->list.len > 0)
        return_path_put_list(&path, secret, target->list, e->id);
    else if (address_parse(plain, ADDRESS_UTF8 | ADDRESS_LONG_LOCAL, &sender) &&
             is_passed_on(queue, &sender, alias_domain) &&
             address_put_domain(&domain, alias_domain))
        return_path_put_forward(&path, secret, &sender, buf_str(&domain), rt_wall_s() / 86400);
    return path.len > 0 ? arena_str(arena, buf_str(&path)) : plain;
}

static struct queue_entry entry_of(const struct queue *queue, const struct envelope *e,
                                   const struct envelope_recipient *recipient,
                                   const struct envelope_target *target, struct arena *arena)
{
    struct queue_entry entry = {
        .sender = sender_of(queue, e, recipient, target, arena),
        .recipient = target->address,
        .content = e->body,
        .is_utf8 = e->is_utf8,
        .requires_tls = e->requires_tls,
        .waives_tls = e->waives_tls,
        .is_report = e->is_report,
        .by = e->by,
        .by_trace = e->by_trace,
        .by_s = e->by_s,
        .priority = e->priority,
        .account_id = target->account_id,
        .detail = target->account_id != 0 ? target->detail : STR(""),
        .identity_id = e->identity_id,
        .skip = queue_bodies_skip(e, target->return_path),
        .arrived_s = e->arrived,
        .expires_s = expires_s(queue, e),
    };

    if (!str_eq(recipient->address, target->address))
        entry.original = recipient->address;
    fill_wishes(e, recipient, target, &entry);
    return entry;
}

void queue_outward_put(const struct queue *queue, const struct envelope *e,
                       const struct envelope_recipient *recipient,
                       const struct envelope_target *target, struct arena *arena,
                       struct store_queue_put *put)
{
    struct queue_entry entry = entry_of(queue, e, recipient, target, arena);
    CLEANUP(buf_drop) struct buf value = {0};

    buf_init(&value, QUEUE_ENTRY_BYTES_MAX);
    queue_entry_put(&value, &entry);
    CHECK(buf_ok(&value));
    *put = (struct store_queue_put){
        .mail_id = e->id,
        .due_us = e->hold_until_s > rt_wall_s() ? e->hold_until_s * 1000000 : rt_wall_us(),
        .lane = target->account_id != 0 ? QUEUE_LANE_HERE : target->lane,
        .value = arena_str(arena, buf_str(&value)),
    };
}
