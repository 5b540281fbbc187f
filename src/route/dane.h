// SPDX-License-Identifier: ISC
//
// What the TLSA answer for a host demands (RFC 7672). Pure. The caller asks only where MX and
// addresses were validated; a TLSA answer that is not signed is worth nothing.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "proto/dns/record.h"

enum dane {
    DANE_NONE,     // no signed record: DANE does not hold there
    DANE_USABLE,   // TLS is a must, by these records
    DANE_UNUSABLE, // TLS is a must, any certificate (RFC 7672 2.2)
    DANE_FAILED,   // nobody can tell: that host must not be used now (RFC 7672 2.1.1)
};

enum { DANE_RECORDS_MAX = 16, DANE_DATA_MAX = 4096 };

/// `records` (DANE_RECORDS_MAX of them) gets the usable ones, which are views of the answer.
enum dane dane_judge(const struct dns_answer *answer, struct dns_tlsa *records, size_t *count);
/// Anything but DANE_NONE?
bool dane_holds(const struct dns_answer *answer);
/// "_25._tcp.mx.example.org"
struct str dane_name(struct arena *arena, uint16_t port, struct str host);
