// SPDX-License-Identifier: ISC
//
// What was worked out of a message's bytes once and is asked for again and again: ENVELOPE, BODY,
// BODYSTRUCTURE, a preview, and the words that SORT and THREAD compare (RFC 5256). A message never
// changes, so neither does its summary. Summaries are kept in a file of their own beside the store,
// by message id; a lost or broken file only costs the time to make them again.
#pragma once

#include "base/buf.h"
#include "rt/rt.h"
#include "store/store.h"

struct summaries;

/// Views into `bytes`, which the struct owns.
struct summary {
    struct str envelope;       // as IMAP tells it (mail/structure.h), RFC 3501 and 9051 alike
    struct str body;           // BODY: without extension data
    struct str body_structure; // BODYSTRUCTURE
    struct str preview;        // RFC 8970: UTF-8, at most 200 characters of text, one line
    size_t header_size;        // bytes, with the empty line
    // RFC 5256 2.1 and 2.2; folded by i;unicode-casemap (RFC 5051), ready to compare byte by byte
    struct str base_subject;
    bool is_reply_or_forward;
    struct str sort_from, sort_to, sort_cc; // addr-mailbox of the first address
    struct str display_from, display_to;    // RFC 5957
    int64_t sent_s;                         // Date field in UTC; INT64_MIN: none that is one
    struct str message_id;                  // without <>, "" when none
    struct str references;                  // message ids apart by spaces: References, or
                                            // the first of In-Reply-To
    struct buf bytes;
};
void summary_done(struct summary *summary);

/// Pure: makes it from the whole message (or its first MiB when it is longer).
void summary_make(struct str message, struct summary *out);

/// [await] The summary of a stored message, from the file or made from its body and then put there
/// (in the background). `summaries` NULL: made each time. 0, -EBADMSG, -ENOENT or -errno of the
/// store; a summary file in trouble is no error. *out is to be ended by summary_done.
int summary_get(struct summaries *summaries, struct store *store, const struct store_body_ref *ref,
                struct summary *out);
/// [await] The same for many at once, which is cheaper: outs[i] for refs[i]; results[i] is 0 or
/// what summary_get would have returned.
int summary_get_many(struct summaries *summaries, struct store *store,
                     const struct store_body_ref *const *refs, size_t count, struct summary *outs,
                     int *results);
