// SPDX-License-Identifier: ISC
//
// Rights and the letters they are written with (RFC 4314 2.1). "c" and "d" of RFC 2086 stand for
// several (2.1.1): "c" for k and x, "d" for t and e.
#pragma once

#include "base/buf.h"

enum access_right {
    ACCESS_LOOKUP = 1 << 0,  // l
    ACCESS_READ = 1 << 1,    // r: SELECT, STATUS
    ACCESS_SEEN = 1 << 2,    // s: \Seen
    ACCESS_WRITE = 1 << 3,   // w: flags other than \Seen and \Deleted
    ACCESS_INSERT = 1 << 4,  // i: APPEND, COPY into it
    ACCESS_POST = 1 << 5,    // p: mail sent to its address
    ACCESS_CREATE = 1 << 6,  // k: mailboxes below it, also by RENAME
    ACCESS_DELETE = 1 << 7,  // x: the mailbox itself
    ACCESS_DELETED = 1 << 8, // t: \Deleted
    ACCESS_EXPUNGE = 1 << 9, // e
    ACCESS_ADMIN = 1 << 10,  // a: the list itself
    ACCESS_ALL = (1 << 11) - 1,
};

/// Letters in any order, none or many. False: one of them means nothing. What access_rights_put made
/// of some rights gives these rights again.
bool access_rights_parse(struct str letters, unsigned *out);
/// Appends the letters, with those of "c" and "d" that any of theirs brings along (2.1.1).
void access_rights_put(unsigned rights, struct buf *out);
