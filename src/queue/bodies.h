// SPDX-License-Identifier: ISC
//
// The bodies of one mail on its way into the store: one for each return path that somebody has,
// because final delivery writes it on top (RFC 5321 4.4). Recipients at other hosts share them; the
// first line is not sent to them.
#pragma once

#include "mail/envelope.h"
#include "store/store.h"

struct queue_bodies {
    struct store_body *by_path[ENVELOPE_RETURN_PATHS_MAX]; // NULL: nobody has that return path
};

/// Begins with the Return-Path line. 0 or -errno; queue_bodies_free in any case.
int queue_bodies_begin(struct queue_bodies *bodies, struct store *store, const struct envelope *e);
/// [await] when they are large. 0 or -errno.
int queue_bodies_append(struct queue_bodies *bodies, struct str bytes);
void queue_bodies_free(struct queue_bodies *bodies);
/// How long the line on top of that body is.
uint32_t queue_bodies_skip(const struct envelope *e, unsigned return_path);
