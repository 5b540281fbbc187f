// SPDX-License-Identifier: ISC
//
// How TLS is used towards one host: the administrator's rule, DANE (RFC 7672), MTA-STS (RFC 8461),
// REQUIRETLS (RFC 8689), in this order. A mail that says "TLS-Required: No" (8689 5) is held up by
// the administrator's rule only. Pure.
#pragma once

#include "trust/mta_sts.h"

#include "route/dane.h"
#include "route/route.h"
#include "route/transport.h"

struct tls_facts {
    enum tls_rule rule;            // of tls_policies
    bool is_must;                  // the setting `tls`
    enum route_care care;          // RFC 8689
    bool is_secure;                // the name is the right one: its MX was validated, or is ours
    struct str host, domain;       // "mx1.example.org" of "example.org"
    struct str canonical;          // where CNAMEs of the domain lead; or the same
    struct str tlsa_base;          // the host's name for which `tlsa` was asked
    const struct dns_answer *tlsa; // NULL: not asked
    const struct mta_sts *sts;     // NULL: none
};

/// Fills the members of *host that have to do with TLS. DONE, or why this host must be left out
/// now (LATER) or always (NEVER). For RFC 8460: the policy that was applied in *policy, and in
/// host->tls_failure what is wrong already.
struct outcome tls_decide(const struct tls_facts *facts, struct arena *arena,
                          struct route_host *host, struct str *policy);
