// SPDX-License-Identifier: ISC
//
// Inside send: the session and what its steps share. An int is 0 or -errno; after -errno the
// connection is dead. What the server says is in session->reply until the next command.
#pragma once

#include "base/arena.h"
#include "proto/smtp/reply.h"
#include "send/send.h"

struct send_session {
    const struct send_server *server;
    struct rt_conn *conn;
    const char *address; // the one that answered
    unsigned trouble;
    bool is_dead;
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
/// [await] send_say, send_hear with the deadline of commands.
int send_ask(struct send_session *s, struct str line);
void send_note(struct send_session *s, const char *note);
/// The reply as an outcome, copied into the arena.
struct outcome send_outcome(const struct send_session *s, struct arena *arena);
/// For a broken connection.
struct outcome send_broken(const struct send_session *s, struct arena *arena, int error);
/// One of our own; `text` is copied.
struct outcome send_own(struct arena *arena, enum verdict verdict, unsigned code,
                        const char *enhanced, const char *text);

// ---- auth.c

/// [await] Signs in with the best mechanism offered.
struct outcome send_auth(struct send_session *s, struct arena *arena);
