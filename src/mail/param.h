// SPDX-License-Identifier: ISC
//
// "value; name=value; ..." of Content-Type and Content-Disposition (RFC 2045 5.1, RFC 2183), with
// the extended parameters of RFC 2231. The list keeps names and values as they were written, pieces
// joined, which is what BODYSTRUCTURE shows; param_put_decoded gives what they mean. Broken input
// gives the parameters that could be read.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum {
    PARAM_COUNT_MAX = 100,       // the rest is ignored
    PARAM_TEXT_MAX = 64 * 1024,  // bytes of a field that are read
    PARAM_DECODED_MAX = 8 * 1024 // bytes of one decoded value
};

struct param {
    struct str name;
    struct str value; // a quoted string without its quotes and backslashes
};

struct param_list {
    struct param *params; // in the arena
    size_t count;
};

/// A whole field value, folded or not, into *type, *subtype (may be NULL: a value without a slash)
/// and its parameters, all in the arena; takes at most about six times the length of the text.
/// False when there is no type (or, where asked for, no subtype): then only *list is set, to what
/// followed the first semicolon.
bool param_parse(struct arena *a, struct str text, struct str *type, struct str *subtype,
                 struct param_list *list);

/// The last step of param_parse: "name*0" "name*1" ... become "name", or "name*" when a piece is
/// extended, where the first of them stood. Pieces that the counting does not reach stay.
void param_join(struct arena *a, struct param_list *list);

/// The value as written of the first parameter of that name, case ignored; ptr NULL if none.
struct str param_find(const struct param_list *list, struct str name);

/// Appends the meaning of parameter `name` as UTF-8: "name*" with its charset and percent signs
/// undone; plain values with encoded words in them decoded, since many
/// senders write that. False when there is none.
bool param_put_decoded(struct buf *out, const struct param_list *list, struct str name);

/// Appends `; name=value` for a field being built: as token, as quoted string, or as name*=utf-8''
/// when the value is not ASCII.
void param_put(struct buf *out, struct str name, struct str value);
