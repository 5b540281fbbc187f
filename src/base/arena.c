// SPDX-License-Identifier: ISC
#include "base/arena.h"

#include "base/check.h"

enum { BLOCK_MIN = 1024, ALIGNMENT = 16 };

struct arena_block {
    struct arena_block *next;
    size_t size;
    _Alignas(ALIGNMENT) char bytes[];
};

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max};
}

static void free_blocks(struct arena_block *b)
{
    while (b) {
        struct arena_block *next = b->next;

        free(b);
        b = next;
    }
}

void arena_done(struct arena *a)
{
    if (!a)
        return;
    free_blocks(a->blocks);
    *a = (struct arena){.max = a->max};
}

void arena_reset(struct arena *a)
{
    struct arena_block *b = a->blocks;

    if (!b || b->size > BLOCK_MIN * 4) {
        arena_done(a);
        return;
    }
    free_blocks(b->next);
    b->next = NULL;
    a->at = b->bytes;
    a->end = b->bytes + b->size;
    a->used = 0;
}

static void grow(struct arena *a, size_t len)
{
    size_t size = a->blocks ? a->blocks->size * 2 : BLOCK_MIN;
    struct arena_block *b;

    if (size > 64 * BLOCK_MIN)
        size = 64 * BLOCK_MIN;
    if (size < len)
        size = len;
    b = malloc(sizeof(*b) + size);
    CHECK(b);
    b->next = a->blocks;
    b->size = size;
    a->blocks = b;
    a->at = b->bytes;
    a->end = b->bytes + size;
}

void *arena_alloc(struct arena *a, size_t len)
{
    size_t whole = (len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    void *out;

    CHECK(whole >= len && arena_has_room(a, len));
    if (!a->blocks || whole > (size_t)(a->end - a->at))
        grow(a, whole);
    out = a->at;
    a->at += whole;
    a->used += len;
    return memset(out, 0, len);
}

void *arena_alloc_array(struct arena *a, size_t size, size_t count)
{
    size_t len;

    CHECK(!__builtin_mul_overflow(size, count, &len));
    return arena_alloc(a, len);
}

struct str arena_str(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.len + 1);

    if (s.len)
        memcpy(copy, s.ptr, s.len);
    return str_of(copy, s.len);
}
