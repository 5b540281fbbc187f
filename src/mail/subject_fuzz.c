// SPDX-License-Identifier: ISC
#include "base/check.h"
#include "mail/casemap.h"
#include "mail/charset.h"
#include "mail/subject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/// A base subject is UTF-8, no longer than its text can be, and has no other base subject.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once, again, folded;
    struct str value = str_of(data, size > 8192 ? 8192 : size);

    buf_init(&once, 1 << 20);
    buf_init(&again, 1 << 20);
    buf_init(&folded, 1 << 20);
    (void)subject_put_base(&once, value);
    CHECK(buf_ok(&once) && charset_is_utf8(buf_str(&once)));
    casemap_put(&folded, buf_str(&once));
    CHECK(buf_ok(&folded) && charset_is_utf8(buf_str(&folded)));
    if (str_find_str(buf_str(&once), STR("=?")) < 0) { // which would be decoded now
        (void)subject_put_base(&again, buf_str(&once));
        CHECK(str_eq(buf_str(&once), buf_str(&again)));
    }
    buf_done(&once);
    buf_done(&again);
    buf_done(&folded);
    return 0;
}
