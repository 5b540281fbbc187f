// SPDX-License-Identifier: ISC
//
// Who answers on the control socket while no server runs: see app/parley.h.
#pragma once

#include "app/command.h"
#include "app/config.h"

#include <sys/types.h>

struct stand_in {
    pid_t child; // 0: a server runs by itself
    int fd;      // it lives as long as this is open
};

/// Somebody answers on the control socket from here on, until stand_in_end. Before there are
/// threads. An exit code; what is wrong was told.
int stand_in_begin(const struct call *call, const struct app_config *config, struct stand_in *out);
/// Waits until the store is closed. NULL-safe where none was needed.
void stand_in_end(struct stand_in *server);
