// SPDX-License-Identifier: ISC
//
// Somebody with the command line at hand, who holds, releases, hurries and bounces what waits,
// while it is in flight as well. Whatever he does, no mail may get lost by it.
#pragma once

#include "node.h"

struct operator
{
    struct node *nodes;
    unsigned node_count;
    uint32_t time_ms; // in which he works
    unsigned deeds;
};

/// [await] A task.
int operator_work(void *operator);
/// [await] At the end he lets go what he still holds.
void operator_leave(const struct operator* operator);
