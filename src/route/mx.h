// SPDX-License-Identifier: ISC
//
// Which hosts take mail for a domain (RFC 5321 5.1, RFC 7505), and which of their addresses are fit
// to be tried. Pure: the answers of DNS go in, an order of attempts comes out.
#pragma once

#include "base/arena.h"
#include "mail/outcome.h"
#include "proto/dns/record.h"

struct mx_target {
    struct str name;
    unsigned preference;
};

struct mx_plan {
    struct outcome outcome; // DONE: there are targets
    struct mx_target *items;
    size_t count;
    bool is_implicit; // no MX: the domain itself
    bool has_us;      // we were among them: us and all behind us were left out
};

/// `answer` is that to the MX question for `domain`; `host_name` our own name; random gives the
/// order of equals. At most ROUTE_HOSTS_MAX targets.
void mx_plan(const struct dns_answer *answer, struct str domain, struct str host_name,
             uint64_t (*random)(void *arg), void *arg, struct arena *arena, struct mx_plan *out);

enum mx_address {
    MX_ADDRESS_FINE,
    MX_ADDRESS_OURS,     // we listen there
    MX_ADDRESS_LOOPBACK, // this machine, which `allow_loopback` does not allow
    MX_ADDRESS_UNFIT,    // unspecified, multicast, broadcast, link-local: no host has it
};
enum mx_address mx_address_judge(struct str ip, bool allow_loopback, const struct str *own,
                                 size_t own_count);
/// For people: "our own".
const char *mx_address_word(enum mx_address what);

/// The order to try them: "race": in turn, IPv6 first (RFC 8305 4); "ipv6", "ipv4": those first.
/// Fills out[0..max); gives how many.
size_t mx_addresses_order(const struct str *v6, size_t v6_count, const struct str *v4,
                          size_t v4_count, struct str prefer, struct str *out, size_t max);
