// SPDX-License-Identifier: ISC
//
// Return paths made here, which find their mail again when a report comes back:
//
//     crew-bounces+0123456789abcdef-k3x7qpat@example.test       mail of a list, by its id
//     SRS0=k3x7qpat=5d=far.example=zoe@example.test             an alias passed zoe's mail on
//     SRS1=k3x7qpat=first.example==HHHH=TT=far.example=zoe@...  and another host had done so before
//
// The forms of SRS are those of the Sender Rewriting Scheme (Wong 2004), so that other hosts can
// shorten ours as we shorten theirs. All carry a code that only this host can make, so nobody can
// have us send to whom he likes; SRS0 has the day in it, and is no good after a while. Mail
// programs on the way may change the case of letters: it does not count.
#pragma once

#include "base/buf.h"
#include "mail/address.h"

enum { RETURN_PATH_DAYS = 30 }; // a report that comes later is not wanted any more

/// Appends the return path of mail `id` through that list. False, and nothing appended, when its
/// address has no room for it (a quoted local part, too long).
bool return_path_put_list(struct buf *out, struct str secret, struct str list, uint64_t id);

/// Appends the return path, at our `domain`, for mail of `sender` that is passed on. `day`: since
/// 1970. False, and nothing appended, when it would be too long or the sender is quoted.
bool return_path_put_forward(struct buf *out, struct str secret, const struct address *sender,
                             struct str domain, int64_t day);

enum return_path_kind {
    RETURN_PATH_NONE,    // not of this form
    RETURN_PATH_INVALID, // of this form, but not made here, or too old
    RETURN_PATH_LIST,
    RETURN_PATH_FORWARD,
};

/// `domain` is ours, in its one form. LIST: *out gets the list's address and *out_id the mail's;
/// FORWARD: *out gets the sender's, or that of the host before us which knows him.
enum return_path_kind return_path_parse(struct str local, struct str domain, struct str secret,
                                        int64_t day, struct buf *out, uint64_t *out_id);
