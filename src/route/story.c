// SPDX-License-Identifier: ISC
#include "route/story.h"

#include "base/cleanup.h"

enum { LINE_MAX_BYTES = 1024, RECORDS_SHOWN = 40 };

/// A line, or nothing when there is no more room. What a stranger wrote must not steer a terminal.
static void put_line(struct buf *out, struct str line)
{
    if (out->failed || out->max - out->len < line.len + 1)
        return;
    for (size_t i = 0; i < line.len; i++)
        buf_put_char(out,
                     (unsigned char)line.ptr[i] < ' ' || line.ptr[i] == 0x7f ? '?' : line.ptr[i]);
    buf_put_char(out, '\n');
}

void story_putf(struct buf *out, const char *format, ...)
{
    CLEANUP(buf_drop) struct buf line = {.max = LINE_MAX_BYTES};
    va_list args;

    buf_put(&line, STR("; "));
    va_start(args, format);
    buf_vputf(&line, format, args);
    va_end(args);
    put_line(out, buf_str(&line));
}

static void put_record(struct buf *out, const struct find_question *q, const struct dns_record *r)
{
    CLEANUP(buf_drop) struct buf line = {.max = LINE_MAX_BYTES};
    bool is_alias = q->answer.canonical.len && !str_case_eq(q->answer.canonical, q->name);

    buf_putf(&line, "%.*s. %u IN %s ", STR_ARG(is_alias ? q->answer.canonical : q->name),
             q->answer.ttl, dns_type_name(q->type));
    buf_put(&line, str_head(r->text, 512));
    buf_put(&line, q->answer.is_secure ? STR(" ; signed") : STR(""));
    put_line(out, buf_str(&line));
}

void story_put_answer(struct buf *out, const struct find_question *q)
{
    static const char *const words[] = {
        [DNS_NO_DATA] = "no such record",
        [DNS_NO_NAME] = "no such name",
        [DNS_FAILED] = "no answer",
        [DNS_BOGUS] = "bogus: not what its owner signed",
    };

    if (q->answer.status != DNS_FOUND) {
        story_putf(out, "%.*s. IN %s: %s%s%s%.*s", STR_ARG(q->name), dns_type_name(q->type),
                   words[q->answer.status], q->answer.is_secure ? " (signed)" : "",
                   q->answer.why.len ? ": " : "", STR_ARG(q->answer.why));
        return;
    }
    if (q->answer.canonical.len && !str_case_eq(q->answer.canonical, q->name)) {
        CLEANUP(buf_drop) struct buf line = {.max = LINE_MAX_BYTES};

        buf_putf(&line, "%.*s. %u IN CNAME %.*s.", STR_ARG(q->name), q->answer.ttl,
                 STR_ARG(q->answer.canonical));
        put_line(out, buf_str(&line));
    }
    for (size_t i = 0; i < q->answer.count && i < RECORDS_SHOWN; i++)
        put_record(out, q, &q->answer.records[i]);
    if (q->answer.count > RECORDS_SHOWN)
        story_putf(out, "and %zu more", q->answer.count - RECORDS_SHOWN);
}

void story_put_tls(struct buf *out, const struct route_host *host)
{
    static const char *const levels[] = {
        [ROUTE_TLS_NEVER] = "never",
        [ROUTE_TLS_MAY] = "may",
        [ROUTE_TLS_MUST] = "must",
        [ROUTE_TLS_IMPLICIT] = "implicit",
    };
    static const char *const checks[] = {
        [RT_VERIFY_NONE] = "",
        [RT_VERIFY_PKIX] = ", certificate verified",
        [RT_VERIFY_DANE] = ", verified by DANE",
    };

    buf_putf(out, "%s%s", levels[host->tls], checks[host->verify]);
}

void story_put_host(struct buf *out, const struct route_host *host)
{
    CLEANUP(buf_drop) struct buf line = {.max = LINE_MAX_BYTES};

    buf_putf(&line, "; try %.*s", STR_ARG(host->name));
    for (size_t i = 0; i < host->address_count; i++)
        buf_putf(&line, "%s%.*s", i ? ", " : " at ", STR_ARG(host->addresses[i]));
    if (host->port)
        buf_putf(&line, " port %u", host->port);
    buf_put(&line, STR(", TLS "));
    story_put_tls(&line, host);
    buf_putf(&line, " (%.*s)", STR_ARG(host->tls_why));
    put_line(out, buf_str(&line));
}
