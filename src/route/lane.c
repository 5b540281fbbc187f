// SPDX-License-Identifier: ISC
#include "base/cleanup.h"

#include "account/name.h"
#include "route/route.h"

struct str route_lane(const struct route *route, struct str sender, struct str recipient,
                      struct arena *arena)
{
    CLEANUP(buf_drop) struct buf lane = {0};

    (void)route;
    (void)sender;
    buf_init(&lane, STORE_QUEUE_LANE_MAX);
    if (!address_put_domain(&lane, account_name_split(recipient).domain))
        return STR("");
    return arena_str(arena, buf_str(&lane));
}
