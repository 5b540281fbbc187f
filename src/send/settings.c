// SPDX-License-Identifier: ISC
#include "send/send.h"

// clang-format off
static const struct setting items[] = {
    SETTING(struct send_config, connect, SETTING_DURATION, "30s", 1000, 3600000,
            "How long to try one address of a server."),
    SETTING(struct send_config, greeting, SETTING_DURATION, "5m", 1000, 3600000,
            "How long to wait for its greeting (RFC 5321 4.5.3.2.1)."),
    SETTING(struct send_config, command, SETTING_DURATION, "5m", 1000, 3600000,
            "How long to wait for the answer to MAIL, RCPT and other commands (RFC 5321 4.5.3.2.2)."),
    SETTING(struct send_config, data_init, SETTING_DURATION, "2m", 1000, 3600000,
            "How long to wait for the answer to DATA (RFC 5321 4.5.3.2.4)."),
    SETTING(struct send_config, data_block, SETTING_DURATION, "3m", 1000, 3600000,
            "How long each piece of a message may take to be sent (RFC 5321 4.5.3.2.5)."),
    SETTING(struct send_config, data_end, SETTING_DURATION, "10m", 1000, 3600000,
            "How long to wait for the answer to the end of a message (RFC 5321 4.5.3.2.6)."),
};
// clang-format on

const struct settings send_settings = {
    .title = "send",
    .help = "Mail that goes out by SMTP: how long to wait for what.",
    .items = items,
    .count = sizeof items / sizeof items[0],
    .size = sizeof(struct send_config),
};
