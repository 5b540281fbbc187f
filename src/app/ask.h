// SPDX-License-Identifier: ISC
//
// How a command has an operation done: by the running server over its control socket or, when none
// runs, in its own process with the store opened for that moment.
#pragma once

#include "app/command.h"
#include "app/config.h"

#include <jansson.h>

/// Loads the configuration, has the operation done, and gives its result. An exit code; what went
/// wrong was told. `request` is taken over.
int ask(const struct call *call, json_t *request, json_t **out_result);
/// As ask, of the running server only; EX_UNAVAILABLE when there is none, told unless `quiet`.
int ask_server(const struct call *call, json_t *request, bool quiet, json_t **out_result);
/// As ask, with the configuration at hand.
int ask_with(const struct call *call, const struct app_config *config, json_t *request,
             json_t **out_result);
