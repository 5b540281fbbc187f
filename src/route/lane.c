// SPDX-License-Identifier: ISC
//
// The lanes: which way mail goes, by its configuration and the recipient's domain alone.
#include "base/cleanup.h"
#include "mail/address.h"

#include "route/route.h"
#include "route/transport.h"

/// What follows the last @, which no quoted local part can hide: a domain has none.
static struct str domain_of(struct str address)
{
    ptrdiff_t at = str_find_last(address, '@');

    return at < 0 ? STR("") : str_skip(address, (size_t)at + 1);
}

struct str route_lane(const struct route *route, struct str sender, struct str recipient,
                      struct arena *arena)
{
    const struct route_config *config = __atomic_load_n(&route->config, __ATOMIC_ACQUIRE);
    CLEANUP(buf_drop) struct buf domain = {.max = ADDRESS_DOMAIN_MAX};
    CLEANUP(buf_drop) struct buf lane = {.max = STORE_QUEUE_LANE_MAX};
    struct str way;

    if (!address_put_domain(&domain, domain_of(recipient)))
        buf_put(&domain, str_head(domain_of(recipient), ADDRESS_DOMAIN_MAX));
    way = transport_find(&config->transports, sender, buf_str(&domain));
    if (!way.ptr || str_case_eq(way, STR("mx"))) {
        buf_put(&lane, buf_str(&domain));
    } else {
        buf_put_char(&lane, '=');
        buf_put(&lane, way);
    }
    return arena_str(arena, buf_str(&lane));
}

bool route_lane_is_known(const struct route *route, struct str lane)
{
    const struct route_config *config = __atomic_load_n(&route->config, __ATOMIC_ACQUIRE);

    return !str_starts(lane, STR("=")) ||
           transport_is_listed(&config->transports, str_skip(lane, 1));
}

struct outcome route_lane_outcome(struct str lane)
{
    const struct outcome open = {DONE, 250, STR("2.1.5"), STR("")};
    struct transport t;

    if (!str_starts(lane, STR("=error:")) || !transport_parse(str_skip(lane, 1), &t, NULL))
        return open;
    if (t.enhanced.ptr[0] == '4')
        return (struct outcome){LATER, 450, t.enhanced, t.text};
    return (struct outcome){NEVER, 550, t.enhanced, t.text};
}
