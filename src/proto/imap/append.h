// SPDX-License-Identifier: ISC
//
// APPEND (RFC 3501 6.3.11) up to its message, which the session reads itself.
#pragma once

#include "mail/date.h"
#include "proto/imap/flag.h"

struct imap_append {
    struct str mailbox; // as on the wire
    struct imap_flags flags;
    bool has_date;
    struct date date;
};

/// From behind the verb to before the literal's "{". False also when the next literal is not the
/// message but the mailbox's name.
bool imap_append_parse(struct scan *in, struct arena *arena, struct imap_append *out);
