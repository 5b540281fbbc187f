// SPDX-License-Identifier: ISC
//
// Runs at memory speed in the common case: the search for bare CRs, LFs and NULs goes in blocks
// that the compiler turns into vector instructions, the search for dots from LF to LF by memchr.
#include "proto/smtp/text.h"

#include "base/check.h"

enum { BLOCK = 64 };

/// In bytes[0] to bytes[BLOCK - 1]: is there an LF whose byte before (bytes[-1] for the first) is
/// no CR, or a byte other than LF behind a CR? Both are the same question: "is LF" differs from
/// "stands behind CR". Bit 0: yes; bit 1: there is a NUL.
static unsigned look_at_block(const char *bytes)
{
    unsigned char bare = 0, nul = 0;

    for (int i = 0; i < BLOCK; i++) {
        bare |= (unsigned char)((bytes[i] == '\n') ^ (bytes[i - 1] == '\r'));
        nul |= (unsigned char)(bytes[i] == 0);
    }
    return bare | (unsigned)nul << 1;
}

static unsigned look_at_byte(char before, char c)
{
    return (unsigned)((c == '\n') ^ (before == '\r')) | (unsigned)(c == 0) << 1;
}

void smtp_text_look(struct smtp_text *t, struct str bytes)
{
    unsigned seen;
    size_t i = 1;

    if (bytes.len == 0)
        return;
    seen = look_at_byte(t->ends_in_cr ? '\r' : ' ', bytes.ptr[0]);
    for (; bytes.len - i >= BLOCK; i += BLOCK)
        seen |= look_at_block(bytes.ptr + i);
    for (; i < bytes.len; i++)
        seen |= look_at_byte(bytes.ptr[i - 1], bytes.ptr[i]);
    t->has_bare |= (seen & 1) != 0;
    t->has_nul |= (seen & 2) != 0;
    t->ends_in_cr = bytes.ptr[bytes.len - 1] == '\r';
}

void smtp_text_end(struct smtp_text *t)
{
    t->has_bare |= t->ends_in_cr;
    t->ends_in_cr = false;
}

// ---- dots off

/// How far text goes until a dot that starts a line (the dot not included), or to the end.
static size_t text_before_dot(struct str in)
{
    const char *at = in.ptr, *end = in.ptr + in.len;

    for (;;) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));

        if (!lf)
            return in.len;
        at = lf + 1;
        if (at == end)
            return in.len;
        if (*at == '.' && lf > in.ptr && lf[-1] == '\r')
            return (size_t)(at - in.ptr);
    }
}

/// Where the next byte stands after this text, which is not empty. The CR of a CR LF may have come
/// with the bytes before.
static enum smtp_dot_state state_after(struct str text, bool was_after_cr)
{
    char last = text.ptr[text.len - 1];

    if (last == '\r')
        return SMTP_DOT_CR;
    if (last == '\n' && (text.len > 1 ? text.ptr[text.len - 2] == '\r' : was_after_cr))
        return SMTP_DOT_LINE;
    return SMTP_DOT_TEXT;
}

/// The next run of text. Only in the states LINE, TEXT and CR, with something in *in.
static void take_text(struct smtp_dot *d, struct str *in, struct str *out)
{
    bool was_after_cr = d->state == SMTP_DOT_CR;
    size_t len;

    if (was_after_cr && in->ptr[0] == '\n')
        len = 1; // a dot may follow at once, and the CR is not there to be seen
    else
        len = text_before_dot(*in);
    *out = str_head(*in, len);
    *in = str_skip(*in, len);
    d->state = state_after(*out, was_after_cr);
    smtp_text_look(&d->text, *out);
}

bool smtp_dot_next(struct smtp_dot *d, struct str *in, struct str *out)
{
    *out = STR_NONE;
    if (d->state == SMTP_DOT_END || in->len == 0)
        return false;
    switch (d->state) {
    case SMTP_DOT_LINE:
        if (in->ptr[0] != '.') {
            take_text(d, in, out);
            return true;
        }
        d->state = SMTP_DOT_DOT;
        break;
    case SMTP_DOT_DOT:
        // RFC 5321 4.5.2: a dot before anything but the line's end is taken off
        if (in->ptr[0] != '\r') {
            d->state = SMTP_DOT_TEXT;
            take_text(d, in, out);
            return true;
        }
        d->state = SMTP_DOT_DOT_CR;
        break;
    case SMTP_DOT_DOT_CR:
        if (in->ptr[0] != '\n') {
            // CR LF . CR and something else: the CR is bare, the mail is refused, the CR not kept
            d->text.has_bare = true;
            d->state = SMTP_DOT_TEXT;
            take_text(d, in, out);
            return true;
        }
        d->state = SMTP_DOT_END;
        smtp_text_end(&d->text);
        break;
    default:
        CHECK(d->state == SMTP_DOT_TEXT || d->state == SMTP_DOT_CR);
        take_text(d, in, out);
        return true;
    }
    *in = str_skip(*in, 1);
    return true;
}

// ---- dots on

void smtp_stuff_put(struct smtp_stuff *s, struct str bytes, struct buf *out)
{
    size_t i = 0;

    if (bytes.len > 0 && s->ends_in_cr && bytes.ptr[0] == '\n')
        i = 1;
    if (bytes.len > 0)
        s->ends_in_cr = false;
    while (i < bytes.len) {
        size_t end = i;

        if (!s->is_within_line && !s->keeps_dots && bytes.ptr[i] == '.')
            buf_put_char(out, '.');
        while (end < bytes.len && bytes.ptr[end] != '\n' && bytes.ptr[end] != '\r')
            end++;
        buf_put(out, str_of(bytes.ptr + i, end - i));
        s->is_within_line = true;
        if (end == bytes.len)
            return;
        buf_put(out, STR("\r\n"));
        s->is_within_line = false;
        if (bytes.ptr[end] == '\r') {
            s->ends_in_cr = end + 1 == bytes.len;
            end += end + 1 < bytes.len && bytes.ptr[end + 1] == '\n';
        }
        i = end + 1;
    }
}

void smtp_stuff_end(struct smtp_stuff *s, struct buf *out)
{
    if (s->is_within_line)
        buf_put(out, STR("\r\n"));
    if (!s->keeps_dots)
        buf_put(out, STR(".\r\n"));
    *s = (struct smtp_stuff){0};
}
