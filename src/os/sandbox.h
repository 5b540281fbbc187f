// SPDX-License-Identifier: ISC
//
// What the process gives up for good, so that a hole in it is a hole into little: files (Landlock)
// and system calls (seccomp). Nothing in this house starts programs, so exec goes as well.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct os_sandbox {
    const char *const *writable; // directories; NULL entries and missing ones are passed over
    size_t writable_count;
    const char *const *readable; // files and directories, as above
    size_t readable_count;
};

/// Files first: of the calling thread and all it starts later, so call it before there are others.
/// 0, or -errno (-ENOSYS, -EOPNOTSUPP: this kernel cannot). no_new_privs must be set.
int os_sandbox_files(const struct os_sandbox *sandbox);
/// Of all threads. Refused calls fail with EPERM. 0 or -errno.
int os_sandbox_calls(void);
/// False under a sanitizer, which needs what the sandbox takes away.
bool os_sandbox_is_possible(void);
