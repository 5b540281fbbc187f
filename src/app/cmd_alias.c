// SPDX-License-Identifier: ISC
//
// carteiro alias and carteiro list: another name for one or many addresses. They differ in one
// thing: what a list's members cannot get goes back to the list's owner, not to the sender.
#include "base/cleanup.h"
#include "os/file.h"

#include "app/ask.h"
#include "app/commands.h"
#include "app/operation.h"

enum { FILE_MAX = 4 << 20 };

static const struct table_column alias_columns[] = {
    {"ADDRESS", "address", TABLE_TEXT},
    {"TARGETS", "targets", TABLE_LIST},
};
static const struct table_column list_columns[] = {
    {"ADDRESS", "address", TABLE_TEXT},
    {"NAME", "name", TABLE_TEXT},
    {"OWNER", "owner", TABLE_TEXT},
    {"MEMBERS", "members", TABLE_LIST},
};

static bool is_list(const struct call *call)
{
    return call->path[1] == &command_list;
}

static json_t *request_of(const struct call *call, const char *op)
{
    return json_pack("{s:s, s:b, s:s}", "op", op, "list", is_list(call), "address", call->args[0]);
}

static void put_text(const struct call *call, json_t *request, const char *name)
{
    if (call_has(call, name))
        json_object_set_new(request, name, json_string(call_option(call, name)));
}

static void put_each(const struct call *call, json_t *request, const char *option,
                     const char *member)
{
    json_t *list = json_array();
    const char *value;
    size_t at = 0;

    while ((value = call_each(call, option, &at)))
        json_array_append_new(list, json_string(value));
    if (json_array_size(list))
        json_object_set(request, member, list);
    json_decref(list);
}

/// One address a line; empty lines and what follows a "#" do not count.
static int add_file(const struct call *call, json_t *targets)
{
    const char *path = call_option(call, "file");
    CLEANUP(buf_drop) struct buf text = {0};
    struct str rest, line;
    int r;

    if (!path)
        return EX_OK;
    buf_init(&text, FILE_MAX);
    r = os_file_read(path, &text);
    if (r < 0)
        return call_fail(call, EX_NOINPUT, "%s: %s", path, strerror(-r));
    rest = buf_str(&text);
    while (str_split(&rest, '\n', &line)) {
        if (str_find(line, '#') >= 0)
            line = str_head(line, (size_t)str_find(line, '#'));
        if (str_ends(line, STR("\r")))
            line.len--;
        line = str_trim(line);
        if (line.len > 0)
            json_array_append_new(targets, operation_json(line));
    }
    return EX_OK;
}

/// Those on the command line, and those of the file.
static int put_targets(const struct call *call, json_t *request)
{
    json_t *targets = json_array();
    int r;

    for (size_t i = 1; i < call->arg_count; i++)
        json_array_append_new(targets, json_string(call->args[i]));
    r = add_file(call, targets);
    if (json_array_size(targets))
        json_object_set(request, "targets", targets);
    json_decref(targets);
    return r;
}

static int run_add(struct call *call)
{
    json_t *request = request_of(call, "alias.add"), *result;
    int r = put_targets(call, request);

    if (r == EX_OK && !json_object_get(request, "targets"))
        r = call_fail(call, EX_USAGE, "who gets its mail? Name addresses, or --file");
    if (r != EX_OK) {
        json_decref(request);
        return r;
    }
    put_text(call, request, "owner");
    put_text(call, request, "name");
    r = ask(call, request, &result);
    return r == EX_OK ? command_done(call, result, is_list(call) ? "list" : "alias", "%s was made.",
                                     call->args[0])
                      : r;
}

static int run_set(struct call *call)
{
    json_t *request = request_of(call, "alias.set"), *result;
    size_t before = json_object_size(request);
    int r = put_targets(call, request);

    put_text(call, request, "owner");
    put_text(call, request, "name");
    put_each(call, request, "add", "add");
    put_each(call, request, "remove", "remove");
    if (r == EX_OK && json_object_size(request) == before)
        r = call_fail(call, EX_USAGE, "nothing to set; see --help");
    if (r != EX_OK) {
        json_decref(request);
        return r;
    }
    r = ask(call, request, &result);
    return r == EX_OK ? command_done(call, result, is_list(call) ? "list" : "alias",
                                     "%s was changed.", call->args[0])
                      : r;
}

static int run_list(struct call *call)
{
    json_t *request = json_pack("{s:s, s:b}", "op", "alias.list", "list", is_list(call)), *result;
    int r;

    if (call->arg_count)
        json_object_set_new(request, "domain", json_string(call->args[0]));
    r = ask(call, request, &result);
    if (r != EX_OK)
        return r;
    if (is_list(call))
        return command_rows(call, result, "lists", list_columns, 4, "There are no lists.");
    return command_rows(call, result, "aliases", alias_columns, 2, "There are no aliases.");
}

