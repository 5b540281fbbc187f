// SPDX-License-Identifier: ISC
//
// A parsed message as IMAP tells it: BODY, BODYSTRUCTURE and ENVELOPE (RFC 3501 7.4.2, RFC 9051
// 7.5.2), and the bytes that a section names (RFC 3501 6.4.5). Strings are quoted where they may
// be and literals where they must; NULs, which IMAP cannot carry there, become spaces. Nothing is
// decoded.
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "mail/mime.h"

/// "BODYSTRUCTURE (...)" without its name: `is_extended` with extension data (BODYSTRUCTURE),
/// without them BODY. A closed multipart or message (mime_part.is_opaque) is told as
/// application/octet-stream.
void structure_put_body(struct buf *out, const struct mime *m, struct str message,
                        bool is_extended);

/// The same for a message too large to be held: `header(arg, part)` gives the header of
/// m->parts[part], a message within, or as much of it as shall be told; the view is used up before
/// the next call.
struct structure_source {
    struct str (*header)(void *arg, size_t part);
    void *arg;
};
void structure_put_body_from(struct buf *out, const struct mime *m,
                             const struct structure_source *source, bool is_extended);

/// A hostile message can have a structure and an envelope many times its size: the maximum of `out`
/// decides, and `out` is failed then.
///
/// The ten fields in their parentheses, from a header (or a whole message). Sender and Reply-To
/// are From where they are missing or empty.
void structure_put_envelope(struct buf *out, struct str header);

/// An IMAP nstring: NIL for ptr NULL, else as structure_put_string.
void structure_put_nstring(struct buf *out, struct str s);
/// "quoted" with \" and \\ where all bytes are printable ASCII and there are at most 1000, else a
/// literal {n}CRLF.
void structure_put_string(struct buf *out, struct str s);

enum section_text {
    SECTION_ALL,               // BODY[] or BODY[1.2]: a whole message, or a part's body
    SECTION_HEADER,            // with the empty line
    SECTION_HEADER_FIELDS,     // only those named
    SECTION_HEADER_FIELDS_NOT, // all but those named
    SECTION_TEXT,              // a message's body
    SECTION_MIME,              // a part's header, with the empty line
};

enum { SECTION_DEPTH_MAX = 100 };

struct section {
    unsigned path[SECTION_DEPTH_MAX]; // part numbers, counted from 1
    size_t depth;
    enum section_text text;
    const struct str *fields; // HEADER_FIELDS and _NOT: set by the caller, who read the list
    size_t field_count;
};

/// What stands between "[" and "]" before a field list: "", "1.2", "1.2.HEADER", "TEXT",
/// "2.HEADER.FIELDS.NOT", "1.MIME". False when it is no section: MIME without a path, a zero, a
/// number past 4294967295, more than SECTION_DEPTH_MAX of them. Sets no fields.
bool section_parse(struct str text, struct section *out);

struct byte_range {
    size_t from, to; // [from, to) in the message
};

/// Where the section's bytes are. False when the message has no such part (IMAP then says NIL).
/// For HEADER_FIELDS and _NOT it is the whole header: give that to section_put_fields.
bool section_find(const struct mime *m, const struct section *s, struct byte_range *out);
/// The part that a path names, its index in m->parts, or -1: what section_find uses, for BINARY
/// and for download links. The empty path gives the message, 0.
int section_part(const struct mime *m, const struct section *s);

/// The selected fields of a header, byte for byte, in their order, and the empty line (CRLF, also
/// where the header has none).
void section_put_fields(struct buf *out, struct str header, const struct section *s);

/// The whole section as bytes: range or fields. False as section_find.
bool section_put(struct buf *out, const struct mime *m, struct str message,
                 const struct section *s);
