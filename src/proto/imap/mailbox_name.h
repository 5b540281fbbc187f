// SPDX-License-Identifier: ISC
//
// Mailbox names: modified UTF-7 on the wire (RFC 3501 5.1.3, mail/utf7.h), UTF-8 with '/' between
// levels inside.
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum { IMAP_NAME_MAX = 512, IMAP_NAME_LEVELS_MAX = 32 }; // bytes of UTF-8; levels

/// The UTF-8 of a name as a client sent it, in the arena; "inbox" in any case, alone or as the
/// first level, is "INBOX". False when the text is no modified UTF-7; raw UTF-8 is let through.
/// Wildcards pass, so it serves for LIST patterns too.
bool imap_name_decode(struct str wire, struct arena *arena, struct str *out);
/// A name a mailbox may have: 1 to IMAP_NAME_MAX bytes, no control character, no empty level.
bool imap_name_is_valid(struct str name);
