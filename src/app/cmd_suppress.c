// SPDX-License-Identifier: ISC
//
// carteiro suppress: addresses to which nothing is sent any more.
#include "app/ask.h"
#include "app/commands.h"

static const struct table_column columns[] = {
    {"ADDRESS", "address", TABLE_TEXT}, {"SINCE", "since", TABLE_TIME},
    {"UNTIL", "until", TABLE_TIME},     {"TIMES", "count", TABLE_NUMBER},
    {"REASON", "reason", TABLE_TEXT},
};

static int run_list(struct call *call)
{
    json_t *result;
    int r = ask(call, json_pack("{s:s}", "op", "suppress.list"), &result);

    return r == EX_OK ? command_rows(call, result, "addresses", columns,
                                     sizeof columns / sizeof columns[0], "None.")
                      : r;
}

static int run_remove(struct call *call)
{
    json_t *result;
    int r = ask(call, json_pack("{s:s, s:s}", "op", "suppress.remove", "address", call->args[0]),
                &result);

    return r == EX_OK ? command_done(call, result, NULL, "Mail to %s is sent again.", call->args[0])
                      : r;
}

// clang-format off
static const struct command children[] = {
    {.name = "list", .summary = "All of them, and why", .run = run_list,
     .examples = "carteiro suppress list"},
    {.name = "remove", .summary = "Send to an address again", .args = "ADDRESS", .args_min = 1,
     .args_max = 1, .run = run_remove, .examples = "carteiro suppress remove carla@example.org"},
};
// clang-format on

const struct command command_suppress = {
    .name = "suppress",
    .summary = "Addresses to which nothing is sent, because they do not exist",
    .help = "When a host says for good that an address does not exist, lists leave it out for 30 "
            "days, and who writes to it is told at once. A provider judges a server by how often "
            "it sends to nobody.",
    COMMAND_CHILDREN(children),
    .examples = "carteiro suppress list\n"
                "carteiro suppress remove carla@example.org",
};
