// SPDX-License-Identifier: ISC
//
// Commands that go on behind literals which are too large to be collected: APPEND and REPLACE. The
// text between two literals is a line here, read from the connection when the one before it is used
// up; the bytes of a literal go where the verb wants them. Whatever is refused in the middle, the
// connection is left at the next command (RFC 7888 4).
#pragma once

#include "proto/imap/append.h"
#include "serve/imap/session.h"

struct imap_intake {
    struct imap_session *s;
    struct imap_call *c;
    struct scan in;              // what was not used yet of the line
    bool has_literal;            // the line ends in one whose bytes have not been taken
    struct imap_literal literal; // that one
    unsigned literals;           // so far
};

/// The command as command.c left it: c->in, and perhaps c->literal.
void imap_intake_init(struct imap_intake *in, struct imap_session *s, struct imap_call *c);

/// [await] The bytes of the literal that was just scanned, handed on in pieces; asks the client for
/// them where it waits. `take` may wait; what it returns when it is not 0 stops it from being
/// called again, and comes back in *out_taken. Then the next line is read. 0 or -errno, or
/// IMAP_INTAKE_LIMIT when the command became too long (the next line was not read).
enum { IMAP_INTAKE_LIMIT = 1 };
int imap_intake_literal(struct imap_intake *in, int (*take)(void *arg, struct str bytes), void *arg,
                        int *out_taken);

/// [await] An astring, which may be a literal of at most `max` bytes. 0, IMAP_INTAKE_LIMIT,
/// IMAP_INTAKE_SYNTAX or -errno.
enum { IMAP_INTAKE_SYNTAX = 2 };
int imap_intake_astring(struct imap_intake *in, size_t max, struct str *out);

/// [await] After an answer that ends the command early: reads the rest of it away. `answered` is
/// what the answer returned; the result is the verb's.
int imap_intake_end(struct imap_intake *in, int answered);
