// SPDX-License-Identifier: ISC
//
// Pure: what stands in the index of a message, and what is asked of it. A gram is one, two or three
// neighbouring characters of a folded text (mail/text.h), with a letter before it that tells where
// the text stood. A text holds a word of at most three characters exactly when the word is one of
// its grams; it holds a longer word only if it has all the word's grams of three.
#pragma once

#include "base/buf.h"
#include "mail/mime.h"
#include "search/search.h"

enum {
    GRAMS_MAX = 300 * 1000,              // of one message; more, and it is not taken into the index
    GRAMS_HEADER_MAX = 128 << 10,        // bytes of a message's header; longer, the same
    GRAMS_FOLDED_HEADER_MAX = 200 << 10, // and folded: mail/text.c cuts off what is much longer
    GRAM_BYTES_MAX = 1 + 3 * 4,
    GRAMS_ASKED_MAX = 16, // of one word
};

/// What was seen already of a message; reused for the next. Zeroed before the first use.
struct grams {
    uint64_t *slots;
    size_t cap, count; // of slots; used of them
    size_t total;      // of the message
    char place;
    struct buf *out;
};
void grams_done(struct grams *g);

/// Appends all grams of a message, each once, as a byte with its length and its bytes. False: there
/// are too many.
bool grams_put(struct grams *g, struct str message, struct buf *out);
/// The next gram of such a list; false at the end.
bool grams_next(struct str *list, struct str *out);

/// Appends the question in the language of FTS5's MATCH. False: the index cannot answer it.
/// *out_exact: who has these grams has the text.
bool grams_put_question(const struct search_query *query, struct buf *out, bool *out_exact);
