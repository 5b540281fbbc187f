// SPDX-License-Identifier: ISC
//
// Goes from line to line beside the parser of MIME, which is asked after each line where it is now.
// Only what may be a boundary is held until its line is whole, and the line end before it, which
// belongs to it (RFC 2046 5.1.1). Of a header, what follows a Content-Transfer-Encoding is held
// until its end, for only there it is known of what kind the part is.
#include "mail/binary.h"

#include "base/check.h"
#include "mail/downgrade_body.h"
#include "mail/encoding.h"
#include "mail/mime.h"

#include <stdlib.h>

enum {
    // A longer line is no boundary: MIME_BOUNDARY_MAX, four hyphens and some padding.
    LINE_HELD_MAX = 1024,
    // A header that is longer behind its Content-Transfer-Encoding keeps it.
    TAIL_MAX = 128 * 1024,
};

struct binary {
    struct mime_parser *parser;
    struct mime_place place; // before the line that is read
    struct buf line;         // its beginning, held
    bool is_long;            // more of the line than is held has been put
    const char *ending;      // of the line before, held: "", "\n" or "\r\n"
    struct downgrade_body body;
    // the header
    struct buf tail;  // from its Content-Transfer-Encoding on
    size_t label_len; // of which this is the field
    bool is_in_label; // the last line belongs to it
    bool has_tail, is_tail_full;
};

struct binary *binary_new(void)
{
    struct binary *b = calloc(1, sizeof *b);

    CHECK(b);
    b->parser = mime_parser_new();
    b->place = mime_parser_place(b->parser);
    b->ending = "";
    buf_init(&b->line, LINE_HELD_MAX + 1);
    buf_init(&b->tail, TAIL_MAX);
    return b;
}

void binary_free(struct binary *b)
{
    if (!b)
        return;
    mime_parser_free(b->parser);
    buf_done(&b->line);
    buf_done(&b->tail);
    downgrade_body_done(&b->body);
    free(b);
}

// ---- what becomes of a part

static bool is_signed(const struct mime *m, int part)
{
    for (int i = m->parts[part].parent; i >= 0; i = m->parts[i].parent) {
        if (mime_is_type(&m->parts[i], STR("multipart"), STR("signed")))
            return true;
    }
    return false;
}

/// Composite types are not encoded (RFC 2045 6.4), whatever is in them.
static bool is_composite(const struct mime_part *part)
{
    return part->kind != MIME_LEAF || part->is_opaque ||
           mime_is_type(part, STR("message"), STR("")) ||
           mime_is_type(part, STR("multipart"), STR(""));
}

static bool is_labelled(const struct mime_part *part)
{
    return part->encoding.ptr && encoding_of(part->encoding) == ENCODING_BINARY;
}

// ---- bodies

static void put_body(struct binary *b, struct str bytes, struct buf *out)
{
    downgrade_body_put(&b->body, bytes, out);
}

/// The line end that was held belongs to the body after all.
static void put_ending(struct binary *b, struct buf *out)
{
    put_body(b, str_from(b->ending), out);
    b->ending = "";
}

// ---- headers

static void begin_header(struct binary *b)
{
    buf_clear(&b->tail);
    b->label_len = 0;
    b->is_in_label = b->has_tail = b->is_tail_full = false;
}

static bool is_label(struct str line)
{
    ptrdiff_t colon = str_find(line, ':');

    return colon >= 0 &&
           str_case_eq(str_trim(str_head(line, (size_t)colon)), STR("Content-Transfer-Encoding"));
}

/// A line of the header, or a piece of a long one.
static void put_header(struct binary *b, struct str line, bool is_begin, struct buf *out)
{
    bool is_folded = line.ptr[0] == ' ' || line.ptr[0] == '\t';

    if (is_begin && !is_folded) {
        // only the first counts
        b->is_in_label = !b->has_tail && !b->is_tail_full && is_label(line);
        b->has_tail |= b->is_in_label;
    }
    if (b->has_tail && b->tail.len + line.len > TAIL_MAX) {
        buf_put(out, buf_str(&b->tail));
        buf_clear(&b->tail);
        b->has_tail = false;
        b->is_tail_full = true;
    }
    if (!b->has_tail) {
        buf_put(out, line);
        return;
    }
    buf_put(&b->tail, line);
    if (b->is_in_label)
        b->label_len = b->tail.len;
}

