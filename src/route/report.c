// SPDX-License-Identifier: ISC
//
// Reports about TLS (RFC 8460). Results are counted in memory, added once a minute to documents
// "tlsrpt" of the store, "DAY DOMAIN" (days since 1970) with a line for each result, and after
// midnight (UTC) and a drawn delay a report goes to every domain that asks for one. A crash loses
// at most the counts of a minute.
#include "route/report.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"

#include "route/state.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
    DAY_S = 86400,
    MINUTE_MS = 60000,
    JITTER_S = 4 * 3600, // RFC 8460 4.1: not all of the world at midnight
    DAYS_KEPT = 3,       // a report that cannot be sent is given up
    DOC_BYTES_MAX = 512 << 10,
    ARENA_BYTES_MAX = 8 << 20,
    REPORTS_MAX = 10000, // a day
};

// ---- counting

void route_tls_note(const struct route *route, const struct route_tls_result *r)
{
    CLEANUP(buf_drop) struct buf key = {.max = 2048};
    struct route_state *s = route->state;
    const struct tlsrpt_count one = {r->policy, r->host, r->address, r->failure, 0};
    uint64_t *count;

    if (!s || !__atomic_load_n(&route->config, __ATOMIC_ACQUIRE)->tls_reports || !r->domain.len ||
        r->domain.ptr[0] == '=' || r->domain.ptr[0] == '[')
        return;
    buf_putf(&key, "%lld %.*s\t", (long long)(rt_wall_s() / DAY_S), STR_ARG(r->domain));
    tlsrpt_count_put(&key, &one);
    if (!buf_ok(&key))
        return;
    pthread_mutex_lock(&s->lock);
    count = map_get(&s->counts, buf_str(&key));
    if (!count && s->counts.count < STATE_COUNTS_MAX) {
        count = calloc(1, sizeof *count);
        CHECK(count);
        map_put(&s->counts, buf_str(&key), count);
    }
    if (count)
        ++*count;
    pthread_mutex_unlock(&s->lock);
}

// ---- keeping

/// Takes the counts away from those who count.
static struct map take_counts(struct route_state *s)
{
    const uint64_t seed[2] = {rt_random(), rt_random()};
    struct map taken;

    pthread_mutex_lock(&s->lock);
    taken = s->counts;
    map_init(&s->counts, seed);
    pthread_mutex_unlock(&s->lock);
    return taken;
}

/// "DAY DOMAIN" TAB a line whose count is 0: the line with its count joins those of its document.
static void group(struct map *groups, struct str key, uint64_t count)
{
    struct tlsrpt_count one[1];
    struct str doc;
    struct buf *lines;
    size_t n = 0;

    if (!str_split(&key, '\t', &doc))
        return;
    tlsrpt_counts_parse(key, one, &n);
    if (n != 1)
        return;
    lines = map_get(groups, doc);
    if (!lines) {
        lines = calloc(1, sizeof *lines);
        CHECK(lines);
        buf_init(lines, DOC_BYTES_MAX);
        map_put(groups, doc, lines);
    }
    one->count = count;
    tlsrpt_count_put(lines, one);
}

/// Adds those lines to the document.
static int keep_document(struct store *store, struct str doc, struct str lines)
{
    CLEANUP(buf_drop) struct buf text = {.max = DOC_BYTES_MAX};
    CLEANUP(buf_drop) struct buf whole = {.max = DOC_BYTES_MAX};
    struct tlsrpt_count *counts = calloc(TLSRPT_COUNTS_MAX, sizeof *counts);
    struct store_change *change;
    size_t n = 0;
    int r;

    CHECK(counts);
    if (store_doc_get(store, "tlsrpt", doc, &text) == 0)
        tlsrpt_counts_parse(buf_str(&text), counts, &n);
    tlsrpt_counts_parse(lines, counts, &n);
    for (size_t i = 0; i < n; i++)
        tlsrpt_count_put(&whole, &counts[i]);
    free(counts);
    r = store_change_new(store, &change);
    if (r < 0)
        return r;
    store_change_doc_put(change, "tlsrpt", doc, buf_str(&whole));
    r = store_commit(change);
    store_change_free(change);
    return r;
}

/// [await]
static void flush(const struct route *route)
{
    struct map taken = take_counts(route->state), groups;
    struct str key;
    void *value;
    size_t at = 0;
    int r = 0;

    map_init(&groups, taken.seed);
    while (map_next(&taken, &at, &key, &value)) {
        group(&groups, key, *(uint64_t *)value);
        free(value);
    }
    map_done(&taken);
    for (at = 0; map_next(&groups, &at, &key, &value);) {
        struct buf *lines = value;

        if (r == 0)
            r = keep_document(route->store, key, buf_str(lines));
        buf_done(lines);
        free(lines);
    }
    map_done(&groups);
    if (r != 0)
        log_failure("route/report", "results of TLS were lost", r < 0 ? r : -EBUSY);
}

// ---- sending

