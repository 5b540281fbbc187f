// SPDX-License-Identifier: ISC
//
// multipart/report (RFC 6522) with three parts: words, message/delivery-status (RFC 3464), the
// message or its header. Words are quoted-printable, so the mail has 8-bit bytes only where the
// original or an address has.
#include "mail/report.h"

#include "base/check.h"
#include "base/cleanup.h"

#include "mail/address.h"
#include "mail/date.h"
#include "mail/encoding.h"
#include "mail/header.h"
#include "mail/report_words.h"
#include "mail/word.h"

enum { WORDS_MAX = 8 << 20, DIAGNOSTIC_MAX = 900 };

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] > 127)
            return false;
    return true;
}

static void put_boundary(struct buf *out, const struct report *report)
{
    // "=_" stands in no quoted-printable and no base64 (RFC 2045 6.7)
    buf_putf(out, "=_%016llx%016llx", (unsigned long long)report->boundary[0],
             (unsigned long long)report->boundary[1]);
}

static void begin_part(struct buf *out, const struct report *report, const char *type)
{
    buf_put(out, STR("\r\n--"));
    put_boundary(out, report);
    buf_putf(out, "\r\nContent-Type: %s\r\n", type);
}

// ---- the delivery status (RFC 3464)

/// RFC 3461 4: "+" and two upper-case hex digits stand for a byte. False on anything else.
static bool put_xtext_decoded(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '+') {
            buf_put_char(out, text.ptr[i]);
            continue;
        }
        if (text.len - i < 3 || char_hex(text.ptr[i + 1]) < 0 || char_hex(text.ptr[i + 2]) < 0)
            return false;
        buf_put_char(out, (char)(char_hex(text.ptr[i + 1]) << 4 | char_hex(text.ptr[i + 2])));
        i += 2;
    }
    return true;
}

/// One line: what others said has no line ends here, and no bytes above 127.
static void put_clean(struct buf *out, struct str text, size_t max)
{
    for (size_t i = 0; i < text.len && i < max; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        buf_put_char(out, c < 32 || c == 127 ? ' ' : c > 127 ? '?' : (char)c);
    }
}

static void put_date_field(struct buf *out, const char *name, int64_t seconds)
{
    buf_putf(out, "%s: ", name);
    date_put(out, (struct date){.seconds = seconds});
    buf_put(out, STR("\r\n"));
}

/// RFC 6533 3: the type says whether it is ASCII.
static void put_address_field(struct buf *out, const char *name, struct str address)
{
    buf_putf(out, "%s: %s; %.*s\r\n", name, is_ascii(address) ? "rfc822" : "utf-8",
             STR_ARG(address));
}

/// "rfc822;ana+40example.test" of ORCPT: its type, and the address out of xtext. The envelope lets
/// no other form through; what cannot be read is left out.
static void put_original(struct buf *out, const struct report_recipient *r)
{
    CLEANUP(buf_drop) struct buf address = {0};
    struct str rest = r->orcpt, type;

    if (rest.len == 0) {
        if (r->original.len > 0)
            put_address_field(out, "Original-Recipient", r->original);
        return;
    }
    buf_init(&address, 1024);
    if (!str_split(&rest, ';', &type) || !rest.ptr || !put_xtext_decoded(&address, rest) ||
        !address_is_utf8(buf_str(&address)))
        return;
    buf_put(out, STR("Original-Recipient: "));
    put_clean(out, type, 64);
    buf_put(out, STR("; "));
    for (size_t i = 0; i < address.len; i++)
        buf_put_char(out, (unsigned char)address.ptr[i] < 32 ? '?' : address.ptr[i]);
    buf_put(out, STR("\r\n"));
}

/// "mx1.example.org (192.0.2.1)" without what stands in parentheses.
static struct str name_of(struct str host)
{
    ptrdiff_t blank = str_find(host, ' ');

    return blank < 0 ? host : str_head(host, (size_t)blank);
}

static void put_diagnostic(struct buf *out, const struct report_recipient *r)
{
    if (r->text.len == 0 && r->code == 0)
        return;
    // RFC 3464 2.3.6: "smtp" is a reply of a server
    if (r->host.len > 0 && r->code != 0) {
        buf_putf(out, "Diagnostic-Code: smtp; %u ", r->code);
        if (r->status.len > 0)
            buf_putf(out, "%.*s ", STR_ARG(r->status));
    } else {
        buf_put(out, STR("Diagnostic-Code: X-Carteiro; "));
    }
    put_clean(out, r->text, DIAGNOSTIC_MAX);
    buf_put(out, STR("\r\n"));
}

static void put_status_recipient(struct buf *out, const struct report_recipient *r)
{
    static const char *const actions[] = {
        [REPORT_FAILED] = "failed",       [REPORT_DELAYED] = "delayed",
        [REPORT_DELIVERED] = "delivered", [REPORT_RELAYED] = "relayed",
        [REPORT_EXPANDED] = "expanded",
    };

    buf_put(out, STR("\r\n"));
    put_original(out, r);
    put_address_field(out, "Final-Recipient", r->address);
    buf_putf(out, "Action: %s\r\nStatus: ", actions[r->action]);
    report_put_status(out, r);
    buf_put(out, STR("\r\n"));
    if (r->host.len > 0) {
        buf_put(out, STR("Remote-MTA: dns; "));
        put_clean(out, name_of(r->host), 255);
        buf_put(out, STR("\r\n"));
    }
    put_diagnostic(out, r);
    if (r->attempt_s != 0)
        put_date_field(out, "Last-Attempt-Date", r->attempt_s);
    if (r->action == REPORT_DELAYED && r->retry_until_s != 0)
        put_date_field(out, "Will-Retry-Until", r->retry_until_s);
}

