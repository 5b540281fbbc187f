// SPDX-License-Identifier: ISC
//
// Inside fetch: the session and what its steps share. An int is 0 or -errno; after -errno the
// connection is dead.
//
//     open.c ──▶ auth.c      from nothing to signed in
//     mailbox.c              LIST, LSUB, NAMESPACE; EXAMINE and what is in there
//     message.c              the bytes
//     talk.c                 one command, its responses: below all of them
#pragma once

#include "fetch/fetch.h"

enum {
    FETCH_TEXT_MAX = 1 << 20,               // bytes of one response, the message aside
    FETCH_RESPONSES_MAX = 20 * 1000 * 1000, // to one command
    FETCH_SILENCE_MS = 5 * 60 * 1000,
    FETCH_STALL_MS = 2 * 60 * 1000,
};

struct fetch_session {
    const struct fetch_server *server;
    struct rt_conn *conn;
    bool is_dead;
    unsigned tag; // of the last command
    struct buf capability;
    struct arena arena; // of the last response
    struct buf text;    // likewise
    struct imap_response response;
    struct buf body;   // the message of the last response
    size_t body_max;   // 0: none is expected
    bool has_literal;  // body holds it
    bool is_too_large; // it was longer than body_max, and read away
    struct buf words;
};

/// Puts a line; CR LF is added.
int fetch_say(struct fetch_session *s, struct str line);
/// Puts "TAG line" and gives the number of the tag.
int fetch_ask(struct fetch_session *s, struct str line, unsigned *out_tag);
/// [await] The next response, into s->response; what is in there lives until the next call.
int fetch_hear(struct fetch_session *s);
/// Is the response the end of that command?
bool fetch_is_end(const struct fetch_session *s, unsigned tag);
/// [await] Asks and hears all; `each` (may be NULL) gets the untagged responses. 0; FETCH_NO when
/// the server says NO or BAD.
int fetch_command(struct fetch_session *s, struct str line, int (*each)(void *arg), void *arg);
/// Appends a string as IMAP wants it: quoted. False: it cannot be quoted.
bool fetch_put_quoted(struct buf *out, struct str text);
/// Keeps the words of the response for people: what steers a terminal becomes "?".
void fetch_note(struct fetch_session *s);
/// Remembers capabilities told in this response, by line or by code.
void fetch_note_capability(struct fetch_session *s);
bool fetch_can(const struct fetch_session *s, const char *word);

/// [await] Signs in by the best way there is. 0, -EACCES, or another -errno; *why.
int fetch_auth(struct fetch_session *s, struct buf *why);
