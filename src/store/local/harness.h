// SPDX-License-Identifier: ISC
//
// For the unit tests of store/local: the engine's core without a runtime, on the simulated disk or
// in a directory; the store in hand and short words for it.
#pragma once

#include "rt/sim/disk.h"
#include "store/local/local.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

extern struct local *l;
extern struct rt_disk *disk;
extern char dir[200];

int direct(struct local *to, struct local_job *job);
int spill(struct store_body *body);
int open_with(uint64_t segment_bytes);
int commit(struct store_change *change);
struct store_change *new_change(void);
int put(const char *name, struct str text);
int expunge(const char *name, uint32_t first, uint32_t last);
int flag(const char *name);
struct store_entries entries(const char *name);
ssize_t read_body(const struct store_body_ref *ref, char *to);
struct fsck_report check(struct rt_disk *of, bool repair);
void silence(void *arg, struct str line);
int set_up_sim(void **state);
int tear_down(void **state);
int set_up_dir(void **state);
int tear_down_dir(void **state);
