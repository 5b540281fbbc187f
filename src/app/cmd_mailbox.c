// SPDX-License-Identifier: ISC
//
// carteiro mailbox: the mailboxes of an account.
#include "app/ask.h"
#include "app/commands.h"

static const struct table_column columns[] = {
    {"MAILBOX", "name", TABLE_TEXT},    {"MESSAGES", "messages", TABLE_NUMBER},
    {"UNSEEN", "unseen", TABLE_NUMBER}, {"SIZE", "bytes", TABLE_BYTES},
    {"USE", "special_use", TABLE_LIST},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static json_t *request_of(const struct call *call, const char *op)
{
    json_t *request = json_pack("{s:s, s:s}", "op", op, "address", call->args[0]);

    if (call->arg_count > 1)
        json_object_set_new(request, "name", json_string(call->args[1]));
    if (call->arg_count > 2)
        json_object_set_new(request, "new_name", json_string(call->args[2]));
    if (call_has(call, "special-use"))
        json_object_set_new(request, "special_use", json_string(call_option(call, "special-use")));
    return request;
}

static int run_list(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "mailbox.list"), &result);

    return r == EX_OK ? command_rows(call, result, "mailboxes", columns, COLUMNS, "None.") : r;
}

static int run_show(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "mailbox.show"), &result);

    return r == EX_OK ? command_one(call, result, "mailbox", columns, COLUMNS) : r;
}

static int run_create(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "mailbox.create"), &result);

    return r == EX_OK ? command_done(call, result, "mailbox", "%s was made.", call->args[1]) : r;
}

static int run_remove(struct call *call)
{
    json_t *result;
    int r = command_confirm(call, "Remove %s of %s with the mail in it for ever?", call->args[1],
                            call->args[0]);

    if (r != EX_OK)
        return r;
    r = ask(call, request_of(call, "mailbox.remove"), &result);
    return r == EX_OK ? command_done(call, result, NULL, "%s was removed.", call->args[1]) : r;
}

static int run_rename(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "mailbox.rename"), &result);

    return r == EX_OK ? command_done(call, result, NULL, "%s is now called %s.", call->args[1],
                                     call->args[2])
                      : r;
}

static const struct command_option create_options[] = {
    {"special-use", 0, "USE", "all, archive, drafts, flagged, junk, sent or trash (RFC 6154)"},
};
static const struct command_option remove_options[] = {COMMAND_YES};

// clang-format off
static const struct command children[] = {
    {.name = "list", .summary = "All mailboxes of an account", .args = "ADDRESS", .args_min = 1,
     .args_max = 1, .run = run_list, .examples = "carteiro mailbox list ana@example.org"},
    {.name = "show", .summary = "One mailbox", .args = "ADDRESS MAILBOX", .args_min = 2,
     .args_max = 2, .run = run_show, .examples = "carteiro mailbox show ana@example.org INBOX"},
    {.name = "create", .summary = "Make a mailbox", .args = "ADDRESS MAILBOX", .args_min = 2,
     .args_max = 2, COMMAND_OPTIONS(create_options), .run = run_create,
     .examples = "carteiro mailbox create ana@example.org Projects\n"
                "carteiro mailbox create ana@example.org Projects/2026"},
    {.name = "remove", .summary = "Remove a mailbox and the mail in it", .args = "ADDRESS MAILBOX",
     .args_min = 2, .args_max = 2, COMMAND_OPTIONS(remove_options), .run = run_remove,
     .examples = "carteiro mailbox remove ana@example.org Projects/2026 --yes"},
    {.name = "rename", .summary = "Rename a mailbox and those below it",
     .args = "ADDRESS MAILBOX NEW-NAME", .args_min = 3, .args_max = 3, .run = run_rename,
     .examples = "carteiro mailbox rename ana@example.org Projects Old/Projects"},
};
// clang-format on

const struct command command_mailbox = {
    .name = "mailbox",
    .summary = "The mailboxes of an account",
    .help = "Levels of a name are apart by a slash.",
    COMMAND_CHILDREN(children),
    .examples = "carteiro mailbox list ana@example.org",
};
