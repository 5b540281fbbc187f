// SPDX-License-Identifier: ISC
//
// What `carteiro check` wants to know of the machine.
#pragma once

#include "base/buf.h"

#include <sys/types.h>

/// Could a server listen there now? 0, -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, ...
int os_port_probe(const char *address, uint16_t port);

struct os_directory {
    uid_t owner;
    mode_t mode;
    bool is_directory;
    uint64_t free_bytes;
    const char *kind; // "ext4", "nfs", "tmpfs"; "other" when it is not one we have words for
    bool is_remote;   // its locks and syncs cannot be trusted
    bool is_memory;   // gone with the power
};
int os_directory_look(const char *path, struct os_directory *out);
/// May that user read the file, by its owner, group and mode bits?
bool os_file_is_readable_by(const char *path, uid_t uid, gid_t gid);
/// Does the kernel believe that something keeps its clock right?
bool os_clock_is_kept(void);
/// Each numeric address of this host's interfaces that are up. Those with a scope (fe80::...%eth0)
/// are left out.
void os_addresses_each(void (*each)(void *arg, const char *ip), void *arg);
