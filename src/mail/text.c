// SPDX-License-Identifier: ISC
#include "mail/text.h"

#include "base/cleanup.h"
#include "mail/charset.h"
#include "mail/encoding.h"
#include "mail/header.h"
#include "mail/word.h"

enum {
    DECODER_SLACK = 256,
    // A decoded header, or a search word, is small.
    FIELD_MAX = 256 * 1024,
};

// As much as fits, whole characters only.
static struct str fitting(struct str utf8, size_t room)
{
    if (utf8.len > room) {
        while (room && ((unsigned char)utf8.ptr[room] & 0xc0) == 0x80)
            room--;
        utf8.len = room;
    }
    return utf8;
}

static void put_fitting(struct buf *out, struct str utf8)
{
    buf_put(out, fitting(utf8, out->max - out->len));
}

static bool is_html(const struct mime_part *part)
{
    return mime_is_type(part, STR("text"), STR("html")) ||
           mime_is_type(part, STR("text"), STR("xml"));
}

static bool decodes_to_itself(enum encoding encoding)
{
    return encoding != ENCODING_QUOTED_PRINTABLE && encoding != ENCODING_BASE64;
}

/// Are ASCII bytes in that charset the characters they look like?
static bool holds_ascii(struct str charset)
{
    return charset.ptr == NULL || str_case_eq(charset, STR("utf-8")) ||
           str_case_eq(charset, STR("us-ascii")) || str_case_starts(charset, STR("iso-8859-")) ||
           str_case_starts(charset, STR("windows-125"));
}

/// What is worked out of one part at a time; memory is used again for the next.
struct workroom {
    struct buf bytes, utf8, plain, whole, folded;
};

static void workroom_done(struct workroom *w)
{
    buf_done(&w->bytes);
    buf_done(&w->utf8);
    buf_done(&w->plain);
    buf_done(&w->whole);
    buf_done(&w->folded);
}

static struct buf *clean(struct buf *b, size_t max)
{
    buf_clear(b);
    b->max = max;
    return b;
}

/// The text of a part, a view of the message where that is possible or of the workroom; empty for
/// parts that are not text.
static struct str text_of_part(struct workroom *w, const struct mime_part *part, struct str message)
{
    struct str text = str_head(mime_body_of(message, part), TEXT_MAX), charset;
    enum encoding encoding = encoding_of(part->encoding);

    if (part->kind != MIME_LEAF || part->is_opaque || !mime_is_type(part, STR("text"), STR("")))
        return STR_NONE;
    if (!decodes_to_itself(encoding)) {
        encoding_decode(clean(&w->bytes, text.len + DECODER_SLACK), encoding, text);
        text = buf_str(&w->bytes);
    }
    charset = param_find(&part->params, STR("charset"));
    if (!holds_ascii(charset) || !charset_is_ascii(text)) {
        // one byte of a charset, three of UTF-8
        clean(&w->utf8, text.len * 3 + DECODER_SLACK);
        charset_put_utf8(&w->utf8, charset.ptr ? charset : STR("us-ascii"), text);
        text = buf_str(&w->utf8);
    }
    if (!is_html(part))
        return text;
    text_put_stripped_html(clean(&w->plain, text.len * 2 + DECODER_SLACK), text);
    return buf_str(&w->plain);
}

void text_put_part(struct buf *out, const struct mime_part *part, struct str message)
{
    CLEANUP(workroom_done) struct workroom w = {0};

    put_fitting(out, text_of_part(&w, part, message));
}

static void put_field(struct buf *out, const struct header_field *f)
{
    CLEANUP(buf_drop) struct buf line = {0};

    buf_init(&line, FIELD_MAX * 4);
    buf_put(&line, f->name);
    buf_put(&line, STR(": "));
    word_put_decoded(&line, str_head(f->value, FIELD_MAX));
    buf_put_char(&line, '\n');
    put_fitting(out, buf_str(&line));
}

static void put_header(struct buf *out, struct str header)
{
    struct header_iter it = header_iter_of(str_head(header, TEXT_MAX));
    struct header_field f;

    while (header_next(&it, &f) && out->len < out->max)
        put_field(out, &f);
}

static bool is_inner_message(const struct mime *m, const struct mime_part *part)
{
    return part->parent >= 0 && m->parts[part->parent].kind == MIME_MESSAGE;
}

// What one part has for a reader: the header of a message within, and its text.
static void put_part_text(struct buf *out, const struct mime *m, const struct mime_part *part,
                          struct str message)
{
    if (is_inner_message(m, part))
        put_header(out, mime_header_of(message, part));
    text_put_part(out, part, message);
}

void text_put_body(struct buf *out, const struct mime *m, struct str message)
{
    for (size_t i = 0; i < m->count && out->len < out->max; i++) {
        size_t before = out->len;

        put_part_text(out, m, &m->parts[i], message);
        if (out->len > before)
            put_fitting(out, STR("\n"));
    }
}

