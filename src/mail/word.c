// SPDX-License-Identifier: ISC
#include "mail/word.h"

#include "base/cleanup.h"
#include "base/scan.h"
#include "mail/charset.h"
#include "mail/encoding.h"

#include <unistr.h>

// Words longer than RFC 2047 allows are written every day; this bounds the search for their end.
enum { MILD_WORD_MAX = 4096 };

struct word {
    struct str charset;
    char encoding; // 'b' or 'q'
    struct str text;
};

static bool is_token_char(char c)
{
    return c > 32 && c < 127 && !strchr("()<>@,;:\"/[]?.=", c);
}

static bool is_charset_char(char c)
{
    return is_token_char(c) || c == '.' || c == ':';
}

/// encoded-word = "=?" charset "?" encoding "?" encoded-text "?="
static bool scan_encoded_word(struct scan *in, struct word *out)
{
    struct scan at = *in;
    struct word w = {0};
    ptrdiff_t len;

    if (!scan_word(&at, STR("=?")) || !scan_while(&at, is_charset_char, 80, &w.charset) ||
        !scan_char(&at, '?') || scan_is_end(&at))
        return false;
    w.encoding = char_lower(*at.at++);
    if ((w.encoding != 'b' && w.encoding != 'q') || !scan_char(&at, '?'))
        return false;
    len = str_find_str(str_head(scan_rest(&at), MILD_WORD_MAX), STR("?="));
    if (len < 0)
        return false;
    w.text = str_of(at.at, (size_t)len);
    // a bare "?" is wrong but seen; "=?" is the next word after one that was cut
    if (str_find(w.text, '\n') >= 0 || str_find_str(w.text, STR("=?")) >= 0 ||
        (w.encoding == 'b' && str_find(w.text, '?') >= 0))
        return false;
    at.at += len + 2;
    *in = at;
    *out = w;
    return true;
}

static void put_q_decoded(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '=' && i + 2 < text.len && char_hex(text.ptr[i + 1]) >= 0 &&
            char_hex(text.ptr[i + 2]) >= 0) {
            buf_put_char(out, (char)(char_hex(text.ptr[i + 1]) << 4 | char_hex(text.ptr[i + 2])));
            i += 2;
        } else {
            buf_put_char(out, c == '_' ? ' ' : c);
        }
    }
}

static void put_word_bytes(struct buf *out, struct word w)
{
    if (w.encoding == 'q')
        put_q_decoded(out, w.text);
    else
        encoding_decode(out, ENCODING_BASE64, w.text);
}

static bool skip_blanks(struct scan *in)
{
    const char *start = in->at;

    while (in->at < in->end && strchr(" \t\r\n", *in->at) && *in->at)
        in->at++;
    return in->at > start;
}

// Decoded text comes from strangers: no line ends or NULs of theirs in a line of ours.
static void put_one_line(struct buf *out, struct str utf8)
{
    for (size_t i = 0; i < utf8.len; i++) {
        char c = utf8.ptr[i];

        buf_put_char(out, c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
    }
}

// One encoded word and all that follow it with nothing but blanks between.
static bool put_words(struct buf *out, struct scan *in)
{
    CLEANUP(buf_drop) struct buf bytes = {0}, utf8 = {0};
    struct scan next;
    struct word w, before;

    if (!scan_encoded_word(in, &w))
        return false;
    buf_init(&bytes, scan_rest(in).len + w.text.len);
    buf_init(&utf8, (scan_rest(in).len + w.text.len + 1) * 4);
    for (;;) {
        put_word_bytes(&bytes, w);
        before = w;
        next = *in;
        skip_blanks(&next); // blanks between encoded words are not text (RFC 2047 6.2)
        if (!scan_encoded_word(&next, &w))
            break;
        *in = next;
        if (!str_case_eq(w.charset, before.charset)) {
            charset_put_utf8(&utf8, before.charset, buf_str(&bytes));
            buf_clear(&bytes);
        }
    }
    charset_put_utf8(&utf8, before.charset, buf_str(&bytes));
    put_one_line(out, buf_str(&utf8));
    return true;
}

static void put_raw(struct buf *out, struct str raw)
{
    CLEANUP(buf_drop) struct buf line = {0}, utf8 = {0};

    buf_init(&line, raw.len);
    buf_init(&utf8, raw.len * 4);
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        bool is_fold = c == '\t' && i > 0 && raw.ptr[i - 1] == '\n';

        if (c != '\r' && c != '\n')
            buf_put_char(&line, c && !is_fold ? c : ' ');
    }
    charset_put_utf8(&utf8, STR(""), buf_str(&line));
    buf_put(out, buf_str(&utf8));
}

