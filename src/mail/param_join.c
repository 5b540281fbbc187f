// SPDX-License-Identifier: ISC
//
// Parameters that came in pieces (RFC 2231 3 and 4.1), "name*0" "name*1*" ..., become one, as IMAP
// tells them (RFC 2231 6, RFC 9051 7.5.2): "name" with the values joined or, when a piece has
// percent signs to undo, "name*" with a value of the same meaning as all of them.
#include "base/cleanup.h"
#include "base/scan.h"
#include "mail/param.h"

enum { JOINED_MAX = 4 * PARAM_TEXT_MAX }; // three for each byte that must be written as %XX

struct piece {
    struct str base; // "name"
    uint64_t number;
    bool is_extended; // "name*0*": has percent signs, and the first a charset
};

static bool is_piece(struct str name, struct piece *out)
{
    struct str rest = name;
    struct scan in;

    if (!str_split(&rest, '*', &out->base) || !rest.ptr || out->base.len == 0)
        return false;
    in = scan_of(rest);
    if (!scan_u64(&in, PARAM_COUNT_MAX, &out->number))
        return false;
    out->is_extended = scan_char(&in, '*');
    return scan_is_end(&in);
}

/// Where piece `number` of `base` stands; list->count when it is not there.
static size_t find(const struct param_list *list, struct str base, uint64_t number,
                   struct piece *out)
{
    size_t i = 0;

    while (i < list->count && !(is_piece(list->params[i].name, out) && out->number == number &&
                                str_case_eq(out->base, base)))
        i++;
    return i;
}

/// A plain piece of a value that has percent signs elsewhere (RFC 2231 7: attribute-char).
static void put_as_extended(struct buf *out, struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        if (c <= 32 || c >= 127 || strchr("*'%()<>@,;:\\\"/[]?=", c))
            buf_putf(out, "%%%02X", (unsigned)(unsigned char)c);
        else
            buf_put_char(out, c);
    }
}

static bool has_extended(const struct param_list *list, struct str base)
{
    struct piece p;

    for (uint64_t n = 0; find(list, base, n, &p) < list->count; n++) {
        if (p.is_extended)
            return true;
    }
    return false;
}

/// Joins what belongs to piece 0 and marks it as used.
static struct param join(struct arena *a, const struct param_list *list, struct piece first,
                         bool used[PARAM_COUNT_MAX])
{
    CLEANUP(buf_drop) struct buf value = {.max = JOINED_MAX}, name = {.max = JOINED_MAX};
    bool is_extended = has_extended(list, first.base);
    struct piece p;
    size_t at;

    if (is_extended && !first.is_extended)
        buf_put(&value, STR("''")); // no charset, no language
    for (uint64_t n = 0; (at = find(list, first.base, n, &p)) < list->count; n++) {
        used[at] = true;
        if (is_extended && !p.is_extended)
            put_as_extended(&value, list->params[at].value);
        else
            buf_put(&value, list->params[at].value);
    }
    buf_put(&name, first.base);
    if (is_extended)
        buf_put_char(&name, '*');
    return (struct param){arena_str(a, buf_str(&name)), arena_str(a, buf_str(&value))};
}

static bool has_first_piece(const struct param_list *list)
{
    struct piece p;

    for (size_t i = 0; i < list->count; i++) {
        if (is_piece(list->params[i].name, &p) && p.number == 0)
            return true;
    }
    return false;
}

void param_join(struct arena *a, struct param_list *list)
{
    bool used[PARAM_COUNT_MAX] = {false};
    struct param_list out = {0};
    struct piece p, first;

    if (!has_first_piece(list))
        return;
    out.params = ARENA_ARRAY(a, struct param, list->count);
    memcpy(out.params, list->params, list->count * sizeof(out.params[0]));
    for (size_t i = 0; i < list->count; i++) {
        if (!is_piece(list->params[i].name, &p) || find(list, p.base, 0, &first) != i)
            continue;
        out.params[i] = join(a, list, first, used);
        used[i] = false; // it stands where piece 0 stood
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!used[i])
            out.params[out.count++] = out.params[i];
    }
    *list = out;
}
