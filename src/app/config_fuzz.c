// SPDX-License-Identifier: ISC
#include "base/check.h"

#include "app/config.h"
#include "app/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct app_config *config = NULL;
    struct buf why;
    int r;

    buf_init(&why, 1 << 16);
    r = app_config_parse(str_of(data, size), "fuzz.conf", &config, &why);
    if (r == 0) {
        // What was accepted stands inside every range, and nothing was complained of.
        const struct server_config *server = APP_CONFIG(config, server_config, server_settings);

        CHECK(why.len == 0);
        CHECK(server->loops <= 256 && server->grace <= 3600000);
        CHECK(server->connections_max >= 1);
    } else {
        // What was refused says where.
        CHECK(!config && str_starts(buf_str(&why), STR("fuzz.conf:")));
    }
    app_config_free(config);
    buf_done(&why);
    return 0;
}
