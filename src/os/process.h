// SPDX-License-Identifier: ISC
//
// What the process may do and which limits it has.
#pragma once

#include "base/buf.h"

#include <sys/types.h>

/// The user's numbers; -ENOENT when there is no such user.
int os_user_find(const char *name, uid_t *uid, gid_t *gid);
/// The name of a user, or its number.
void os_user_name(uid_t uid, struct buf *out);
/// Becomes that user for good, with its groups; only for root, and before there are threads. All
/// rights of root go but, with `keep_ports`, the one to listen on ports below 1024.
int os_become(const char *user, bool keep_ports);
/// Runs fn(arg) in a process of its own, whose changes to itself (os_become) end with it. Before
/// there are threads. What fn returned (0 to 255), or -errno.
int os_apart(int (*fn)(void *arg), void *arg);
/// From now on no exec can gain rights (prctl PR_SET_NO_NEW_PRIVS).
int os_no_new_privs(void);
/// Raises the soft limit of file descriptors to the hard one; *out gets it.
int os_descriptors_raise(uint64_t *out);
uint64_t os_descriptors_limit(void);
