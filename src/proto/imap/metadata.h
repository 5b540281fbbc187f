// SPDX-License-Identifier: ISC
//
// What GETMETADATA and SETMETADATA ask for (RFC 5464 5). Entry names are compared without regard to
// case; they are kept in lower case.
#pragma once

#include "base/arena.h"
#include "base/scan.h"

enum {
    IMAP_ENTRIES_MAX = 64,     // of one command
    IMAP_ENTRY_LEN_MAX = 256,  // bytes of a name
    IMAP_DEPTH_INFINITE = 255, // levels below the entry: 0, 1, or all
};

struct imap_metadata_get {
    struct str mailbox; // as on the wire; "" is the server
    struct str *entries;
    size_t count;
    unsigned depth;
    bool has_size_max;
    uint32_t size_max; // bytes of a value that is told
};

struct imap_metadata_value {
    struct str entry;
    struct str value; // ptr NULL: NIL, the entry goes
};
struct imap_metadata_set {
    struct str mailbox;
    struct imap_metadata_value *values;
    size_t count;
};

/// From behind the verb to the end of the command. The options may stand before the mailbox, as in
/// the grammar, or behind it, as in the RFC's examples.
bool imap_metadata_get_parse(struct scan *in, struct arena *arena, struct imap_metadata_get *out);
bool imap_metadata_set_parse(struct scan *in, struct arena *arena, struct imap_metadata_set *out);
/// entries = entry / "(" entry *(SP entry) ")"; names in lower case, each of them valid.
bool imap_scan_entries(struct scan *in, struct arena *arena, struct str **out, size_t *out_count);
