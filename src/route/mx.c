// SPDX-License-Identifier: ISC
#include "route/mx.h"

#include "route/route.h"

#include <arpa/inet.h>

static struct outcome no_way(enum verdict verdict, unsigned code, struct str enhanced,
                             struct str text)
{
    return (struct outcome){verdict, code, enhanced, text};
}

static const struct outcome ready = {DONE, 250, {"2.0.0", 5}, {"", 0}};

/// RFC 7505 3: "." and nothing else; several of it say the same.
static bool is_null_mx(const struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        if (answer->records[i].name.len > 0)
            return false;
    return answer->count > 0;
}

static struct mx_target *find(struct mx_plan *plan, struct str name)
{
    for (size_t i = 0; i < plan->count; i++)
        if (str_case_eq(plan->items[i].name, name))
            return &plan->items[i];
    return NULL;
}

/// Each name once, with its best preference. "." beside others names no host (RFC 7505 3).
static void collect(const struct dns_answer *answer, struct mx_plan *plan)
{
    for (size_t i = 0; i < answer->count; i++) {
        const struct dns_record *r = &answer->records[i];
        struct mx_target *known = find(plan, r->name);

        if (r->name.len == 0)
            continue;
        if (!known)
            plan->items[plan->count++] = (struct mx_target){r->name, r->preference};
        else if (r->preference < known->preference)
            known->preference = r->preference;
    }
}

/// By preference; equals stay in the order they have, which is a drawn one. An insertion sort: at
/// most DNS_RECORDS_MAX.
static void sort(struct mx_plan *plan)
{
    for (size_t i = 1; i < plan->count; i++) {
        struct mx_target t = plan->items[i];
        size_t k = i;

        for (; k > 0 && plan->items[k - 1].preference > t.preference; k--)
            plan->items[k] = plan->items[k - 1];
        plan->items[k] = t;
    }
}

static void shuffle(struct mx_plan *plan, uint64_t (*random)(void *arg), void *arg)
{
    for (size_t i = plan->count; i > 1; i--) {
        size_t k = (size_t)(random(arg) % i);
        struct mx_target t = plan->items[i - 1];

        plan->items[i - 1] = plan->items[k];
        plan->items[k] = t;
    }
}

/// RFC 5321 5.1: whoever finds himself drops himself and all that are not better.
static void drop_us(struct mx_plan *plan, struct str host_name)
{
    const struct mx_target *us = find(plan, host_name);
    unsigned preference = us ? us->preference : 0;
    size_t kept = 0;

    plan->has_us = us != NULL;
    if (!us)
        return;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->items[i].preference < preference)
            plan->items[kept++] = plan->items[i];
    plan->count = kept;
}

static struct outcome order(const struct dns_answer *answer, struct str host_name,
                            uint64_t (*random)(void *arg), void *arg, struct mx_plan *plan)
{
    if (is_null_mx(answer))
        return no_way(NEVER, 556, STR("5.1.10"), STR("that domain takes no mail (null MX)"));
    collect(answer, plan);
    shuffle(plan, random, arg);
    sort(plan);
    drop_us(plan, host_name);
    if (plan->count == 0)
        return no_way(NEVER, 554, STR("5.4.6"),
                      STR("by its MX records this server is to take that domain's mail, but it "
                          "does not know the domain"));
    if (plan->count > ROUTE_HOSTS_MAX)
        plan->count = ROUTE_HOSTS_MAX;
    return ready;
}

