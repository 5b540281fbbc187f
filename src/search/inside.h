// SPDX-License-Identifier: ISC
//
// Inside of search/search.h: what the files of this room share.
#pragma once

#include "base/map.h"
#include "search/index.h"

#include <pthread.h>
#include <stdatomic.h>

enum search_mode { SEARCH_OFF, SEARCH_ON_USE, SEARCH_ALL };

/// A mailbox that is kept in the index. The filler's, but for what stands under the lock.
struct search_followed {
    uint64_t account_id, mailbox_id;
    bool is_loaded;       // uid is what the file says
    uint32_t uidvalidity; // of uid
    uint32_t uid;         // up to there all are in the index
};

struct search_reader {
    struct search_reader *next;
    struct search_index index;
};

struct search_filler;

struct search {
    struct rt *rt;
    struct store *store;
    char *dir;
    struct rt_pool *pool;         // answers
    struct rt_pool *filling;      // one thread, which has the only connection that writes
    struct search_filler *filler; // that thread's, and the filling task's
    struct rt_task *task;
    _Atomic enum search_mode mode;
    _Atomic uint64_t share;      // percent
    _Atomic unsigned generation; // of the files: readers of an older one are closed
    _Atomic unsigned rebuilds_asked, rebuilds_done;
    _Atomic bool is_stopping;
    _Atomic unsigned hurried_by; // who waits for the filler
    pthread_mutex_t lock;
    // under the lock
    struct map followed;           // by mailbox id
    struct map damaged;            // by account id: its file is no good any more
    struct search_reader *readers; // that nobody uses, the last used first
    size_t reader_count;
};

/// From now on the mailbox is kept in the index. Any thread, no waiting.
void search_follow(struct search *s, uint64_t account_id, uint64_t mailbox_id);
/// The followed mailboxes: malloc, copies. free(*out).
size_t search_followed_list(struct search *s, struct search_followed **out);
/// Writes back what the filler knows; `remove`: it is gone.
void search_followed_set(struct search *s, const struct search_followed *f, bool remove);

/// That account's file is thrown away at the filler's next look. Any thread, no waiting.
void search_condemn(struct search *s, uint64_t account_id);

/// A connection that reads that account's file; 0 or -errno. Pool threads.
int search_reader_take(struct search *s, uint64_t account_id, struct search_reader **out);
/// `r`: what its last call said; looks after damage.
void search_reader_give(struct search *s, struct search_reader *reader, int r);
void search_readers_close(struct search *s);

// ---- filling, fill.c and tend.c

struct search_filler *search_filler_new(struct search *s);
void search_filler_free(struct search_filler *filler);

/// [await] Brings one mailbox up to date, with pauses unless it hurries. 0 or -errno.
int search_fill(struct search_filler *filler, struct search_followed *f);
/// [await] Closes the connection that writes.
void search_fill_rest(struct search_filler *filler);
/// [await] Removes the account's file; what is followed of it begins anew.
int search_fill_anew(struct search_filler *filler, uint64_t account_id);
/// [await] Looks at some messages of that account's index behind *after, which moves on, and drops
/// those the store has no more. 0, 1 when too little of the file is still good for something, or
/// -errno.
int search_sweep(struct search_filler *filler, uint64_t account_id, uint64_t *after);

/// [await] Everything that is followed, once.
int search_fill_all(struct search *s);
