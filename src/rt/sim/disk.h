// SPDX-License-Identifier: ISC
//
// A disk in memory that behaves as badly as a real one may: what was not synced can be lost, kept,
// torn at sectors or reordered when the power goes; names that were not synced with their directory
// can vanish; it fills up; it returns errors. It stands behind the doors of rt/disk.h and may be
// used from any thread. It takes no time and makes no choice of its own: the caller says when the
// power goes and which image is found afterwards, so every run can be repeated.
//
//     rt_sim_disk_new(&disk);
//     rt_sim_disk_cut_at(disk, step);          // the power goes at that step
//     ... run the engine on `disk` until it fails ...
//     rt_sim_disk_crash(disk, RT_SIM_CRASH_RANDOM, seed, &image);
//     ... recover on `image`, and compare with what was acknowledged ...
//     rt_disk_close(image);
//
// Steps. Everything that changes or syncs the disk is one step, counted from 1: a write (one call
// is one step), truncate, punch, reserve, sync, creation by open, mkdir, remove, rename, sync_dir.
// Reading, listing, locking and opening what exists are none.
//
// What a crash may do to what is pending (done, but no sync came after it):
//  - data (write, truncate, punch, reserve) is made durable by rt_file_sync of that file, on any
//    handle; until then each operation may survive or not, whatever became of those before it and
//    after it. A write may also survive in part, sector by sector. What a lost write did not reach
//    holds what was there before, or zeros inside a size that grew.
//  - names (creation, mkdir, remove, rename) are made durable by rt_disk_sync_dir of their
//    directory, a rename between two directories when both were synced. Until then each may
//    survive or not; a rename is whole or did not happen. Syncing a file does not sync its name.
//  - what was synced always survives.
#pragma once

#include "rt/disk.h"

enum { RT_SIM_SECTOR = 512 };

/// An empty disk without limits or faults. Closed by rt_disk_close.
int rt_sim_disk_new(struct rt_disk **out);
/// The disk as it is now, with what is pending; cheap, as pages are shared until written. Steps and
/// faults start anew; no locks.
int rt_sim_disk_clone(struct rt_disk *disk, struct rt_disk **out);

// ---- steps and faults

/// Steps taken so far.
uint64_t rt_sim_disk_steps(struct rt_disk *disk);
/// The power goes at that step (0: never). A change in hand when it goes is pending, and may
/// survive; a sync in hand has not happened. That call and all after it, reading as well, return
/// -EIO.
void rt_sim_disk_cut_at(struct rt_disk *disk, uint64_t step);
/// Has the power gone?
bool rt_sim_disk_is_cut(struct rt_disk *disk);
/// That step alone returns `error` (-EIO, -ENOSPC) and does nothing; 0: no step.
void rt_sim_disk_fail_at(struct rt_disk *disk, uint64_t step, int error);
/// The n-th rt_file_sync from now (1: the next) returns -EIO. As on Linux, what was pending in that
/// file is neither durable nor retried: half of it, chosen by the operation's number, is lost as
/// soon as the power goes, whatever is synced later. 0: none.
void rt_sim_disk_fail_sync(struct rt_disk *disk, uint64_t n);
/// Bytes of data that fit (in pages of 4 KiB); beyond it writes and reserves end with -ENOSPC, with
/// what fitted written. UINT64_MAX: no limit.
void rt_sim_disk_set_capacity(struct rt_disk *disk, uint64_t bytes);
/// While true, syncs of files (and of directories) say yes and do nothing: the negative control of
/// a crash test, which must then go red.
void rt_sim_disk_set_lying(struct rt_disk *disk, bool lying);

// ---- after the power went

/// Operations that are pending; bit i of RT_SIM_CRASH_SUBSET is the i-th of them, oldest first.
size_t rt_sim_disk_pending(struct rt_disk *disk);

enum rt_sim_crash {
    RT_SIM_CRASH_LOSE,   // nothing pending survives
    RT_SIM_CRASH_KEEP,   // everything pending survives
    RT_SIM_CRASH_PREFIX, // the first `choice` pending operations survive, in order
    RT_SIM_CRASH_TORN,   // as PREFIX, and the next one, when it is a write, only in its first half
                         // (of its sectors)
    RT_SIM_CRASH_SUBSET, // operation i survives when bit i % 64 of `choice` is set
    RT_SIM_CRASH_RANDOM, // each survives, is lost or is torn, as the seed `choice` says
};
/// What is found on the platter: a new disk on which everything is durable. The old one stays as it
/// was, so that many images can be made of it, whether its power was cut or not. 0 or -errno.
int rt_sim_disk_crash(struct rt_disk *disk, enum rt_sim_crash how, uint64_t choice,
                      struct rt_disk **out);
/// A number that is equal for disks with equal names and contents (as they read now); for finding
/// images already tried.
uint64_t rt_sim_disk_digest(struct rt_disk *disk);
