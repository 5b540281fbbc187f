// SPDX-License-Identifier: ISC
//
// Trace fields: the Received line that each hop puts on top (RFC 5321 4.4, RFC 3848 for `with`,
// RFC 8314 4.3 for `tls`), and what the lines of earlier hops tell about loops.
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "mail/date.h"

struct received {
    struct str helo;        // what the client called itself; empty: no from clause
    struct str client_ip;   // "192.0.2.1" or "2001:db8::1" as text, or empty
    struct str client_name; // its name in DNS, or empty: unknown
    struct str by;          // our name
    struct str with;        // "SMTP", "ESMTP", "ESMTPS", "ESMTPSA", "LMTP", "UTF8SMTPS", ...
    struct str tls;         // "TLS_AES_256_GCM_SHA384" or empty: no tls clause
    struct str id;          // our id of the transaction
    struct str for_whom;    // the one recipient, or empty: none or several (so no Bcc leaks)
    bool has_priority;      // then a priority clause (RFC 6710 6)
    int priority;
    struct date date;
};

/// "Received: from ... by ... with ... id ... for <...>; date" with folds and its CRLF. What a
/// client said is put as a domain when it is one, else its odd bytes become "?": it cannot make
/// another clause or line.
void received_put(struct buf *out, const struct received *r);
