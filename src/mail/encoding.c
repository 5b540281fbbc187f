// SPDX-License-Identifier: ISC
#include "mail/encoding.h"

enum { LINE_MAX_CHARS = 76, BYTES_PER_LINE = LINE_MAX_CHARS / 4 * 3 };

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum encoding encoding_of(struct str name)
{
    static const struct {
        struct str name;
        enum encoding encoding;
    } names[] = {
        {STR("7bit"), ENCODING_7BIT},     {STR(""), ENCODING_7BIT},
        {STR("8bit"), ENCODING_8BIT},     {STR("binary"), ENCODING_BINARY},
        {STR("base64"), ENCODING_BASE64}, {STR("quoted-printable"), ENCODING_QUOTED_PRINTABLE},
    };

    name = str_trim(name);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_case_eq(name, names[i].name))
            return names[i].encoding;
    }
    return ENCODING_UNKNOWN;
}

void encoding_put_base64(struct buf *out, struct str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    size_t len = (bytes.len + 2) / 3 * 4;
    char *to = buf_room(out, len);
    size_t left = bytes.len;

    if (!to)
        return;
    for (; left >= 3; left -= 3, p += 3) {
        *to++ = base64_digits[p[0] >> 2];
        *to++ = base64_digits[(p[0] & 3) << 4 | p[1] >> 4];
        *to++ = base64_digits[(p[1] & 15) << 2 | p[2] >> 6];
        *to++ = base64_digits[p[2] & 63];
    }
    if (left) {
        unsigned second = left == 2 ? p[1] : 0;

        *to++ = base64_digits[p[0] >> 2];
        *to++ = base64_digits[(p[0] & 3U) << 4 | second >> 4];
        *to++ = left == 2 ? base64_digits[(second & 15) << 2] : '=';
        *to++ = '=';
    }
    buf_added(out, len);
}

void encoding_put_base64_lines(struct buf *out, struct str bytes)
{
    for (; bytes.len; bytes = str_skip(bytes, BYTES_PER_LINE)) {
        encoding_put_base64(out, str_head(bytes, BYTES_PER_LINE));
        buf_put(out, STR("\r\n"));
    }
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool encoding_decode_base64(struct buf *out, struct str text)
{
    size_t padding = str_ends(text, STR("==")) ? 2 : str_ends(text, STR("=")) ? 1 : 0;
    size_t digits = text.len - padding;
    struct decoder d;

    if (text.len % 4)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (base64_value(text.ptr[i]) < 0)
            return false;
    }
    // the bits of the last digit that no byte uses
    if (padding && base64_value(text.ptr[digits - 1]) & (padding == 1 ? 3 : 15))
        return false;
    decoder_init(&d, ENCODING_BASE64);
    decoder_feed(&d, text, out);
    decoder_end(&d, out);
    return true;
}

static bool is_plain_in_quoted(char c)
{
    return c > 32 && c < 127 && c != '=';
}

// One line of text, without its line end, as one or more lines.
static void put_quoted_line(struct buf *out, struct str line)
{
    size_t column = 0;

    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        bool is_last = i + 1 == line.len;
        bool is_blank = (c == ' ' || c == '\t') && !is_last;
        bool is_guarded =
            column == 0 && ((c == 'F' && str_starts(str_skip(line, i), STR("From "))) ||
                            (c == '.' && line.len == 1));
        size_t width = (is_plain_in_quoted(c) || is_blank) && !is_guarded ? 1 : 3;

        if (column + width > LINE_MAX_CHARS - 1 && !(is_last && column + width <= LINE_MAX_CHARS)) {
            buf_put(out, STR("=\r\n"));
            column = 0;
        }
        if (width == 1)
            buf_put_char(out, c);
        else
            buf_putf(out, "=%02X", (unsigned)(unsigned char)c);
        column += width;
    }
}

void encoding_put_quoted_printable(struct buf *out, struct str text)
{
    while (text.len) {
        ptrdiff_t end = str_find(text, '\n');
        struct str line = end < 0 ? text : str_head(text, (size_t)end);

        if (end >= 0 && str_ends(line, STR("\r")))
            line.len--;
        put_quoted_line(out, line);
        if (end < 0)
            return;
        buf_put(out, STR("\r\n"));
        text = str_skip(text, (size_t)end + 1);
    }
}

void encoding_decode(struct buf *out, enum encoding encoding, struct str text)
{
    struct decoder d;

    decoder_init(&d, encoding);
    decoder_feed(&d, text, out);
    decoder_end(&d, out);
}

void decoder_init(struct decoder *d, enum encoding encoding)
{
    d->encoding = encoding;
    d->state = d->bits = d->bit_count = d->blanks = 0;
    d->first_digit = 0;
}

