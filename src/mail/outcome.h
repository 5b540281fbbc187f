// SPDX-License-Identifier: ISC
//
// struct outcome: what became of one attempt to take over a mail, the one value with which the
// rooms tell each other yes and no, whether it was said by us or by a remote host. No error: the
// mail was refused, which is queued, logged and told (RFC 5321 4.2, RFC 3463).
#pragma once

#include "base/buf.h"
#include "base/str.h"

enum verdict {
    DONE,  // taken over: the other side answers for it now (2yz)
    LATER, // try again (4yz); when in doubt, this
    NEVER, // tell the sender (5yz)
};

struct outcome {
    enum verdict verdict;
    unsigned code;       // reply code, 200 to 599
    struct str enhanced; // "2.1.5", or empty
    struct str text;     // one line, or several with LF between
};

/// What a reply code says: 2yz and 3yz DONE, 5yz NEVER, all else LATER.
enum verdict outcome_verdict(unsigned code);

/// The code at the front of a reply's text, "class.subject.detail" (RFC 3463 2), taken off it with
/// the blank behind. Empty, and nothing taken, when there is none or its class does not belong to
/// the reply code.
struct str outcome_take_enhanced(unsigned code, struct str *text);

/// The reply on the wire, every line with its CRLF: "250-2.1.0 a" CRLF "250 2.1.0 b" CRLF. CR, NUL
/// and other control characters become spaces.
void outcome_put_reply(struct buf *out, const struct outcome *o);
