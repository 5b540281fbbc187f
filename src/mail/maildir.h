// SPDX-License-Identifier: ISC
//
// Names in a Maildir: what a message's file name says ("1.2.host,S=99:2,RS"), which keywords the
// letters a to z stand for (Dovecot's dovecot-keywords), how the folders of Maildir++ (".Work.Old")
// and of nested trees are called, and the lists of subscriptions that Dovecot and Courier keep.
// Pure.
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum { MAILDIR_KEYWORDS = 26 };

/// Upper case letters of the info part: P passed on, R replied, S seen, T trashed, D draft, F
/// flagged.
enum maildir_flag {
    MAILDIR_PASSED = 1,
    MAILDIR_REPLIED = 2,
    MAILDIR_SEEN = 4,
    MAILDIR_TRASHED = 8,
    MAILDIR_DRAFT = 16,
    MAILDIR_FLAGGED = 32,
};

struct maildir_name {
    struct str base;   // without the info part: stays the same however flags change
    unsigned flags;    // bits of maildir_flag
    uint32_t keywords; // bit 0: "a"
};
/// False for names that are no message's: empty, or beginning with a dot. Letters that mean
/// nothing are passed over. The info part may follow ':', and ';' or '!' where a file system has no
/// colons.
bool maildir_name_parse(struct str file, struct maildir_name *out);
/// ":2," with the letters in the order of ASCII, as it has to be.
void maildir_put_info(struct buf *out, unsigned flags, uint32_t keywords);

/// Lines "0 $Label1": names[0] is what "a" stands for. Those not named stay STR_NONE.
void maildir_keywords_parse(struct str text, struct str names[MAILDIR_KEYWORDS]);

/// The UTF-8 of one level's name: modified UTF-7 as IMAP servers write it, else UTF-8 as it is;
/// what is neither gets "?" for its bytes beyond ASCII. Never empty for what is not empty.
void maildir_put_level(struct buf *out, struct str name);
/// ".Work.Old" or "Work.Old" to "Work/Old"; dots that make empty levels are passed over.
void maildir_put_folder(struct buf *out, struct str name);
/// One level as modified UTF-7; a dot is "&AC4-", which maildir_put_level reads. So it is a name
/// for a file that is neither hidden nor a way out of its directory. False when it is no UTF-8.
bool maildir_put_level_name(struct buf *out, struct str level);
/// A mailbox's name, with '/' between levels, as ".Work.Old"; "INBOX" is "".
bool maildir_put_folder_name(struct buf *out, struct str mailbox);

/// One subscription after the other, as names with '/' between levels; `text` is a `subscriptions`
/// of Dovecot (either version; its separator was `separator`) or a courierimapsubscribed. Start
/// with *at = 0. False at the end.
bool maildir_subscription_next(struct str text, size_t *at, char separator, struct buf *out);
