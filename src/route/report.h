// SPDX-License-Identifier: ISC
//
// Inside of route: one report of RFC 8460 as a mail.
#pragma once

#include "trust/tlsrpt.h"

enum { REPORT_MAIL_MAX = 1 << 20 };

/// The JSON compressed (RFC 8460 5); false past the maximum.
bool report_gzip(struct buf *out, struct str json);
/// The whole message, CRLF line ends (RFC 8460 5.3, 5.6). `random` names its boundary.
struct report_mail {
    const struct tlsrpt_report *report;
    struct str from, to; // addresses
    struct str host;     // our own
    int64_t now_s;
    uint64_t random;
};
bool report_put_mail(struct buf *out, const struct report_mail *mail, struct str gzip);
