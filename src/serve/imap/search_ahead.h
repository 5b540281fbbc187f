// SPDX-License-Identifier: ISC
//
// What a search reads before it gets there: the summaries and the first bytes of the messages of a
// batch that have to be read, many with one call to the store.
#pragma once

#include "serve/imap/message.h"
#include "serve/imap/search_judge.h"

/// [await] For the places of the batch [0, count) whose result is unknown, sets what their
/// summaries say. NULL: no key asks for that, or there is no such place. free. *out_r: -errno.
struct imap_judge_words *imap_ahead_words(struct imap_judge *j, size_t count, int *out_r);

/// [await] The message at `place` of the batch, at the beginning of which `others` may come next:
/// read with those behind it (or, backwards, before it) as far as that makes sense. It is valid
/// until the next call. 0 or -errno, -EBADMSG and -ENOENT for this one message.
int imap_ahead_get(struct imap_judge *j, size_t place, size_t count, bool is_backwards,
                   struct imap_message **out);
/// Forgets what was read; before the entries of a batch go.
void imap_ahead_clear(struct imap_ahead *ahead);
