// SPDX-License-Identifier: ISC
//
// SMTP TLS reporting (RFC 8460): the TXT record that asks for reports, the results of a day as
// text, and the report as JSON. Bytes to values and back; who counts and sends is route's matter.
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum {
    TLSRPT_RUA_MAX = 8,        // places of one record; more are passed over
    TLSRPT_COUNTS_MAX = 500,   // different results of one domain and day
    TLSRPT_FIELD_MAX = 255,    // bytes of a name in a result
    TLSRPT_JSON_MAX = 1 << 20, // bytes
};

/// "v=TLSRPTv1; rua=mailto:a@example.org,https://b.example/x" (RFC 8460 3): the URIs, views of
/// `txt`. Gives their number; 0: no such record, or none that can be used.
size_t tlsrpt_record_parse(struct str txt, struct str out[TLSRPT_RUA_MAX]);
bool tlsrpt_is_record(struct str txt);

/// So often this came of sessions with one host.
struct tlsrpt_count {
    struct str policy;  // "tlsa", "sts", "no-policy-found"
    struct str host;    // the MX
    struct str address; // its numeric address
    struct str failure; // a result type of RFC 8460 4.3; "": success
    uint64_t count;
};

/// Adds it to those that are the same; false when there are TLSRPT_COUNTS_MAX others.
bool tlsrpt_counts_add(struct tlsrpt_count *counts, size_t *n, const struct tlsrpt_count *one);
/// A line for each, its fields between tabs; what would break a line becomes "?".
void tlsrpt_count_put(struct buf *out, const struct tlsrpt_count *count);
/// Adds all lines of the text; views of it. Lines that are none are passed over.
void tlsrpt_counts_parse(struct str text, struct tlsrpt_count *counts, size_t *n);

struct tlsrpt_report {
    struct str domain, organization, contact, id;
    int64_t begin_s, end_s; // seconds since 1970, the first and the last of the day
    const struct tlsrpt_count *counts;
    size_t count;
    /// What the policies said (RFC 8460 4.4 "policy-string"), for "sts"; "" not known.
    struct str sts;
};
/// The JSON of RFC 8460 4.4; false past the maximum of `out`.
bool tlsrpt_put_json(struct buf *out, const struct tlsrpt_report *report);
