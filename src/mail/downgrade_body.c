// SPDX-License-Identifier: ISC
#include "mail/downgrade_body.h"

enum {
    HELD_MAX = 4096,     // of a line; longer ones are put in pieces
    BASE64_LINE = 57,    // bytes on a line of 76 characters
    QUOTED_COLUMNS = 76, // RFC 2045 6.7 (5)
};

static const struct str LABELS[] = {
    [ENCODING_7BIT] = STR("7bit"),     [ENCODING_8BIT] = STR("8bit"),
    [ENCODING_BINARY] = STR("binary"), [ENCODING_QUOTED_PRINTABLE] = STR("quoted-printable"),
    [ENCODING_BASE64] = STR("base64"),
};

/// Moves bytes up to the end of a line, or until `held` is full, into it. True when it is to be
/// put: it ends with LF or is full.
static bool hold_line(struct buf *held, struct str *bytes)
{
    struct str some = str_head(*bytes, HELD_MAX - held->len);
    ptrdiff_t end = str_find(some, '\n');

    if (end >= 0)
        some = str_head(some, (size_t)end + 1);
    buf_put(held, some);
    *bytes = str_skip(*bytes, some.len);
    return end >= 0 || held->len == HELD_MAX;
}

// ---- bodies

void downgrade_body_begin(struct downgrade_body *b, enum downgrade_how how)
{
    b->how = how;
    b->column = 0;
    b->held.max = HELD_MAX;
    buf_clear(&b->held);
}

void downgrade_body_done(struct downgrade_body *b)
{
    buf_done(&b->held);
}

static void put_quoted(struct downgrade_body *b, struct str bytes, struct buf *out)
{
    while (bytes.len > 0) {
        bool ends_in_cr;

        if (!hold_line(&b->held, &bytes))
            return;
        if (b->held.ptr[b->held.len - 1] == '\n') {
            encoding_put_quoted_printable(out, buf_str(&b->held));
            buf_clear(&b->held);
            continue;
        }
        // a piece of a line: the CR at its end may belong to an LF
        ends_in_cr = b->held.ptr[b->held.len - 1] == '\r';
        b->held.len -= ends_in_cr;
        encoding_put_quoted_printable(out, buf_str(&b->held));
        buf_put(out, STR("=\r\n"));
        buf_clear(&b->held);
        if (ends_in_cr)
            buf_put_char(&b->held, '\r');
    }
}

static void put_base64(struct downgrade_body *b, struct str bytes, struct buf *out)
{
    while (bytes.len > 0) {
        struct str some = str_head(bytes, BASE64_LINE - b->held.len);

        buf_put(&b->held, some);
        bytes = str_skip(bytes, some.len);
        if (b->held.len < BASE64_LINE)
            return;
        encoding_put_base64_lines(out, buf_str(&b->held));
        buf_clear(&b->held);
    }
}

static void put_escaped(struct downgrade_body *b, struct str bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        size_t width = c > 127 || c == 0 ? 3 : 1;

        if (width == 3 && b->column + width > QUOTED_COLUMNS - 1) {
            buf_put(out, STR("=\r\n"));
            b->column = 0;
        }
        if (width == 3)
            buf_putf(out, "=%02X", c);
        else
            buf_put_char(out, (char)c);
        b->column = c == '\n' ? 0 : b->column + width;
    }
}

static void put_masked(struct str bytes, bool drops, struct buf *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];

        if (c <= 127 && c != 0)
            buf_put_char(out, (char)c);
        else if (!drops)
            buf_put_char(out, '?');
    }
}

void downgrade_body_put(struct downgrade_body *b, struct str bytes, struct buf *out)
{
    switch (b->how) {
    case DOWNGRADE_KEEP:
        buf_put(out, bytes);
        break;
    case DOWNGRADE_QUOTED_PRINTABLE:
        put_quoted(b, bytes, out);
        break;
    case DOWNGRADE_BASE64:
        put_base64(b, bytes, out);
        break;
    case DOWNGRADE_ESCAPE:
        put_escaped(b, bytes, out);
        break;
    case DOWNGRADE_DROP:
    case DOWNGRADE_MASK:
        put_masked(bytes, b->how == DOWNGRADE_DROP, out);
        break;
    }
}

void downgrade_body_end(struct downgrade_body *b, struct buf *out)
{
    if (b->how == DOWNGRADE_QUOTED_PRINTABLE)
        encoding_put_quoted_printable(out, buf_str(&b->held));
    else if (b->how == DOWNGRADE_BASE64)
        encoding_put_base64_lines(out, buf_str(&b->held));
    buf_clear(&b->held);
}

// ---- headers

void downgrade_header_begin(struct downgrade_header *h, bool changes_label, enum encoding label,
                            bool is_message, bool needs_type)
{
    h->changes_label = changes_label;
    h->label = label;
    h->needs_version = is_message; // until one is seen
    h->needs_type = needs_type;
    h->is_within_line = h->is_dropping = h->has_put_fields = false;
    h->held.max = HELD_MAX;
    buf_clear(&h->held);
}

void downgrade_header_done(struct downgrade_header *h)
{
    buf_done(&h->held);
}

static void put_fields(struct downgrade_header *h, struct buf *out)
{
    if (!h->has_put_fields && h->needs_version)
        buf_put(out, STR("MIME-Version: 1.0\r\n"));
    if (!h->has_put_fields && h->needs_type)
        buf_put(out, STR("Content-Type: text/plain; charset=unknown-8bit\r\n"));
    if (!h->has_put_fields) {
        buf_put(out, STR("Content-Transfer-Encoding: "));
        buf_put(out, LABELS[h->label]);
        buf_put(out, STR("\r\n"));
    }
    h->has_put_fields = true;
}

static bool is_field(struct str line, struct str name)
{
    ptrdiff_t colon = str_find(line, ':');

    return colon >= 0 && str_case_eq(str_trim(str_head(line, (size_t)colon)), name);
}

/// A line, or the first piece of a long one: whose is it?
static void judge_line(struct downgrade_header *h, struct str line, struct buf *out)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return; // as the line before
    h->is_dropping = is_field(line, STR("Content-Transfer-Encoding"));
    if (is_field(line, STR("MIME-Version")))
        h->needs_version = false;
    if (str_eq(line, STR("\n")) || str_eq(line, STR("\r\n")))
        put_fields(h, out);
}

void downgrade_header_put(struct downgrade_header *h, struct str bytes, struct buf *out)
{
    if (!h->changes_label) {
        buf_put(out, bytes);
        return;
    }
    while (bytes.len > 0 && hold_line(&h->held, &bytes)) {
        struct str line = buf_str(&h->held);

        if (!h->is_within_line)
            judge_line(h, line, out);
        if (!h->is_dropping)
            buf_put(out, line);
        h->is_within_line = line.ptr[line.len - 1] != '\n';
        buf_clear(&h->held);
    }
}

void downgrade_header_end(struct downgrade_header *h, struct buf *out)
{
    if (!h->changes_label)
        return;
    if (h->held.len > 0 && !h->is_within_line)
        judge_line(h, buf_str(&h->held), out);
    if (!h->is_dropping)
        buf_put(out, buf_str(&h->held));
    put_fields(h, out);
    buf_clear(&h->held);
}