static struct str trim_all(struct str s)
{
    while (s.len && s.ptr[0] && strchr(" \t\r\n", s.ptr[0]))
        s = str_skip(s, 1);
    while (s.len && s.ptr[s.len - 1] && strchr(" \t\r\n", s.ptr[s.len - 1]))
        s.len--;
    return s;
}

void word_put_decoded(struct buf *out, struct str value)
{
    struct str rest = trim_all(value);

    while (rest.len) {
        ptrdiff_t at = str_find_str(rest, STR("=?"));
        struct str plain = at < 0 ? rest : str_head(rest, (size_t)at);
        struct scan in;

        put_raw(out, plain);
        rest = str_skip(rest, plain.len);
        if (rest.len == 0)
            return;
        in = scan_of(rest);
        if (!put_words(out, &in)) {
            put_raw(out, str_head(rest, 2));
            in.at += 2;
        }
        rest = scan_rest(&in);
    }
}

static bool needs_encoding(struct str s)
{
    if (str_find_str(s, STR("=?")) >= 0)
        return true;
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] > 126 || (s.ptr[i] < 32 && s.ptr[i] != '\t'))
            return true;
    }
    return false;
}

// RFC 2047 5 (3): what may stand in a Q word anywhere, also in a phrase.
static bool is_q_plain(char c)
{
    return char_is_alpha(c) || char_is_digit(c) || (c && strchr("!*+-/", c));
}

static void put_q_char(struct buf *out, char c)
{
    if (c == ' ')
        buf_put_char(out, '_');
    else if (is_q_plain(c))
        buf_put_char(out, c);
    else
        buf_putf(out, "=%02X", (unsigned)(unsigned char)c);
}

static size_t q_len(struct str s)
{
    size_t len = 0;

    for (size_t i = 0; i < s.len; i++)
        len += is_q_plain(s.ptr[i]) || s.ptr[i] == ' ' ? 1 : 3;
    return len;
}

// The first bytes of s, whole characters only, that fit one word.
static size_t fitting(struct str s, bool is_q)
{
    static const size_t room = WORD_MAX - (sizeof("=?UTF-8?Q?"
                                                  "?=") -
                                           1);
    size_t len = 0;

    while (len < s.len) {
        int step = u8_mblen((const uint8_t *)s.ptr + len, s.len - len);
        size_t more = len + (step > 0 ? (size_t)step : 1);
        size_t coded = is_q ? q_len(str_head(s, more)) : (more + 2) / 3 * 4;

        if (coded > room)
            break;
        len = more;
    }
    return len;
}

static void put_encoded(struct buf *out, struct str utf8)
{
    bool is_q = q_len(utf8) <= (utf8.len + 2) / 3 * 4;

    while (utf8.len) {
        struct str piece = str_head(utf8, fitting(utf8, is_q));

        buf_put(out, is_q ? STR("=?UTF-8?Q?") : STR("=?UTF-8?B?"));
        if (!is_q)
            encoding_put_base64(out, piece);
        for (size_t i = 0; is_q && i < piece.len; i++)
            put_q_char(out, piece.ptr[i]);
        buf_put(out, STR("?="));
        utf8 = str_skip(utf8, piece.len);
        if (utf8.len)
            buf_put_char(out, ' ');
    }
}

void word_put(struct buf *out, struct str utf8)
{
    CLEANUP(buf_drop) struct buf valid = {0};

    if (!needs_encoding(utf8)) {
        buf_put(out, utf8);
        return;
    }
    buf_init(&valid, utf8.len * 3);
    charset_put_valid(&valid, utf8);
    put_encoded(out, buf_str(&valid));
}

static bool is_phrase_char(char c)
{
    return char_is_alpha(c) || char_is_digit(c) || (c && strchr(" !#$%&'*+-/=?^_`{|}~", c));
}

void word_put_phrase(struct buf *out, struct str utf8)
{
    size_t plain = 0;

    if (needs_encoding(utf8)) {
        word_put(out, utf8);
        return;
    }
    while (plain < utf8.len && is_phrase_char(utf8.ptr[plain]))
        plain++;
    if (plain == utf8.len && str_trim(utf8).len == utf8.len && utf8.len) {
        buf_put(out, utf8);
        return;
    }
    buf_put_char(out, '"');
    for (size_t i = 0; i < utf8.len; i++) {
        if (utf8.ptr[i] == '"' || utf8.ptr[i] == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, utf8.ptr[i]);
    }
    buf_put_char(out, '"');
}
