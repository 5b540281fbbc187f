// SPDX-License-Identifier: ISC
#include "trust/tlsrpt.h"

#include "base/check.h"
#include "base/cleanup.h"

#include <jansson.h>
#include <stdlib.h>

// ---- the TXT record

bool tlsrpt_is_record(struct str txt)
{
    struct str first;

    return str_split(&txt, ';', &first) && txt.ptr && str_eq(str_trim(first), STR("v=TLSRPTv1"));
}

static bool is_uri(struct str uri)
{
    for (size_t i = 0; i < uri.len; i++)
        if ((unsigned char)uri.ptr[i] <= ' ' || (unsigned char)uri.ptr[i] >= 0x7f ||
            uri.ptr[i] == '"' || uri.ptr[i] == '<' || uri.ptr[i] == '>')
            return false;
    return str_case_starts(uri, STR("mailto:")) || str_case_starts(uri, STR("https://"));
}

size_t tlsrpt_record_parse(struct str txt, struct str out[TLSRPT_RUA_MAX])
{
    struct str part, uri;
    size_t n = 0;

    if (!tlsrpt_is_record(txt))
        return 0;
    while (str_split(&txt, ';', &part)) {
        ptrdiff_t equals = str_find(part, '=');

        if (equals < 0 || !str_eq(str_trim(str_head(part, (size_t)equals)), STR("rua")))
            continue;
        part = str_skip(part, (size_t)equals + 1);
        while (n < TLSRPT_RUA_MAX && str_split(&part, ',', &uri))
            if (is_uri(str_trim(uri)))
                out[n++] = str_trim(uri);
        break;
    }
    return n;
}

// ---- results

bool tlsrpt_counts_add(struct tlsrpt_count *counts, size_t *n, const struct tlsrpt_count *one)
{
    for (size_t i = 0; i < *n; i++) {
        struct tlsrpt_count *c = &counts[i];

        if (str_eq(c->policy, one->policy) && str_eq(c->host, one->host) &&
            str_eq(c->address, one->address) && str_eq(c->failure, one->failure)) {
            c->count += one->count;
            return true;
        }
    }
    if (*n == TLSRPT_COUNTS_MAX)
        return false;
    counts[(*n)++] = *one;
    return true;
}

static void put_field(struct buf *out, struct str field)
{
    field = str_head(field, TLSRPT_FIELD_MAX);
    for (size_t i = 0; i < field.len; i++)
        buf_put_char(out, field.ptr[i] > ' ' && field.ptr[i] < 0x7f ? field.ptr[i] : '?');
    buf_put_char(out, '\t');
}

void tlsrpt_count_put(struct buf *out, const struct tlsrpt_count *count)
{
    put_field(out, count->policy);
    put_field(out, count->host);
    put_field(out, count->address);
    put_field(out, count->failure);
    buf_put_u64(out, count->count);
    buf_put_char(out, '\n');
}

void tlsrpt_counts_parse(struct str text, struct tlsrpt_count *counts, size_t *n)
{
    struct str line;

    while (str_split(&text, '\n', &line)) {
        struct tlsrpt_count c;

        if (str_split(&line, '\t', &c.policy) && str_split(&line, '\t', &c.host) &&
            str_split(&line, '\t', &c.address) && str_split(&line, '\t', &c.failure) && line.ptr &&
            str_to_u64(line, UINT32_MAX, &c.count))
            tlsrpt_counts_add(counts, n, &c);
    }
}

// ---- the report

static json_t *text_json(struct str s)
{
    json_t *value = json_stringn(s.ptr ? s.ptr : "", s.len);

    return value ? value : json_string("?");
}

/// The Gregorian calendar from days since 1970: years begin in March, eras have 400 of them.
static void put_day(struct buf *out, int64_t days)
{
    int64_t z = days + 719468, era = z / 146097, doe = z % 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;

    buf_putf(out, "%04lld-%02lld-%02lld", (long long)(yoe + era * 400 + (month <= 2)),
             (long long)month, (long long)(doy - (153 * mp + 2) / 5 + 1));
}

/// RFC 3339, in UTC.
static json_t *time_json(int64_t seconds)
{
    CLEANUP(buf_drop) struct buf text = {.max = 64};
    int64_t s = seconds % 86400;

    put_day(&text, seconds / 86400);
    buf_putf(&text, "T%02lld:%02lld:%02lldZ", (long long)(s / 3600), (long long)(s / 60 % 60),
             (long long)(s % 60));
    return text_json(buf_str(&text));
}

