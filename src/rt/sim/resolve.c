// SPDX-License-Identifier: ISC
#include "rt/sim/resolve.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "rt/resolve_inside.h"
#include "rt/sim/world.h"

#include <errno.h>
#include <stdlib.h>

enum { TTL_S = 60, TIMEOUT_MS = 20000, DELAY_MAX_US = 10000, CNAMES_MAX = 8 };

enum mark { PLAIN, SECURE, BOGUS, SERVFAIL, SILENT, NO_MARK };

/// A record, or a mark (then type is 0).
struct line {
    struct str name;
    enum dns_type type;
    enum mark mark;
    struct str data; // bytes
};

struct zones {
    struct rt_resolver base;
    struct sim *sim;
    struct rt_sim_resolver_config config;
    struct arena arena;
    struct line *lines;
    size_t count;
};

static struct zones *zones_of(struct rt_resolver *resolver)
{
    return LIST_OF(resolver, struct zones, base);
}

// ---- lines

static enum mark mark_of(struct str word)
{
    static const struct {
        struct str word;
        enum mark mark;
    } marks[] = {{STR("plain"), PLAIN},
                 {STR("secure"), SECURE},
                 {STR("bogus"), BOGUS},
                 {STR("servfail"), SERVFAIL},
                 {STR("timeout"), SILENT}};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (str_eq(word, marks[i].word))
            return marks[i].mark;
    }
    return NO_MARK;
}

static void read_line(struct zones *z, struct str text, struct line *out)
{
    CLEANUP(buf_drop) struct buf data = {0};
    struct str name, word;

    CHECK(str_split(&text, ' ', &name) && str_split(&text, ' ', &word));
    text = str_trim(text);
    out->name = rt_answer_name(&z->arena, name);
    out->mark = mark_of(word);
    if (out->mark != NO_MARK)
        return;
    out->type = dns_type_parse(word);
    buf_init(&data, 65535);
    CHECK(out->type && dns_data_put(&data, out->type, text));
    out->data = arena_str(&z->arena, buf_str(&data));
}

static void read_lines(struct zones *z, const char *const *lines)
{
    size_t count = 0;

    arena_reset(&z->arena);
    while (lines && lines[count])
        count++;
    z->lines = ARENA_ARRAY(&z->arena, struct line, count + 1);
    z->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (lines[i][0] && lines[i][0] != ';')
            read_line(z, str_from(lines[i]), &z->lines[z->count++]);
    }
}

static bool is_below(struct str name, struct str top)
{
    if (top.len == 0)
        return name.len > 0;
    return name.len > top.len + 1 && str_ends(name, top) && name.ptr[name.len - top.len - 1] == '.';
}

static enum mark find_mark(const struct zones *z, struct str name)
{
    const struct line *best = NULL;

    for (size_t i = 0; i < z->count; i++) {
        const struct line *line = &z->lines[i];

        if (line->mark == NO_MARK || (!str_eq(line->name, name) && !is_below(name, line->name)))
            continue;
        if (!best || line->name.len >= best->name.len)
            best = line;
    }
    return best ? best->mark : PLAIN;
}

// ---- answers

static void say(struct dns_answer *out, enum dns_status status, struct str why)
{
    out->status = status;
    out->why = why;
    if (status == DNS_FAILED || status == DNS_BOGUS)
        out->is_secure = false;
}

/// The CNAME of that name, else NULL.
static const struct line *find_alias(const struct zones *z, const struct rt_question *q,
                                     struct str name)
{
    for (size_t i = 0; q->type != DNS_CNAME && i < z->count; i++) {
        if (z->lines[i].type == DNS_CNAME && str_eq(z->lines[i].name, name))
            return &z->lines[i];
    }
    return NULL;
}

/// The records at the end of the chain.
static void find_records(const struct zones *z, const struct rt_question *q, struct dns_answer *out)
{
    CLEANUP(free_drop) struct str *data = calloc(DNS_RECORDS_MAX, sizeof(*data));
    size_t count = 0;
    bool exists = false;

    CHECK(data);
    for (size_t i = 0; i < z->count; i++) {
        const struct line *line = &z->lines[i];
        bool is_it = str_eq(line->name, out->canonical);

        if (line->mark != NO_MARK)
            continue;
        exists |= is_it || is_below(line->name, out->canonical);
        if (is_it && line->type == q->type && count < DNS_RECORDS_MAX)
            data[count++] = line->data;
    }
    if (count)
        rt_answer_records(q, data, count, out);
    else
        say(out, exists ? DNS_NO_DATA : DNS_NO_NAME, STR_NONE);
}

