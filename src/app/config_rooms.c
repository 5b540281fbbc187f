// SPDX-License-Identifier: ISC
//
// The one list of all rooms that have settings. A room that is not here has none.
#include "app/config.h"
#include "app/settings.h"

const struct settings *const app_config_rooms[] = {
    &server_settings,
};

const size_t app_config_room_count = sizeof app_config_rooms / sizeof app_config_rooms[0];
