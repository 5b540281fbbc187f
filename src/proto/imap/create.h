// SPDX-License-Identifier: ISC
//
// What a mailbox is for: the USE parameter of CREATE (RFC 6154 3), and the attributes that say so.
#pragma once

#include "base/buf.h"
#include "base/scan.h"

/// As store/store.h has them.
enum imap_use {
    IMAP_USE_ALL = 1,
    IMAP_USE_ARCHIVE = 2,
    IMAP_USE_DRAFTS = 4,
    IMAP_USE_FLAGGED = 8,
    IMAP_USE_JUNK = 16,
    IMAP_USE_SENT = 32,
    IMAP_USE_TRASH = 64,
};

struct imap_uses {
    unsigned bits;
    bool has_unknown; // a use that is none of these was asked for
};

/// [SP "(" "USE" SP "(" [use *(SP use)] ")" ")"]: nothing gives no uses. False: no such parameter.
bool imap_scan_uses(struct scan *in, struct imap_uses *out);
/// Appends " \\Sent" and the like.
void imap_put_uses(unsigned bits, struct buf *out);
