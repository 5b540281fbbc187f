// SPDX-License-Identifier: ISC
//
// MTA-STS (RFC 8461): the TXT record that announces a policy, the policy itself, and whether a host
// is one it names. Bytes to values; who fetches and keeps a policy is route's matter.
#pragma once

#include "base/arena.h"
#include "base/str.h"

enum {
    MTA_STS_ID_MAX = 32,
    MTA_STS_POLICY_MAX = 64 * 1024, // bytes of a policy (RFC 8461 3.3 suggests it)
    MTA_STS_MX_MAX = 100,           // patterns; more is no policy
    MTA_STS_AGE_MAX = 31557600,     // seconds
};

/// Is this TXT record one of MTA-STS? Then its id. False: another record, or a broken one.
bool mta_sts_record_parse(struct str txt, struct str *out_id);
/// Does it at least begin as one? Several such records, like none, mean no policy (3.1).
bool mta_sts_is_record(struct str txt);

enum mta_sts_mode { MTA_STS_NONE, MTA_STS_TESTING, MTA_STS_ENFORCE };

struct mta_sts {
    enum mta_sts_mode mode;
    uint32_t max_age;     // seconds
    const struct str *mx; // "mx.example.org", "*.example.org"
    size_t mx_count;
};

/// False: not a policy (RFC 8461 3.2), *why says in which way. Texts are copied to the arena.
bool mta_sts_parse(struct str body, struct arena *arena, struct mta_sts *out, const char **why);
/// RFC 8461 4.1: is the host one of the policy's? "*" stands for exactly one label, the leftmost.
bool mta_sts_has(const struct mta_sts *policy, struct str host);
const char *mta_sts_mode_name(enum mta_sts_mode mode);
