// SPDX-License-Identifier: ISC
//
// A far side of the simulated world that is no Carteiro: takes mail, puts it off, refuses, hangs up
// in the middle, by chance. What it took is in the ledger.
#pragma once

#include "ledger.h"

struct far_side {
    struct ledger *ledger;
    bool is_rude; // also hangs up and falls silent, so that nobody knows whether it took a mail
};
/// Listens at address, port 25.
void far_side_open(struct far_side *far, struct rt *rt, const char *address);
