// SPDX-License-Identifier: ISC
//
// SQLite over a simulated disk: every write, sync and truncate goes through rt/disk.h, so that the
// power can be cut between any two. The shared memory of the WAL index lives on the heap; locks are
// those of one process.
#pragma once

#include "rt/disk.h"

/// *out_name is what sqlite3_open_v2 takes; until sim_vfs_unregister, after the last connection.
int sim_vfs_register(struct rt_disk *disk, const char **out_name);
void sim_vfs_unregister(const char *name);
