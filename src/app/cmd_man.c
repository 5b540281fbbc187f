// SPDX-License-Identifier: ISC
//
// carteiro man (hidden): the manual pages, made from the very tables that the program works by.
#include "base/cleanup.h"

#include "app/commands.h"
#include "app/config_text.h"

static int run_man(struct call *call)
{
    CLEANUP(buf_drop) struct buf page = {0};

    buf_init(&page, 4 << 20);
    if (strcmp(call->args[0], "carteiro.1") == 0)
        command_put_manual(&page);
    else if (strcmp(call->args[0], "carteiro.conf.5") == 0)
        config_text_put_manual(&page);
    else if (strcmp(call->args[0], "carteiro.conf") == 0)
        config_text_put(&page, NULL, 0);
    else
        return call_fail(call, EX_USAGE, "carteiro.1, carteiro.conf.5 or carteiro.conf");
    fputs(buf_cstr(&page), stdout);
    return EX_OK;
}

static int run_version(struct call *call)
{
    if (call->json)
        return call_print_json(json_pack("{s:s}", "version", CARTEIRO_VERSION));
    puts("carteiro " CARTEIRO_VERSION);
    return EX_OK;
}

const struct command command_man = {
    .name = "man",
    .summary = "The source of the manual pages and of an example configuration",
    .args = "PAGE",
    .args_min = 1,
    .args_max = 1,
    .run = run_man,
    .hidden = true,
};

const struct command command_version = {
    .name = "version",
    .summary = "Which version this is",
    .run = run_version,
    .hidden = true,
};
