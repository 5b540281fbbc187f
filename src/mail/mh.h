// SPDX-License-Identifier: ISC
//
// The .mh_sequences of an MH folder: which messages, by number, are unseen, replied, flagged, or
// whatever else somebody called a sequence. Pure.
#pragma once

#include "base/arena.h"
#include "base/str.h"

enum {
    MH_SEQUENCES_MAX = 64,       // of one folder; those beyond are passed over
    MH_RANGES_MAX = 1000 * 1000, // of one folder, all sequences together
    MH_NUMBER_MAX = 999999999,
};

struct mh_range {
    uint32_t first, last;
};
struct mh_sequence {
    struct str name;
    const struct mh_range *ranges;
    size_t count;
};
struct mh_sequences {
    struct mh_sequence items[MH_SEQUENCES_MAX];
    size_t count;
};

/// Reads it mildly: lines and ranges that are none are passed over. Names are views of `text`;
/// ranges stand in the arena, ascending and apart.
void mh_sequences_parse(struct str text, struct arena *arena, struct mh_sequences *out);
/// Is that message in the sequence? Logarithmic.
bool mh_sequence_has(const struct mh_sequence *sequence, uint32_t number);
/// The file's name as a message's number; 0: it is no message.
uint32_t mh_number(struct str file);
