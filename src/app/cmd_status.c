// SPDX-License-Identifier: ISC
//
// carteiro status and carteiro reload: asking the running server.
#include "base/cleanup.h"

#include "app/ask.h"
#include "app/commands.h"

static void put_ports(struct buf *page, const json_t *ports)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)ports, name, value)
    {
        if (json_integer_value(value))
            buf_putf(page, "  %-15s %lld\n", name, (long long)json_integer_value(value));
    }
}

static int run_status(struct call *call)
{
    static const struct table_column columns[] = {
        {"Server", "hostname", TABLE_TEXT}, {"Version", "version", TABLE_TEXT},
        {"Process", "pid", TABLE_NUMBER},   {"Running since", "started", TABLE_TIME},
        {"Data", "data", TABLE_TEXT},
    };
    static const struct table_column store_columns[] = {
        {"Mailboxes", "mailboxes", TABLE_NUMBER},
        {"Messages", "messages", TABLE_NUMBER},
        {"Mail", "bytes", TABLE_BYTES},
        {"To be given back", "bytes_dead", TABLE_BYTES},
    };
    CLEANUP(buf_drop) struct buf page = {0};
    json_t *result;
    int r = ask_server(call, json_pack("{s:s}", "op", "status"), false, &result);

    if (r != EX_OK)
        return r;
    if (call->json)
        return call_print_json(result);
    buf_init(&page, 64 * 1024);
    table_put_one(&page, result, columns, 5);
    table_put_one(&page, json_object_get(result, "store"), store_columns, 4);
    buf_put(&page, STR("Ports:\n"));
    put_ports(&page, json_object_get(result, "ports"));
    fputs(buf_cstr(&page), stdout);
    json_decref(result);
    return EX_OK;
}

static void say_list(const char *what, const json_t *names)
{
    size_t i;
    json_t *name;

    if (json_array_size(names) == 0)
        return;
    fputs(what, stdout);
    json_array_foreach(names, i, name)
    {
        printf("%s %s", i ? "," : "", json_string_value(name));
    }
    putchar('\n');
}

static int run_reload(struct call *call)
{
    json_t *result;
    int r = ask_server(call, json_pack("{s:s}", "op", "reload"), false, &result);

    if (r != EX_OK)
        return r;
    if (call->json)
        return call_print_json(result);
    puts("Configuration and certificates were read again.");
    say_list("Changed:", json_object_get(result, "changed"));
    say_list("In effect after a restart only:", json_object_get(result, "needs_restart"));
    json_decref(result);
    return EX_OK;
}

const struct command command_status = {
    .name = "status",
    .summary = "Is the server running, where, and with how much mail",
    .examples = "carteiro status\ncarteiro status --json",
    .run = run_status,
};

const struct command command_reload = {
    .name = "reload",
    .summary = "Let the running server read configuration and certificates again",
    .help = "Nobody is disconnected. When something is wrong, the server says so and goes on with "
            "what it had. SIGHUP does the same.",
    .examples = "carteiro reload",
    .run = run_reload,
};
