// SPDX-License-Identifier: ISC
//
// The door of import: old boxes are read and handed over message by message. Each source walks
// through what there is from top to bottom and tells a sink; whether a message is wanted, where it
// goes and what was taken before is the sink's to know. Sources change nothing where they read, and
// hold one message and the names of one folder in memory at a time.
#pragma once

#include "base/buf.h"
#include "mail/mbox.h"
#include "fetch/fetch.h"

#include <sys/types.h>

enum {
    IMPORT_NAME_MAX = 4096,                // bytes of a mailbox's name as the source gives it
    IMPORT_DEPTH_MAX = 32,                 // levels of directories
    IMPORT_MESSAGE_MAX = 256 << 20,        // bytes of a message, unless a sink wants less
    IMPORT_ENTRIES_MAX = 20 * 1000 * 1000, // files of one directory
};

struct import_mailbox {
    struct str name;      // UTF-8, '/' between levels; "INBOX"
    unsigned special_use; // bits of store_special_use, when the source says so; 0: it does not
    bool knows_uses;      // the source does say so of some mailbox: no need to guess by names
    bool is_subscribed;   // true where the source knows nothing of subscriptions
};

struct import_message {
    struct str place;   // for people: a path, "inbox.mbox at 4711"
    struct str mailbox; // as told before
    /// What stays the same as long as it is there; with the mailbox it names the message. For
    /// sources that have no such thing ptr is NULL, and the bytes do.
    struct str id;
    unsigned flags; // bits of store_flag
    const struct str *keywords;
    size_t keyword_count;
    int64_t date; // internal date, seconds since 1970
    int32_t zone_minutes;
    struct str bytes; // lines end in CRLF; ptr NULL as long as it is only asked for
};

/// Whoever takes the messages. An int: 0, or -errno, which ends the walk and is returned by it.
struct import_sink {
    void *arg;
    size_t message_max; // longer ones are left
    /// [await] A mailbox, before its messages. *out_wanted: false to pass it over.
    int (*mailbox)(void *arg, const struct import_mailbox *mailbox, bool *out_wanted);
    /// Is this message, known by its id, still to be taken? Before its bytes are read.
    bool (*wants)(void *arg, const struct import_message *message);
    /// [await] Here it is.
    int (*take)(void *arg, const struct import_message *message);
    /// What could not be taken, and why.
    void (*left)(void *arg, struct str place, const char *why);
    /// How far it is; `total` 0: not known.
    void (*progress)(void *arg, uint64_t done, uint64_t total);
};

enum import_kind {
    IMPORT_UNKNOWN,
    IMPORT_MAILDIR, // a Maildir, with folders of Maildir++ or nested ones; or a tree of Maildirs
    IMPORT_MBOX,    // a file, or a tree of files
    IMPORT_MH,
    IMPORT_IMAP, // another server; not a path
};
/// What lies there; IMPORT_UNKNOWN when that cannot be told. 0 or -errno.
int import_kind_find(const char *path, enum import_kind *out);

/// [await] Each walks through the whole of it. 0, or -errno: of the sink, or because the path
/// cannot be read at all; trouble with single folders and messages is told by `left`.
int import_maildir(const char *path, const struct import_sink *sink);
int import_mbox(const char *path, enum mbox_kind kind, const struct import_sink *sink);
int import_mh(const char *path, const struct import_sink *sink);

/// [await] The same for another server. *why: what is wrong with it.
int import_imap(const struct fetch_server *server, const struct import_sink *sink, struct buf *why);

/// The special use that a mailbox of that name has by custom, or 0: "Sent Items", "Papierkorb".
unsigned import_special_use(struct str name);
