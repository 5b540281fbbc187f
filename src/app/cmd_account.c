// SPDX-License-Identifier: ISC
//
// carteiro account: people and their passwords.
#include "base/cleanup.h"

#include "app/ask.h"
#include "app/commands.h"
#include "app/operation.h"
#include "app/secret.h"
#include "app/table.h"

enum { PASSWORD_MAX = 1024 };

static const struct table_column list_columns[] = {
    {"ADDRESS", "address", TABLE_TEXT}, {"NAME", "name", TABLE_TEXT},
    {"ENABLED", "enabled", TABLE_BOOL}, {"QUOTA", "quota_bytes", TABLE_LIMIT},
    {"CREATED", "created", TABLE_TIME},
};
static const struct table_column show_columns[] = {
    {"Address", "address", TABLE_TEXT},
    {"Name", "name", TABLE_TEXT},
    {"Enabled", "enabled", TABLE_BOOL},
    {"Password", "has_password", TABLE_BOOL},
    {"App passwords", "app_passwords", TABLE_LIST},
    {"Delegates", "delegates", TABLE_LIST},
    {"Messages", "messages", TABLE_NUMBER},
    {"Used", "bytes", TABLE_BYTES},
    {"Quota", "quota_bytes", TABLE_LIMIT},
    {"Created", "created", TABLE_TIME},
};

/// Sizes of the command line are written as in the configuration.
static bool parse_size(const struct call *call, const char *name, json_t *request)
{
    static const struct setting size = {.name = "quota", .type = SETTING_SIZE};
    const char *text = call_option(call, name);
    CLEANUP(buf_drop) struct buf why = {0};
    uint64_t value = 0;

    if (!text)
        return true;
    buf_init(&why, 256);
    if (strcmp(text, "none") != 0 && !app_config_set(&value, &size, str_from(text), NULL, &why)) {
        call_fail(call, EX_USAGE, "--%s %s %s", name, text, buf_cstr(&why));
        return false;
    }
    json_object_set_new(request, "quota_bytes", json_integer((json_int_t)value));
    return true;
}

/// The options that `add` and `set` share. An exit code.
static int put_change(const struct call *call, json_t *request)
{
    uint64_t messages;

    if (call_has(call, "name"))
        json_object_set_new(request, "name", json_string(call_option(call, "name")));
    if (call_has(call, "enable") && call_has(call, "disable"))
        return call_fail(call, EX_USAGE, "--enable and --disable exclude each other");
    if (call_has(call, "enable") || call_has(call, "disable"))
        json_object_set_new(request, "enabled", json_boolean(call_has(call, "enable")));
    if (!parse_size(call, "quota", request) ||
        !call_number(call, "quota-messages", INT64_MAX, 0, &messages))
        return EX_USAGE;
    if (call_has(call, "quota-messages"))
        json_object_set_new(request, "quota_messages", json_integer((json_int_t)messages));
    return EX_OK;
}

static int put_password(const struct call *call, json_t *request)
{
    CLEANUP(buf_drop) struct buf password = {0};
    CLEANUP(buf_drop) struct buf prompt = {0};
    int r;

    buf_init(&password, PASSWORD_MAX);
    buf_init(&prompt, 512);
    buf_putf(&prompt, "Password for %s: ", call->args[0]);
    r = secret_password(call, buf_cstr(&prompt), true, &password);
    if (r == EX_OK)
        json_object_set_new(request, "password", operation_json(buf_str(&password)));
    if (password.ptr)
        explicit_bzero(password.ptr, password.cap);
    return r;
}

static int run_add(struct call *call)
{
    json_t *request = json_pack("{s:s, s:s}", "op", "account.add", "address", call->args[0]);
    json_t *result;
    int r = put_change(call, request);

    if (r == EX_OK && !call_has(call, "no-password"))
        r = put_password(call, request);
    if (r != EX_OK) {
        json_decref(request);
        return r;
    }
    r = ask(call, request, &result);
    return r == EX_OK ? command_done(call, result, "account", "%s was made.", call->args[0]) : r;
}

