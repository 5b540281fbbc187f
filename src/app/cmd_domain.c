// SPDX-License-Identifier: ISC
//
// carteiro domain: the domains whose mail is ours.
#include "app/ask.h"
#include "app/commands.h"

static const struct table_column columns[] = {
    {"DOMAIN", "name", TABLE_TEXT},         {"CATCH-ALL", "catch_all", TABLE_TEXT},
    {"ACCOUNTS", "accounts", TABLE_NUMBER}, {"ALIASES", "aliases", TABLE_NUMBER},
    {"LISTS", "lists", TABLE_NUMBER},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static json_t *request_of(const struct call *call, const char *op)
{
    json_t *request = json_pack("{s:s, s:s}", "op", op, "name", call->args[0]);

    if (call_has(call, "catch-all"))
        json_object_set_new(request, "catch_all", json_string(call_option(call, "catch-all")));
    if (call_has(call, "no-catch-all"))
        json_object_set_new(request, "catch_all", json_string(""));
    return request;
}

static int run_add(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "domain.add"), &result);

    return r == EX_OK
               ? command_done(call, result, "domain", "Mail for %s is taken in.", call->args[0])
               : r;
}

static int run_set(struct call *call)
{
    json_t *result;
    int r;

    if (!call_has(call, "catch-all") && !call_has(call, "no-catch-all"))
        return call_fail(call, EX_USAGE, "nothing to set; see --help");
    r = ask(call, request_of(call, "domain.set"), &result);
    return r == EX_OK ? command_done(call, result, "domain", "%s was changed.", call->args[0]) : r;
}

static int run_list(struct call *call)
{
    json_t *result;
    int r = ask(call, json_pack("{s:s}", "op", "domain.list"), &result);

    return r == EX_OK ? command_rows(call, result, "domains", columns, COLUMNS,
                                     "There are no domains yet: carteiro domain add DOMAIN")
                      : r;
}

static int run_show(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "domain.show"), &result);

    return r == EX_OK ? command_one(call, result, "domain", columns, COLUMNS) : r;
}

static int run_remove(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "domain.remove"), &result);

    return r == EX_OK ? command_done(call, result, NULL, "%s was removed.", call->args[0]) : r;
}

static const struct command_option add_options[] = {
    {"catch-all", 0, "ADDRESS", "Who gets mail for addresses that do not exist"},
};
static const struct command_option set_options[] = {
    {"catch-all", 0, "ADDRESS", "Who gets mail for addresses that do not exist"},
    {"no-catch-all", 0, NULL, "Mail for addresses that do not exist is refused"},
};

// clang-format off
static const struct command children[] = {
    {.name = "add", .summary = "Take in mail for a domain", .args = "DOMAIN", .args_min = 1,
     .args_max = 1, COMMAND_OPTIONS(add_options), .run = run_add,
     .examples = "carteiro domain add example.org"},
    {.name = "list", .summary = "All domains", .run = run_list,
     .examples = "carteiro domain list\ncarteiro domain list --json"},
    {.name = "show", .summary = "One domain", .args = "DOMAIN", .args_min = 1, .args_max = 1,
     .run = run_show, .examples = "carteiro domain show example.org"},
    {.name = "set", .summary = "Change a domain", .args = "DOMAIN", .args_min = 1, .args_max = 1,
     COMMAND_OPTIONS(set_options), .run = run_set,
     .examples = "carteiro domain set example.org --catch-all ana@example.org\n"
                 "carteiro domain set example.org --no-catch-all"},
    {.name = "remove", .summary = "Take in no more mail for a domain, once nobody is in it",
     .args = "DOMAIN", .args_min = 1, .args_max = 1, .run = run_remove,
     .examples = "carteiro domain remove example.org"},
};
// clang-format on

const struct command command_domain = {
    .name = "domain",
    .summary = "Domains whose mail is taken in",
    COMMAND_CHILDREN(children),
    .examples = "carteiro domain add example.org\ncarteiro domain list",
};
