// SPDX-License-Identifier: ISC
#include "rt/sim/pending.h"

#include "base/check.h"

#include <stdatomic.h>

struct blob {
    _Atomic unsigned refs;
    char bytes[];
};

static struct blob *blob_new(const void *bytes, size_t len)
{
    struct blob *b = malloc(sizeof(*b) + len);

    CHECK(b);
    atomic_init(&b->refs, 1);
    memcpy(b->bytes, bytes, len);
    return b;
}

static char *copy_name(const char *name)
{
    char *copy = name ? strdup(name) : NULL;

    CHECK(copy || !name);
    return copy;
}

static void operation_done(struct operation *op)
{
    if (op->bytes && atomic_fetch_sub(&op->bytes->refs, 1) == 1)
        free(op->bytes);
    free(op->name);
    free(op->new_name);
}

void pending_done(struct pending *p)
{
    for (size_t i = 0; i < p->count; i++)
        operation_done(&p->items[i]);
    free(p->items);
    *p = (struct pending){0};
}

static struct operation *add(struct pending *p, const struct operation *op)
{
    struct operation *copy;

    if (p->count == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 16;
        p->items = realloc(p->items, p->cap * sizeof(struct operation));
        CHECK(p->items);
    }
    copy = &p->items[p->count++];
    *copy = *op;
    copy->name = copy_name(op->name);
    copy->new_name = copy_name(op->new_name);
    return copy;
}

void pending_put(struct pending *p, const struct operation *op, const void *bytes)
{
    struct operation *copy = add(p, op);

    copy->bytes = bytes ? blob_new(bytes, (size_t)op->len) : NULL;
}

void pending_clone(const struct pending *from, struct pending *to)
{
    *to = (struct pending){0};
    for (size_t i = 0; i < from->count; i++) {
        if (add(to, &from->items[i])->bytes)
            atomic_fetch_add(&from->items[i].bytes->refs, 1);
    }
}

static void apply(const struct operation *op, struct tree *t)
{
    tree_inode_need(t, op->inode);
    switch (op->kind) {
    case OPERATION_WRITE:
        tree_write(t, op->inode, op->offset, op->bytes->bytes, (size_t)op->len);
        break;
    case OPERATION_TRUNCATE:
        tree_truncate(t, op->inode, op->len);
        break;
    case OPERATION_PUNCH:
        tree_punch(t, op->inode, op->offset, op->len);
        break;
    case OPERATION_RESERVE:
        tree_reserve(t, op->inode, op->offset, op->len);
        break;
    case OPERATION_NAME:
        tree_name_put(t, op->name, op->inode, op->is_dir);
        break;
    case OPERATION_REMOVE:
        tree_name_drop(t, op->name, op->inode);
        break;
    case OPERATION_RENAME:
        tree_name_drop(t, op->name, op->inode);
        tree_name_put(t, op->new_name, op->inode, op->is_dir);
        break;
    }
}

static bool is_data(const struct operation *op)
{
    return op->kind <= OPERATION_RESERVE;
}

// Takes out the operations for which it says so, keeping the order of the others.
static void sift(struct pending *p, bool (*is_out)(struct operation *op, const void *arg),
                 const void *arg, struct tree *durable)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->count; i++) {
        if (!is_out(&p->items[i], arg)) {
            p->items[kept++] = p->items[i];
            continue;
        }
        if (durable)
            apply(&p->items[i], durable);
        operation_done(&p->items[i]);
    }
    p->count = kept;
}

static bool is_data_of(struct operation *op, const void *inode)
{
    return is_data(op) && op->inode == *(const size_t *)inode;
}

void pending_sync_file(struct pending *p, size_t inode, struct tree *durable)
{
    sift(p, is_data_of, &inode, durable);
}

static bool is_in(const char *name, const char *dir)
{
    const char *slash = strchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) : 0;

    return strlen(dir) == len && memcmp(name, dir, len) == 0;
}

static bool is_name_in(struct operation *op, const void *dir)
{
    if (is_data(op))
        return false;
    if (op->kind != OPERATION_RENAME)
        return is_in(op->name, dir);
    op->needs_old_dir = op->needs_old_dir && !is_in(op->name, dir);
    op->needs_new_dir = op->needs_new_dir && !is_in(op->new_name, dir);
    return !op->needs_old_dir && !op->needs_new_dir;
}

void pending_sync_dir(struct pending *p, const char *dir, struct tree *durable)
{
    sift(p, is_name_in, dir, durable);
}

static bool is_odd_data_of(struct operation *op, const void *inode)
{
    return is_data_of(op, inode) && op->number % 2 == 1;
}

void pending_forget_half(struct pending *p, size_t inode)
{
    sift(p, is_odd_data_of, &inode, NULL);
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ULL; // SplitMix64 (Steele, Lea, Flood 2014)

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

// A write of which each sector survives when the bit says so.
static void apply_torn(const struct operation *op, struct tree *t, uint64_t first_half_only,
                       uint64_t *random)
{
    uint64_t first = op->offset / RT_SIM_SECTOR, end = op->offset + op->len;
    uint64_t count = (end + RT_SIM_SECTOR - 1) / RT_SIM_SECTOR - first;

    tree_inode_need(t, op->inode);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t from = (first + i) * RT_SIM_SECTOR, to = from + RT_SIM_SECTOR;
        bool survives = first_half_only ? i < count / 2 : next_random(random) & 1;

        if (!survives)
            continue;
        from = from < op->offset ? op->offset : from;
        to = to > end ? end : to;
        tree_write(t, op->inode, from, op->bytes->bytes + (from - op->offset), (size_t)(to - from));
    }
}

static void survive_random(const struct operation *op, struct tree *t, uint64_t *random)
{
    uint64_t fate = next_random(random) % 8;

    if (fate < 4)
        apply(op, t);
    else if (fate == 4 && op->kind == OPERATION_WRITE)
        apply_torn(op, t, 0, random);
}

void pending_survive(const struct pending *p, struct tree *t, enum rt_sim_crash how,
                     uint64_t choice)
{
    uint64_t random = choice;

    for (size_t i = 0; i < p->count; i++) {
        const struct operation *op = &p->items[i];

        if (how == RT_SIM_CRASH_RANDOM)
            survive_random(op, t, &random);
        else if (how == RT_SIM_CRASH_KEEP ||
                 ((how == RT_SIM_CRASH_PREFIX || how == RT_SIM_CRASH_TORN) && i < choice) ||
                 (how == RT_SIM_CRASH_SUBSET && (choice >> (i % 64) & 1)))
            apply(op, t);
        else if (how == RT_SIM_CRASH_TORN && i == choice && op->kind == OPERATION_WRITE)
            apply_torn(op, t, 1, &random);
    }
    tree_drop_orphans(t);
}
