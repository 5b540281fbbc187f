// SPDX-License-Identifier: ISC
//
// The settings of the server as a whole: they stand at the top of the file, outside every section.
#pragma once

#include "base/setting.h"

struct server_config {
    struct str hostname;
    struct str origin;
    struct str data;
    struct str user;
    struct setting_list certificate;
    struct setting_list key;
    bool tls13_only;
    struct str log_level;
    uint64_t loops;
    uint64_t connections_max;
    uint64_t grace;
    bool sandbox;
    struct str backup;
};

extern const struct settings server_settings;
