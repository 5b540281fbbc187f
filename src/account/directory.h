// SPDX-License-Identifier: ISC
//
// The whole directory in memory, immutable: readers see one state from beginning to end. A change
// makes a new one that shares all but the touched slices with the old, and hands back what became
// garbage, to be freed once the last reader of the old state has left.
#pragma once

#include "account/record.h"

enum { ACCOUNT_DIRECTORY_SLICES = 1024 };

struct account_slice;

struct account_directory {
    struct account_slice *by_key[ACCOUNT_DIRECTORY_SLICES];
    struct account_slice *by_id[ACCOUNT_DIRECTORY_SLICES];
    const struct account_record **domains; // by name; this directory's own
    size_t domain_count;
    const struct account_record *oldest; // the account with the lowest id, or NULL
};

/// What nobody will find any more.
struct account_garbage {
    struct account_garbage *next;
    struct account_directory *directory;
    struct account_slice *slices[2];
    struct account_record *record;
};

/// Empty.
struct account_directory *account_directory_new(void);
/// With all records, slices and itself. NULL is fine.
void account_directory_free(struct account_directory *d);

/// One record less (`out_of` not NULL) and one more (`in` not NULL), of the same key and id when
/// both are there. Takes `in`. *garbage goes to account_garbage_free.
struct account_directory *account_directory_change(const struct account_directory *from,
                                                   struct account_record *out_of,
                                                   struct account_record *in,
                                                   struct account_garbage **garbage);
/// NULL is fine.
void account_garbage_free(struct account_garbage *garbage);

/// `key` in its one form; NULL when there is none.
struct account_record *account_directory_get(const struct account_directory *d, struct str key);
struct account_record *account_directory_get_id(const struct account_directory *d, uint64_t id);

/// All records, in no order: start with *slice = *at = 0; NULL at the end.
struct account_record *account_directory_next(const struct account_directory *d, size_t *slice,
                                              size_t *at);
