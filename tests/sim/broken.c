// SPDX-License-Identifier: ISC
//
// The negative control of queue.c: the same histories over a queue or a store that now and then
// breaks its promise. Linked with --wrap, so that the rooms under test are the real ones. Each of
// these must turn the test red:
//
//   QUEUE_BROKEN=lose    a reschedule removes the entry instead
//   QUEUE_BROKEN=early   an entry is taken out before the change that ends it, with its report
//   QUEUE_BROKEN=forget  the results of an attempt are said to be kept, and are not
//   QUEUE_BROKEN=lie     disks say that they synced, and did not
#include "base/str.h"
#include "rt/rt.h"
#include "rt/sim/disk.h"
#include "store/store.h"
#include "queue/finish.h"

#include <stdlib.h>
#include <string.h>

enum { ONE_IN = 100 };

// The linker's names.
// NOLINTBEGIN(bugprone-reserved-identifier)
void __real_store_change_queue_set(struct store_change *change, uint64_t id, int64_t due_us,
                                   struct str lane, struct str value);
void __wrap_store_change_queue_set(struct store_change *change, uint64_t id, int64_t due_us,
                                   struct str lane, struct str value);
int __real_queue_finish(struct queue *queue, const struct queue_result *results, size_t count,
                        size_t *out_gone);
int __wrap_queue_finish(struct queue *queue, const struct queue_result *results, size_t count,
                        size_t *out_gone);

int __real_rt_sim_disk_new(struct rt_disk **out);
int __wrap_rt_sim_disk_new(struct rt_disk **out);
int __real_rt_sim_disk_crash(struct rt_disk *disk, enum rt_sim_crash how, uint64_t choice,
                             struct rt_disk **out);
int __wrap_rt_sim_disk_crash(struct rt_disk *disk, enum rt_sim_crash how, uint64_t choice,
                             struct rt_disk **out);

static bool is_broken(const char *how)
{
    const char *asked = getenv("QUEUE_BROKEN");

    return asked && strcmp(asked, how) == 0 && rt_random() % ONE_IN == 0;
}

void __wrap_store_change_queue_set(struct store_change *change, uint64_t id, int64_t due_us,
                                   struct str lane, struct str value)
{
    if (is_broken("lose"))
        store_change_queue_remove(change, id);
    else
        __real_store_change_queue_set(change, id, due_us, lane, value);
}

static void remove_early(struct queue *queue, const struct queue_result *results, size_t count)
{
    struct store_change *change;

    if (store_change_new(queue->store, &change) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        store_change_queue_remove(change, results[i].entry->id);
    store_commit(change);
    store_change_free(change);
}

int __wrap_queue_finish(struct queue *queue, const struct queue_result *results, size_t count,
                        size_t *out_gone)
{
    if (is_broken("forget")) {
        *out_gone = 0;
        return 0;
    }
    if (is_broken("early"))
        remove_early(queue, results, count);
    return __real_queue_finish(queue, results, count, out_gone);
}

static void let_lie(struct rt_disk *disk)
{
    const char *asked = getenv("QUEUE_BROKEN");

    rt_sim_disk_set_lying(disk, asked && strcmp(asked, "lie") == 0);
}

int __wrap_rt_sim_disk_new(struct rt_disk **out)
{
    int r = __real_rt_sim_disk_new(out);

    if (r == 0)
        let_lie(*out);
    return r;
}

int __wrap_rt_sim_disk_crash(struct rt_disk *disk, enum rt_sim_crash how, uint64_t choice,
                             struct rt_disk **out)
{
    int r = __real_rt_sim_disk_crash(disk, how, choice, out);

    if (r == 0)
        let_lie(*out);
    return r;
}
// NOLINTEND(bugprone-reserved-identifier)