static void feed_base64(struct decoder *d, struct str text, struct buf *out)
{
    char *start = buf_room(out, (d->bit_count + text.len * 6) / 8), *to = start;

    if (!start)
        return;
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.ptr[i]);

        if (value >= 0) {
            d->bits = d->bits << 6 | (uint32_t)value;
            d->bit_count += 6;
            if (d->bit_count >= 8) {
                d->bit_count -= 8;
                *to++ = (char)(d->bits >> d->bit_count);
            }
        } else if (text.ptr[i] == '=') {
            d->bit_count = 0; // what follows is another text glued to the first
        }
    }
    buf_added(out, (size_t)(to - start));
}

enum quoted_state { PLAIN, AFTER_CR, AFTER_EQUALS, AFTER_DIGIT, SOFT_BLANKS, SOFT_CR };

static void put_blanks(struct decoder *d, struct buf *out)
{
    buf_put(out, str_of(d->blank, d->blanks));
    d->blanks = 0;
}

static void hold_blank(struct decoder *d, char c, struct buf *out)
{
    if (d->blanks == sizeof(d->blank))
        put_blanks(d, out);
    d->blank[d->blanks++] = c;
}

static bool is_blank_char(char c)
{
    return c == ' ' || c == '\t';
}

// What was held turned out to be no escape and no line end: it stands for itself.
static void put_held(struct decoder *d, struct buf *out)
{
    if (d->state >= AFTER_EQUALS)
        buf_put_char(out, '=');
    if (d->state == AFTER_DIGIT)
        buf_put_char(out, d->first_digit);
    put_blanks(d, out);
    if (d->state == AFTER_CR || d->state == SOFT_CR)
        buf_put_char(out, '\r');
    d->state = PLAIN;
}

static bool starts_line_end(struct decoder *d, char c, struct buf *out)
{
    if (c == '\n') {
        d->blanks = 0;
        if (d->state == AFTER_CR)
            buf_put(out, STR("\r\n"));
        else if (d->state == PLAIN)
            buf_put_char(out, '\n');
        d->state = PLAIN; // after "=" the line goes on
        return true;
    }
    if (c == '\r' && (d->state == PLAIN || d->state == AFTER_EQUALS || d->state == SOFT_BLANKS)) {
        d->state = d->state == PLAIN ? AFTER_CR : SOFT_CR;
        return true;
    }
    return false;
}

static void feed_quoted_char(struct decoder *d, char c, struct buf *out)
{
    if (d->state == AFTER_DIGIT) {
        if (char_hex(c) >= 0) {
            buf_put_char(out, (char)(char_hex(d->first_digit) << 4 | char_hex(c)));
            d->state = PLAIN;
            return;
        }
    } else {
        if (starts_line_end(d, c, out))
            return;
        if (d->state == AFTER_EQUALS && char_hex(c) >= 0) {
            d->first_digit = c;
            d->state = AFTER_DIGIT;
            return;
        }
        if (is_blank_char(c) && (d->state == AFTER_EQUALS || d->state == SOFT_BLANKS) &&
            d->blanks < sizeof(d->blank)) {
            d->state = SOFT_BLANKS;
            d->blank[d->blanks++] = c;
            return;
        }
    }
    if (d->state != PLAIN) {
        put_held(d, out);
        feed_quoted_char(d, c, out); // at most once: the state is PLAIN now
        return;
    }
    if (is_blank_char(c)) {
        hold_blank(d, c, out);
        return;
    }
    put_blanks(d, out);
    if (c == '=')
        d->state = AFTER_EQUALS;
    else
        buf_put_char(out, c);
}

static void feed_quoted(struct decoder *d, struct str text, struct buf *out)
{
    size_t i = 0;

    while (i < text.len) {
        size_t start = i;

        if (d->state == PLAIN && d->blanks == 0) {
            while (i < text.len && (is_plain_in_quoted(text.ptr[i]) || text.ptr[i] < 0))
                i++;
            buf_put(out, str_of(text.ptr + start, i - start));
        }
        if (i < text.len)
            feed_quoted_char(d, text.ptr[i++], out);
    }
}

void decoder_feed(struct decoder *d, struct str text, struct buf *out)
{
    if (d->encoding == ENCODING_BASE64)
        feed_base64(d, text, out);
    else if (d->encoding == ENCODING_QUOTED_PRINTABLE)
        feed_quoted(d, text, out);
    else
        buf_put(out, text);
}

void decoder_end(struct decoder *d, struct buf *out)
{
    if (d->encoding == ENCODING_QUOTED_PRINTABLE) {
        d->blanks = 0; // RFC 2045 6.7 (3): blanks at the end are not the sender's
        if (d->state == AFTER_CR || d->state == AFTER_DIGIT)
            put_held(d, out);
    }
    decoder_init(d, d->encoding);
}
