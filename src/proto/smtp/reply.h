// SPDX-License-Identifier: ISC
//
// SMTP replies (RFC 5321 4.2): put by servers, read by clients; the enhanced status codes of
// RFC 2034 and 3463; the extensions a server offers in its reply to EHLO.
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "proto/smtp/limits.h"

/// Puts "250 2.1.0 text"; each '\n' in the text starts another line of the reply ("250-..."). Lines
/// are cut at SMTP_REPLY_LINE_MAX, control characters become '?'. `status` NULL or "": none.
void smtp_reply_put(struct buf *out, unsigned code, const char *status, struct str text);

/// A reply being read, line by line.
struct smtp_reply {
    unsigned code;
    unsigned line_count;
    struct buf text; // the lines' texts with '\n' between them, enhanced codes still there
};
enum smtp_reply_answer {
    SMTP_REPLY_BAD = -1, // no reply, another code than before, too many lines or bytes
    SMTP_REPLY_MORE = 0,
    SMTP_REPLY_WHOLE = 1,
};
void smtp_reply_init(struct smtp_reply *r);
void smtp_reply_done(struct smtp_reply *r);
/// For the next reply; keeps the memory.
void smtp_reply_clear(struct smtp_reply *r);
/// The next line, without its line end. After BAD the reply says nothing.
enum smtp_reply_answer smtp_reply_add(struct smtp_reply *r, struct str line);
/// Extensions offered to EHLO (RFC 5321 4.1.1.1), bits.
enum smtp_extension {
    SMTP_HAS_PIPELINING = 1,
    SMTP_HAS_SIZE = 2,
    SMTP_HAS_8BITMIME = 4,
    SMTP_HAS_SMTPUTF8 = 8,
    SMTP_HAS_STARTTLS = 16,
    SMTP_HAS_AUTH = 32,
    SMTP_HAS_ENHANCED = 64,
    SMTP_HAS_CHUNKING = 128,
    SMTP_HAS_DSN = 256,
    SMTP_HAS_BINARYMIME = 512,
    SMTP_HAS_REQUIRETLS = 1024,
    SMTP_HAS_DELIVERBY = 2048,
    SMTP_HAS_MT_PRIORITY = 4096,
    SMTP_HAS_LIMITS = 8192,
};
struct smtp_offer {
    unsigned extensions;
    uint64_t size_max;     // 0: not said
    struct str mechanisms; // of AUTH, blanks between them; a view into the reply
    uint64_t by_min_s;     // DELIVERBY (RFC 2852 2): the shortest time with mode R; 0: not said
    // LIMITS (RFC 9422 4), 0: not said, or not a number from 1 on
    uint64_t mails_max;      // MAILMAX: MAIL commands in a session
    uint64_t recipients_max; // RCPTMAX: RCPT commands in a transaction
    uint64_t domains_max;    // RCPTDOMAINMAX: different domains of recipients in a session
};
void smtp_offer_parse(const struct smtp_reply *ehlo, struct smtp_offer *out);
/// Is that mechanism (any case) among them?
bool smtp_offer_has_mechanism(const struct smtp_offer *offer, struct str mechanism);
