// SPDX-License-Identifier: ISC
//
// Inside of route: what it keeps beside the configuration. Workers for files and HTTPS, domains
// whose policy could not be had or is being fetched, and the results of TLS that wait to be kept.
#pragma once

#include "base/map.h"

#include "route/find.h"

#include <pthread.h>

enum {
    STATE_TRIES_MAX = 10000,
    STATE_COUNTS_MAX = 10000, // beyond it results are dropped until the next minute
};

struct route_state {
    struct rt_pool *pool;  // HTTPS
    struct rt_pool *files; // passwords wait for no stranger's web server
    _Atomic bool is_ending;
    pthread_mutex_t lock; // of all below
    struct map tries;     // domain: struct state_try
    struct map counts;    // of route_tls_note: see report.c
};

/// Until when a policy is not fetched again, and whether somebody fetches it now.
struct state_try {
    int64_t until_s;
    bool is_running;
};
/// May this domain's policy be fetched now? Then nobody else does for `seconds`, and the caller
/// says with state_tried when he is done.
bool state_try(struct route_state *state, struct str domain, int64_t now_s, int64_t seconds);
void state_tried(struct route_state *state, struct str domain);
bool state_is_trying(struct route_state *state, struct str domain);

/// [await] The world's door for find_hosts; `route` is struct route.
void sts_find(void *route, struct str domain, struct arena *arena, struct find_sts *out);
bool password_find(void *route, struct str login, struct arena *arena, struct str *out,
                   struct buf *why);
/// [await] The addresses of a host of a stranger's choice, those that are fit: "a,b" appended.
bool fetch_addresses(const struct route *route, struct str host, struct arena *arena,
                     struct buf *out);
/// [await] GET (body ptr NULL) or POST by HTTPS to `host`, with the certificate verified and
/// without redirects. 0 and up to out->max bytes; or -errno with a sentence in *why. `media` is
/// what is posted, or what the answer must be ("": any).
struct fetch {
    const struct route *route;
    const char *url, *host;
    uint16_t port;
    const char *media;
    struct str body;
    struct buf *out, *why;
};
int fetch_run(const struct fetch *fetch, struct arena *arena);