/// The header of that part is over: now it is known what becomes of its label and of its body.
static enum downgrade_how end_header(struct binary *b, const struct mime *m, int i, struct buf *out)
{
    const struct mime_part *part = &m->parts[i];
    bool is_changed = b->has_tail && is_labelled(part) && !is_signed(m, i);
    bool is_encoded = is_changed && !is_composite(part);

    if (is_changed) {
        buf_put(out, STR("Content-Transfer-Encoding: "));
        buf_put(out, is_encoded ? STR("base64\r\n") : STR("8bit\r\n"));
        buf_put(out, str_skip(buf_str(&b->tail), b->label_len));
    } else if (b->has_tail) {
        buf_put(out, buf_str(&b->tail));
    }
    begin_header(b);
    return is_encoded ? DOWNGRADE_BASE64 : DOWNGRADE_KEEP;
}

// ---- lines

/// A line of a header is whole. `text` is what of it has not been put yet.
static void on_header_line(struct binary *b, struct str text, struct mime_place now,
                           struct buf *out)
{
    bool is_same = now.part == b->place.part && now.in_header;
    bool is_empty = !b->is_long && (str_eq(text, STR("\r\n")) || str_eq(text, STR("\n")));
    enum downgrade_how how;

    if (is_same) {
        if (text.len > 0)
            put_header(b, text, !b->is_long, out);
        return;
    }
    // the empty line, or a boundary that cuts the header short
    how = end_header(b, now.mime, b->place.part, out);
    buf_put(out, text);
    downgrade_body_begin(&b->body, is_empty && !now.in_header ? how : DOWNGRADE_KEEP);
}

/// A line of a body is whole, its end being `ending`.
static void on_body_line(struct binary *b, struct str text, const char *ending,
                         struct mime_place now, struct buf *out)
{
    if (now.part == b->place.part && now.mime_count == b->place.mime_count) {
        put_ending(b, out);
        put_body(b, text, out);
        b->ending = ending;
        return;
    }
    downgrade_body_end(&b->body, out);
    downgrade_body_begin(&b->body, DOWNGRADE_KEEP);
    put_ending(b, out);
    buf_put(out, text);
    buf_put(out, str_from(ending));
}

/// The line that is held has its end.
static void on_line(struct binary *b, struct buf *out)
{
    struct mime_place now = mime_parser_place(b->parser);
    struct str whole = buf_str(&b->line), text = whole;
    const char *ending = "";

    if (str_ends(text, STR("\n"))) {
        ending = str_ends(text, STR("\r\n")) ? "\r\n" : "\n";
        text.len -= strlen(ending);
    }
    if (b->place.in_header)
        on_header_line(b, whole, now, out);
    else
        on_body_line(b, text, ending, now, out);
    b->place = now;
    b->is_long = false;
    buf_clear(&b->line);
}

/// The line is longer than a boundary: what is held of it is put, but a CR that may belong to its
/// end.
static void on_long_line(struct binary *b, struct buf *out)
{
    struct str text = buf_str(&b->line);
    bool ends_in_cr = str_ends(text, STR("\r"));

    text.len -= ends_in_cr;
    if (b->place.in_header) {
        if (text.len > 0)
            put_header(b, text, !b->is_long, out);
    } else {
        put_ending(b, out);
        put_body(b, text, out);
    }
    b->is_long = true;
    buf_clear(&b->line);
    if (ends_in_cr)
        buf_put_char(&b->line, '\r');
}

void binary_put(struct binary *b, struct str bytes, struct buf *out)
{
    while (bytes.len > 0) {
        struct str piece = str_head(bytes, LINE_HELD_MAX - b->line.len);
        ptrdiff_t lf = str_find(piece, '\n');

        if (lf >= 0)
            piece = str_head(piece, (size_t)lf + 1);
        bytes = str_skip(bytes, piece.len);
        mime_parser_feed(b->parser, piece);
        buf_put(&b->line, piece);
        if (lf >= 0)
            on_line(b, out);
        else if (b->line.len == LINE_HELD_MAX)
            on_long_line(b, out);
    }
}

void binary_end(struct binary *b, struct buf *out)
{
    if (b->line.len > 0) {
        // the last line has no end: it may be a boundary all the same
        mime_parser_feed(b->parser, STR("\r\n"));
        on_line(b, out);
    }
    if (b->place.in_header) {
        end_header(b, mime_parser_place(b->parser).mime, b->place.part, out);
        return;
    }
    put_ending(b, out);
    downgrade_body_end(&b->body, out);
}
