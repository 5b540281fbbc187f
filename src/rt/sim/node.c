// SPDX-License-Identifier: ISC
//
// Nodes: which server of a simulated world a task, a listener or a connection belongs to, and how
// one dies.
#include "base/check.h"
#include "rt/sim/sim.h"
#include "rt/sim/world.h"

unsigned rt_sim_node_begin(struct rt *rt, unsigned node)
{
    unsigned *at = rt_self.task ? &rt_self.task->node : &sim_of(rt)->loop.node;
    unsigned before = *at;

    CHECK(rt_is_sim(rt) && node <= RT_SIM_NODES_MAX);
    *at = node;
    return before;
}

void rt_sim_node_kill(struct rt *rt, unsigned node)
{
    struct sim *sim = sim_of(rt);
    struct rt_loop *loop = &sim->loop;

    CHECK(rt_is_sim(rt) && node && node <= RT_SIM_NODES_MAX);
    CHECK(rt_self.task && rt_self.task->node != node);
    rt_sim_trace(sim, "kill", node, 0);
    loop->dying_nodes |= 1ull << node;
    rt_sim_net_kill(sim, node);
    while (rt_sessions_stop_node(loop, node) + rt_tasks_cancel_node(loop, node) > 0) {
        if (rt_sleep(1) < 0)
            rt_sleep(0);
    }
    loop->dying_nodes &= ~(1ull << node);
    rt_sim_trace(sim, "dead", node, 0);
}
