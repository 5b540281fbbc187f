// SPDX-License-Identifier: ISC
//
// What stands between the door (store.h) and an engine: the table of an engine's functions, and
// the structs that travel through it. Only store/ includes this.
//
// Most of what an engine must know of mailboxes (names, numbers, keywords, quota) is the same
// everywhere and lives in catalog.h; what a change means is in apply.h, over the rows of rows.h.
#pragma once

#include "base/cleanup.h"
#include "store/store.h"

#include <stdatomic.h>

struct catalog;
struct store_doc_list;

/// Which entries of the queue a reading wants.
struct queue_query {
    enum queue_query_kind { QUEUE_DUE, QUEUE_ONE, QUEUE_OF_MAIL } kind;
    uint64_t id; // QUEUE_ONE: of the entry; QUEUE_OF_MAIL: of the mail
    // QUEUE_DUE
    struct str lane; // ptr NULL: all
    struct store_queue_cursor after;
    int64_t due_max_us;
    size_t max;
};

struct engine {
    const char *name;
    void (*close)(struct store *store);

    /// [await] Takes the bytes of body->tail over and clears it (a body too big for memory); NULL:
    /// bodies stay in memory.
    int (*body_spill)(struct store_body *body);
    /// The body was never committed, or its commit is over: give back what the engine put in it.
    void (*body_free)(struct store_body *body);
    ssize_t (*body_read)(struct store *store, const struct store_body_ref *ref, uint64_t offset,
                         void *to, size_t len);

    /// NULL: one after the other. Lengths end with the body.
    void (*bodies_read)(struct store *store, struct store_body_piece *pieces, size_t count);

    int (*entries_get)(struct store *store, uint64_t mailbox_id, uint32_t uid_first,
                       uint32_t uid_last, struct store_entries *out);
    int (*changes_get)(struct store *store, uint64_t mailbox_id, uint64_t since,
                       struct store_changes *out);
    int (*doc_get)(struct store *store, const char *kind, struct str key, struct buf *out);
    int (*doc_list)(struct store *store, const char *kind, struct store_doc_list *out);
    /// Gives each entry to store_queue_list_add; by (due, id), those of one mail by id.
    int (*queue_read)(struct store *store, const struct queue_query *query,
                      struct store_queue_list *out);
    int (*commit)(struct store *store, struct store_change *change);
    int (*commit_known)(struct store *store, const uint8_t token[16]);
    int (*stats_get)(struct store *store, struct store_stats *out);
};

/// The first member of every engine's own struct.
struct store {
    const struct engine *engine;
    struct rt *rt;                // NULL: used without a runtime (unit tests of an engine's core)
    struct catalog *catalog;      // mailboxes, accounts, watches
    uint64_t bodies_memory;       // 0: STORE_BODIES_MEMORY_MAX
    _Atomic uint64_t bodies_held; // bytes of bodies that are not freed yet
};

/// Documents read at once: key and value of the i-th are views into `bytes`.
struct store_doc {
    size_t key_at, key_len, value_at, value_len;
};
struct store_doc_list {
    struct store_doc *items;
    size_t count, cap;
    struct buf bytes;
};
void store_doc_list_init(struct store_doc_list *list);
void store_doc_list_add(struct store_doc_list *list, struct str key, struct str value);
void store_doc_list_done(struct store_doc_list *list);

/// Copies lane and value, whose views are set by store_queue_list_settle, after the last one.
void store_queue_list_add(struct store_queue_list *list, const struct store_queue_entry *entry);
void store_queue_list_settle(struct store_queue_list *list);

enum {
    BODY_CHUNK = 64 * 1024,   // bytes under one checksum of a body that lies in one piece
    BODY_EXTENT = 256 * 1024, // bytes of one piece of a body that was written while it arrived,
    BODY_EXTENT_MIN = STORE_BODY_MEMORY_MIN, // or this, when memory was short
};

struct store_body {
    struct store *store;
    struct buf head;     // all of it while it is small; else its first STORE_BODY_MEMORY_MIN bytes
    struct buf tail;     // what was not yet written, of a big one
    struct buf envelope; // a few words for whoever rebuilds the index
    uint64_t size;
    int error;           // of an append; sticks
    bool big;            // too big for memory: its bytes are in `spilled` and `tail`
    size_t extent;       // of a big one: bytes of each piece but the last
    size_t held;         // its part of store->bodies_held
    void *spilled;       // the engine's
    uint32_t *chunk_crc; // of head, when not big
    // while a change is applied
    uint64_t change_mark;
    struct store_body_ref ref;
};
/// Computes body->chunk_crc; off the committer's thread.
void store_body_seal(struct store_body *body);

enum op_kind {
    OP_PUT,
    OP_FLAG,
    OP_EXPUNGE,
    OP_COPY,
    OP_CREATE,
    OP_DELETE,
    OP_RENAME,
    OP_SPECIAL_USE,
    OP_SUBSCRIBE,
    OP_QUOTA,
    OP_ACCOUNT_REMOVE,
    OP_DOC_PUT,
    OP_DOC_PUT_IF,
    OP_DOC_REMOVE,
    OP_MAILBOX_DOC,
    OP_RECENT,
    OP_QUEUE_PUT,
    OP_QUEUE_SET,
    OP_QUEUE_REMOVE,
};

struct op {
    enum op_kind kind;
    uint64_t id;     // the mailbox, account or entry of the queue it is about
    struct str name; // or lane
    union {
        struct store_put *put;
        struct store_flagging *flag;
        struct store_expunging *expunge;
        struct store_copying *copy;
        struct {
            unsigned special_use;
            uint64_t *out_id;
        } create;
        bool on;
        struct {
            uint64_t bytes_max, messages_max;
        } quota;
        struct {
            const char *kind;
            struct str before, value;
            const uint64_t *mailbox_id;
        } doc;
        uint32_t *out_uid;
        struct store_queue_put *queue_put;
        struct {
            int64_t due_us;
            struct str value;
        } queue_set;
    };
};

/// The new body this operation brings; NULL: none, or one that is there already.
static inline struct store_body *op_body(const struct op *op)
{
    if (op->kind == OP_PUT)
        return op->put->body;
    return op->kind == OP_QUEUE_PUT ? op->queue_put->body : NULL;
}

struct store_change {
    struct store *store;
    struct op *ops;
    size_t count, cap;
    void **owned; // outputs that live as long as the change
    size_t owned_count, owned_cap;
    uint8_t token[16];
    bool has_token;  // somebody asked for it, so it must be found later
    bool committed;  // store_commit was called
    int64_t now_s;   // wall clock at store_commit
    uint64_t marked; // of body->change_mark
};
/// Memory that lives until store_change_free; never NULL.
void *store_change_alloc(struct store_change *change, size_t size, size_t count);
void store_change_recent(struct store_change *change, uint64_t mailbox_id, uint32_t *out_uid);

/// malloc and realloc that end the process when there is none.
void *store_alloc(size_t size);
void *store_realloc_array(void *old, size_t count, size_t size);
/// Room for one more element: grows *array (of *cap) when count == *cap.
#define STORE_GROW(array, count, cap)                                                              \
    do {                                                                                           \
        if ((count) == (cap)) {                                                                    \
            (cap) = (cap) ? (cap)*2 : 8;                                                           \
            (array) = store_realloc_array((array), (cap), sizeof(*(array)));                       \
        }                                                                                          \
    } while (0)
