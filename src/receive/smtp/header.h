// SPDX-License-Identifier: ISC
//
// The header of a message that streams by: counts its Received lines, sees whether it has a Date
// and a Message-ID, and finds the place where its fields end, so that missing ones can be put in
// there without ever holding the header. Looks at the first bytes of each line and at no more.
#pragma once

#include "base/str.h"

enum { RECEIVE_NAME_MAX = 80 }; // longer field names are none

/// Zeroed at the start.
struct receive_header {
    bool is_over;
    bool is_within_line;
    bool is_past_first; // a line has begun
    bool has_date, has_message_id;
    unsigned hops;   // Received lines
    size_t size;     // bytes so far
    size_t held_len; // the begin of a line of which it cannot be said yet what it is
    char held[RECEIVE_NAME_MAX];
};

enum receive_header_step {
    RECEIVE_HEADER_MORE,    // keep *out; call again while *in has bytes
    RECEIVE_HEADER_END,     // keep *out; here the fields end; then comes the empty line
    RECEIVE_HEADER_NO_LINE, // the same, but there is no empty line: then comes text
};
/// Takes bytes from the front of *in; *out is what to keep of them: a view into *in or into
/// *h, valid until the next call. After an answer other than MORE, what comes next is h->held
/// (held_len bytes, perhaps none) and then *in; no more calls then. When the message ends before
/// that, h->held is what is still to be kept.
enum receive_header_step receive_header_next(struct receive_header *h, struct str *in,
                                             struct str *out);
