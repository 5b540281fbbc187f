// SPDX-License-Identifier: ISC
//
// Mailbox names: on the wire modified UTF-7 (RFC 3501 5.1.3, mail/utf7.h) or, for who enabled it,
// UTF-8 (RFC 6855 3, RFC 9051 5.1); inside UTF-8 with '/' between levels, in NFC (RFC 5198), so
// that one name has one form whatever keyboard wrote it.
#pragma once

#include "base/arena.h"
#include "base/buf.h"

/// Bytes of UTF-8; levels. The store takes 512 and 32; a mailbox of somebody else's has their
/// address in front (access/access.h).
enum { IMAP_NAME_MAX = 880, IMAP_NAME_LEVELS_MAX = 36 };

/// The UTF-8 of a name as a client sent it, in the arena; "inbox" in any case, alone or as the
/// first level, is "INBOX". False when the text is no modified UTF-7; raw UTF-8 is let through.
/// Wildcards pass, so it serves for LIST patterns too.
bool imap_name_decode(struct str wire, struct arena *arena, struct str *out);
/// The same for a client that speaks UTF-8: "&" is only that. False when it is not UTF-8.
bool imap_name_decode_utf8(struct str wire, struct arena *arena, struct str *out);
/// Its NFC: `name` itself when it is that already, else a copy in the arena.
struct str imap_name_normalise(struct str name, struct arena *arena);
/// A name a mailbox may have: 1 to IMAP_NAME_MAX bytes of UTF-8, no control character, no line or
/// paragraph separator (RFC 9051 5.1), no empty level.
bool imap_name_is_valid(struct str name);
/// Does it stand anywhere below `above`?
static inline bool imap_name_is_below(struct str name, struct str above)
{
    return name.len > above.len && str_starts(name, above) && name.ptr[above.len] == '/';
}
