// SPDX-License-Identifier: ISC
//
// The bytes of a message on the wire: are they lines (RFC 5321 2.3.8: CR and LF only as CR LF), and
// where do they end (4.5.2, transparency)? Incremental: chunks of any size in, the same answer
// whatever the cuts. Only CR LF "." CR LF ends a mail; whoever takes anything else for the end, or
// passes a bare CR or LF on to somebody who does, can be made to smuggle a second mail.
#pragma once

#include "base/buf.h"
#include "base/str.h"

/// What was seen of a message so far. Zeroed at its start.
struct smtp_text {
    bool has_bare; // a CR without LF, or an LF without CR
    bool has_nul;
    bool ends_in_cr;
};
/// The next bytes of the message.
void smtp_text_look(struct smtp_text *t, struct str bytes);
/// No more bytes come: a CR at the very end is bare.
void smtp_text_end(struct smtp_text *t);

/// Takes the dots off. Zeroed at the start of DATA.
struct smtp_dot {
    enum smtp_dot_state {
        SMTP_DOT_LINE, // at the start of a line
        SMTP_DOT_TEXT, // within one
        SMTP_DOT_CR,   // after a CR within one
        SMTP_DOT_DOT,  // after "." at the start of a line; the dot was held back
        SMTP_DOT_DOT_CR,
        SMTP_DOT_END, // the end was read; what follows are commands
    } state;
    struct smtp_text text; // of what was given out
};
/// Takes bytes from the front of *in and gives in *out the next ones of the message, a view into
/// *in, perhaps empty. Call while it is true; it is false when *in is used up or the end was read,
/// and then *in holds what follows the end.
bool smtp_dot_next(struct smtp_dot *d, struct str *in, struct str *out);
static inline bool smtp_dot_is_end(const struct smtp_dot *d)
{
    return d->state == SMTP_DOT_END;
}

/// Puts the dots on, for a client. Bare CRs and LFs become CR LF, so that none goes out whatever
/// came in. Zeroed at the start.
struct smtp_stuff {
    bool is_within_line;
    bool ends_in_cr; // a CR was read whose LF may follow; its CR LF is already out
    bool keeps_dots; // set by the caller, for BDAT (RFC 3030 3): line ends only
};
void smtp_stuff_put(struct smtp_stuff *s, struct str bytes, struct buf *out);
/// Ends the last line if it must and, unless it keeps_dots, puts "." CR LF.
void smtp_stuff_end(struct smtp_stuff *s, struct buf *out);
