// SPDX-License-Identifier: ISC
//
// A policy and a record of strangers: what was understood is within its limits, and matching ends.
#include "base/check.h"

#include "trust/mta_sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of(data, size), id;
    struct arena arena;
    struct mta_sts policy;
    const char *why = NULL;

    arena_init(&arena, 1 << 20);
    if (mta_sts_record_parse(text, &id))
        CHECK(id.len > 0 && id.len <= MTA_STS_ID_MAX && mta_sts_is_record(text));
    if (mta_sts_parse(text, &arena, &policy, &why)) {
        CHECK(policy.max_age <= MTA_STS_AGE_MAX && policy.mx_count <= MTA_STS_MX_MAX);
        CHECK(policy.mx_count > 0 || policy.mode == MTA_STS_NONE);
        for (size_t i = 0; i < policy.mx_count; i++)
            CHECK(str_starts(policy.mx[i], STR("*.")) || mta_sts_has(&policy, policy.mx[i]));
        mta_sts_has(&policy, text);
    } else {
        CHECK(why);
    }
    arena_done(&arena);
    return 0;
}
