// SPDX-License-Identifier: ISC
//
// The one list of all rooms that have settings. A room that is not here has none.
#include "trace/trace.h"
#include "account/account.h"
#include "search/search.h"
#include "deliver/deliver.h"
#include "route/route.h"
#include "send/send.h"
#include "queue/queue.h"
#include "receive/receive.h"
#include "serve/imap/imap.h"
#include "serve/pop3/pop3.h"
#include "listen/listen.h"

#include "app/config.h"
#include "app/settings.h"
#include "app/way.h"

const struct settings *const app_config_rooms[] = {
    &server_settings, &resolver_settings, &listen_settings, &receive_settings, &account_settings,
    &route_settings,  &deliver_settings,  &queue_settings,  &send_settings,    &imap_settings,
    &pop3_settings,   &search_settings,   &trace_settings,
};

const size_t app_config_room_count = sizeof app_config_rooms / sizeof app_config_rooms[0];
