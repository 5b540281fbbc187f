// SPDX-License-Identifier: ISC
//
// Brings a message into fewer bits, for a server that does not take all of them (RFC 6152 3,
// RFC 3030 3): parts with bytes beyond ASCII become quoted-printable (text) or base64 (all else),
// in multiparts and attached messages to any depth; their Content-Transfer-Encoding follows. All
// other fields of every header stay as they are. What is signed, or must not be encoded, is not
// touched: then it cannot be done. A body's DKIM signatures break, which nobody can help.
//
// The message is shown three times, in pieces of any size, so that no more of it is held than a
// line:
//
//     d = downgrade_new(DOWNGRADE_TO_7BIT);
//     while (more)  downgrade_learn(d, piece);       its structure
//     while (again) downgrade_look(d, piece);        what its parts hold
//     if (downgrade_decide(d) == DOWNGRADE_FINE)
//         while (again) downgrade_put(d, piece, &out), use and clear `out`;
//         downgrade_end(d, &out);
//     downgrade_free(d);
#pragma once

#include "base/buf.h"
#include "base/str.h"

enum downgrade_to {
    DOWNGRADE_TO_7BIT, // lines of ASCII
    DOWNGRADE_TO_8BIT, // lines of any bytes: only binary parts are changed
};

enum downgrade_answer {
    DOWNGRADE_NEEDLESS, // it fits as it is
    DOWNGRADE_FINE,
    DOWNGRADE_CANNOT,
};

enum {
    /// What downgrade_put and downgrade_end may put beyond four times the piece.
    DOWNGRADE_ROOM = 64 * 1024,
};

struct downgrade;

struct downgrade *downgrade_new(enum downgrade_to to);
/// NULL is fine.
void downgrade_free(struct downgrade *d);

void downgrade_learn(struct downgrade *d, struct str bytes);
void downgrade_look(struct downgrade *d, struct str bytes);
enum downgrade_answer downgrade_decide(struct downgrade *d);
/// After it looked: is there a header, of the message or of a part, with bytes beyond ASCII
/// (RFC 6532)?
bool downgrade_has_utf8_header(const struct downgrade *d);

void downgrade_put(struct downgrade *d, struct str bytes, struct buf *out);
void downgrade_end(struct downgrade *d, struct buf *out);
