// SPDX-License-Identifier: ISC
//
// A stored message on its way into a multi-line response (RFC 1939 3), piece by piece: lines that
// begin with "." get another one, a bare LF or CR becomes CRLF, a last line without an end gets
// one. With a line limit it stops behind the header, the blank line and so many lines of the body
// (TOP).
#pragma once

#include "base/buf.h"

enum { POP3_ALL_LINES = UINT32_MAX };

struct pop3_stuff {
    bool in_line;        // something of the line was put already
    bool after_cr;       // a CR was taken and its line end put; an LF now belongs to it
    bool in_body;        // behind the blank line
    bool is_full;        // all that was asked for was put; the rest is passed over
    uint32_t lines_left; // of the body
};

void pop3_stuff_init(struct pop3_stuff *stuff, uint32_t body_lines);
/// Appends to *out what becomes of `piece`; at most twice its length and 2 bytes more.
void pop3_stuff_put(struct pop3_stuff *stuff, struct str piece, struct buf *out);
/// Ends the message: its last line, then the line with the dot.
void pop3_stuff_end(struct pop3_stuff *stuff, struct buf *out);
