// SPDX-License-Identifier: ISC
//
// The task that keeps route's results of TLS and has their daily reports sent.
#pragma once

#include "app/server.h"

/// In a task of loop 0, when the queue has begun. Without it no reports go out, and all else works.
void reports_start(struct server *server);
/// [await] Any loop. Sends what is due, and with `with_today` also what today brought so far. How
/// many domains were told; or -errno.
int reports_send(struct server *server, bool with_today);
/// [await] Same loop. Keeps what is not kept yet. Also when it was not started.
void reports_stop(struct server *server);
