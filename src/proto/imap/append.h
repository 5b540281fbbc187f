// SPDX-License-Identifier: ISC
//
// APPEND (RFC 3501 6.3.11) and what may stand in it: several messages (RFC 3502), literal8 (RFC
// 3516), messages put together from texts and URLs (CATENATE, RFC 4469) and UTF8 data (RFC 6855).
// Its literals are messages, which the session reads itself; so these are scans of the pieces
// between them.
#pragma once

#include "mail/date.h"
#include "proto/imap/flag.h"
#include "proto/imap/scan.h"

/// [flag-list SP] [date-time SP]
struct imap_append_options {
    struct imap_flags flags;
    bool has_date;
    struct date date;
};
bool imap_scan_append_options(struct scan *in, struct arena *arena,
                              struct imap_append_options *out);

enum imap_append_kind {
    IMAP_APPEND_MESSAGE,  // a literal comes
    IMAP_APPEND_UTF8,     // "UTF8 (" was eaten; a literal8 and ")" come
    IMAP_APPEND_CATENATE, // "CATENATE (" was eaten; parts and ")" come
};
bool imap_scan_append_kind(struct scan *in, enum imap_append_kind *out);

enum imap_append_part {
    IMAP_PART_TEXT, // "TEXT " was eaten
    IMAP_PART_UTF8, // "UTF8 (" was eaten; ")" must follow its literal
    IMAP_PART_URL,  // "URL " was eaten
};
bool imap_scan_append_part(struct scan *in, enum imap_append_part *out);

/// "{n}", "{n+}", "~{n}" or "~{n+}" at the end of the line: a literal whose bytes come next.
bool imap_scan_literal_head(struct scan *in, struct imap_literal *out, bool *out_is_8);

/// Arguments that end in a literal: is it anything but the mailbox's name? (It is for the verb to
/// read then.) For REPLACE (RFC 8508) a message number stands before the name.
bool imap_append_is_at_data(struct str arguments, bool is_replace);
