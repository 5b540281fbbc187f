// SPDX-License-Identifier: ISC
//
// struct scan: a place in bytes being read. Every scan eats exactly what it names and returns
// true, or eats nothing and returns false, so grammars can be written as they stand in the RFC.
#pragma once

#include "base/str.h"

struct scan {
    const char *at;
    const char *end;
};

static inline struct scan scan_of(struct str s)
{
    return (struct scan){s.ptr, s.ptr ? s.ptr + s.len : NULL};
}

static inline bool scan_is_end(const struct scan *in)
{
    return in->at == in->end;
}

/// What has not been eaten yet.
static inline struct str scan_rest(const struct scan *in)
{
    return (struct str){in->at, (size_t)(in->end - in->at)};
}

/// The next byte without eating it, or -1 at the end.
static inline int scan_peek(const struct scan *in)
{
    return in->at < in->end ? (unsigned char)*in->at : -1;
}

static inline bool scan_char(struct scan *in, char c)
{
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

bool scan_word(struct scan *in, struct str word);
/// Without regard to ASCII case.
bool scan_case_word(struct scan *in, struct str word);

/// One or more bytes for which is_one(byte) holds, at most max; more than max is false.
bool scan_while(struct scan *in, bool (*is_one)(char), size_t max, struct str *out);
/// What stands before the next `c` (which is not eaten), at most max bytes, perhaps none; false
/// when there is no `c` within reach.
bool scan_until(struct scan *in, char c, size_t max, struct str *out);
/// Digits up to the value max; false on none or too much.
bool scan_u64(struct scan *in, uint64_t max, uint64_t *out);
/// Any number of spaces and tabs; true when there was at least one.
bool scan_blank(struct scan *in);
