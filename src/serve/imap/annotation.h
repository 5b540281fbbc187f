// SPDX-License-Identifier: ISC
//
// The annotations of one mailbox, or of the server, as a value and as the document kept in the
// store (RFC 5464; doc/format/metadata.md). Those below /shared belong to whoever may see the
// mailbox, those below /private each to one account.
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum {
    IMAP_ANNOTATION_MAX = 16 * 1024,        // bytes of one value
    IMAP_ANNOTATIONS_MAX = 64,              // of one account, or shared, in one mailbox
    IMAP_ANNOTATIONS_BYTES_MAX = 64 * 1024, // of their values and names
    IMAP_ANNOTATIONS_ALL_MAX = 4096,        // of all accounts in one mailbox
};

struct imap_annotation {
    uint64_t account_id; // 0: shared
    struct str entry, value;
};
struct imap_annotations {
    struct imap_annotation *items; // IMAP_ANNOTATIONS_ALL_MAX, by account, then entry
    size_t count;
};

/// The document, "" when there is none; views into it. -EBADMSG. Any bytes may be given.
int imap_annotations_parse(struct str document, struct arena *arena, struct imap_annotations *out);
void imap_annotations_put(const struct imap_annotations *all, struct buf *out);

enum imap_annotation_answer {
    IMAP_ANNOTATION_OK,
    IMAP_ANNOTATION_TOO_LARGE,
    IMAP_ANNOTATION_TOO_MANY,
};
/// Replaces one; a value with ptr NULL removes it.
enum imap_annotation_answer imap_annotations_set(struct imap_annotations *all,
                                                 const struct imap_annotation *what);
/// Is `entry` `asked` itself or at most `depth` levels below it?
bool imap_annotation_matches(struct str entry, struct str asked, unsigned depth);
