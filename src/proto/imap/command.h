// SPDX-License-Identifier: ISC
//
// The front of a command: tag, verb, and what follows (RFC 3501 2.2.1). The arguments are read by
// the scans of this room.
#pragma once

#include "base/scan.h"

enum { IMAP_TAG_MAX = 256, IMAP_VERB_MAX = 32 }; // bytes

struct imap_command {
    struct str tag;  // empty: none could be read
    struct str verb; // of "UID FETCH" the word FETCH
    bool is_uid;
    struct scan arguments; // from behind the verb: " ..." or nothing
};

/// False when tag or verb is missing or is none; then `tag` may have been read.
bool imap_command_parse(struct str text, struct imap_command *out);
