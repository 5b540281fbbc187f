// SPDX-License-Identifier: ISC
//
// Many messages in one file: the mbox formats (RFC 4155, and their family: mboxrd, mboxo, mboxcl,
// mboxcl2). Reads through a function, so that any file will do and memory stays bounded; a message
// is then taken apart in memory: the marks mail programs leave in its header become flags and go.
// Pure.
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#include <sys/types.h>

enum mbox_kind {
    MBOX_AUTO, // mboxcl2 when each Content-Length there is leads to the next message, else mboxrd
    MBOX_RD,   // ">From ", ">>From " and so on have one ">" too many
    MBOX_O,    // only ">From " has
    MBOX_CL,   // Content-Length tells where a message ends where it can be true; ">From " as above
    MBOX_CL2,  // the same, and nothing was quoted
};

/// Bytes read, fewer than len only at the end; or -errno.
typedef ssize_t mbox_read(void *arg, uint64_t offset, void *to, size_t len);

struct mbox {
    mbox_read *fetch;
    void *arg;
    enum mbox_kind kind;
    uint64_t at;        // offset of the next line
    bool is_inside;     // of a line
    struct buf window;  // bytes of the file
    uint64_t window_at; // from here
};

enum mbox_answer {
    MBOX_END = 1,       // no message any more
    MBOX_NONE = 2,      // this is no mbox: it does not begin with a "From " line
    MBOX_TOO_LARGE = 3, // longer than the buffer's maximum; passed over, the next can be read
};

/// 0, MBOX_NONE, MBOX_END (an empty file) or -errno. mbox_done in any case.
int mbox_open(struct mbox *m, enum mbox_kind kind, mbox_read *fetch, void *arg);
void mbox_done(struct mbox *m);
/// The next message as it lies there: its "From " line first, without the empty line that ends it.
/// 0, MBOX_END, MBOX_TOO_LARGE or -errno. `raw` is cleared first. *out_offset: where it begins.
int mbox_next(struct mbox *m, struct buf *raw, uint64_t *out_offset);
/// Do these bytes begin as an mbox does?
bool mbox_is_from_line(struct str bytes);

enum mbox_flag {
    MBOX_SEEN = 1,
    MBOX_ANSWERED = 2,
    MBOX_FLAGGED = 4,
    MBOX_DELETED = 8,
    MBOX_DRAFT = 16,
};
enum { MBOX_KEYWORDS_MAX = 64 };

struct mbox_message {
    bool has_date; // of the "From " line
    int64_t seconds;
    int32_t zone_minutes;
    unsigned flags;                         // bits of mbox_flag
    struct str keywords[MBOX_KEYWORDS_MAX]; // in the arena
    size_t keyword_count;
    bool is_internal; // not a mail but what UW IMAP and Pine keep about the file
};
/// Takes apart what mbox_next gave: appends the message to `bytes`, with CRLF, unquoted, and
/// without Status, X-Status, X-Keywords, X-UID, X-IMAP and X-IMAPbase; X-Mozilla-Status and its kin
/// count only at the very top, where Thunderbird puts them.
void mbox_message_take(enum mbox_kind kind, struct str raw, struct arena *arena,
                       struct mbox_message *out, struct buf *bytes);

/// What mbox_message_put says of a message.
struct mbox_envelope {
    struct str sender; // "": MAILER-DAEMON
    int64_t seconds;
    unsigned flags;
    const struct str *keywords;
    size_t keyword_count;
};
/// Appends the message as mboxrd, so that mbox_message_take gives back the very same bytes and
/// flags: its marks stand at the top, always all of them, and those further down are not ours.
/// Messages whose line ends are not all CRLF are put as they are, and marked so.
void mbox_message_put(struct buf *out, const struct mbox_envelope *envelope, struct str message);