static void put_status(struct buf *out, const struct report *report)
{
    CLEANUP(buf_drop) struct buf envid = {0};

    buf_init(&envid, 1024);
    buf_putf(out, "Reporting-MTA: dns; %.*s\r\n", STR_ARG(report->host));
    if (report->envid.len > 0 && put_xtext_decoded(&envid, report->envid)) {
        buf_put(out, STR("Original-Envelope-Id: "));
        put_clean(out, buf_str(&envid), 500);
        buf_put(out, STR("\r\n"));
    }
    put_date_field(out, "Arrival-Date", report->arrived_s);
    for (size_t i = 0; i < report->count; i++)
        put_status_recipient(out, &report->recipients[i]);
}

static void put_status_part(struct buf *out, const struct report *report, struct report_kind *kind)
{
    CLEANUP(buf_drop) struct buf status = {0};

    buf_init(&status, WORDS_MAX);
    put_status(&status, report);
    if (is_ascii(buf_str(&status))) {
        begin_part(out, report, "message/delivery-status");
        buf_put(out, STR("\r\n"));
    } else {
        begin_part(out, report, "message/global-delivery-status");
        buf_put(out, STR("Content-Transfer-Encoding: 8bit\r\n\r\n"));
        kind->is_8bit = true;
    }
    buf_put(out, buf_str(&status));
}

// ---- the words

static void put_words_part(struct buf *out, const struct report *report)
{
    CLEANUP(buf_drop) struct buf words = {0}, encoded = {0};

    buf_init(&words, WORDS_MAX);
    buf_init(&encoded, 3 * (size_t)WORDS_MAX);
    report_put_words(&words, report);
    begin_part(out, report, "text/plain; charset=utf-8");
    buf_put(out, STR("Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
    encoding_put_quoted_printable(&encoded, buf_str(&words));
    buf_put(out, buf_str(&encoded));
}

// ---- the message or its header

/// Lines with CRLF, as far as `bytes` reach.
static void put_with_crlf(struct buf *out, struct str bytes)
{
    struct str line;

    while (bytes.len > 0 && str_split(&bytes, '\n', &line)) {
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        buf_put(out, line);
        buf_put(out, STR("\r\n"));
    }
}

/// RFC 6522 4, RFC 6533 6.3: message/global and its header for mail whose header is not ASCII.
static void put_original_part(struct buf *out, const struct report *report,
                              struct report_kind *kind)
{
    size_t len = header_len(report->original);
    struct str header = str_head(report->original, len);
    bool is_utf8 = !is_ascii(header), is_8bit;
    struct str part = report->is_full ? report->original : header;

    is_8bit = !is_ascii(part);
    if (report->is_full)
        begin_part(out, report, is_utf8 ? "message/global" : "message/rfc822");
    else
        begin_part(out, report, is_utf8 ? "message/global-headers" : "text/rfc822-headers");
    if (is_8bit)
        buf_put(out, STR("Content-Transfer-Encoding: 8bit\r\n"));
    buf_put(out, STR("\r\n"));
    put_with_crlf(out, part);
    kind->is_8bit |= is_8bit;
}

// ---- the whole

static void put_header(struct buf *out, const struct report *report)
{
    CLEANUP(buf_drop) struct buf value = {0};

    buf_init(&value, 4096);
    buf_put(out, STR("Date: "));
    date_put(out, (struct date){.seconds = report->now_s});
    buf_putf(out, "\r\nFrom: Mail Delivery System <%.*s>\r\n", STR_ARG(report->from));
    buf_putf(out, "To: <%.*s>\r\n", STR_ARG(report->to));
    word_put(&value, report_subject(report));
    header_put(out, STR("Subject"), buf_str(&value));
    buf_putf(out, "Message-ID: <%016llx.%016llx@%.*s>\r\n", (unsigned long long)report->id,
             (unsigned long long)report->mail_id, STR_ARG(report->host));
    buf_putf(out,
             "Auto-Submitted: auto-replied\r\n" // RFC 3834 5
             "MIME-Version: 1.0\r\n"
             "Content-Type: multipart/report; report-type=delivery-status;\r\n"
             "\tboundary=\"");
    put_boundary(out, report);
    buf_put(out, STR("\"\r\n"));
}

void report_put(struct buf *out, const struct report *report, struct report_kind *kind)
{
    CLEANUP(buf_drop) struct buf parts = {0};

    CHECK(report->count > 0);
    *kind = (struct report_kind){.is_utf8 = !is_ascii(report->to) || !is_ascii(report->from)};
    buf_init(&parts, out->max);
    put_words_part(&parts, report);
    put_status_part(&parts, report, kind);
    put_original_part(&parts, report, kind);
    put_header(out, report);
    if (kind->is_8bit)
        buf_put(out, STR("Content-Transfer-Encoding: 8bit\r\n"));
    buf_put(out, STR("\r\n"));
    buf_put(out, buf_str(&parts));
    buf_put(out, STR("\r\n--"));
    put_boundary(out, report);
    buf_put(out, STR("--\r\n"));
}
