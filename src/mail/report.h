// SPDX-License-Identifier: ISC
//
// Reports about a mail (delivery status notifications): composed for the sender as
// multipart/report (RFC 6522) with words for people first, then message/delivery-status (RFC 3464;
// RFC 6533 where an address is not ASCII), then the message or its header; and read again when one
// comes back. Pure: values in, bytes out.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum report_action {
    REPORT_FAILED,
    REPORT_DELAYED,
    REPORT_DELIVERED,
    REPORT_RELAYED,  // to a host that does not report itself
    REPORT_EXPANDED, // an alias, to several places
};

// ---- composing

/// Views; "" where a value is not known.
struct report_recipient {
    enum report_action action;
    struct str address;    // where it went: Final-Recipient
    struct str original;   // what the sender wrote, when it was another
    struct str orcpt;      // RFC 3461 4.2, xtext as given
    struct str status;     // RFC 3463 "5.1.1"; "": made from `code`
    struct str host;       // who said it, "mx1.example.org (192.0.2.1)"; "": nobody, we say so
    unsigned code;         // of the SMTP reply; 0: there was none
    struct str text;       // its words; lines apart by LF
    struct str dialogue;   // how the talk went; lines apart by LF
    int64_t attempt_s;     // the last one; 0: none
    int64_t retry_until_s; // of DELAYED
};

struct report {
    struct str language;  // "en", "pt-BR"; else English
    struct str host;      // who reports
    struct str from;      // address of the From field
    struct str to;        // the sender of the mail
    uint64_t id;          // of the report itself: names it in Message-ID
    uint64_t boundary[2]; // at random
    uint64_t mail_id;     // of the mail it is about
    int64_t now_s, arrived_s;
    struct str envid; // RFC 3461 4.4, xtext as given
    const struct report_recipient *recipients;
    size_t count;        // at least 1
    struct str original; // the message, or the beginning of it with at least the header
    bool is_full;        // bring all of it back; else the header only
};

/// What kind of mail it became.
struct report_kind {
    bool is_8bit; // has bytes above 127 outside of encodings
    bool is_utf8; // has addresses or header fields that need SMTPUTF8
};

/// Appends the whole message, CRLF line ends. At most REPORT_RECIPIENTS_MAX recipients are told in
/// detail; those behind are counted.
void report_put(struct buf *out, const struct report *report, struct report_kind *kind);

enum { REPORT_RECIPIENTS_MAX = 100 };

// ---- reading one that came back

struct report_found {
    enum report_action action;
    struct str address;  // Final-Recipient, without its type; "" when there is none
    struct str original; // Original-Recipient
    struct str status;   // "5.1.1"
    struct str diagnostic;
};

/// A multipart/report with a delivery status, or false. Views into `message` or the arena; at most
/// `max` recipients. `message` may be cut at its end.
bool report_parse(struct arena *arena, struct str message, struct report_found *out, size_t max,
                  size_t *out_count);
