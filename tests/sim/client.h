// SPDX-License-Identifier: ISC
//
// Those who hand in mail: for people of that server, of others, for lists, aliases, hosts that do
// not exist, with every kind of wish for reports; sometimes twice, when they did not hear the
// answer. What they were promised is in the ledger.
#pragma once

#include "ledger.h"

enum { CLIENTS = 12 };

struct clients {
    struct ledger *ledger;
    struct node *nodes;
    unsigned node_count;
    unsigned mails;   // in all
    uint32_t time_ms; // in which they are handed in
    struct rt *rt;
    unsigned acknowledged; // so far
};

/// [await] A task, one of CLIENTS: hands in its share.
int client(void *clients);