static int run_show(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "alias.show"), &result);

    if (r != EX_OK)
        return r;
    return is_list(call) ? command_one(call, result, "list", list_columns, 4)
                         : command_one(call, result, "alias", alias_columns, 2);
}

static int run_remove(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "alias.remove"), &result);

    return r == EX_OK ? command_done(call, result, NULL, "%s was removed.", call->args[0]) : r;
}

#define OPTION_FILE                                                                                \
    {                                                                                              \
        "file", 'F', "FILE", "Addresses from a file, one a line; - is standard input"              \
    }

static const struct command_option alias_add_options[] = {OPTION_FILE};
static const struct command_option list_add_options[] = {
    OPTION_FILE,
    {"name", 'n', "NAME", "What the list is called"},
    {"owner", 0, "ADDRESS", "Who is told what could not be delivered"},
};
static const struct command_option alias_set_options[] = {
    OPTION_FILE,
    {"add", 'a', "ADDRESS", "One more target; may be given several times"},
    {"remove", 'r', "ADDRESS", "This target no longer; may be given several times"},
};
static const struct command_option list_set_options[] = {
    OPTION_FILE,
    {"add", 'a', "ADDRESS", "One more member; may be given several times"},
    {"remove", 'r', "ADDRESS", "This member no longer; may be given several times"},
    {"name", 'n', "NAME", "What the list is called"},
    {"owner", 0, "ADDRESS", "Who is told what could not be delivered"},
};

enum { TARGETS_MAX = 10000 };

// clang-format off
static const struct command alias_children[] = {
    {.name = "add", .summary = "Make an alias", .args = "ADDRESS [TARGET...]", .args_min = 1,
     .args_max = TARGETS_MAX, COMMAND_OPTIONS(alias_add_options), .run = run_add,
     .examples = "carteiro alias add info@example.org ana@example.org\n"
                 "carteiro alias add sales@example.org ana@example.org bruno@example.net"},
    {.name = "list", .summary = "All aliases, or those of a domain", .args = "[DOMAIN]",
     .args_max = 1, .run = run_list, .examples = "carteiro alias list example.org"},
    {.name = "show", .summary = "One alias", .args = "ADDRESS", .args_min = 1, .args_max = 1,
     .run = run_show, .examples = "carteiro alias show info@example.org"},
    {.name = "set", .summary = "Replace or change an alias's targets", .args = "ADDRESS [TARGET...]",
     .args_min = 1, .args_max = TARGETS_MAX, COMMAND_OPTIONS(alias_set_options), .run = run_set,
     .examples = "carteiro alias set info@example.org bruno@example.org\n"
                 "carteiro alias set info@example.org --add carla@example.org"},
    {.name = "remove", .summary = "Remove an alias", .args = "ADDRESS", .args_min = 1, .args_max = 1,
     .run = run_remove, .examples = "carteiro alias remove info@example.org"},
};
static const struct command list_children[] = {
    {.name = "add", .summary = "Make a mailing list", .args = "ADDRESS [MEMBER...]", .args_min = 1,
     .args_max = TARGETS_MAX, COMMAND_OPTIONS(list_add_options), .run = run_add,
     .examples = "carteiro list add friends@example.org ana@example.org bruno@example.org "
                 "--owner ana@example.org\n"
                 "carteiro list add news@example.org --file members.txt"},
    {.name = "list", .summary = "All mailing lists, or those of a domain", .args = "[DOMAIN]",
     .args_max = 1, .run = run_list, .examples = "carteiro list list"},
    {.name = "show", .summary = "One mailing list", .args = "ADDRESS", .args_min = 1, .args_max = 1,
     .run = run_show, .examples = "carteiro list show friends@example.org"},
    {.name = "set", .summary = "Change members, owner or name of a list",
     .args = "ADDRESS [MEMBER...]", .args_min = 1, .args_max = TARGETS_MAX,
     COMMAND_OPTIONS(list_set_options), .run = run_set,
     .examples = "carteiro list set friends@example.org --add carla@example.org"},
    {.name = "remove", .summary = "Remove a mailing list", .args = "ADDRESS", .args_min = 1,
     .args_max = 1, .run = run_remove, .examples = "carteiro list remove friends@example.org"},
};
// clang-format on

const struct command command_alias = {
    .name = "alias",
    .summary = "Other names for one or many addresses, here or elsewhere",
    COMMAND_CHILDREN(alias_children),
    .examples = "carteiro alias add info@example.org ana@example.org\ncarteiro alias list",
};

const struct command command_list = {
    .name = "list",
    .summary = "Mailing lists: what cannot be delivered goes to the list's owner",
    COMMAND_CHILDREN(list_children),
    .examples = "carteiro list add friends@example.org ana@example.org bruno@example.org\n"
                "carteiro list show friends@example.org",
};