static json_t *lines_json(struct str text)
{
    json_t *list = json_array();
    struct str line;

    while (str_split(&text, '\n', &line)) {
        line = str_trim(str_ends(line, STR("\r")) ? str_head(line, line.len - 1) : line);
        if (line.len)
            json_array_append_new(list, text_json(line));
    }
    return list;
}

/// For "sts" what the policy allows, not what was met (RFC 8460 4.4, mx-host-pattern).
static json_t *patterns_json(struct str text)
{
    json_t *list = json_array();
    struct str line;

    while (str_split(&text, '\n', &line)) {
        line = str_trim(str_ends(line, STR("\r")) ? str_head(line, line.len - 1) : line);
        if (str_starts(line, STR("mx")) && str_starts(str_trim(str_skip(line, 2)), STR(":")))
            json_array_append_new(
                list, text_json(str_trim(str_skip(line, (size_t)str_find(line, ':') + 1))));
    }
    return list;
}

static json_t *hosts_json(const struct tlsrpt_report *r, struct str policy)
{
    json_t *hosts = json_array();

    for (size_t i = 0; i < r->count; i++) {
        bool is_new = str_eq(r->counts[i].policy, policy) && r->counts[i].host.len;

        for (size_t k = 0; is_new && k < i; k++)
            is_new = !str_eq(r->counts[k].policy, policy) ||
                     !str_eq(r->counts[k].host, r->counts[i].host);
        if (is_new)
            json_array_append_new(hosts, text_json(r->counts[i].host));
    }
    return hosts;
}

static json_t *policy_json(const struct tlsrpt_report *r, struct str policy)
{
    bool is_known = str_eq(policy, STR("sts")) && r->sts.len;
    json_t *p = json_pack("{s:o, s:o}", "policy-type", text_json(policy), "policy-domain",
                          text_json(r->domain));

    if (is_known)
        json_object_set_new(p, "policy-string", lines_json(r->sts));
    json_object_set_new(p, "mx-host", is_known ? patterns_json(r->sts) : hosts_json(r, policy));
    return p;
}

static json_t *failure_json(const struct tlsrpt_count *c)
{
    json_t *f =
        json_pack("{s:o, s:o, s:I}", "result-type", text_json(c->failure), "receiving-mx-hostname",
                  text_json(c->host), "failed-session-count", (json_int_t)c->count);

    if (c->address.len)
        json_object_set_new(f, "receiving-ip", text_json(c->address));
    return f;
}

static json_t *one_policy(const struct tlsrpt_report *r, struct str policy)
{
    json_t *failures = json_array();
    uint64_t good = 0, bad = 0;

    for (size_t i = 0; i < r->count; i++) {
        const struct tlsrpt_count *c = &r->counts[i];

        if (!str_eq(c->policy, policy))
            continue;
        good += c->failure.len ? 0 : c->count;
        bad += c->failure.len ? c->count : 0;
        if (c->failure.len)
            json_array_append_new(failures, failure_json(c));
    }
    return json_pack("{s:o, s:{s:I, s:I}, s:o}", "policy", policy_json(r, policy), "summary",
                     "total-successful-session-count", (json_int_t)good,
                     "total-failure-session-count", (json_int_t)bad, "failure-details", failures);
}

static json_t *policies_json(const struct tlsrpt_report *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->count; i++) {
        bool is_new = true;

        for (size_t k = 0; is_new && k < i; k++)
            is_new = !str_eq(r->counts[k].policy, r->counts[i].policy);
        if (is_new)
            json_array_append_new(list, one_policy(r, r->counts[i].policy));
    }
    return list;
}

bool tlsrpt_put_json(struct buf *out, const struct tlsrpt_report *r)
{
    json_t *report =
        json_pack("{s:o, s:{s:o, s:o}, s:o, s:o, s:o}", "organization-name",
                  text_json(r->organization), "date-range", "start-datetime", time_json(r->begin_s),
                  "end-datetime", time_json(r->end_s), "contact-info", text_json(r->contact),
                  "report-id", text_json(r->id), "policies", policies_json(r));
    char *text = json_dumps(report, JSON_INDENT(1));

    CHECK(text);
    buf_put(out, str_from(text));
    free(text);
    json_decref(report);
    return buf_ok(out);
}
