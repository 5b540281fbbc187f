// SPDX-License-Identifier: ISC
//
// Return paths of ours at RCPT (mail/return_path.h): taken apart, so that a report about mail of a
// list reaches the list's owner, and one about mail that an alias passed on its sender. Nobody else
// can use them: the code in them is ours, and only mail without a sender is taken.
#pragma once

#include "route/route.h"

struct route_returned {
    bool is_return;    // it was one, and
    struct address to; // leads here; else the address as it was. Views into the arena
    uint64_t about_id; // the mail it was made for; 0: it does not tell
};

/// No waiting. DONE; 550 5.1.1: of that form, but not made here or too old; 550 5.7.1: a mail with
/// a sender.
struct outcome route_take_apart(const struct route *route, const struct envelope *e,
                                const struct address *to, struct arena *arena,
                                struct route_returned *out);
