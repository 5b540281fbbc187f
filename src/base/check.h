// SPDX-License-Identifier: ISC
//
// CHECK: a broken assumption of ours ends the process, always, also in release builds. What is on
// disk is the safety net. Never used for what a stranger or the world can cause.
#pragma once

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            check_failed(#cond, __FILE__, __LINE__);                                               \
    } while (0)

/// Prints "file:line: CHECK(cond)" to stderr and aborts.
_Noreturn void check_failed(const char *cond, const char *file, int line);
