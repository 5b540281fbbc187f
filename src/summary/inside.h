// SPDX-License-Identifier: ISC
//
// Between the files of this room: how a summary is put together, as a row and from a message.
#pragma once

#include "mail/mime.h"
#include "summary/summary.h"

/// The texts of a summary in the order in which they stand in `bytes` and in a row.
enum summary_text {
    SUMMARY_ENVELOPE,
    SUMMARY_BODY,
    SUMMARY_STRUCTURE,
    SUMMARY_PREVIEW,
    SUMMARY_BASE_SUBJECT,
    SUMMARY_SORT_FROM,
    SUMMARY_SORT_TO,
    SUMMARY_SORT_CC,
    SUMMARY_DISPLAY_FROM,
    SUMMARY_DISPLAY_TO,
    SUMMARY_MESSAGE_ID,
    SUMMARY_REFERENCES,
    SUMMARY_TEXTS,
};
/// The member that holds it.
struct str *summary_text(struct summary *summary, enum summary_text which);
/// All members become views into `bytes`, one behind the other, by their lengths; the first begins
/// at `at`. The lengths are of bytes that are there.
void summary_lay_out(struct summary *summary, size_t at, const size_t len[SUMMARY_TEXTS]);

/// As summary_make, of a message whose structure is known. Of `message` only what summary_needs
/// names must be right; the rest may be any bytes. `size` is the message's.
void summary_make_parsed(const struct mime *m, struct str message, struct summary *out);
/// Calls each(arg, from, to) for the bytes of the message that summary_make_parsed looks at,
/// ascending by `from`; stops at the first non-zero, which it returns.
int summary_needs(const struct mime *m, int (*each)(void *arg, size_t from, size_t to), void *arg);

// ---- rows, codec.c

/// Appends the row of a message of that id and size: versioned and checked.
void summary_row_put(struct buf *out, uint64_t message_id, uint64_t size,
                     const struct summary *summary);
/// False: another version, damaged, or of another message. Copies.
bool summary_row_parse(struct str row, uint64_t message_id, uint64_t size, struct summary *out);
