// SPDX-License-Identifier: ISC
//
// text_put_stripped_html of mail/text.h: a walk over tags and entities, no tree.
#include "base/scan.h"
#include "mail/text.h"

#include <unistr.h>

enum { ENTITY_NAME_MAX = 10 };

// Latin-1 letters; a capital first letter stands 32 below the small one.
static const struct {
    struct str name;
    ucs4_t code;
} entities[] = {
    {STR("amp"), '&'},      {STR("lt"), '<'},       {STR("gt"), '>'},       {STR("quot"), '"'},
    {STR("apos"), '\''},    {STR("nbsp"), ' '},     {STR("agrave"), 0xe0},  {STR("aacute"), 0xe1},
    {STR("acirc"), 0xe2},   {STR("atilde"), 0xe3},  {STR("auml"), 0xe4},    {STR("aring"), 0xe5},
    {STR("aelig"), 0xe6},   {STR("ccedil"), 0xe7},  {STR("egrave"), 0xe8},  {STR("eacute"), 0xe9},
    {STR("ecirc"), 0xea},   {STR("euml"), 0xeb},    {STR("igrave"), 0xec},  {STR("iacute"), 0xed},
    {STR("icirc"), 0xee},   {STR("iuml"), 0xef},    {STR("ntilde"), 0xf1},  {STR("ograve"), 0xf2},
    {STR("oacute"), 0xf3},  {STR("ocirc"), 0xf4},   {STR("otilde"), 0xf5},  {STR("ouml"), 0xf6},
    {STR("oslash"), 0xf8},  {STR("ugrave"), 0xf9},  {STR("uacute"), 0xfa},  {STR("ucirc"), 0xfb},
    {STR("uuml"), 0xfc},    {STR("szlig"), 0xdf},   {STR("euro"), 0x20ac},  {STR("hellip"), 0x2026},
    {STR("ndash"), 0x2013}, {STR("mdash"), 0x2014}, {STR("lsquo"), 0x2018}, {STR("rsquo"), 0x2019},
    {STR("ldquo"), 0x201c}, {STR("rdquo"), 0x201d}, {STR("bull"), 0x2022},  {STR("copy"), 0xa9},
    {STR("reg"), 0xae},     {STR("laquo"), 0xab},   {STR("raquo"), 0xbb},   {STR("ordm"), 0xba},
    {STR("ordf"), 0xaa},
};

static ucs4_t entity_code(struct str name)
{
    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        bool is_letter = entities[i].code >= 0xe0 && entities[i].code <= 0xfe;

        if (!str_case_eq(name, entities[i].name))
            continue;
        return is_letter && name.ptr[0] != entities[i].name.ptr[0] ? entities[i].code - 32
                                                                   : entities[i].code;
    }
    return 0;
}

// "#233" or "#xE9", after the "#"
static ucs4_t number_code(struct str digits)
{
    ucs4_t code = 0;
    uint64_t decimal;

    if (digits.len && char_lower(digits.ptr[0]) == 'x') {
        for (size_t i = 1; i < digits.len; i++) {
            if (char_hex(digits.ptr[i]) < 0)
                return 0;
            code = code << 4 | (ucs4_t)char_hex(digits.ptr[i]);
        }
        return digits.len > 7 ? 0 : code;
    }
    return str_to_u64(digits, 0x10ffff, &decimal) ? (ucs4_t)decimal : 0;
}

static bool is_entity_char(char c)
{
    return char_is_alpha(c) || char_is_digit(c) || c == '#';
}

static void take_entity(struct scan *in, struct buf *out)
{
    struct scan at = *in;
    uint8_t bytes[6];
    struct str name;
    ucs4_t code = 0;
    int len;

    if (scan_char(&at, '&') && scan_while(&at, is_entity_char, ENTITY_NAME_MAX, &name))
        code = name.ptr[0] == '#' ? number_code(str_skip(name, 1)) : entity_code(name);
    len = code ? u8_uctomb(bytes, code, sizeof(bytes)) : -1;
    if (len < 0) {
        buf_put_char(out, '&');
        in->at++;
        return;
    }
    scan_char(&at, ';');
    buf_put(out, str_of(bytes, (size_t)len));
    *in = at;
}

static void skip_past(struct scan *in, struct str end)
{
    ptrdiff_t at = str_find_str(scan_rest(in), end);

    in->at = at < 0 ? in->end : in->at + at + (ptrdiff_t)end.len;
}

// Past the ">" of a tag; quoted attribute values may hold one.
static void skip_tag_rest(struct scan *in)
{
    for (; !scan_is_end(in); in->at++) {
        char c = *in->at;

        if (c == '>') {
            in->at++;
            return;
        }
        if ((c == '"' || c == '\'') && in->at[-1] == '=') {
            ptrdiff_t len = str_find(str_skip(scan_rest(in), 1), c);

            if (len >= 0)
                in->at += len + 1;
        }
    }
}

// "</script" in any case; what is between was no text.
static void skip_element(struct scan *in, struct str name)
{
    while (!scan_is_end(in)) {
        struct scan at;

        skip_past(in, STR("</"));
        at = *in;
        if (scan_case_word(&at, name)) {
            *in = at;
            skip_tag_rest(in);
            return;
        }
    }
}

static bool is_alnum(char c)
{
    return char_is_alpha(c) || char_is_digit(c);
}

static bool is_inline(struct str name)
{
    static const struct str names[] = {STR("a"),   STR("b"),    STR("i"),    STR("u"),
                                       STR("em"),  STR("s"),    STR("span"), STR("strong"),
                                       STR("img"), STR("font"), STR("sub"),  STR("sup"),
                                       STR("big"), STR("code"), STR("small")};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_case_eq(name, names[i]))
            return true;
    }
    return false;
}

static void take_tag(struct scan *in, struct buf *out)
{
    struct scan at = *in;
    struct str name = STR_NONE;
    bool is_closing, is_declaration;

    scan_char(&at, '<');
    if (scan_word(&at, STR("!--"))) {
        *in = at;
        skip_past(in, STR("-->"));
        return;
    }
    is_closing = scan_char(&at, '/');
    is_declaration = scan_peek(&at) == '!' || scan_peek(&at) == '?';
    if (!is_declaration && (scan_is_end(&at) || !char_is_alpha(*at.at))) {
        buf_put_char(out, '<');
        in->at++;
        return;
    }
    (void)scan_while(&at, is_alnum, SIZE_MAX, &name);
    *in = at;
    skip_tag_rest(in);
    if (!is_closing && (str_case_eq(name, STR("script")) || str_case_eq(name, STR("style"))))
        skip_element(in, name);
    if (!is_inline(name))
        buf_put_char(out, '\n');
}

void text_put_stripped_html(struct buf *out, struct str html)
{
    struct scan in = scan_of(html);

    while (!scan_is_end(&in) && buf_ok(out)) {
        const char *start = in.at;

        while (!scan_is_end(&in) && *in.at != '<' && *in.at != '&')
            in.at++;
        buf_put(out, str_of(start, (size_t)(in.at - start)));
        if (scan_is_end(&in))
            return;
        if (*in.at == '<')
            take_tag(&in, out);
        else
            take_entity(&in, out);
    }
}
