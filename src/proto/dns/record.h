// SPDX-License-Identifier: ISC
//
// Answers of the domain name system as values (RFC 1035, 3596, 4034, 6698), from the bytes of a
// record's data. Who asked, and whether the answer is signed, is rt/resolve.h's.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum dns_type {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_SOA = 6,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_DS = 43,
    DNS_DNSKEY = 48,
    DNS_TLSA = 52,
    DNS_CAA = 257,
};

enum {
    DNS_NAME_MAX = 253,    // bytes of a name as text, without the dot at its end
    DNS_RECORDS_MAX = 256, // of one answer; what is more is left out, and said
};

struct dns_tlsa {
    uint8_t usage, selector, matching;
    struct str data; // bytes
};

/// One record; which members count is the type's matter.
struct dns_record {
    struct str text;      // as in a zone file: "10 mx.example.org", "192.0.2.1", "\"v=spf1 -all\""
    struct str name;      // MX, NS, CNAME, PTR: lower case, no dot at the end; "" is the root
    unsigned preference;  // MX
    struct str address;   // A, AAAA as text
    struct str txt;       // TXT: all its strings joined (RFC 7208 3.3)
    struct dns_tlsa tlsa; // TLSA
};

enum dns_status {
    DNS_FOUND,   // at least one record
    DNS_NO_DATA, // the name exists, but has nothing of that type
    DNS_NO_NAME, // NXDOMAIN
    DNS_FAILED,  // no answer, or SERVFAIL: ask again later
    DNS_BOGUS,   // the answer is not what its owner signed: as DNS_FAILED, and a reason for alarm
};

struct dns_answer {
    enum dns_status status;
    bool is_secure;             // validated by DNSSEC, the absence of an answer too
    uint32_t ttl;               // seconds
    struct str canonical;       // where CNAMEs led to; the name itself when there were none
    struct dns_record *records; // in the order they came
    size_t count;
    struct str why; // of FAILED and BOGUS, for people
};

/// "mx", "TLSA"; 0: unknown.
enum dns_type dns_type_parse(struct str name);
const char *dns_type_name(enum dns_type type);
/// Fills *out from the data of one record (names uncompressed, as libunbound gives them); texts go
/// to the arena. False when the bytes are none of that type.
bool dns_record_parse(enum dns_type type, struct str data, struct arena *arena,
                      struct dns_record *out);
/// The name in wire form, from text with or without a dot at the end; false when it is none.
bool dns_name_put(struct buf *out, struct str name);
/// The data of a record from its text in a zone file ("10 mx.example.org."): A, AAAA, NS, CNAME,
/// PTR, MX, TXT, TLSA. False when it is none; then nothing was appended.
bool dns_data_put(struct buf *out, enum dns_type type, struct str text);