/// What the marks say about one name of the chain: false when that is the answer.
static bool heed_mark(const struct zones *z, struct dns_answer *out)
{
    switch (find_mark(z, out->canonical)) {
    case BOGUS:
        say(out, DNS_BOGUS, STR("the signature does not fit"));
        return false;
    case SERVFAIL:
        say(out, DNS_FAILED, STR("the name servers fail (SERVFAIL)"));
        return false;
    case SECURE:
        return true;
    default:
        out->is_secure = false;
        return true;
    }
}

static void answer(const struct zones *z, const struct rt_question *q, struct dns_answer *out)
{
    out->is_secure = true;
    out->ttl = z->config.ttl ? z->config.ttl : TTL_S;
    for (int i = 0; i < CNAMES_MAX; i++) {
        const struct line *alias = find_alias(z, q, out->canonical);
        struct dns_record record;

        if (!heed_mark(z, out))
            return;
        if (!alias) {
            find_records(z, q, out);
            return;
        }
        CHECK(dns_record_parse(DNS_CNAME, alias->data, q->arena, &record));
        out->canonical = record.name;
    }
    say(out, DNS_FAILED, STR("too many aliases"));
}

/// What goes wrong by chance.
static void disturb(struct zones *z, struct dns_answer *out)
{
    const struct rt_sim_resolver_config *c = &z->config;

    if (rt_sim_chance(z->sim, c->failed))
        say(out, DNS_FAILED, STR("the name servers fail (SERVFAIL)"));
    else if (out->is_secure && rt_sim_chance(z->sim, c->bogus))
        say(out, DNS_BOGUS, STR("the signature does not fit"));
    else if (out->status == DNS_FOUND && !out->is_secure && rt_sim_chance(z->sim, c->empty))
        say(out, DNS_NO_DATA, STR_NONE);
    if (out->status == DNS_FOUND)
        return;
    out->records = NULL;
    out->count = 0;
}

/// [await] 0, or the error of the wait.
static int travel(struct zones *z, const struct rt_question *q)
{
    const struct rt_sim_resolver_config *c = &z->config;
    uint64_t us = rt_sim_below(z->sim, c->delay_max_us ? c->delay_max_us : DELAY_MAX_US);
    struct rt_waiter never;

    if (rt_sim_chance(z->sim, c->slow))
        us = rt_sim_below(z->sim, c->slow_max_us);
    if (!rt_sim_chance(z->sim, c->silent) && find_mark(z, q->name) != SILENT)
        return rt_sleep((uint32_t)(1 + us / 1000));
    rt_waiter_init(&never);
    return rt_wait_for(&never, true, "DNS");
}

static void note(struct zones *z, const struct rt_question *q, const struct dns_answer *out)
{
    static const char *const words[] = {"found", "no data", "no name", "failed", "bogus"};
    char text[128];

    snprintf(text, sizeof(text), "dns %s %.*s: %s", dns_type_name(q->type), STR_ARG(q->name),
             words[out->status]);
    rt_sim_trace(z->sim, text, 0, out->count);
}

static int ask(struct rt_resolver *resolver, const struct rt_question *q, struct dns_answer *out)
{
    struct zones *z = zones_of(resolver);
    uint32_t timeout_ms = z->config.timeout_ms ? z->config.timeout_ms : TIMEOUT_MS;
    struct rt_scope scope;
    int r;

    rt_within(&scope, timeout_ms);
    r = travel(z, q);
    rt_within_end(&scope);
    if (r < 0) {
        say(out, DNS_FAILED, rt_answer_why(q->arena, "no answer within %u s", timeout_ms / 1000));
        r = rt_task_verdict(); // 0 when it was only the question's time that is over
    } else {
        answer(z, q, out);
        disturb(z, out);
    }
    note(z, q, out);
    return r;
}

// ---- birth and death

static void zones_free(struct rt_resolver *resolver)
{
    struct zones *z = zones_of(resolver);

    arena_done(&z->arena);
    free(z);
}

int rt_sim_resolver_new(struct rt *rt, const struct rt_sim_resolver_config *config,
                        struct rt_resolver **out)
{
    struct zones *z = calloc(1, sizeof(*z));

    CHECK(z && rt_is_sim(rt));
    z->base = (struct rt_resolver){.free = zones_free, .ask = ask};
    z->sim = sim_of(rt);
    z->config = *config;
    arena_init(&z->arena, 64 << 20);
    read_lines(z, config->lines);
    *out = &z->base;
    return 0;
}

void rt_sim_resolver_change(struct rt_resolver *resolver, const char *const *lines)
{
    read_lines(zones_of(resolver), lines);
}
