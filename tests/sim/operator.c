// SPDX-License-Identifier: ISC
#include "operator.h"

#include "base/check.h"
#include "rt/sim/sim.h"

struct deed {
    struct node *node;
    enum queue_deed what;
    struct queue_filter filter;
    uint64_t count;
};

static unsigned pick(unsigned below)
{
    return (unsigned)(rt_random() % below);
}

/// In the node's name: when that dies, he is thrown out.
static int carry_out(void *arg)
{
    struct deed *d = arg;
    struct node *n = d->node;
    unsigned before = rt_sim_node_begin(n->rt, n->number);

    queue_do(&n->queue, &d->filter, d->what, false, &d->count);
    rt_sim_node_end(n->rt, before);
    return 0;
}

static void act(struct node *n, enum queue_deed what, struct str recipient)
{
    struct deed d = {.node = n, .what = what, .filter = {.recipient = recipient, .held = -1}};
    struct rt_task *task;

    if (!n->is_up)
        return;
    rt_sim_note(n->rt, "operator", what);
    CHECK(rt_spawn(carry_out, &d, "operator", &task) == 0);
    rt_join(task);
}

static void act_by_chance(struct node *n)
{
    switch (pick(5)) {
    case 0:
        act(n, QUEUE_HOLD, STR(""));
        return;
    case 1:
        act(n, QUEUE_HOLD, STR("@far.test"));
        return;
    case 2:
        act(n, QUEUE_BOUNCE, STR("u3@")); // whose mailbox is full
        return;
    case 3:
        act(n, QUEUE_RELEASE, STR(""));
        return;
    default:
        act(n, QUEUE_RETRY, STR(""));
        return;
    }
}

int operator_work(void *arg)
{
    struct operator* o = arg;

    for (unsigned i = 0; i < o->deeds; i++) {
        rt_sleep(pick(2 * o->time_ms / o->deeds));
        act_by_chance(&o->nodes[pick(o->node_count)]);
    }
    return 0;
}

void operator_leave(const struct operator* o)
{
    for (unsigned i = 0; i < o->node_count; i++)
        act(&o->nodes[i], QUEUE_RELEASE, STR(""));
}
