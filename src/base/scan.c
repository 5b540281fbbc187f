// SPDX-License-Identifier: ISC
#include "base/scan.h"

bool scan_word(struct scan *in, struct str word)
{
    if (!str_starts(scan_rest(in), word))
        return false;
    in->at += word.len;
    return true;
}

bool scan_case_word(struct scan *in, struct str word)
{
    if (!str_case_starts(scan_rest(in), word))
        return false;
    in->at += word.len;
    return true;
}

bool scan_while(struct scan *in, bool (*is_one)(char), size_t max, struct str *out)
{
    const char *p = in->at;

    while (p < in->end && is_one(*p))
        p++;
    if (p == in->at || (size_t)(p - in->at) > max)
        return false;
    *out = str_of(in->at, (size_t)(p - in->at));
    in->at = p;
    return true;
}

bool scan_until(struct scan *in, char c, size_t max, struct str *out)
{
    ptrdiff_t len = str_find(scan_rest(in), c);

    if (len < 0 || (size_t)len > max)
        return false;
    *out = str_of(in->at, (size_t)len);
    in->at += len;
    return true;
}

bool scan_u64(struct scan *in, uint64_t max, uint64_t *out)
{
    const char *p = in->at;

    while (p < in->end && char_is_digit(*p))
        p++;
    if (!str_to_u64(str_of(in->at, (size_t)(p - in->at)), max, out))
        return false;
    in->at = p;
    return true;
}

bool scan_blank(struct scan *in)
{
    const char *start = in->at;

    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t'))
        in->at++;
    return in->at > start;
}
