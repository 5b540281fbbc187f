// SPDX-License-Identifier: ISC
//
// The door of export: mailboxes are written into files, as mbox or Maildir. What is half written
// when the power fails is never mistaken for the whole: an mbox gets its name when all of it is on
// disk, a message of a Maildir likewise.
#pragma once

#include "base/buf.h"
#include "store/store.h"

struct export_message {
    uint32_t uid;
    uint32_t flags; // bits of store_flag
    const struct str *keywords;
    size_t keyword_count;
    int64_t date;     // internal date
    struct str bytes; // ptr NULL: not known here
};

// ---- mbox: DIR/Work/Old.mbox, whole or not at all

struct export_mbox;
/// Begins the file of that mailbox, beside the old one if there is one. 0 or -errno.
int export_mbox_begin(const char *dir, struct str mailbox, struct export_mbox **out);
int export_mbox_put(struct export_mbox *mbox, const struct export_message *message);
/// Makes it durable and gives it its name. Frees it.
int export_mbox_commit(struct export_mbox *mbox);
/// Leaves nothing behind. NULL is fine.
void export_mbox_abandon(struct export_mbox *mbox);

// ---- Maildir: DIR/cur, DIR/.Work.Old/cur; what is there already stays

struct export_maildir;
/// The folder of that mailbox, made when it is missing; finds out which messages are there.
int export_maildir_begin(const char *dir, struct str mailbox, uint64_t mailbox_id,
                         uint32_t uidvalidity, struct export_maildir **out);
/// Is the message there? If so its flags are made what they are now. 1, 0 or -errno.
int export_maildir_has(struct export_maildir *maildir, const struct export_message *message);
int export_maildir_put(struct export_maildir *maildir, const struct export_message *message);
/// Makes what was put durable. Frees it. *out_keywords_lost: a Maildir has names for 26 only.
int export_maildir_end(struct export_maildir *maildir, uint64_t *out_keywords_lost);
/// DIR/subscriptions, as Dovecot writes it. `names`: UTF-8, '/' between levels.
int export_maildir_subscriptions(const char *dir, const struct str *names, size_t count);
