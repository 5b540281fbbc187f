// SPDX-License-Identifier: ISC
#include "mail/outcome.h"

#include "base/scan.h"

enum verdict outcome_verdict(unsigned code)
{
    if (code >= 200 && code <= 399)
        return DONE;
    return code >= 500 && code <= 599 ? NEVER : LATER;
}

/// status-code = class "." subject "." detail; one digit, then up to three each
static bool scan_enhanced(struct scan *in, struct str *out)
{
    struct scan at = *in;
    uint64_t part;

    if (!scan_u64(&at, 5, &part) || (part != 2 && part != 4 && part != 5) || at.at != in->at + 1 ||
        !scan_char(&at, '.') || !scan_u64(&at, 999, &part) || !scan_char(&at, '.') ||
        !scan_u64(&at, 999, &part))
        return false;
    if (!scan_is_end(&at) && scan_peek(&at) != ' ' && scan_peek(&at) != '\t')
        return false;
    *out = str_of(in->at, (size_t)(at.at - in->at));
    *in = at;
    return true;
}

struct str outcome_take_enhanced(unsigned code, struct str *text)
{
    struct scan in = scan_of(*text);
    struct str enhanced;

    if (!scan_enhanced(&in, &enhanced) || (unsigned)(enhanced.ptr[0] - '0') != code / 100)
        return STR("");
    scan_blank(&in);
    *text = scan_rest(&in);
    return enhanced;
}

static void put_clean(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        buf_put_char(out, (unsigned char)s.ptr[i] < 32 || s.ptr[i] == 127 ? ' ' : s.ptr[i]);
}

void outcome_put_reply(struct buf *out, const struct outcome *o)
{
    struct str rest = o->text.ptr ? o->text : STR(""), line;

    while (str_split(&rest, '\n', &line)) {
        buf_putf(out, "%03u%c", o->code, rest.ptr ? '-' : ' ');
        if (o->enhanced.len) {
            put_clean(out, o->enhanced);
            buf_put_char(out, ' ');
        }
        put_clean(out, line);
        buf_put(out, STR("\r\n"));
    }
}
