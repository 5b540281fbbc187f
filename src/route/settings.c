// SPDX-License-Identifier: ISC
#include "route/network.h"
#include "route/route.h"

// clang-format off
static const struct setting items[] = {
    SETTING(struct route_config, relay_networks, SETTING_LIST, "", 0, 0,
        "Networks whose hosts may send anywhere without signing in, such as 192.0.2.0/24. Name only what you control."),
};
// clang-format on

const struct settings route_settings = {
    .title = "route",
    .help = "Where mail goes, and who may send it through this server.",
    .items = items,
    .count = sizeof(items) / sizeof(items[0]),
    .size = sizeof(struct route_config),
};

bool route_config_is_valid(const struct route_config *config, struct str *out_bad)
{
    struct network n;

    for (size_t i = 0; i < config->relay_networks.count; i++)
        if (!network_parse(config->relay_networks.items[i], &n)) {
            *out_bad = config->relay_networks.items[i];
            return false;
        }
    return true;
}
