// SPDX-License-Identifier: ISC
//
// The domain name system of the simulated world: zones from lines of text behind the door of
// rt/resolve.h, with every kind of failure, by the seed. Every answer is part of the trace.
//
//     "example.org. MX 10 mx.example.org."    a record: A, AAAA, NS, CNAME, PTR, MX, TXT, TLSA
//     "example.org. secure"                   that name and all below it are signed; the mark of
//     "example.org. bogus"                    the longest name counts. "bogus": signed wrongly;
//     "example.org. servfail"                 "servfail": the servers fail; "timeout": they are
//     "example.org. timeout"                  silent; "plain": as without any mark
//     "; anything"                            a comment, as is an empty line
//
// Names are absolute, with or without the dot at the end. What is not there does not exist; a name
// that has other types, or names below it, has no data. CNAMEs are followed.
#pragma once

#include "rt/resolve.h"
#include "rt/sim/sim.h"

struct rt_sim_resolver_config {
    const char *const *lines; // ends with NULL; borrowed
    uint32_t ttl;             // of every answer; 0: 60
    uint32_t timeout_ms;      // of one question; 0: 20 s
    uint32_t delay_max_us;    // an answer takes at most so long; 0: 10 ms
    // Lies and failures, in parts of a million of questions.
    uint32_t failed; // SERVFAIL
    uint32_t silent; // no answer at all
    uint32_t empty;  // the answer says there is no data, where there is; never of a secure name
    uint32_t bogus;  // of a secure name
    uint32_t slow;   // takes at most slow_max_us, which may be longer than timeout_ms
    uint32_t slow_max_us;
};

/// `rt` is a simulated one. A line that is none of the above is a bug of the caller (CHECK).
int rt_sim_resolver_new(struct rt *rt, const struct rt_sim_resolver_config *config,
                        struct rt_resolver **out);
/// Other zones from now on.
void rt_sim_resolver_change(struct rt_resolver *resolver, const char *const *lines);
