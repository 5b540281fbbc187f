// SPDX-License-Identifier: ISC
//
// What a person would read in a message, as UTF-8, and searching in it: IMAP SEARCH and a search
// index ask here. Transfer encodings and charsets are undone, HTML is stripped roughly. Work is
// bounded; what lies past the bound is not found.
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "mail/mime.h"

/// Bytes of decoded text of one message that are looked at, and encoded bytes of one part.
enum { TEXT_MAX = 4 << 20 };

/// Appends the text of all text/* parts (and the headers of messages within) of a message, with a
/// line end between two. When `out` gets full what fitted stays, and `out` is not failed.
void text_put_body(struct buf *out, const struct mime *m, struct str message);
/// The text of one part; nothing for parts that are not text/*.
void text_put_part(struct buf *out, const struct mime_part *part, struct str message);

/// HTML to text: tags, comments, scripts and styles gone, block tags become line ends, the common
/// entities decoded. Rough: for searching and previews, not for showing.
void text_put_stripped_html(struct buf *out, struct str html);

/// A word to search for, in the form the searches below want. `charset` as in SEARCH CHARSET;
/// false when it is unknown.
bool text_put_needle(struct buf *out, struct str charset, struct str word);

/// IMAP SEARCH SUBJECT, FROM, TO, CC, BCC, HEADER: is the needle in a field of that name, decoded,
/// case ignored? An empty needle is in every field that exists.
bool text_header_has(struct str header, struct str name, struct str needle);
/// SEARCH BODY: in the texts of the body, and in the headers of its inner parts.
bool text_body_has(const struct mime *m, struct str message, struct str needle);
/// SEARCH TEXT: in the message's header or its body.
bool text_message_has(const struct mime *m, struct str message, struct str needle);

/// Several searches in one message at once, each part decoded and folded once for all of them.
/// found: as text_body_has or, with in_header, text_message_has would say.
struct text_query {
    struct str needle;
    bool in_header;
    bool found; // out
};
void text_find(const struct mime *m, struct str message, struct text_query *queries, size_t count);

/// All the texts in which the searches above look, folded as needles are: a word is in the message
/// when it is in one of them. The header (all fields, a line each) comes first and only
/// `with_header`, then each part. False when `each` did, which ends it.
typedef bool (*text_each_fn)(void *arg, bool is_header, struct str folded);
bool text_each(const struct mime *m, struct str message, bool with_header, text_each_fn each,
               void *arg);
/// The values in which text_header_has looks, folded.
bool text_each_field(struct str header, bool (*each)(void *arg, struct str name, struct str folded),
                     void *arg);
