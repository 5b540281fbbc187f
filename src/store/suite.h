// SPDX-License-Identifier: ISC
//
// Between the files of the suite: the store in hand, short words for the tests, the tables.
#pragma once

#include "base/check.h"
#include "base/cleanup.h"
#include "store/keep.h"
#include "store/store.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OK(call) CHECK((call) == 0)

enum { ANA = 7, BRUNO = 8 };

extern struct rt *the_rt;
extern struct store *s; // the one under test, open

/// Tables end with a zeroed one.
struct suite_test {
    const char *name;
    void (*fn)(void);
};
#define TEST(fn)                                                                                   \
    {                                                                                              \
#fn, fn                                                                                    \
    }
extern const struct suite_test suite_body[], suite_flag[], suite_mailbox[], suite_account[],
    suite_queue[], suite_snapshot[];

#define RANGE(a, b)                                                                                \
    (struct store_uids)                                                                            \
    {                                                                                              \
        &(struct store_range){a, b}, 1                                                             \
    }

struct store_body *body_of(const char *text);
struct store_put put_text(uint64_t account, const char *name, const char *text);
uint64_t create(uint64_t account, const char *name);
int create_result(uint64_t account, struct str name);
struct store_mailbox look(uint64_t account, const char *name);
struct store_entries entries(uint64_t mailbox);
bool body_is(const struct store_body_ref *ref, struct str text);
struct store_flagging flag(uint64_t mailbox, uint32_t first, uint32_t last,
                           enum store_flag_mode mode, uint32_t flags, uint64_t unchanged);
struct store_expunging expunge(uint64_t mailbox, uint32_t first, uint32_t last, bool deleted);
int set_quota(uint64_t account, uint64_t bytes, uint64_t messages);
void check_numbers(uint64_t mailbox);
struct store_copying copy(uint64_t from, uint64_t to, struct store_uids uids, bool move, int want);
void fill(char *to, size_t len, uint64_t seed);
void subscribe(uint64_t account, const char *name, bool on);
int doc(const char *key, const char *before, const char *value, bool conditional);
