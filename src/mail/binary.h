// SPDX-License-Identifier: ISC
//
// A message that came with raw bytes (BODY=BINARYMIME, RFC 3030) into one of lines, as it streams
// by: the body of each part whose Content-Transfer-Encoding says "binary" becomes base64, in
// multiparts and attached messages to any depth, and its header says so. Everything else stays
// byte for byte: what is labelled otherwise, and what a signature covers (RFC 1847 2.1). Whether
// the result is lines is for the caller to look at: it is not when raw bytes were labelled as text,
// or stand in what must not be encoded (RFC 2045 6.4: composite types; signed parts).
#pragma once

#include "base/buf.h"
#include "base/str.h"

enum {
    /// What binary_put and binary_end may put beyond twice the piece.
    BINARY_ROOM = 256 * 1024,
};

struct binary;

struct binary *binary_new(void);
/// NULL is fine.
void binary_free(struct binary *b);
/// Pieces of any size; the result does not depend on the cuts.
void binary_put(struct binary *b, struct str bytes, struct buf *out);
/// No more bytes come.
void binary_end(struct binary *b, struct buf *out);
