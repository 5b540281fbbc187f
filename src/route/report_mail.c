// SPDX-License-Identifier: ISC
#include "mail/date.h"
#include "mail/encoding.h"

#include "route/report.h"

#include <zlib.h>

bool report_gzip(struct buf *out, struct str json)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)json.ptr, .avail_in = (uInt)json.len};
    uLong bound;
    char *room;
    int r;

    // 16: with the head and foot of gzip
    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    bound = deflateBound(&z, json.len);
    room = buf_room(out, bound);
    z.next_out = (Bytef *)room;
    z.avail_out = (uInt)bound;
    r = room ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
    if (r == Z_STREAM_END)
        buf_added(out, z.total_out);
    deflateEnd(&z);
    return r == Z_STREAM_END;
}

static void put_header(struct buf *out, const struct report_mail *m)
{
    const struct tlsrpt_report *r = m->report;

    buf_putf(out, "From: <%.*s>\r\nTo: <%.*s>\r\nDate: ", STR_ARG(m->from), STR_ARG(m->to));
    date_put(out, (struct date){.seconds = m->now_s});
    buf_putf(out, "\r\nSubject: Report Domain: %.*s\r\n Submitter: %.*s\r\n Report-ID: <%.*s>\r\n",
             STR_ARG(r->domain), STR_ARG(m->host), STR_ARG(r->id));
    buf_putf(out, "Message-ID: <%016llx.tlsrpt@%.*s>\r\n", (unsigned long long)m->random,
             STR_ARG(m->host));
    buf_putf(out, "TLS-Report-Domain: %.*s\r\nTLS-Report-Submitter: %.*s\r\n", STR_ARG(r->domain),
             STR_ARG(m->host));
    buf_putf(out,
             "Auto-Submitted: auto-generated\r\nTLS-Required: No\r\nMIME-Version: 1.0\r\n"
             "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
             " boundary=\"=_%016llx\"\r\n\r\n",
             (unsigned long long)m->random);
}

bool report_put_mail(struct buf *out, const struct report_mail *m, struct str gzip)
{
    const struct tlsrpt_report *r = m->report;
    unsigned long long boundary = m->random;

    put_header(out, m);
    buf_putf(out,
             "--=_%016llx\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
             "This is a report about TLS from %.*s\r\nto %.*s, by RFC 8460.\r\n\r\n",
             boundary, STR_ARG(m->host), STR_ARG(r->domain));
    buf_putf(out,
             "--=_%016llx\r\nContent-Type: application/tlsrpt+gzip\r\n"
             "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n"
             " filename=\"%.*s!%.*s!%lld!%lld.json.gz\"\r\n\r\n",
             boundary, STR_ARG(m->host), STR_ARG(r->domain), (long long)r->begin_s,
             (long long)r->end_s);
    encoding_put_base64_lines(out, gzip);
    buf_putf(out, "\r\n--=_%016llx--\r\n", boundary);
    return buf_ok(out);
}