static int run_set(struct call *call)
{
    json_t *request = json_pack("{s:s, s:s}", "op", "account.set", "address", call->args[0]);
    json_t *result;
    int r = put_change(call, request);

    if (r == EX_OK && (call_has(call, "password") || call_has(call, "password-file")))
        r = put_password(call, request);
    if (r == EX_OK && json_object_size(request) == 2)
        r = call_fail(call, EX_USAGE, "nothing to set; see --help");
    if (r != EX_OK) {
        json_decref(request);
        return r;
    }
    r = ask(call, request, &result);
    return r == EX_OK ? command_done(call, result, "account", "%s was changed.", call->args[0]) : r;
}

static int run_list(struct call *call)
{
    json_t *request = json_pack("{s:s}", "op", "account.list"), *result;
    int r;

    if (call->arg_count)
        json_object_set_new(request, "domain", json_string(call->args[0]));
    r = ask(call, request, &result);
    return r == EX_OK ? command_rows(call, result, "accounts", list_columns,
                                     sizeof list_columns / sizeof list_columns[0],
                                     "There are no accounts yet: carteiro account add ADDRESS")
                      : r;
}

static int run_show(struct call *call)
{
    json_t *result;
    int r =
        ask(call, json_pack("{s:s, s:s}", "op", "account.show", "address", call->args[0]), &result);

    return r == EX_OK ? command_one(call, result, "account", show_columns,
                                    sizeof show_columns / sizeof show_columns[0])
                      : r;
}

static int run_remove(struct call *call)
{
    json_t *result;
    int r = command_confirm(call, "Remove %s and all its mail for ever?", call->args[0]);

    if (r != EX_OK)
        return r;
    r = ask(call, json_pack("{s:s, s:s}", "op", "account.remove", "address", call->args[0]),
            &result);
    return r == EX_OK ? command_done(call, result, NULL, "%s was removed.", call->args[0]) : r;
}

// ---- delegates

static int run_delegates(struct call *call, const char *op, const char *done)
{
    json_t *result;
    int r = ask(
        call,
        json_pack("{s:s, s:s, s:s}", "op", op, "address", call->args[0], "delegate", call->args[1]),
        &result);

    return r == EX_OK ? command_done(call, result, "account", done, call->args[1], call->args[0])
                      : r;
}

static int run_delegate(struct call *call)
{
    return run_delegates(call, "account.delegate", "%s may act for %s.");
}

static int run_undelegate(struct call *call)
{
    return run_delegates(call, "account.undelegate", "%s acts for %s no more.");
}

// ---- app passwords

static int run_app_add(struct call *call)
{
    json_t *result;
    int r = ask(call,
                json_pack("{s:s, s:s, s:s}", "op", "app-password.add", "address", call->args[0],
                          "name", call->args[1]),
                &result);

    if (r != EX_OK)
        return r;
    if (call->json)
        return call_print_json(result);
    printf("%s\n", json_string_value(json_object_get(result, "password")));
    fputs("It is not shown again. Type it into the program it is for.\n", stderr);
    json_decref(result);
    return EX_OK;
}

static int run_app_list(struct call *call)
{
    static const struct table_column columns[] = {
        {"NAME", "name", TABLE_TEXT},
        {"CREATED", "created", TABLE_TIME},
    };
    json_t *result, *passwords;
    int r =
        ask(call, json_pack("{s:s, s:s}", "op", "account.show", "address", call->args[0]), &result);

    if (r != EX_OK)
        return r;
    passwords = json_pack("{s:O}", "app_passwords",
                          json_object_get(json_object_get(result, "account"), "app_passwords"));
    json_decref(result);
    return command_rows(call, passwords, "app_passwords", columns, 2, "There are none.");
}

static int run_app_remove(struct call *call)
{
    json_t *result;
    int r = ask(call,
                json_pack("{s:s, s:s, s:s}", "op", "app-password.remove", "address", call->args[0],
                          "name", call->args[1]),
                &result);

    return r == EX_OK ? command_done(call, result, NULL, "%s was removed.", call->args[1]) : r;
}

// ---- tables

