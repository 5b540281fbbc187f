// SPDX-License-Identifier: ISC
#include "mail/charset.h"

#include <errno.h>
#include <iconv.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

enum { NAME_MAX_BYTES = 40, PIECE_BYTES = 1024, DECOMPOSED_MAX = 64 };

enum { SHARP_S = 0xdf, CAPITAL_SHARP_S = 0x1e9e };

#define REPLACEMENT STR("\xef\xbf\xbd")

bool charset_is_ascii(struct str bytes)
{
    size_t i = 0;
    uint64_t word;

    for (; i + 8 <= bytes.len; i += 8) {
        memcpy(&word, bytes.ptr + i, 8);
        if (word & 0x8080808080808080ULL)
            return false;
    }
    for (; i < bytes.len; i++) {
        if (bytes.ptr[i] & 0x80)
            return false;
    }
    return true;
}

bool charset_is_utf8(struct str bytes)
{
    return charset_is_ascii(bytes) || !u8_check((const uint8_t *)bytes.ptr, bytes.len);
}

void charset_put_valid(struct buf *out, struct str utf8)
{
    while (utf8.len && buf_ok(out)) {
        const uint8_t *start = (const uint8_t *)utf8.ptr;
        const uint8_t *bad = charset_is_ascii(utf8) ? NULL : u8_check(start, utf8.len);
        size_t good = bad ? (size_t)(bad - start) : utf8.len;

        buf_put(out, str_head(utf8, good));
        utf8 = str_skip(utf8, good);
        if (utf8.len) {
            buf_put(out, REPLACEMENT);
            utf8 = str_skip(utf8, 1);
        }
    }
}

static void put_code_point(struct buf *out, ucs4_t c)
{
    uint8_t bytes[6];
    int len = u8_uctomb(bytes, c, sizeof(bytes));

    if (len > 0)
        buf_put(out, str_of(bytes, (size_t)len));
    else
        buf_put(out, REPLACEMENT);
}

// By hand: the most frequent charset after UTF-8, and the fallback that must always be there.
static void put_windows_1252(struct buf *out, struct str bytes)
{
    static const uint16_t high[32] = {
        0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
        0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178};

    for (size_t i = 0; i < bytes.len && buf_ok(out);) {
        size_t start = i;
        unsigned char c;

        while (i < bytes.len && !(bytes.ptr[i] & 0x80))
            i++;
        buf_put(out, str_of(bytes.ptr + start, i - start));
        if (i == bytes.len)
            return;
        c = (unsigned char)bytes.ptr[i++];
        put_code_point(out, c < 0xa0 ? high[c - 0x80] : c);
    }
}

static void put_unknown(struct buf *out, struct str bytes)
{
    if (charset_is_utf8(bytes))
        buf_put(out, bytes);
    else
        put_windows_1252(out, bytes);
}

// What mail calls a charset, and the wider charset its bytes are really in.
static struct str real_name(struct str name)
{
    static const struct {
        struct str alias, name;
    } aliases[] = {
        {STR("utf8"), STR("UTF-8")},
        {STR("unicode-1-1-utf-7"), STR("UTF-7")},
        {STR("unicode-1-1-utf-8"), STR("UTF-8")},
        {STR("ascii"), STR("US-ASCII")},
        {STR("ansi_x3.4-1968"), STR("US-ASCII")},
        {STR("iso-8859-1"), STR("WINDOWS-1252")},
        {STR("iso8859-1"), STR("WINDOWS-1252")},
        {STR("iso_8859-1"), STR("WINDOWS-1252")},
        {STR("latin1"), STR("WINDOWS-1252")},
        {STR("latin-1"), STR("WINDOWS-1252")},
        {STR("cp1252"), STR("WINDOWS-1252")},
        {STR("iso-8859-8-i"), STR("ISO-8859-8")},
        {STR("iso-8859-8-e"), STR("ISO-8859-8")},
        {STR("iso-8859-6-i"), STR("ISO-8859-6")},
        {STR("iso-8859-9"), STR("WINDOWS-1254")},
        {STR("iso-8859-11"), STR("WINDOWS-874")},
        {STR("tis-620"), STR("WINDOWS-874")},
        {STR("gb2312"), STR("GB18030")},
        {STR("gb_2312-80"), STR("GB18030")},
        {STR("gbk"), STR("GB18030")},
        {STR("x-gbk"), STR("GB18030")},
        {STR("ks_c_5601-1987"), STR("CP949")},
        {STR("ks_c_5601"), STR("CP949")},
        {STR("euc-kr"), STR("CP949")},
        {STR("shift_jis"), STR("CP932")},
        {STR("shift-jis"), STR("CP932")},
        {STR("x-sjis"), STR("CP932")},
        {STR("windows-31j"), STR("CP932")},
        {STR("x-euc-jp"), STR("EUC-JP")},
        {STR("x-big5"), STR("BIG5")},
        {STR("x-mac-roman"), STR("MACINTOSH")},
        {STR("x-mac-cyrillic"), STR("MAC-CYRILLIC")},
    };

    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        if (str_case_eq(name, aliases[i].alias))
            return aliases[i].name;
    }
    return name;
}

// A name may carry a language, "iso-8859-1*pt" (RFC 2231 5).
static struct str without_language(struct str name)
{
    ptrdiff_t star = str_find(name, '*');

