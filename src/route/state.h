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
    _Atomic bool is_reporting; // by one at a time, or a report would go out twice
    pthread_mutex_t lock;      // of all below
    struct map tries;          // domain: struct state_try
    struct map counts;         // of route_tls_note: see report.c
};

/// May this domain's policy be fetched now? Then nobody else does until the caller says
/// state_tried, nor for `pause_ms` from now on. Else *is_running says whether somebody does right
/// now, and *failure what came of it the last time: a result type of RFC 8460 4.3, or "".
struct state_last {
    bool is_running;
    struct str failure;
};
bool state_try(struct route_state *state, struct str domain, uint64_t pause_ms,
               struct state_last *last);
/// `failure` is a literal.
void state_tried(struct route_state *state, struct str domain, const char *failure);

/// [await] The world's door for find_hosts; `route` is struct route.
void sts_find(void *route, struct str domain, struct arena *arena, struct find_sts *out);
bool password_find(void *route, struct str login, struct arena *arena, struct str *out,
                   struct buf *why);
/// [await] The addresses of a host of a stranger's choice, those that are fit: "a,b" appended.
bool fetch_addresses(const struct route *route, struct str host, struct arena *arena,
                     struct buf *out);
/// [await] GET (body ptr NULL) or POST by HTTPS to `host`, with the certificate verified and
/// without redirects. 0 and up to out->max bytes; or -errno (-EACCES: its certificate) with a
/// sentence in *why. `media` is what is posted, or what the answer must be ("": any).
struct fetch {
    const struct route *route;
    const char *url, *host;
    uint16_t port;
    const char *media;
    struct str body;
    struct buf *out, *why;
};
int fetch_run(const struct fetch *fetch, struct arena *arena);
