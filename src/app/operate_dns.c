// SPDX-License-Identifier: ISC
//
// dns.route: where mail for a domain or an address would go now, by the same search as the queue's;
// dns.report: the reports about TLS (RFC 8460), now instead of at night.
#include "base/cleanup.h"

#include "app/operation.h"
#include "app/reports.h"
#include "app/way.h"

enum { ROUTE_ARENA_MAX = 8 << 20 };

static json_t *strings(const struct str *items, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, operation_json(items[i]));
    return list;
}

static json_t *host_json(const struct route_host *h)
{
    static const char *const levels[] = {
        [ROUTE_TLS_NEVER] = "never",
        [ROUTE_TLS_MAY] = "may",
        [ROUTE_TLS_MUST] = "must",
        [ROUTE_TLS_IMPLICIT] = "implicit",
    };
    static const char *const checks[] = {
        [RT_VERIFY_NONE] = "none", [RT_VERIFY_PKIX] = "pkix", [RT_VERIFY_DANE] = "dane"};

    return json_pack(
        "{s:o, s:i, s:o, s:i, s:s, s:s, s:o, s:o, s:b}", "host", operation_json(h->name),
        "preference", (int)h->preference, "addresses", strings(h->addresses, h->address_count),
        "port", (int)h->port, "tls", levels[h->tls], "verify", checks[h->verify], "names",
        strings(h->names, h->name_count), "why", operation_json(h->tls_why), "lmtp", h->is_lmtp);
}

static json_t *story_json(struct str story)
{
    json_t *list = json_array();
    struct str line;

    while (str_split(&story, '\n', &line))
        if (line.len)
            json_array_append_new(list, operation_json(line));
    return list;
}

static void put_hosts(struct operation *op, struct str lane, const struct route_hosts *hosts)
{
    static const char *const verdicts[] = {[DONE] = "done", [LATER] = "later", [NEVER] = "never"};
    json_t *list = json_array();

    for (size_t i = 0; i < hosts->count; i++)
        json_array_append_new(list, host_json(&hosts->items[i]));
    operation_put(op, "lane", operation_json(lane));
    operation_put(op, "verdict", json_string(verdicts[hosts->outcome.verdict]));
    operation_put(op, "code", json_integer(hosts->outcome.code));
    operation_put(op, "enhanced", operation_json(hosts->outcome.enhanced));
    operation_put(op, "text", operation_json(hosts->outcome.text));
    operation_put(op, "policy", operation_json(hosts->policy));
    operation_put(op, "ttl", json_integer(hosts->ttl));
    operation_put(op, "story", story_json(hosts->story));
    operation_put(op, "hosts", list);
}

/// A domain stands for any address in it.
static int find(struct operation *op, const struct route *route)
{
    CLEANUP(buf_drop) struct buf address = {.max = 512};
    CLEANUP(arena_done) struct arena arena = {0};
    struct str what = operation_text(op, "what"), sender = operation_text(op, "sender"), lane;
    struct route_hosts hosts;
    struct address parsed;
    bool requires_tls = false;

    if (str_find_last(what, '@') < 0)
        buf_put(&address, STR("postmaster@"));
    buf_put(&address, what);
    if (!address_parse(buf_str(&address), ADDRESS_UTF8, &parsed)) {
        buf_putf(op->why, "%.*s is neither a domain nor an address", STR_ARG(what));
        return EX_DATAERR;
    }
    operation_bool(op, "requires_tls", &requires_tls);
    arena_init(&arena, ROUTE_ARENA_MAX);
    operation_put(op, "local",
                  json_boolean(account_domain_is_local(op->site->accounts, parsed.domain)));
    lane = route_lane(route, sender.ptr ? sender : STR(""), buf_str(&address), &arena);
    route_hosts(route, lane, requires_tls, &arena, &hosts);
    put_hosts(op, lane, &hosts);
    return EX_OK;
}

int operate_dns_route(struct operation *op)
{
    const struct route *route = way_of(op->site, op->why);

    return route ? find(op, route) : EX_CONFIG;
}

int operate_dns_report(struct operation *op)
{
    bool with_today = false;
    int sent;

    if (!op->site->server) {
        buf_put(op->why, STR("only a running server has something to report; start it first"));
        return EX_UNAVAILABLE;
    }
    operation_bool(op, "today", &with_today);
    sent = reports_send(op->site->server, with_today);
    if (sent < 0) {
        buf_put(op->why, STR("the reports are being sent already"));
        return EX_TEMPFAIL;
    }
    operation_put(op, "sent", json_integer(sent));
    return EX_OK;
}