    return str_trim(star < 0 ? name : str_head(name, (size_t)star));
}

// Slashes would be read by iconv as options.
static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!char_is_alpha(c) && !char_is_digit(c) && c != '-' && c != '_' && c != '.' &&
            c != ':' && c != '+')
            return false;
    }
    return name.len && name.len <= NAME_MAX_BYTES;
}

static iconv_t open_by_name(struct str name)
{
    char text[NAME_MAX_BYTES + 1] = "";

    if (!is_name(name))
        return (iconv_t)-1;
    memcpy(text, name.ptr, name.len);
    return iconv_open("UTF-8", text);
}

// One round: converts until the piece is full or a byte cannot be read, which is then skipped.
static bool convert_piece(iconv_t cd, char **at, size_t *left, struct buf *out)
{
    char piece[PIECE_BYTES], *to = piece;
    size_t room = sizeof(piece);
    size_t r = iconv(cd, *left ? at : NULL, left, &to, &room);
    int error = errno;

    buf_put(out, str_of(piece, sizeof(piece) - room));
    if (r != (size_t)-1)
        return false;
    if (error == E2BIG)
        return true;
    buf_put(out, REPLACEMENT);
    if (error != EILSEQ || *left == 0)
        return false; // EINVAL: cut in the middle of a character
    ++*at;
    --*left;
    return true;
}

static bool put_by_iconv(struct buf *out, struct str name, struct str bytes)
{
    iconv_t cd = open_by_name(name);
    char *at = (char *)(uintptr_t)bytes.ptr; // iconv does not write to it
    size_t left = bytes.len;

    if (cd == (iconv_t)-1)
        return false;
    while (left && buf_ok(out) && convert_piece(cd, &at, &left, out))
        ;
    left = 0;
    convert_piece(cd, &at, &left, out); // what a stateful charset holds back
    iconv_close(cd);
    return true;
}

bool charset_put_utf8(struct buf *out, struct str charset, struct str bytes)
{
    struct str name = real_name(without_language(charset));

    if (str_case_eq(name, STR("UTF-8"))) {
        charset_put_valid(out, bytes);
        return true;
    }
    if (str_case_eq(name, STR("US-ASCII"))) {
        put_unknown(out, bytes);
        return true;
    }
    if (str_case_eq(name, STR("WINDOWS-1252"))) {
        put_windows_1252(out, bytes);
        return true;
    }
    if (put_by_iconv(out, name, bytes))
        return true;
    put_unknown(out, bytes);
    return false;
}

bool charset_is_known(struct str charset)
{
    struct str name = real_name(without_language(charset));
    iconv_t cd;

    if (str_case_eq(name, STR("UTF-8")) || str_case_eq(name, STR("US-ASCII")) ||
        str_case_eq(name, STR("WINDOWS-1252")))
        return true;
    cd = open_by_name(name);
    if (cd == (iconv_t)-1)
        return false;
    iconv_close(cd);
    return true;
}

static void put_folded_char(struct buf *out, ucs4_t c)
{
    if (c == SHARP_S || c == CAPITAL_SHARP_S)
        buf_put(out, STR("ss"));
    else
        put_code_point(out, uc_tolower(uc_totitle(c)));
}

// One character, taken apart until nothing of it can be taken apart. Each step replaces the first
// code point of `left` by what it consists of.
static void put_decomposed(struct buf *out, ucs4_t c)
{
    ucs4_t left[DECOMPOSED_MAX] = {c}, parts[UC_DECOMPOSITION_MAX_LENGTH];
    size_t count = 1;
    int tag;

    while (count) {
        int more = uc_decomposition(left[0], &tag, parts);

        if (more <= 0 || count - 1 + (size_t)more > DECOMPOSED_MAX) {
            put_folded_char(out, left[0]);
            more = 0;
        }
        memmove(left + more, left + 1, (count - 1) * sizeof(left[0]));
        memcpy(left, parts, (size_t)more * sizeof(left[0]));
        count += (size_t)more - 1;
    }
}

/// How many bytes from the start are ASCII.
static size_t ascii_len(struct str bytes)
{
    size_t i = 0;
    uint64_t words[4];

    for (; i + sizeof(words) <= bytes.len; i += sizeof(words)) {
        memcpy(words, bytes.ptr + i, sizeof(words));
        if ((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080ULL)
            break;
    }
    while (i < bytes.len && !(bytes.ptr[i] & 0x80))
        i++;
    return i;
}

/// In a form that compilers turn into vectors: most text is ASCII.
static void lower_ascii(char *restrict to, const char *restrict from, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)from[i];
        unsigned char is_upper = (unsigned char)(c - 'A') < 26;

        to[i] = (char)(c | (unsigned char)(is_upper << 5));
    }
}

void charset_put_folded(struct buf *out, struct str utf8)
{
    for (size_t i = 0; i < utf8.len && buf_ok(out);) {
        size_t len = ascii_len(str_skip(utf8, i));
        char *to = buf_room(out, len);
        ucs4_t c;

        if (!to)
            return;
        lower_ascii(to, utf8.ptr + i, len);
        buf_added(out, len);
        i += len;
        if (i == utf8.len)
            return;
        i += (size_t)u8_mbtouc(&c, (const uint8_t *)utf8.ptr + i, utf8.len - i);
        put_decomposed(out, c);
    }
}
