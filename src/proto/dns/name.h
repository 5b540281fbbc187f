// SPDX-License-Identifier: ISC
//
// Names of the domain name system, between the bytes of a message (RFC 1035 3.1) and the text
// people write (5.1). dns_name_put, the way back, is in proto/dns/record.h.
#pragma once

#include "base/buf.h"
#include "base/scan.h"

/// A name without compression, as text in lower case without a dot at its end; the root is "". What
/// is no plain letter is escaped ("\." "\032"). False when it is none, or its text is longer than
/// DNS_NAME_MAX: then nothing was eaten, and what was appended counts for nothing.
bool dns_name_scan(struct scan *in, struct buf *out);