void mx_plan(const struct dns_answer *answer, struct str domain, struct str host_name,
             uint64_t (*random)(void *arg), void *arg, struct arena *arena, struct mx_plan *out)
{
    struct mx_plan plan = {.items = ARENA_ARRAY(arena, struct mx_target, answer->count + 1)};

    switch (answer->status) {
    case DNS_FOUND:
        plan.outcome = order(answer, host_name, random, arg, &plan);
        break;
    case DNS_NO_DATA:
        plan.is_implicit = true;
        plan.items[plan.count++] = (struct mx_target){domain, 0};
        plan.has_us = str_case_eq(domain, host_name);
        plan.outcome = ready;
        if (plan.has_us)
            plan.outcome = no_way(NEVER, 554, STR("5.4.6"),
                                  STR("that is this server's own name, which is none of its "
                                      "domains"));
        break;
    case DNS_NO_NAME:
        plan.outcome = no_way(NEVER, 550, STR("5.1.2"), STR("there is no such domain"));
        break;
    case DNS_FAILED:
        plan.outcome = no_way(LATER, 451, STR("4.4.3"), STR("DNS does not answer for that domain"));
        break;
    case DNS_BOGUS:
        plan.outcome = no_way(LATER, 451, STR("4.7.5"),
                              STR("the DNS answer for that domain is not what it signed (DNSSEC)"));
        break;
    }
    *out = plan;
}

// ---- addresses

/// As 16 bytes, an IPv4 address as ::ffff:a.b.c.d. False: not an address.
static bool bytes_of(struct str ip, unsigned char out[16])
{
    char text[64];

    if (ip.len == 0 || ip.len >= sizeof text || memchr(ip.ptr, 0, ip.len))
        return false;
    memcpy(text, ip.ptr, ip.len);
    text[ip.len] = 0;
    if (inet_pton(AF_INET6, text, out) == 1)
        return true;
    memcpy(out, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
    return inet_pton(AF_INET, text, out + 12) == 1;
}

static bool is_v4(const unsigned char ip[16])
{
    return memcmp(ip, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
}

static enum mx_address judge_range(const unsigned char ip[16])
{
    static const unsigned char nothing[16] = {0}, self[16] = {[15] = 1};

    if (is_v4(ip)) {
        if (ip[12] == 127)
            return MX_ADDRESS_LOOPBACK;
        return ip[12] == 0 || ip[12] >= 224 || (ip[12] == 169 && ip[13] == 254) ? MX_ADDRESS_UNFIT
                                                                                : MX_ADDRESS_FINE;
    }
    if (memcmp(ip, self, 16) == 0)
        return MX_ADDRESS_LOOPBACK;
    if (memcmp(ip, nothing, 16) == 0 || ip[0] == 0xff || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80))
        return MX_ADDRESS_UNFIT;
    return MX_ADDRESS_FINE;
}

enum mx_address mx_address_judge(struct str ip, bool allow_loopback, const struct str *own,
                                 size_t own_count)
{
    unsigned char bytes[16], ours[16];
    enum mx_address range;

    if (!bytes_of(ip, bytes))
        return MX_ADDRESS_UNFIT;
    for (size_t i = 0; i < own_count; i++)
        if (bytes_of(own[i], ours) && memcmp(bytes, ours, 16) == 0)
            return MX_ADDRESS_OURS;
    range = judge_range(bytes);
    return range == MX_ADDRESS_LOOPBACK && allow_loopback ? MX_ADDRESS_FINE : range;
}

const char *mx_address_word(enum mx_address what)
{
    static const char *const words[] = {
        [MX_ADDRESS_FINE] = "fine",
        [MX_ADDRESS_OURS] = "our own",
        [MX_ADDRESS_LOOPBACK] = "this machine",
        [MX_ADDRESS_UNFIT] = "no host can have it",
    };

    return words[what];
}

size_t mx_addresses_order(const struct str *v6, size_t v6_count, const struct str *v4,
                          size_t v4_count, struct str prefer, struct str *out, size_t max)
{
    bool v6_only_first = str_eq(prefer, STR("ipv6")), v4_first = str_eq(prefer, STR("ipv4"));
    size_t six = 0, four = 0, n = 0;

    while (n < max && (six < v6_count || four < v4_count)) {
        bool take_six = v6_only_first ? true : v4_first ? four == v4_count : n % 2 == 0;

        if (six == v6_count)
            take_six = false;
        else if (four == v4_count)
            take_six = true;
        out[n++] = take_six ? v6[six++] : v4[four++];
    }
    return n;
}
