// SPDX-License-Identifier: ISC
//
// Inside send: one mail on its way over a session, and what its steps share.
#pragma once

#include "mail/downgrade.h"
#include "send/session.h"

/// States of a recipient whose outcome is still open, in the place of its code.
enum { SEND_OPEN = 0, SEND_TAKEN = 1 }; // TAKEN: RCPT was welcome

struct send_transaction {
    struct send_session *session;
    const struct send_mail *mail;
    struct arena *arena;
    struct outcome *outcomes; // of mail->recipients
    bool *is_ours;            // of the outcomes: decided by us before a word was said
    // What of the mail the far side can take, by send_fit.
    enum envelope_body body; // what MAIL says
    bool says_utf8;          // SMTPUTF8; else domains go out as A-labels
    bool uses_bdat, is_binary;
    struct downgrade *downgrade; // the message is brought into fewer bits
    // The talk.
    bool is_refused; // MAIL was
    bool is_begun;   // MAIL was not, and the mail has not ended yet
};

/// For all recipients in that state.
void send_settle(struct send_transaction *t, unsigned state, struct outcome outcome);
void send_settle_all(struct send_transaction *t, struct outcome outcome);
size_t send_count(const struct send_transaction *t, unsigned state);
/// The reply, when it is a no; a yes to another question is LATER.
struct outcome send_refusal(struct send_transaction *t);

// ---- fit.c

/// [await] Compares the mail with what is offered. Whom it cannot go to is settled; false: nobody
/// is left.
bool send_fit(struct send_transaction *t);

// ---- envelope.c

/// MAIL, with the parameters that are offered; RCPT of recipient i.
void send_put_mail(const struct send_transaction *t, struct buf *out);
void send_put_rcpt(const struct send_transaction *t, size_t i, struct buf *out);
/// Beyond ASCII?
bool send_is_utf8(struct str text);
/// The part of an address before its "@".
struct str send_local_part(struct str address);

// ---- source.c: the message, piece by piece

enum { SEND_PIECE = 32 * 1024 };
struct send_source {
    const struct send_mail *mail;
    struct downgrade *downgrade; // or NULL
    uint64_t at;
    bool is_end;
    int error; // of the reader, not of the connection
    struct buf raw, fewer;
};
void send_source_init(struct send_source *source, const struct send_mail *mail,
                      struct downgrade *downgrade);
void send_source_done(struct send_source *source);
/// [await] The next piece, valid until the next call; sets is_end with the last one. 0 or -errno.
int send_source_next(struct send_source *source, struct str *out);

// ---- body.c

/// [await] DATA was answered with 354: the message and its dot, and what the server says to it.
/// Settles those TAKEN. 0 or -errno.
int send_data(struct send_transaction *t);
/// [await] The message by BDAT, to those TAKEN.
int send_bdat(struct send_transaction *t);
