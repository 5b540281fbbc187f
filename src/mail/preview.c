// SPDX-License-Identifier: ISC
#include "mail/preview.h"

#include "base/cleanup.h"
#include "mail/text.h"

#include <unictype.h>
#include <unistr.h>

enum { DECODED_MAX = 4 * PREVIEW_HTML_LOOK };

static bool is_html(const struct mime_part *part)
{
    return mime_is_type(part, STR("text"), STR("html"));
}

size_t preview_look(const struct mime_part *part)
{
    size_t look = is_html(part) ? PREVIEW_HTML_LOOK : PREVIEW_PLAIN_LOOK;

    return part->end - part->body < look ? part->end - part->body : look;
}

/// To be read at once: not a file that came along.
static bool is_words(const struct mime_part *part)
{
    return part->kind == MIME_LEAF && !part->is_opaque &&
           (is_html(part) || mime_is_type(part, STR("text"), STR("plain"))) &&
           !str_case_eq(part->disposition, STR("attachment"));
}

size_t preview_parts(const struct mime *m, size_t out[PREVIEW_PARTS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < m->count && count < PREVIEW_PARTS_MAX; i++) {
        if (is_words(&m->parts[i]))
            out[count++] = i;
    }
    return count;
}

/// Lines that begin with ">" are somebody else's words (RFC 3676 4.5).
static struct str skip_quoted(struct str text)
{
    while (text.len && text.ptr[0] == '>') {
        ptrdiff_t end = str_find(text, '\n');

        text = end < 0 ? STR("") : str_skip(text, (size_t)end + 1);
    }
    return text;
}

/// Fillers that senders hide after the words meant for a preview stand among these.
static bool is_invisible(ucs4_t c)
{
    return c < ' ' || c == 0x7f || c == 0xfffd || c == 0x34f || c == 0x61c ||
           uc_is_property_default_ignorable_code_point(c);
}

static bool is_blank(ucs4_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || c == '\f' || uc_is_property_white_space(c);
}

/// The first characters, blanks between words as one space.
static void put_words(struct buf *out, struct str text, bool has_quotes)
{
    bool is_line_start = true, blank_waits = false;
    size_t chars = 0;

    while (text.len && chars < PREVIEW_CHARS_MAX) {
        ucs4_t c;
        size_t len;

        if (is_line_start && has_quotes) {
            text = skip_quoted(text);
            if (!text.len)
                return;
        }
        len = (size_t)u8_mbtouc(&c, (const uint8_t *)text.ptr, text.len);
        is_line_start = c == '\n';
        if (is_blank(c)) {
            blank_waits = chars > 0;
        } else if (!is_invisible(c)) {
            if (blank_waits && ++chars < PREVIEW_CHARS_MAX)
                buf_put_char(out, ' ');
            if (chars == PREVIEW_CHARS_MAX)
                return;
            blank_waits = false;
            buf_put(out, str_head(text, len));
            chars++;
        }
        text = str_skip(text, len);
    }
}

void preview_put(struct buf *out, const struct mime *m, struct str message)
{
    size_t parts[PREVIEW_PARTS_MAX], count = preview_parts(m, parts), before = out->len;

    for (size_t i = 0; i < count && out->len == before; i++) {
        CLEANUP(buf_drop) struct buf text = {0};
        struct mime_part part = m->parts[parts[i]];

        part.end = part.body + preview_look(&part);
        buf_init(&text, DECODED_MAX);
        text_put_part(&text, &part, message);
        put_words(out, buf_str(&text), !is_html(&part));
    }
}
