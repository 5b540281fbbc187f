// SPDX-License-Identifier: ISC
//
// The structure of a message: which parts it has, where each begins and ends to the byte, and what
// its Content fields say (RFC 2045, RFC 2046). One pass over any bytes, whole or in pieces as they
// arrive, without recursion; it never fails. Nothing is decoded and no body is kept.
//
//     part.header            part.body                         part.end
//     v                      v                                 v
//     Content-Type: ...\r\n\r\nfirst line\r\n ... last line     \r\n--boundary\r\n
//
// The line end before a boundary line belongs to the boundary (RFC 2046 5.1.1). A multipart's
// body holds its preamble, its parts and its epilogue. Lines may end with CRLF or LF.
//
// Broken structure is read so that nothing is hidden from the reader: a multipart without a
// boundary parameter, or in which no boundary line comes, is a text/plain leaf with all its bytes;
// a missing closing boundary ends with what is around it; past a limit the rest is one leaf.
#pragma once

#include "base/arena.h"
#include "base/str.h"

#include "mail/param.h"

enum {
    MIME_PART_MAX = 1000,               // boundary lines after that are content of the last part
    MIME_DEPTH_MAX = 100,               // deeper multiparts and messages are leaves
    MIME_BOUNDARY_MAX = 200,            // RFC 2046 says 70; a longer one is no boundary
    MIME_LINE_MAX = 64 * 1024,          // what is read of one line of a header
    MIME_FIELDS_MAX = 64 * 1024,        // Content fields of one part that are read
    MIME_FIELDS_TOTAL_MAX = 512 * 1024, // and of all parts of a message
};

enum mime_kind {
    MIME_LEAF,
    MIME_MULTIPART, // has one child or more
    MIME_MESSAGE,   // message/rfc822 or message/global: exactly one child, the message in it
};

/// Texts live in the struct mime; ptr NULL where the field is missing. Folds are taken out,
/// comments only from type, disposition and encoding.
struct mime_part {
    int parent;     // index of the part around it, -1 for the message itself; always smaller
    unsigned depth; // 0 for the message itself
    enum mime_kind kind;
    bool is_opaque; // a multipart or message that a limit kept closed (then a leaf)
    size_t header;  // offset of its first byte in the message
    size_t body;    // offset behind the empty line
    size_t end;     // offset behind the body
    size_t header_lines, body_lines; // line ends in [header, body) and in [body, end)
    unsigned child_count;

    struct str type, subtype; // never NULL; text/plain or message/rfc822 when not said
    bool has_type;            // the header has a Content-Type that could be read
    struct param_list params;
    struct str encoding; // Content-Transfer-Encoding
    struct str id, description, language, location, md5;
    struct str disposition; // its type; the rest in disposition_params
    struct param_list disposition_params;
};

struct mime {
    struct mime_part *parts; // in the order of their headers; parts[0] is the message
    size_t count;            // at least 1 after mime_parse or mime_parser_end
    size_t cap;
    struct arena arena;
};

struct mime_parser;

/// The structure of a complete message. `m` need not be initialised; free it with mime_done. It
/// does not point into `message`.
void mime_parse(struct mime *m, struct str message);
void mime_done(struct mime *m);
/// For CLEANUP.
static inline void mime_drop(struct mime *m)
{
    mime_done(m);
}

/// A message that comes in pieces. The result does not depend on how it was cut. The parser holds
/// at most one line of a header (MIME_LINE_MAX) or the start of one of a body.
struct mime_parser *mime_parser_new(void);
void mime_parser_feed(struct mime_parser *p, struct str bytes);
/// Where it stands, after the lines that came whole: in which part, and whether in its header. The
/// parts so far can be looked at until the next call; of one in whose header it stands nothing is
/// known yet but what is around it.
struct mime_place {
    int part;          // the innermost that is open
    bool in_header;    // of that part
    size_t mime_count; // parts so far
    const struct mime *mime;
};
struct mime_place mime_parser_place(const struct mime_parser *p);
/// Gives the structure (to be freed with mime_done) and frees the parser.
void mime_parser_end(struct mime_parser *p, struct mime *out);
/// Gives up a message half read. NULL is fine.
void mime_parser_free(struct mime_parser *p);

/// Is it this type, case ignored? An empty subtype stands for any.
bool mime_is_type(const struct mime_part *part, struct str type, struct str subtype);
/// The part at an offset below `parent`, counted from 1 in the order of the message; -1 if none.
int mime_child(const struct mime *m, int parent, unsigned number);

static inline struct str mime_header_of(struct str message, const struct mime_part *part)
{
    return str_head(str_skip(message, part->header), part->body - part->header);
}

static inline struct str mime_body_of(struct str message, const struct mime_part *part)
{
    return str_head(str_skip(message, part->body), part->end - part->body);
}
