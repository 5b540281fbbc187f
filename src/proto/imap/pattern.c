// SPDX-License-Identifier: ISC
//
// The set of places in the pattern that could be reached is carried from one byte of the name to
// the next, so no pattern makes it go back.
#include "proto/imap/pattern.h"

static bool is_wild(char c)
{
    return c == '*' || c == '%';
}

/// A wildcard may stand for nothing: who is in front of it is behind it too.
static void spread(struct str pattern, bool *at)
{
    for (size_t i = 0; i < pattern.len; i++)
        if (at[i] && is_wild(pattern.ptr[i]))
            at[i + 1] = true;
}

/// From the places reached before byte `c` of the name to those after it, in place from the back.
/// False when none is left.
static bool step(struct str pattern, bool *at, char c)
{
    bool any = false;

    for (size_t i = pattern.len + 1; i-- > 0;) {
        bool stays = at[i] && i < pattern.len &&
                     (pattern.ptr[i] == '*' || (pattern.ptr[i] == '%' && c != '/'));
        bool comes = i > 0 && at[i - 1] && !is_wild(pattern.ptr[i - 1]) && pattern.ptr[i - 1] == c;

        at[i] = stays || comes;
        any |= at[i];
    }
    return any;
}

bool imap_pattern_matches(struct str pattern, struct str name)
{
    bool at[IMAP_PATTERN_MAX + 1] = {true};

    if (pattern.len > IMAP_PATTERN_MAX)
        return false;
    spread(pattern, at);
    for (size_t n = 0; n < name.len; n++) {
        if (!step(pattern, at, name.ptr[n]))
            return false;
        spread(pattern, at);
    }
    return at[pattern.len];
}