static const struct command_option add_options[] = {
    SECRET_OPTION,
    {"no-password", 0, NULL, "Nobody can sign in until a password is set"},
    {"name", 'n', "NAME", "The person's name"},
    {"quota", 0, "SIZE", "How much mail it may keep: 500M, 10G, none"},
    {"quota-messages", 0, "COUNT", "How many messages it may keep; 0: no limit"},
    {"disable", 0, NULL, "Nobody can sign in, but mail is taken in"},
};
static const struct command_option set_options[] = {
    {"password", 'p', NULL, "Set a new password"},
    SECRET_OPTION,
    {"name", 'n', "NAME", "The person's name"},
    {"quota", 0, "SIZE", "How much mail it may keep: 500M, 10G, none"},
    {"quota-messages", 0, "COUNT", "How many messages it may keep; 0: no limit"},
    {"enable", 0, NULL, "Let it sign in again"},
    {"disable", 0, NULL, "Nobody can sign in, but mail is taken in"},
};
static const struct command_option remove_options[] = {COMMAND_YES};

// clang-format off
static const struct command app_children[] = {
    {.name = "add", .summary = "Make an app password and show it once", .args = "ADDRESS NAME",
     .args_min = 2, .args_max = 2, .run = run_app_add,
     .examples = "carteiro account app-password add ana@example.org phone"},
    {.name = "list", .summary = "The names of an account's app passwords", .args = "ADDRESS",
     .args_min = 1, .args_max = 1, .run = run_app_list,
     .examples = "carteiro account app-password list ana@example.org"},
    {.name = "remove", .summary = "Take an app password back", .args = "ADDRESS NAME",
     .args_min = 2, .args_max = 2, .run = run_app_remove,
     .examples = "carteiro account app-password remove ana@example.org phone"},
};
static const struct command children[] = {
    {.name = "add", .summary = "Make an account", .args = "ADDRESS", .args_min = 1, .args_max = 1,
     COMMAND_OPTIONS(add_options), .run = run_add,
     .examples = "carteiro account add ana@example.org --name \"Ana Lima\"\n"
                 "carteiro account add bruno@example.org --password-file secret.txt --quota 2G"},
    {.name = "list", .summary = "All accounts, or those of a domain", .args = "[DOMAIN]", .args_max = 1,
     .run = run_list, .examples = "carteiro account list\ncarteiro account list example.org --json"},
    {.name = "show", .summary = "All about one account", .args = "ADDRESS", .args_min = 1,
     .args_max = 1, .run = run_show, .examples = "carteiro account show ana@example.org"},
    {.name = "set", .summary = "Change password, name, quota, or whether it may sign in",
     .args = "ADDRESS", .args_min = 1, .args_max = 1, COMMAND_OPTIONS(set_options), .run = run_set,
     .examples = "carteiro account set ana@example.org --password\n"
                 "carteiro account set ana@example.org --quota none --enable"},
    {.name = "remove", .summary = "Remove an account with all its mail", .args = "ADDRESS",
     .args_min = 1, .args_max = 1, COMMAND_OPTIONS(remove_options), .run = run_remove,
     .examples = "carteiro account remove ana@example.org --yes"},
    {.name = "delegate", .summary = "Let one account act for another",
     .help = "The delegate signs in with its own password and names the other account as SASL's "
             "authorization identity; by IMAP and POP3 it then reads that account's mail, and in "
             "submission it may send as it, with or without naming it. It cannot share the other's "
             "mailboxes on.",
     .args = "ADDRESS DELEGATE", .args_min = 2, .args_max = 2, .run = run_delegate,
     .examples = "carteiro account delegate ana@example.org bruno@example.org"},
    {.name = "undelegate", .summary = "Let it act for the other no more",
     .help = "Sessions that are open end with their next command.",
     .args = "ADDRESS DELEGATE", .args_min = 2, .args_max = 2, .run = run_undelegate,
     .examples = "carteiro account undelegate ana@example.org bruno@example.org"},
    {.name = "app-password", .summary = "Passwords for one program each",
     .help = "An app password lets one program sign in, by every protocol, and can be taken back "
             "without changing the person's own password.",
     COMMAND_CHILDREN(app_children),
     .examples = "carteiro account app-password add ana@example.org phone"},
};
// clang-format on

const struct command command_account = {
    .name = "account",
    .summary = "People: their addresses, passwords and quotas",
    .help = "Changes take effect at once, also in a running server.",
    COMMAND_CHILDREN(children),
    .examples = "carteiro account add ana@example.org\ncarteiro account list",
};
