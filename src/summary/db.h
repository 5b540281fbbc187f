// SPDX-License-Identifier: ISC
//
// summary.db: rows by message id (doc/format/summary.md). One writer on a thread of its own, fed
// through a bounded queue; readers on a pool, a connection each. Blocking, but for db_put.
#pragma once

#include "summary/inside.h"

struct summary_db;

int summary_db_open(const char *dir, struct summary_db **out);
/// What waits is written first.
void summary_db_close(struct summary_db *db);
void summary_db_flush(struct summary_db *db);

/// Has it written soon; dropped when too many wait. No waiting.
void summary_db_put(struct summary_db *db, const struct store_body_ref *ref,
                    const struct summary *summary);

/// One to look for: what is found is put in *out, which was zeroed, and `found` set.
struct summary_wanted {
    const struct store_body_ref *ref;
    struct summary *out;
    bool found;
};
/// Rows that are missing, damaged or of another message are not found. By message id ascending.
/// Ends early when more than SUMMARY_MANY_BYTES were found; gives how many were looked for.
size_t summary_db_get(struct summary_db *db, struct summary_wanted *wanted, size_t count);

/// The next ids behind `after`, at most max. How many, or -errno.
struct summary_known {
    uint64_t message_id, size;
};
int summary_db_list(struct summary_db *db, uint64_t after, struct summary_known *out, size_t max);
/// Soon.
void summary_db_remove(struct summary_db *db, uint64_t message_id);

void summary_db_stats(struct summary_db *db, struct summaries_stats *out);
