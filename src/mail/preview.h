// SPDX-License-Identifier: ISC
//
// The first words of a message as a person would read them, for lists of messages (RFC 8970): of
// the first part that is text, not attached and not empty; HTML stripped, quoted lines left out,
// blanks and line ends told as one blank, nothing invisible.
#pragma once

#include "base/buf.h"
#include "mail/mime.h"

enum {
    PREVIEW_CHARS_MAX = 200,     // RFC 8970 3.2: at most 256, better 200
    PREVIEW_PLAIN_LOOK = 8192,   // bytes of a part that are looked at
    PREVIEW_HTML_LOOK = 1 << 15, // and of HTML, which has more around the words
    PREVIEW_PARTS_MAX = 4,       // parts that are tried
};

/// Appends the preview, perhaps nothing: there are no words in it, or they are encrypted.
void preview_put(struct buf *out, const struct mime *m, struct str message);

/// The parts that preview_put may look at, their indexes ascending; of each it needs the body's
/// first preview_look bytes. How many there are.
size_t preview_parts(const struct mime *m, size_t out[PREVIEW_PARTS_MAX]);
size_t preview_look(const struct mime_part *part);
