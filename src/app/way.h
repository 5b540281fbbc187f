// SPDX-License-Identifier: ISC
//
// The way out as the configuration wants it: the resolver of this process, and route with all it
// needs. The server has one for its life; a command that runs without a server, for a moment.
#pragma once

#include "base/arena.h"
#include "base/setting.h"
#include "rt/resolve.h"
#include "route/route.h"

#include "app/site.h"

/// Title "resolver".
struct resolver_config {
    struct setting_list forward; // "192.0.2.1", "192.0.2.1@5353"
    struct str root;             // another root, for laboratories
    struct str trust_anchor;     // a file; "": the system's; "none"
    uint64_t timeout;            // milliseconds
};
extern const struct settings resolver_settings;
/// Are its addresses such? Else *why says which is not.
bool resolver_config_is_valid(const struct resolver_config *config, struct buf *why);

struct way {
    struct rt_resolver *resolver;
    struct arena arena; // host name and addresses
    struct route_state *state;
    struct route route;
};

/// In a task; blocking, it reads files. The site is open. 0, or -errno with a sentence in *why.
int way_open(const struct site *site, struct way *out, struct buf *why);
/// Outside of tasks, with none asking any more, and before rt_free. NULL and a zeroed one are
/// fine.
void way_close(struct way *way);
/// The route of the running server, or of the site of a command, made when it is first asked for.
/// In a task. NULL with a sentence in *why.
const struct route *way_of(struct site *site, struct buf *why);
