// SPDX-License-Identifier: ISC
//
// The running server: builds every room from the configuration, hands each what it borrows, opens
// the ports, and takes it all down in the opposite order. Nothing of a mail's way is decided here.
#pragma once

#include "app/command.h"
#include "app/config.h"

#include <jansson.h>

struct server;

/// Serves until it is told to stop. Takes the configuration over. An exit code.
int server_run(const struct call *call, struct app_config *config);

/// [await] Reads configuration and certificates again; running sessions stay. EX_OK with what
/// changed and what needs a restart in `result`; else an exit code with a sentence in *why, and
/// nothing has changed.
int server_reload(struct server *server, json_t *result, struct buf *why);
/// What runs: ports, since when, version.
struct queue *server_queue(struct server *server);
struct route;
/// The way out of this server.
const struct route *server_route(const struct server *server);
/// NULL when it keeps none.
struct trace *server_trace(const struct server *server);
struct search;
/// The full-text index.
struct search *server_search(const struct server *server);
void server_put_status(const struct server *server, json_t *result);
