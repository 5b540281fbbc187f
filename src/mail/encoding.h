// SPDX-License-Identifier: ISC
//
// Content transfer encodings (RFC 2045 6): base64 and quoted-printable, whole texts in both
// directions, and struct decoder, which takes an encoded body in pieces of any size. Reading is
// mild, because a body must always give something to show; where a protocol demands the exact form
// (SASL) there is encoding_decode_base64.
#pragma once

#include "base/buf.h"
#include "base/str.h"

enum encoding {
    ENCODING_7BIT,
    ENCODING_8BIT,
    ENCODING_BINARY,
    ENCODING_QUOTED_PRINTABLE,
    ENCODING_BASE64,
    ENCODING_UNKNOWN, // decodes to itself
};

/// Of a Content-Transfer-Encoding value, without comments; empty gives 7BIT.
enum encoding encoding_of(struct str name);

/// One line of base64 with padding.
void encoding_put_base64(struct buf *out, struct str bytes);
/// Lines of 76 characters, each with CRLF: the body of a part.
void encoding_put_base64_lines(struct buf *out, struct str bytes);
/// Exact base64 (RFC 4648 3.5): alphabet, padding and zero bits as they must be, no line ends.
/// False, and nothing appended, on anything else.
bool encoding_decode_base64(struct buf *out, struct str text);

/// Text with CRLF or LF line ends as quoted-printable with CRLF line ends, lines of at most 76
/// characters. Lone CRs become =0D. "From " at a line's start and lone dots are protected.
void encoding_put_quoted_printable(struct buf *out, struct str text);

/// The whole of an encoded body at once.
void encoding_decode(struct buf *out, enum encoding encoding, struct str text);

/// What a decoder keeps between two pieces. The result does not depend on how the body was cut.
struct decoder {
    enum encoding encoding;
    unsigned state;     // quoted-printable: where in an escape
    uint32_t bits;      // base64: bits not yet put
    unsigned bit_count; // base64
    char first_digit;   // quoted-printable: after "=X"
    unsigned blanks;    // quoted-printable: held spaces and tabs that a line end would remove
    char blank[128];
};

void decoder_init(struct decoder *d, enum encoding encoding);
/// Appends what became known. Characters outside base64's alphabet are skipped; a broken "=" of
/// quoted-printable stands for itself. `out` must have room for text.len + 130 bytes (for base64
/// three quarters of text.len).
void decoder_feed(struct decoder *d, struct str text, struct buf *out);
/// The end of the body: appends what was held. Then the decoder may be used for another body.
void decoder_end(struct decoder *d, struct buf *out);
