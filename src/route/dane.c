// SPDX-License-Identifier: ISC
#include "route/dane.h"

#include "base/cleanup.h"

enum { TLSA_PKIX_TA, TLSA_PKIX_EE, TLSA_DANE_TA, TLSA_DANE_EE };

/// RFC 7672 3.1: usages 2 and 3 with digests or data that can match at all. SHA-256 has 32 bytes,
/// SHA-512 64.
static bool is_usable(const struct dns_tlsa *r)
{
    static const size_t lengths[] = {0, 32, 64};

    if ((r->usage != TLSA_DANE_TA && r->usage != TLSA_DANE_EE) || r->selector > 1 ||
        r->matching > 2)
        return false;
    if (r->matching == 0)
        return r->data.len > 0 && r->data.len <= DANE_DATA_MAX;
    return r->data.len == lengths[r->matching];
}

enum dane dane_judge(const struct dns_answer *answer, struct dns_tlsa *records, size_t *count)
{
    *count = 0;
    switch (answer->status) {
    case DNS_FAILED:
    case DNS_BOGUS:
        return DANE_FAILED;
    case DNS_NO_DATA:
    case DNS_NO_NAME:
        return DANE_NONE;
    case DNS_FOUND:
        break;
    }
    if (!answer->is_secure || answer->count == 0)
        return DANE_NONE;
    for (size_t i = 0; i < answer->count && *count < DANE_RECORDS_MAX; i++)
        if (is_usable(&answer->records[i].tlsa))
            records[(*count)++] = answer->records[i].tlsa;
    return *count ? DANE_USABLE : DANE_UNUSABLE;
}

bool dane_holds(const struct dns_answer *answer)
{
    struct dns_tlsa records[DANE_RECORDS_MAX];
    size_t count;

    return dane_judge(answer, records, &count) != DANE_NONE;
}

struct str dane_name(struct arena *arena, uint16_t port, struct str host)
{
    CLEANUP(buf_drop) struct buf name = {.max = 512};

    buf_putf(&name, "_%u._tcp.%.*s", port, STR_ARG(host));
    return arena_str(arena, buf_str(&name));
}
