// SPDX-License-Identifier: ISC
//
// A message of our own making, for `carteiro send`: header (RFC 5322, 2047), text and attachments
// (RFC 2045, 2183, 2231) to bytes with CRLF line ends that pass every server, whatever extensions
// it lacks.
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum {
    COMPOSE_RECIPIENTS_MAX = 1000,
    COMPOSE_ATTACHMENTS_MAX = 100,
    COMPOSE_MESSAGE_MAX = 128 << 20, // bytes
};

struct compose_person {
    struct str name;    // UTF-8; may be empty
    struct str address; // as in an envelope, domain with A-labels
};

struct compose_people {
    struct compose_person *items;
    size_t count;
};

struct compose_attachment {
    struct str name; // of the file, UTF-8
    struct str type; // "image/png"
    struct str bytes;
};

struct compose {
    struct compose_person from;
    struct compose_people to, cc;
    struct str subject; // UTF-8
    struct str text;    // UTF-8, any line ends
    const struct compose_attachment *attachments;
    size_t attachment_count;
    int64_t date; // seconds since 1970
    int32_t zone_minutes;
    uint8_t random[24]; // for Message-ID and boundary
};

/// Appends the people in `text`: addresses with or without names, commas between. False, with the
/// bad one in *bad, when one of them is none. At most COMPOSE_RECIPIENTS_MAX.
bool compose_people_add(struct arena *arena, struct compose_people *people, struct str text,
                        struct str *bad);
/// Does an address need SMTPUTF8 (RFC 6531)?
bool compose_is_utf8(struct str address);
/// What a file of that name holds, as far as its ending tells.
struct str compose_type_of(struct str file_name);
/// The whole message. False when it is too large.
bool compose_put(const struct compose *c, struct buf *out);
