// SPDX-License-Identifier: ISC
#include "mail/param.h"

#include "base/cleanup.h"
#include "base/scan.h"
#include "mail/charset.h"
#include "mail/word.h"

enum { COMMENT_DEPTH_MAX = 1000 };

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Blanks, line ends and nested comments.
static void skip_cfws(struct scan *in)
{
    unsigned depth = 0;

    for (; !scan_is_end(in); in->at++) {
        char c = *in->at;

        if (c == '(' && depth < COMMENT_DEPTH_MAX)
            depth++;
        else if (c == ')' && depth)
            depth--;
        else if (c == '\\' && depth && in->at + 1 < in->end)
            in->at++;
        else if (!depth && !is_space(c))
            return;
    }
}

// Mild: 8-bit bytes and most specials, since unquoted file names are common.
static bool is_value_char(char c)
{
    return !is_space(c) && c != ';' && c != '"' && c != '(' && c != '\0';
}

static bool is_name_char(char c)
{
    return is_value_char(c) && c != '=' && c != '/';
}

static bool is_type_char(char c)
{
    return c > 32 && c < 127 && !strchr("()<>@,;:\\\"/[]?=", c);
}

// After the opening quote; a missing closing one ends with the text. Folds are taken out.
static struct str scan_quoted(struct arena *a, struct scan *in)
{
    size_t max = 0, len = 0;
    char *copy;

    for (const char *p = in->at; p < in->end && *p != '"';
         p += *p == '\\' && p + 1 < in->end ? 2 : 1)
        max++;
    copy = arena_alloc(a, max + 1);
    for (; !scan_is_end(in) && *in->at != '"'; in->at++) {
        if (*in->at == '\\' && in->at + 1 < in->end)
            in->at++;
        else if (*in->at == '\r' || *in->at == '\n')
            continue;
        copy[len++] = *in->at;
    }
    scan_char(in, '"');
    return str_of(copy, len);
}

static struct str scan_value(struct arena *a, struct scan *in)
{
    struct str value;

    if (scan_char(in, '"'))
        return scan_quoted(a, in);
    if (scan_while(in, is_value_char, SIZE_MAX, &value))
        return arena_str(a, value);
    return str_of("", 0);
}

static void skip_to_semicolon(struct scan *in)
{
    bool is_quoted = false;

    for (; !scan_is_end(in); in->at++) {
        if (*in->at == '"')
            is_quoted = !is_quoted;
        else if (*in->at == '\\' && is_quoted && in->at + 1 < in->end)
            in->at++;
        else if (*in->at == ';' && !is_quoted)
            return;
    }
}

static bool scan_param(struct arena *a, struct scan *in, struct param *out)
{
    struct str name;

    skip_cfws(in);
    if (!scan_while(in, is_name_char, SIZE_MAX, &name))
        return false;
    skip_cfws(in);
    if (!scan_char(in, '='))
        return false;
    skip_cfws(in);
    out->name = arena_str(a, name);
    out->value = scan_value(a, in);
    return true;
}

static void scan_list(struct arena *a, struct scan *in, struct param_list *list)
{
    struct param found[PARAM_COUNT_MAX];
    size_t count = 0;

    skip_to_semicolon(in);
    while (count < PARAM_COUNT_MAX && scan_char(in, ';')) {
        if (scan_param(a, in, &found[count]))
            count++;
        skip_to_semicolon(in);
    }
    *list = (struct param_list){0};
    if (count == 0)
        return;
    list->params = ARENA_ARRAY(a, struct param, count);
    memcpy(list->params, found, count * sizeof(found[0]));
    list->count = count;
}

bool param_parse(struct arena *a, struct str text, struct str *type, struct str *subtype,
                 struct param_list *list)
{
    struct scan in = scan_of(str_head(text, PARAM_TEXT_MAX));
    struct str first, second = STR_NONE;
    bool is_good;

    skip_cfws(&in);
    is_good = scan_while(&in, is_type_char, SIZE_MAX, &first);
    if (is_good && subtype) {
        skip_cfws(&in);
        is_good = scan_char(&in, '/');
        skip_cfws(&in);
        is_good = is_good && scan_while(&in, is_type_char, SIZE_MAX, &second);
    }
    if (is_good) {
        *type = arena_str(a, first);
        if (subtype)
            *subtype = arena_str(a, second);
    }
    scan_list(a, &in, list);
    param_join(a, list);
    return is_good;
}

struct str param_find(const struct param_list *list, struct str name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_case_eq(list->params[i].name, name))
            return list->params[i].value;
    }
    return STR_NONE;
}

static void put_percent_decoded(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '%' && i + 2 < s.len && char_hex(s.ptr[i + 1]) >= 0 &&
            char_hex(s.ptr[i + 2]) >= 0) {
            buf_put_char(out, (char)(char_hex(s.ptr[i + 1]) << 4 | char_hex(s.ptr[i + 2])));
            i += 2;
        } else {
            buf_put_char(out, s.ptr[i]);
        }
    }
}

// charset'language'text; takes the front off.
static struct str take_charset(struct str *value)
{
    struct str rest = *value, charset, language;

    if (!str_split(&rest, '\'', &charset) || !str_split(&rest, '\'', &language) || !rest.ptr)
        return STR("");
    *value = rest;
    return charset;
}

static bool is_extended_name(struct str name, struct str base)
{
    return name.len == base.len + 1 && name.ptr[base.len] == '*' && str_case_starts(name, base);
}

bool param_put_decoded(struct buf *out, const struct param_list *list, struct str name)
{
    CLEANUP(buf_drop) struct buf bytes = {0};
    struct str charset, plain;

    buf_init(&bytes, PARAM_DECODED_MAX);
    for (size_t i = 0; i < list->count; i++) {
        struct str value = list->params[i].value;

        if (is_extended_name(list->params[i].name, name)) {
            charset = take_charset(&value);
            put_percent_decoded(&bytes, value);
            charset_put_utf8(out, charset, buf_str(&bytes));
            return true;
        }
    }
    plain = param_find(list, name);
    if (plain.ptr)
        word_put_decoded(out, str_head(plain, PARAM_DECODED_MAX));
    return plain.ptr;
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_type_char(s.ptr[i]))
            return false;
    }
    return s.len;
}

static void put_extended(struct buf *out, struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        if (char_is_alpha(c) || char_is_digit(c) || (c && strchr("-._~!#$&+", c)))
            buf_put_char(out, c);
        else
            buf_putf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < 32 || s.ptr[i] == 127)
            return false;
    }
    return true;
}

void param_put(struct buf *out, struct str name, struct str value)
{
    buf_put(out, STR("; "));
    buf_put(out, name);
    if (is_token(value)) {
        buf_put_char(out, '=');
        buf_put(out, value);
        return;
    }
    if (!is_printable(value)) {
        buf_put(out, STR("*=utf-8''"));
        put_extended(out, value);
        return;
    }
    buf_put(out, STR("=\""));
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"' || value.ptr[i] == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, value.ptr[i]);
    }
    buf_put_char(out, '"');
}