struct reporting {
    const struct route *route;
    int (*submit)(void *arg, const struct route_report *report);
    void *arg;
    int64_t today;
    int64_t end; // days before this one are reported
    int sent;
    struct str *documents; // those of earlier days
    size_t count;
    struct arena *arena;
};

static int collect(void *arg, struct str key, struct str value)
{
    struct reporting *r = arg;
    struct str rest = key, day;
    uint64_t n;

    (void)value;
    if (r->count < REPORTS_MAX && str_split(&rest, ' ', &day) && str_to_u64(day, INT32_MAX, &n) &&
        (int64_t)n < r->end && arena_has_room(r->arena, key.len + 64))
        r->documents[r->count++] = arena_str(r->arena, key);
    return 0;
}

static void log_report(struct str domain, struct str to, const char *what, const struct buf *why)
{
    struct log_line line;

    log_begin(&line, LOG_INFO, "route/report", what);
    log_str(&line, "domain", domain);
    log_str(&line, "to", to);
    if (why && why->len)
        log_str(&line, "why", buf_str(why));
    log_end(&line);
}

static bool send_mail_report(struct reporting *r, const struct tlsrpt_report *report, struct str to,
                             struct str gzip)
{
    CLEANUP(buf_drop) struct buf mail = {.max = REPORT_MAIL_MAX};
    struct report_mail m = {report,      report->contact, to, r->route->host_name,
                            rt_wall_s(), rt_random()};
    struct route_report out = {.from = report->contact, .to = to};
    struct address parsed;

    if (!address_parse(to, ADDRESS_STRICT, &parsed) || !report_put_mail(&mail, &m, gzip))
        return false;
    out.message = buf_str(&mail);
    return r->submit && r->submit(r->arg, &out) == 0;
}

/// RFC 8460 5.4
static bool post_report(struct reporting *r, struct str uri, struct str gzip, struct buf *why)
{
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(buf_drop) struct buf answer = {.max = 64 << 10};
    CLEANUP(buf_drop) struct buf host = {.max = 300};
    struct str rest = str_skip(uri, 8), place;
    uint64_t port = 443;
    ptrdiff_t colon;
    struct fetch f = {.route = r->route, .media = "application/tlsrpt+gzip", .body = gzip};

    arena_init(&arena, ARENA_BYTES_MAX);
    str_split(&rest, '/', &place);
    colon = str_find(place, ':');
    buf_put(&host, colon < 0 ? place : str_head(place, (size_t)colon));
    if ((colon >= 0 && (!str_to_u64(str_skip(place, (size_t)colon + 1), 65535, &port) || !port)) ||
        !address_domain_is_valid(buf_str(&host), ADDRESS_STRICT))
        return false;
    f.url = arena_str(&arena, uri).ptr;
    f.host = buf_cstr(&host);
    f.port = (uint16_t)port;
    f.out = &answer;
    f.why = why;
    return fetch_run(&f, &arena) == 0;
}

static bool send_to(struct reporting *r, const struct tlsrpt_report *report, struct str uri,
                    struct str gzip)
{
    CLEANUP(buf_drop) struct buf why = {.max = 1024};
    bool is_mail = str_case_starts(uri, STR("mailto:")), is_sent;
    struct str to = str_skip(uri, 7);
    ptrdiff_t query = str_find(to, '?');

    if (is_mail)
        is_sent = send_mail_report(r, report, query < 0 ? to : str_head(to, (size_t)query), gzip);
    else
        is_sent = post_report(r, uri, gzip, &why);
    log_report(report->domain, uri, is_sent ? "TLS report sent" : "TLS report not sent", &why);
    return is_sent;
}

/// Where the domain wants its reports. -EAGAIN: DNS does not say now.
static int ask_places(struct reporting *r, struct str domain, struct arena *arena,
                      struct str uris[TLSRPT_RUA_MAX])
{
    CLEANUP(buf_drop) struct buf name = {.max = 300};
    struct dns_answer answer;
    const struct dns_record *one = NULL;
    size_t count = 0;

    buf_putf(&name, "_smtp._tls.%.*s", STR_ARG(domain));
    rt_resolve(r->route->resolver, buf_str(&name), DNS_TXT, arena, &answer);
    if (answer.status == DNS_FAILED || answer.status == DNS_BOGUS)
        return -EAGAIN;
    for (size_t i = 0; answer.status == DNS_FOUND && i < answer.count; i++)
        if (tlsrpt_is_record(answer.records[i].txt)) {
            one = &answer.records[i];
            count++;
        }
    return count == 1 ? (int)tlsrpt_record_parse(one->txt, uris) : 0;
}

static void load_policy(const struct route *route, struct str domain, struct buf *out,
                        struct str *policy)
{
    struct str head;

    *policy = STR("");
    if (store_doc_get(route->store, "sts", domain, out) != 0)
        return;
    *policy = buf_str(out);
    str_split(policy, '\n', &head);
}