bool text_put_needle(struct buf *out, struct str charset, struct str word)
{
    CLEANUP(buf_drop) struct buf utf8 = {0};

    if (!charset_is_known(charset))
        return false;
    buf_init(&utf8, word.len * 3 + DECODER_SLACK);
    charset_put_utf8(&utf8, charset, word);
    charset_put_folded(out, buf_str(&utf8));
    return true;
}

static size_t folded_max(struct str utf8)
{
    return utf8.len * 2 + FIELD_MAX;
}

/// In the form in which needles are.
static void fold(struct buf *out, struct str utf8)
{
    buf_init(out, folded_max(utf8));
    charset_put_folded(out, utf8);
}

bool text_each_field(struct str header, bool (*each)(void *arg, struct str name, struct str folded),
                     void *arg)
{
    struct header_iter it = header_iter_of(header);
    struct header_field f;

    while (header_next(&it, &f)) {
        CLEANUP(buf_drop) struct buf value = {0}, folded = {0};

        buf_init(&value, FIELD_MAX * 4);
        word_put_decoded(&value, str_head(f.value, FIELD_MAX));
        fold(&folded, buf_str(&value));
        if (!each(arg, f.name, buf_str(&folded)))
            return false;
    }
    return true;
}

bool text_header_has(struct str header, struct str name, struct str needle)
{
    struct header_iter it = header_iter_of(header);
    struct header_field f;

    while (header_next(&it, &f)) {
        CLEANUP(buf_drop) struct buf value = {0}, folded = {0};

        if (!str_case_eq(f.name, name))
            continue;
        if (needle.len == 0)
            return true;
        buf_init(&value, FIELD_MAX * 4);
        word_put_decoded(&value, str_head(f.value, FIELD_MAX));
        fold(&folded, buf_str(&value));
        if (str_find_str(buf_str(&folded), needle) >= 0)
            return true;
    }
    return false;
}

static bool each_header(const struct mime *m, struct str message, text_each_fn each, void *arg)
{
    CLEANUP(buf_drop) struct buf header = {0}, folded = {0};

    buf_init(&header, TEXT_MAX);
    put_header(&header, mime_header_of(message, &m->parts[0]));
    fold(&folded, buf_str(&header));
    return each(arg, true, buf_str(&folded));
}

/// What put_part_text puts, `room` bytes at most; mostly without putting it anywhere.
static struct str part_text(struct workroom *w, const struct mime *m, const struct mime_part *part,
                            struct str message, size_t room)
{
    if (!is_inner_message(m, part))
        return fitting(text_of_part(w, part, message), room);
    put_part_text(clean(&w->whole, room), m, part, message);
    return buf_str(&w->whole);
}

bool text_each(const struct mime *m, struct str message, bool with_header, text_each_fn each,
               void *arg)
{
    CLEANUP(workroom_done) struct workroom w = {0};
    size_t left = TEXT_MAX;

    if (with_header && !each_header(m, message, each, arg))
        return false;
    for (size_t i = 0; i < m->count && left; i++) {
        struct str text = part_text(&w, m, &m->parts[i], message, left);

        left -= text.len;
        if (text.len == 0)
            continue;
        charset_put_folded(clean(&w.folded, folded_max(text)), text);
        if (!each(arg, false, buf_str(&w.folded)))
            return false;
    }
    return true;
}

struct finding {
    struct text_query *queries;
    size_t count;
};

/// Which of the queries not answered yet does this text answer? False: none is left.
static bool find_in(void *arg, bool is_header, struct str folded)
{
    struct finding *f = arg;
    size_t left = 0;

    for (size_t i = 0; i < f->count; i++) {
        struct text_query *q = &f->queries[i];

        if (!q->found && (q->in_header || !is_header))
            q->found = str_find_str(folded, q->needle) >= 0;
        left += !q->found;
    }
    return left > 0;
}

void text_find(const struct mime *m, struct str message, struct text_query *queries, size_t count)
{
    bool in_header = false, is_open = false;

    for (size_t i = 0; i < count; i++) {
        queries[i].found = queries[i].needle.len == 0;
        in_header |= queries[i].in_header && !queries[i].found;
        is_open |= !queries[i].found;
    }
    if (is_open)
        text_each(m, message, in_header, find_in, &(struct finding){queries, count});
}

bool text_body_has(const struct mime *m, struct str message, struct str needle)
{
    struct text_query query = {.needle = needle};

    text_find(m, message, &query, 1);
    return query.found;
}

bool text_message_has(const struct mime *m, struct str message, struct str needle)
{
    struct text_query query = {.needle = needle, .in_header = true};

    text_find(m, message, &query, 1);
    return query.found;
}
