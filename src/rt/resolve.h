// SPDX-License-Identifier: ISC
//
// Asking the domain name system: libunbound, which validates by DNSSEC itself and caches; in the
// simulator zones from a table, with every kind of failure. One resolver for the whole process,
// used from all loops.
#pragma once

#include "proto/dns/record.h"
#include "rt/rt.h"

struct rt_resolver;

struct rt_resolver_config {
    /// Resolvers to ask ("192.0.2.1", "192.0.2.1@5353"); none: walk down from the root by itself.
    const char *const *forward;
    size_t forward_count;
    /// Another root, for a laboratory; NULL: the real one. "127.0.0.1" is a root server that refers
    /// to others, at port 53; with a port, "127.0.0.1@5300", this one server has the whole tree.
    const char *root;
    /// File with the trust anchors (DNSKEY or DS lines); NULL: the one the system keeps; "": none,
    /// nothing is ever secure.
    const char *trust_anchor;
    uint32_t timeout_ms; // of one question; 0: 20 s
};

/// 0, or -errno with a sentence in *why. Blocking: it reads files. Outside of tasks or in one.
int rt_resolver_new(struct rt *rt, const struct rt_resolver_config *config,
                    struct rt_resolver **out, struct buf *why);
/// Questions still open are answered DNS_FAILED. NULL is fine. Before rt_free, with no task asking.
void rt_resolver_free(struct rt_resolver *resolver);

/// [await] Always fills *out, in the arena. `name` in ASCII (A-labels). 0; -ETIMEDOUT or -ECANCELED
/// as for every await (then *out is DNS_FAILED).
int rt_resolve(struct rt_resolver *resolver, struct str name, enum dns_type type,
               struct arena *arena, struct dns_answer *out);
