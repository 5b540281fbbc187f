// SPDX-License-Identifier: ISC
//
// What was worked out of a message's bytes once and is asked for again and again: ENVELOPE, BODY,
// BODYSTRUCTURE, a preview, and the words that SORT and THREAD compare (RFC 5256). A message never
// changes, so neither does its summary. Summaries are kept in a file of their own beside the store,
// by message id; a lost or broken file only costs the time to make them again
// (doc/format/summary.md).
#pragma once

#include "base/buf.h"
#include "rt/rt.h"
#include "store/store.h"

struct summaries;

enum {
    SUMMARY_TOLD_MAX = 4 << 20,     // bytes of an envelope, of a structure: see below
    SUMMARY_HEADER_MAX = 1 << 20,   // of a message's header are looked at
    SUMMARY_MANY_MAX = 1024,        // messages of one summary_get_many
    SUMMARY_MANY_BYTES = 16 << 20,  // that one summary_get_many gives, about
    SUMMARY_REFERENCES_MAX = 65536, // bytes of `references`; the first and the last are kept
};

/// Views into `bytes`, which the struct owns; it may be moved. An envelope or a structure that
/// would be longer than SUMMARY_TOLD_MAX is told as one of a message with nothing in it.
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

/// Pure: makes it from the whole message.
void summary_make(struct str message, struct summary *out);

/// [await] The summary of a stored message, from the file or made from its body and then put there
/// (in the background). However large the message is, it is what summary_make gives of all of it,
/// and takes little memory. `summaries` NULL: made each time. 0, -EBADMSG, -ENOENT or -errno of the
/// store; a summary file in trouble is no error. *out is to be ended by summary_done.
int summary_get(struct summaries *summaries, struct store *store, const struct store_body_ref *ref,
                struct summary *out);
/// [await] The same for many at once (at most SUMMARY_MANY_MAX), which is cheaper: outs[i] for
/// refs[i]; results[i] is 0 or what summary_get would have returned; or SUMMARY_ALONE: together
/// they would be too much, ask for this one by summary_get. All outs are to be ended.
enum { SUMMARY_ALONE = 1 };
int summary_get_many(struct summaries *summaries, struct store *store,
                     const struct store_body_ref *const *refs, size_t count, struct summary *outs,
                     int *results);

// ---- the file

/// [await] DIR/summary.db, made when it is missing or no good. It always opens: with a disk in
/// trouble every summary is made each time, which is told in the log once. 0 or -errno (no thread).
int summaries_open(struct rt *rt, const char *dir, struct summaries **out);
/// [await] What waits to be written is written. NULL is fine.
void summaries_flush(struct summaries *summaries);
/// Outside of tasks, after the last session. NULL is fine.
void summaries_free(struct summaries *summaries);

/// Throws DIR/summary.db away, which nobody has open: the store is not what it was. Blocking.
void summaries_remove(const char *dir);

/// [await] Looks at the next summaries in the file, `max` at most, and removes those whose message
/// the store has no more. How many were removed, or -errno.
int summaries_sweep(struct summaries *summaries, struct store *store, size_t max);
/// Sweeps a little every minute, on this loop, until summaries_stop ([await], before the store is
/// closed).
int summaries_start(struct summaries *summaries, struct store *store);
void summaries_stop(struct summaries *summaries);

/// What happened since opening.
struct summaries_stats {
    uint64_t found, made, written, dropped, swept;
    uint64_t readings; // of many messages at once, to make their summaries
};
void summaries_stats_get(struct summaries *summaries, struct summaries_stats *out);
