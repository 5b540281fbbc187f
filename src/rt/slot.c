// SPDX-License-Identifier: ISC
//
// Handles of connections for other threads. A connection has a slot; a slot that is used again has
// a new generation, so a handle whose connection is gone finds nothing. Slots live as long as their
// loop, so looking at one needs no lock.
#include "base/check.h"
#include "rt/session.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { SLOTS_PER_CHUNK = 1024 };

struct rt_slot {
    struct rt_errand errand;
    struct rt_loop *loop;
    struct rt_conn *conn;        // the loop's own
    _Atomic uint64_t generation; // of the connection in it, 0: none
    _Atomic uint64_t wanted;     // the youngest generation somebody notified
    _Atomic bool is_posted;
    uint64_t last_generation;
    uint32_t next_free;
};

static struct rt_slot *slot_at(struct rt_loop *loop, uint32_t index)
{
    struct rt_slot *chunk;

    if (index / SLOTS_PER_CHUNK >= RT_SLOT_CHUNKS)
        return NULL;
    chunk = atomic_load_explicit(&loop->slots[index / SLOTS_PER_CHUNK], memory_order_acquire);
    return chunk ? &chunk[index % SLOTS_PER_CHUNK] : NULL;
}

static void on_notified(struct rt_errand *errand)
{
    struct rt_slot *slot = LIST_OF(errand, struct rt_slot, errand);

    atomic_store(&slot->is_posted, false);
    if (slot->conn && atomic_load(&slot->wanted) == slot->conn->generation)
        rt_session_notified(slot->conn);
}

static void add_chunk(struct rt_loop *loop)
{
    uint32_t first = loop->slot_count;
    struct rt_slot *chunk = calloc(SLOTS_PER_CHUNK, sizeof(*chunk));

    CHECK(chunk && first / SLOTS_PER_CHUNK < RT_SLOT_CHUNKS);
    for (uint32_t i = SLOTS_PER_CHUNK; i-- > 0;) {
        chunk[i].errand.fn = on_notified;
        chunk[i].loop = loop;
        chunk[i].next_free = loop->free_slot;
        loop->free_slot = first + i + 1;
    }
    loop->slot_count += SLOTS_PER_CHUNK;
    atomic_store_explicit(&loop->slots[first / SLOTS_PER_CHUNK], chunk, memory_order_release);
}

void rt_slot_take(struct rt_conn *conn)
{
    struct rt_loop *loop = conn->loop;
    struct rt_slot *slot;

    if (!loop->free_slot)
        add_chunk(loop);
    conn->slot = loop->free_slot - 1;
    slot = slot_at(loop, conn->slot);
    loop->free_slot = slot->next_free;
    conn->generation = ++slot->last_generation;
    slot->conn = conn;
    atomic_store(&slot->generation, conn->generation);
}

void rt_slot_give(struct rt_conn *conn)
{
    struct rt_slot *slot = slot_at(conn->loop, conn->slot);

    atomic_store(&slot->generation, 0);
    slot->conn = NULL;
    slot->next_free = conn->loop->free_slot;
    conn->loop->free_slot = conn->slot + 1;
}

void rt_slots_done(struct rt_loop *loop)
{
    for (unsigned i = 0; i < RT_SLOT_CHUNKS; i++)
        free(atomic_exchange(&loop->slots[i], NULL));
}

struct rt_handle rt_conn_handle(const struct rt_conn *conn)
{
    return (struct rt_handle){conn->loop->index, conn->slot, conn->generation};
}

void rt_notify(struct rt *rt, struct rt_handle handle)
{
    struct rt_slot *slot;
    uint64_t wanted;

    if (handle.loop >= rt->loop_count || handle.generation == 0)
        return;
    slot = slot_at(rt->loops[handle.loop], handle.slot);
    if (!slot || atomic_load(&slot->generation) != handle.generation)
        return;
    // Should the slot change hands right now, the younger connection's notice must not be lost to
    // the older's: the youngest generation wins.
    wanted = atomic_load(&slot->wanted);
    while (wanted < handle.generation &&
           !atomic_compare_exchange_weak(&slot->wanted, &wanted, handle.generation))
        continue;
    if (!atomic_exchange(&slot->is_posted, true))
        rt_errand_send(slot->loop, &slot->errand);
}