static bool compose(struct reporting *r, struct str domain, int64_t day, struct str text,
                    struct arena *arena, struct tlsrpt_report *report, struct buf *gzip)
{
    CLEANUP(buf_drop) struct buf json = {.max = TLSRPT_JSON_MAX};
    CLEANUP(buf_drop) struct buf sts = {.max = 128 << 10};
    CLEANUP(buf_drop) struct buf words = {.max = 1024};
    struct tlsrpt_count *counts = ARENA_ARRAY(arena, struct tlsrpt_count, TLSRPT_COUNTS_MAX);
    struct str host = r->route->host_name;

    *report = (struct tlsrpt_report){.domain = domain,
                                     .organization = host,
                                     .begin_s = day * DAY_S,
                                     .end_s = day * DAY_S + DAY_S - 1,
                                     .counts = counts};
    buf_putf(&words, "postmaster@%.*s", STR_ARG(host));
    report->contact = arena_str(arena, buf_str(&words));
    buf_clear(&words);
    buf_putf(&words, "%lld.%016llx.%.*s@%.*s", (long long)report->begin_s,
             (unsigned long long)rt_random(), STR_ARG(domain), STR_ARG(host));
    report->id = arena_str(arena, buf_str(&words));
    tlsrpt_counts_parse(text, counts, &report->count);
    load_policy(r->route, domain, &sts, &report->sts);
    if (!tlsrpt_put_json(&json, report))
        return false;
    report->sts = STR("");
    return report_gzip(gzip, buf_str(&json));
}

static void remove_document(const struct route *route, struct str doc)
{
    struct store_change *change;

    if (store_change_new(route->store, &change) < 0)
        return;
    store_change_doc_remove(change, "tlsrpt", doc);
    if (store_commit(change) != 0)
        log_event(LOG_WARN, "route/report", "a report that was sent cannot be forgotten");
    store_change_free(change);
}

/// The document goes when its report was sent, is not wanted, or has become too old.
static void report_one(struct reporting *r, struct str doc)
{
    CLEANUP(arena_done) struct arena arena = {0};
    CLEANUP(buf_drop) struct buf text = {.max = DOC_BYTES_MAX};
    CLEANUP(buf_drop) struct buf gzip = {.max = TLSRPT_JSON_MAX};
    struct str domain = doc, day_text, uris[TLSRPT_RUA_MAX];
    struct tlsrpt_report report;
    bool is_done = false;
    uint64_t day;
    int places;

    str_split(&domain, ' ', &day_text);
    if (!str_to_u64(day_text, INT32_MAX, &day) ||
        store_doc_get(r->route->store, "tlsrpt", doc, &text) != 0)
        return;
    arena_init(&arena, ARENA_BYTES_MAX);
    places = ask_places(r, domain, &arena, uris);
    if (places > 0 && compose(r, domain, (int64_t)day, buf_str(&text), &arena, &report, &gzip))
        for (int i = 0; i < places; i++)
            is_done = send_to(r, &report, uris[i], buf_str(&gzip)) || is_done;
    r->sent += is_done;
    if (is_done || places == 0 || (int64_t)day + DAYS_KEPT < r->today)
        remove_document(r->route, doc);
}

static void report_days(struct reporting *r)
{
    CLEANUP(arena_done) struct arena arena = {0};

    arena_init(&arena, ARENA_BYTES_MAX);
    r->arena = &arena;
    r->count = 0;
    r->documents = ARENA_ARRAY(&arena, struct str, REPORTS_MAX);
    if (store_doc_each(r->route->store, "tlsrpt", collect, r) != 0)
        return;
    for (size_t i = 0; i < r->count; i++)
        report_one(r, r->documents[i]);
}

/// How many were sent, or -EBUSY.
static int report_all(struct reporting *r, bool with_today)
{
    r->today = rt_wall_s() / DAY_S;
    r->end = r->today + with_today;
    if (atomic_exchange(&r->route->state->is_reporting, true))
        return -EBUSY;
    report_days(r);
    r->route->state->is_reporting = false;
    return r->sent;
}

int route_report_now(const struct route *route, bool with_today,
                     int (*submit)(void *arg, const struct route_report *report), void *arg)
{
    struct reporting r = {.route = route, .submit = submit, .arg = arg};

    if (!route->state || !route->store)
        return 0;
    flush(route);
    return report_all(&r, with_today);
}

void route_keep(const struct route *route,
                int (*submit)(void *arg, const struct route_report *report), void *arg)
{
    struct reporting r = {.route = route, .submit = submit, .arg = arg};
    int64_t jitter_s = (int64_t)(rt_random() % JITTER_S), reported = rt_wall_s() / DAY_S - 1;

    if (!route->state || !route->store)
        return;
    while (rt_sleep(MINUTE_MS) == 0) {
        int64_t now_s = rt_wall_s();

        flush(route);
        if (now_s / DAY_S == reported || now_s % DAY_S < jitter_s ||
            !__atomic_load_n(&route->config, __ATOMIC_ACQUIRE)->tls_reports)
            continue;
        r.sent = 0;
        if (report_all(&r, false) >= 0)
            reported = now_s / DAY_S;
    }
    flush(route);
}
