// SPDX-License-Identifier: ISC
//
// A longer talk of a command with the server, over the control connection. Where no server runs, a
// process of its own stands in for one: it opens the store, answers on the control socket and
// nowhere else, and ends when the command does. So there is one way for both, the command's own
// process keeps its rights over the files it reads or writes, and other commands go on working.
#pragma once

#include "base/buf.h"
#include "rt/conn.h"

#include "app/command.h"

#include <jansson.h>

struct parley {
    const struct call *call;
    struct rt *rt;
    struct rt_conn *conn;
    struct buf why; // of a failed talk
    json_t *result; // of the server's last word
    bool is_over;   // it was said
    int code;       // its exit code
};

/// Has `talk` run as a task with a connection; what it returns, an exit code, is returned. Loads
/// the configuration and finds the server, or makes the one that stands in. What went wrong before
/// the talk was told.
int parley_run(const struct call *call, int (*talk)(void *arg, struct parley *p), void *arg);

/// [await] Asks for an operation; what follows is the operation's. `request` is taken over. 0 or
/// -errno.
int parley_ask(struct parley *p, json_t *request);
/// [await] The next line of the server as JSON, the caller's. NULL: it was its last word (is_over,
/// code, result, why are set), or the connection broke (they are, too).
json_t *parley_hear(struct parley *p);
/// As parley_hear, without waiting: NULL also when nothing has come.
json_t *parley_hear_now(struct parley *p);
/// [await] Exactly so many bytes. False when the connection broke.
bool parley_read(struct parley *p, uint64_t len, int (*each)(void *arg, struct str bytes),
                 void *arg);
