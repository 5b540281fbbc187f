// SPDX-License-Identifier: ISC
//
// Addresses at other hosts that do not exist, as their hosts have said (RFC 3463 X.1.1, X.1.6).
// What DNS says of a whole domain does not count: it may be mended in an hour. Lists leave them out
// and nobody signed in may write to them, until the time is over or somebody lifts it. Hosts judge
// us by how often we ask for nobody. Only what was said to us in SMTP counts; a report that comes
// by mail may be anybody's. Kept as documents "suppress" of the store, and in memory for looking up
// without waiting. Any loop.
#pragma once

#include "mail/outcome.h"
#include "store/store.h"

struct queue_suppress;

enum {
    QUEUE_SUPPRESS_DAYS = 30,
    QUEUE_SUPPRESS_MAX = 100000, // addresses; beyond it none are added
    QUEUE_SUPPRESS_REASON_MAX = 300,
};

struct queue_suppressed {
    struct str address; // in its one form: lower case, A-labels
    int64_t since_s, until_s;
    uint64_t count;    // how often it was said
    struct str reason; // "550 5.1.1 no such user"
};

/// [await] Reads them; what is over is removed. 0 or -errno.
int queue_suppress_open(struct store *store, struct queue_suppress **out);
/// NULL is fine.
void queue_suppress_close(struct queue_suppress *s);

/// No waiting. Is mail to that address suppressed now? Texts live in `arena`.
bool queue_suppress_get(struct queue_suppress *s, struct str address, struct arena *arena,
                        struct queue_suppressed *out);
/// No waiting. All that are, by address.
void queue_suppress_all(struct queue_suppress *s, struct arena *arena,
                        struct queue_suppressed **out, size_t *out_count);
/// [await] Lifts it. 0, STORE_NOT_FOUND, -errno.
int queue_suppress_remove(struct queue_suppress *s, struct str address);

// ---- for finish.c

/// Did the host say that there is no such address? (Not: that it does not want this mail.)
bool queue_suppress_is_final(const struct outcome *o);
/// Adds it to a change; *key and *value live in `arena`. False: it cannot be.
bool queue_suppress_put(struct queue_suppress *s, struct store_change *change, struct str address,
                        const struct outcome *o, struct arena *arena, struct str *key,
                        struct str *value);
/// The change was committed: from now on it counts.
void queue_suppress_note(struct queue_suppress *s, struct str key, struct str value);
