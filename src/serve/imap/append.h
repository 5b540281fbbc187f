// SPDX-License-Identifier: ISC
//
// Messages on their way from the client into one mailbox: shared by append.c, replace.c and
// catenate.c. Everything that came is kept by one change of the store, or nothing is.
#pragma once

#include "serve/imap/intake.h"

enum { IMAP_APPEND_MESSAGES_MAX = 1000 }; // of one command (RFC 3502)

struct imap_appending {
    struct imap_intake in;
    struct store_mailbox mailbox; // where they go
    unsigned rights;              // there
    struct store_put *puts;       // with bodies and flags; the bodies are owned
    size_t count, cap;
    uint64_t bytes;  // of all bodies
    bool frees_room; // REPLACE: another message goes, so that only commit knows the quota
    int result;      // what the verb returns, once an answer was given
};

/// Positive answer of the functions below: the command was refused and answered.
enum { IMAP_APPEND_ANSWERED = 1 };

/// On the heap: it is too large for a stack. Never NULL.
struct imap_appending *imap_appending_new(struct imap_session *s, struct imap_call *c);
/// NULL is fine.
void imap_appending_free(struct imap_appending *a);
static inline void imap_appending_drop(struct imap_appending **a)
{
    imap_appending_free(*a);
}

/// [await] SP mailbox, which must take messages from this account. 0, ANSWERED or -errno.
int imap_append_target(struct imap_appending *a);
/// [await] SP message, or (at most `max`) several, to the end of the command. The same.
int imap_append_messages(struct imap_appending *a, size_t max);
/// Puts them into the change.
void imap_append_change(struct imap_appending *a, struct store_change *change);
/// "APPENDUID uidvalidity uids", after the change was committed.
void imap_append_put_uids(const struct imap_appending *a, struct buf *out);

/// They answer and return ANSWERED.
int imap_append_refuse(struct imap_appending *a, const char *text);
int imap_append_refuse_syntax(struct imap_appending *a);
int imap_append_refuse_store(struct imap_appending *a, int answer);

/// Room for one more message's options, or one more URL? A line may have thousands. 0 or ANSWERED.
int imap_append_has_room(struct imap_appending *a);
/// [await] May so many bytes more come into the body, from the client or by a URL? 0 or ANSWERED.
/// Of what the quota says this is only the beginning: commit looks again.
int imap_append_judge_size(struct imap_appending *a, const struct store_body *body, uint64_t size);
/// [await] A literal of the command, appended to the body; its head was not scanned yet.
int imap_append_literal(struct imap_appending *a, struct store_body *body, bool must_be_8);
/// [await] From behind "CATENATE (" to behind ")"; catenate.c.
int imap_append_catenate(struct imap_appending *a, struct store_body *body);
