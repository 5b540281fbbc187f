// SPDX-License-Identifier: ISC
//
// carteiro serve: the server itself, in the foreground.
#include "app/commands.h"
#include "app/server.h"
#include "app/site.h"

static int run_serve(struct call *call)
{
    struct app_config *config = NULL;
    int r = site_config(call, &config);

    return r == EX_OK ? server_run(call, config) : r;
}

const struct command command_serve = {
    .name = "serve",
    .summary = "Take mail in, keep it safe and let it be read, until told to stop",
    .help =
        "Runs in the foreground and logs to standard error. When all ports are open it says so "
        "on standard output, in DATA/ports and to systemd. SIGTERM lets running commands finish "
        "and ends it; SIGHUP reads configuration and certificates again; SIGUSR1 writes what "
        "it is doing to the log.\n"
        "\n"
        "Started by root it becomes the configured user and keeps of root's rights only the one "
        "to open ports below 1024. As a service: systemctl enable --now carteiro; its log: "
        "journalctl -u carteiro.",
    .examples = "carteiro serve\ncarteiro serve --config /etc/carteiro/carteiro.conf",
    .run = run_serve,
};
