// SPDX-License-Identifier: ISC
#include "proto/imap/scan.h"

bool imap_is_atom_char(char c)
{
    return (unsigned char)c > 0x20 && (unsigned char)c < 0x7f && !strchr("(){%*\"\\]", c);
}

static bool is_astring_char(char c)
{
    return imap_is_atom_char(c) || c == ']';
}

static bool is_tag_char(char c)
{
    return is_astring_char(c) && c != '+';
}

static bool is_pattern_char(char c)
{
    return is_astring_char(c) || c == '%' || c == '*' || (unsigned char)c >= 0x80;
}

/// Some clients send UTF-8 without quotes; names and passwords alone gain from letting it through.
static bool is_mild_astring_char(char c)
{
    return is_astring_char(c) || (unsigned char)c >= 0x80;
}

static size_t rest_len(const struct scan *in)
{
    return (size_t)(in->end - in->at);
}

bool imap_line_literal(struct str line, struct imap_literal *out)
{
    struct imap_literal found = {.is_sync = true};
    size_t end = line.len, start;

    if (end < 3 || line.ptr[--end] != '}')
        return false;
    if (line.ptr[end - 1] == '+') {
        found.is_sync = false;
        end--;
    }
    for (start = end; start > 0 && char_is_digit(line.ptr[start - 1]); start--)
        continue;
    if (start == end || start == 0 || line.ptr[start - 1] != '{')
        return false;
    if (!str_to_u64(str_of(line.ptr + start, end - start), UINT32_MAX, &found.size))
        found.size = UINT32_MAX;
    found.head_size = start - 1;
    *out = found;
    return true;
}

bool imap_scan_tag(struct scan *in, struct str *out)
{
    return scan_while(in, is_tag_char, rest_len(in), out);
}

bool imap_scan_atom(struct scan *in, struct str *out)
{
    return scan_while(in, imap_is_atom_char, rest_len(in), out);
}

bool imap_scan_word(struct scan *in, struct str word)
{
    struct scan at = *in;
    struct str atom;

    if (!imap_scan_atom(&at, &atom) || !str_case_eq(atom, word))
        return false;
    *in = at;
    return true;
}

/// `"` *QUOTED-CHAR `"`
static bool scan_quoted(struct scan *in, struct arena *arena, struct str *out)
{
    struct scan at = *in;
    size_t escapes = 0, len = 0;
    const char *start;
    char *copy;

    if (!scan_char(&at, '"'))
        return false;
    for (start = at.at; at.at < at.end && *at.at != '"'; at.at++) {
        if (*at.at == '\\') {
            at.at++;
            escapes++;
            if (at.at == at.end || (*at.at != '"' && *at.at != '\\'))
                return false;
        }
        if (*at.at == '\0' || *at.at == '\r' || *at.at == '\n')
            return false;
    }
    if (at.at == at.end)
        return false;
    *out = str_of(start, (size_t)(at.at - start));
    in->at = at.at + 1;
    if (escapes == 0)
        return true;
    copy = arena_alloc(arena, out->len);
    for (size_t i = 0; i < out->len; i++) {
        if (out->ptr[i] == '\\')
            i++;
        copy[len++] = out->ptr[i];
    }
    *out = str_of(copy, len);
    return true;
}

/// "{" number ["+"] "}" CRLF *OCTET
static bool scan_octets(struct scan *in, struct str *out)
{
    struct scan at = *in;
    uint64_t size;

    if (!scan_char(&at, '{') || !scan_u64(&at, UINT32_MAX, &size))
        return false;
    (void)scan_char(&at, '+');
    if (!scan_word(&at, STR("}\r\n")) || size > rest_len(&at))
        return false;
    *out = str_of(at.at, size);
    in->at = at.at + size;
    return true;
}

/// The same without NUL.
static bool scan_literal(struct scan *in, struct str *out)
{
    struct scan at = *in;
    struct str found;

    if (!scan_octets(&at, &found) || memchr(found.ptr, 0, found.len))
        return false;
    *out = found;
    *in = at;
    return true;
}

bool imap_scan_literal8(struct scan *in, struct str *out)
{
    struct scan at = *in;

    if (!scan_char(&at, '~') || !scan_octets(&at, out))
        return false;
    *in = at;
    return true;
}

bool imap_scan_string(struct scan *in, struct arena *arena, struct str *out)
{
    return scan_quoted(in, arena, out) || scan_literal(in, out);
}

bool imap_scan_astring(struct scan *in, struct arena *arena, struct str *out)
{
    return scan_while(in, is_mild_astring_char, rest_len(in), out) ||
           imap_scan_string(in, arena, out);
}

bool imap_scan_nstring(struct scan *in, struct arena *arena, struct str *out)
{
    if (!imap_scan_word(in, STR("NIL")))
        return imap_scan_string(in, arena, out);
    *out = STR_NONE;
    return true;
}

bool imap_scan_pattern(struct scan *in, struct arena *arena, struct str *out)
{
    return scan_while(in, is_pattern_char, rest_len(in), out) || imap_scan_string(in, arena, out);
}

bool imap_scan_number(struct scan *in, uint32_t *out)
{
    uint64_t number;

    if (!scan_u64(in, UINT32_MAX, &number))
        return false;
    *out = (uint32_t)number;
    return true;
}

bool imap_scan_nz_number(struct scan *in, uint32_t *out)
{
    struct scan at = *in;
    uint32_t number;

    if (scan_peek(in) == '0' || !imap_scan_number(&at, &number))
        return false;
    *in = at;
    *out = number;
    return true;
}
