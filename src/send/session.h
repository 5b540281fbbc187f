// SPDX-License-Identifier: ISC
//
// Inside send: the session and what its steps share. An int is 0 or -errno; after -errno the
// connection is dead. What the server says is in session->reply until the next command.
//
//     open.c ──▶ dial.c, auth.c      from nothing to a session
//     mail.c ──▶ fit.c               what of the mail the far side can take
//            ──▶ envelope.c          MAIL and RCPT, as lines
//            ──▶ body.c ◀── source.c the message, by DATA or BDAT
//     talk.c                         one command, one reply: below all of them
#pragma once

#include "base/arena.h"
#include "proto/smtp/reply.h"
#include "send/send.h"

/// Of one host; those beyond are not tried: a host with more is none the worse.
enum { SEND_ADDRESSES_MAX = 16 };

struct send_session {
    const struct send_server *server;
    struct rt_conn *conn;
    const char *addresses[SEND_ADDRESSES_MAX]; // not yet given up
    size_t address_count;
    const char *address; // the one that answered
    unsigned trouble;    // bits of send_trouble
    bool is_dead;        // nothing can be said any more
    bool is_worn;        // as many mails as LIMITS allows
    bool is_secret;      // what the server says is not for transcripts
    uint64_t mail_count;
    struct smtp_reply reply;
    struct smtp_reply ehlo; // what offer looks into
    struct smtp_offer offer;
};

// ---- talk.c: one command, one reply

/// Puts a line; CR LF is added. With `shown` the transcript gets that instead.
void send_say(struct send_session *s, struct str line, const char *shown);
/// [await] The next whole reply, within so many milliseconds in all. -EPROTO when it is none, or
/// too large. 421 makes the session dead once the reply was used.
int send_hear(struct send_session *s, uint64_t within_ms);
/// [await] send_say, send_hear with the deadline of commands. -EPROTO when the server had spoken
/// before it was asked; but a 421 that came so is the answer.
int send_ask(struct send_session *s, struct str line);
/// Has the server said something that was not asked for (yet)?
bool send_has_spoken(struct send_session *s);
/// After a failed write: the first refusal in what the server said before it went, as the reply.
bool send_find_last_words(struct send_session *s);
void send_note(struct send_session *s, const char *note);
/// -EPROTO, and the session is dead: the server is out of step.
int send_out_of_step(struct send_session *s);

/// What the reply's code says to a question. Other codes belong to other questions.
enum send_heard { SEND_YES, SEND_GO_ON, SEND_NO, SEND_ODD };
enum send_heard send_heard(const struct send_session *s);

/// The reply as an outcome, cut and cleaned, copied into the arena.
struct outcome send_outcome(const struct send_session *s, struct arena *arena);
/// For a broken connection.
struct outcome send_broken(const struct send_session *s, struct arena *arena, int error);
/// One of our own; `text` is copied.
struct outcome send_own(struct arena *arena, enum verdict verdict, unsigned code,
                        const char *enhanced, const char *text);

// ---- dial.c

/// [await] A connection to the first of the addresses that answers; sets conn and address.
int send_dial(struct send_session *s);

// ---- auth.c

/// [await] Signs in with the best mechanism offered.
struct outcome send_auth(struct send_session *s, struct arena *arena);
