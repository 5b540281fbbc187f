// SPDX-License-Identifier: ISC
//
// What the tests of this room share: cmocka with the headers it wants before its own, and asserts
// on struct str.
#pragma once

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/// Shows both texts and the place in the table when they differ.
#define ASSERT_STR(got, want, what)                                                                \
    do {                                                                                           \
        struct str got_ = (got), want_ = (want);                                                   \
        if (!str_eq(got_, want_))                                                                  \
            fail_msg("%s: got <%.*s>, want <%.*s>", (what), STR_ARG(got_), STR_ARG(want_));        \
    } while (0)

static inline struct buf test_buf(void)
{
    struct buf b;

    buf_init(&b, 64 << 20);
    return b;
}
