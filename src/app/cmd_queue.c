// SPDX-License-Identifier: ISC
//
// carteiro queue: mail that waits to go on to other hosts.
#include "base/cleanup.h"

#include "app/ask.h"
#include "app/commands.h"

enum { PAGE_MAX = 256 << 20, LIST_MAX = 100000 };

static const struct command_option filter_options[] = {
    {"sender", 'f', "TEXT", "Only mail from addresses with this in them"},
    {"recipient", 't', "TEXT", "Only mail to addresses with this in them"},
    {"lane", 'l', "TEXT", "Only mail that goes this way: a domain, or part of it"},
    {"entry", 'e', "N", "Only this entry: one recipient of a mail"},
    {"held", 0, NULL, "Only what is on hold"},
    {"not-held", 0, NULL, "Only what is not on hold"},
    {"max", 'n', "N", "At most so many (list: 1000)"},
};
static const struct command_option deed_options[] = {
    {"sender", 'f', "TEXT", "Mail from addresses with this in them"},
    {"recipient", 't', "TEXT", "Mail to addresses with this in them"},
    {"lane", 'l', "TEXT", "Mail that goes this way: a domain, or part of it"},
    {"entry", 'e', "N", "This entry: one recipient of a mail"},
    {"all", 'a', NULL, "All mail in the queue"},
    {"dry-run", 0, NULL, "Only say how many it would be"},
    COMMAND_YES,
};

// ---- filters

static bool is_id(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (char_hex(text[i]) < 0)
            return false;
    }
    return len > 0 && len <= 16;
}

/// NULL after saying what is wrong.
static json_t *request_of(const struct call *call, const char *op)
{
    static const char *const texts[] = {"sender", "recipient", "lane"};
    json_t *request = json_pack("{s:s}", "op", op);
    uint64_t entry;

    for (size_t i = 0; i < 3; i++) {
        if (call_has(call, texts[i]))
            json_object_set_new(request, texts[i], json_string(call_option(call, texts[i])));
    }
    if (call_has(call, "held") || call_has(call, "not-held"))
        json_object_set_new(request, "held", json_boolean(call_has(call, "held")));
    if (!call_number(call, "entry", INT64_MAX, 0, &entry)) {
        json_decref(request);
        return NULL;
    }
    if (entry)
        json_object_set_new(request, "entry", json_integer((json_int_t)entry));
    if (call->arg_count > 0 && !is_id(call->args[0])) {
        call_fail(call, EX_USAGE,
                  "\"%s\" is no id of a mail (up to 16 hex digits); for an address use --sender or "
                  "--recipient",
                  call->args[0]);
        json_decref(request);
        return NULL;
    }
    if (call->arg_count > 0)
        json_object_set_new(request, "mail", json_string(call->args[0]));
    return request;
}

// ---- looking

static const struct table_column list_columns[] = {
    {"MAIL", "mail", TABLE_TEXT},           {"SENDER", "sender", TABLE_TEXT},
    {"RECIPIENT", "recipient", TABLE_TEXT}, {"SIZE", "size", TABLE_BYTES},
    {"ARRIVED", "arrived", TABLE_TIME},     {"NEXT", "due", TABLE_TIME},
    {"TRIES", "attempts", TABLE_NUMBER},    {"LAST ANSWER", "last_text", TABLE_TEXT},
};
static const struct table_column one_columns[] = {
    {"Entry", "entry", TABLE_NUMBER},
    {"Mail", "mail", TABLE_TEXT},
    {"Sender", "sender", TABLE_TEXT},
    {"Recipient", "recipient", TABLE_TEXT},
    {"Goes by", "lane", TABLE_TEXT},
    {"Size", "size", TABLE_BYTES},
    {"Arrived", "arrived", TABLE_TIME},
    {"Goes back after", "expires", TABLE_TIME},
    {"On hold", "held", TABLE_BOOL},
    {"Next attempt", "due", TABLE_TIME},
    {"Under way now", "in_flight", TABLE_BOOL},
    {"Attempts", "attempts", TABLE_NUMBER},
    {"Last attempt", "last_tried", TABLE_TIME},
    {"Last host", "last_host", TABLE_TEXT},
    {"Last answer", "last_text", TABLE_TEXT},
};
static const struct table_column lane_columns[] = {
    {"LANE", "lane", TABLE_TEXT},         {"ENTRIES", "entries", TABLE_NUMBER},
    {"HELD", "held", TABLE_NUMBER},       {"UNDER WAY", "in_flight", TABLE_NUMBER},
    {"SIZE", "bytes", TABLE_BYTES},       {"OLDEST", "oldest", TABLE_TIME},
    {"NEXT", "next", TABLE_TIME},         {"CONNECTIONS", "connections", TABLE_NUMBER},
    {"LAST TROUBLE", "last", TABLE_TEXT},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int run_list(struct call *call)
{
    json_t *request = request_of(call, "queue.list"), *result;
    uint64_t max, shown, all;
    int r;

    if (!request || !call_number(call, "max", LIST_MAX, 1000, &max)) {
        json_decref(request);
        return EX_USAGE;
    }
    json_object_set_new(request, "max", json_integer((json_int_t)max));
    r = ask(call, request, &result);
    if (r != EX_OK)
        return r;
    shown = json_array_size(json_object_get(result, "entries"));
    all = (uint64_t)json_integer_value(json_object_get(result, "all"));
    r = command_rows(call, result, "entries", list_columns, COUNT(list_columns), "Nothing waits.");
    if (!call->json && shown < all && shown > 0)
        printf("%llu of %llu entries.\n", (unsigned long long)shown, (unsigned long long)all);
    return r;
}

static int run_show(struct call *call)
{
    CLEANUP(buf_drop) struct buf page = {0};
    json_t *request = request_of(call, "queue.list"), *result, *entries;
    const json_t *entry;
    size_t i;
    int r;

    if (!request)
        return EX_USAGE;
    r = ask(call, request, &result);
    if (r != EX_OK)
        return r;
    entries = json_object_get(result, "entries");
    if (json_array_size(entries) == 0) {
        json_decref(result);
        return call_fail(call, EX_NOUSER, "no mail %s waits; what became of it: carteiro trace %s",
                         call->args[0], call->args[0]);
    }
    if (call->json)
        return call_print_json(result);
    buf_init(&page, PAGE_MAX);
    json_array_foreach(entries, i, entry)
    {
        if (i > 0)
            buf_put_char(&page, '\n');
        table_put_one(&page, entry, one_columns, COUNT(one_columns));
    }
    fwrite(buf_str(&page).ptr, 1, page.len, stdout);
    json_decref(result);
    return EX_OK;
}

static int run_summary(struct call *call)
{
    json_t *request = request_of(call, "queue.summary"), *result;
    uint64_t all, held;
    int r;

    if (!request)
        return EX_USAGE;
    r = ask(call, request, &result);
    if (r != EX_OK)
        return r;
    if (call->json)
        return call_print_json(result);
    all = (uint64_t)json_integer_value(json_object_get(result, "all"));
    held = (uint64_t)json_integer_value(json_object_get(result, "held"));
    r = command_rows(call, result, "lanes", lane_columns, COUNT(lane_columns), "Nothing waits.");
    if (all > 0)
        printf("%llu in all, %llu of them on hold.\n", (unsigned long long)all,
               (unsigned long long)held);
    return r;
}

// ---- doing

struct deed {
    const char *name, *done;
    bool must_confirm;
    const char *question;
};

static bool has_filter(const struct call *call)
{
    return call->arg_count > 0 || call_has(call, "sender") || call_has(call, "recipient") ||
           call_has(call, "lane") || call_has(call, "entry") || call_has(call, "all");
}

static int run_deed(struct call *call, const struct deed *deed)
{
    bool dry_run = call_has(call, "dry-run");
    json_t *request, *result;
    long long count;
    int r;

    if (!has_filter(call))
        return call_fail(call, EX_USAGE,
                         "which mail? Name its id, or --sender, --recipient, --lane, or --all");
    request = request_of(call, "queue.do");
    if (!request)
        return EX_USAGE;
    json_object_set_new(request, "deed", json_string(deed->name));
    json_object_set_new(request, "dry_run", json_boolean(dry_run));
    r = deed->question && !dry_run ? command_confirm(call, "%s", deed->question) : EX_OK;
    if (r != EX_OK) {
        json_decref(request);
        return r;
    }
    r = ask(call, request, &result);
    if (r != EX_OK)
        return r;
    count = json_integer_value(json_object_get(result, "count"));
    return command_done(call, result, NULL, "%lld %s %s%s.", count,
                        count == 1 ? "entry" : "entries", dry_run ? "would be " : "", deed->done);
}

static int run_retry(struct call *call)
{
    return run_deed(call, &(struct deed){.name = "retry", .done = "tried now"});
}

static int run_hold(struct call *call)
{
    return run_deed(call, &(struct deed){.name = "hold", .done = "put on hold"});
}

static int run_release(struct call *call)
{
    return run_deed(call, &(struct deed){.name = "release", .done = "released"});
}

static int run_remove(struct call *call)
{
    return run_deed(call,
                    &(struct deed){.name = "remove",
                                   .done = "removed",
                                   .question = "Remove this mail without telling its sender?"});
}

static int run_bounce(struct call *call)
{
    return run_deed(
        call, &(struct deed){.name = "bounce",
                             .done = "sent back",
                             .question = "Give this mail up and send it back to its sender?"});
}

// clang-format off
#define DEED(verb, text, function, example)                                                        \
    {.name = verb, .summary = text, .args = "[ID]", .args_max = 1, COMMAND_OPTIONS(deed_options),  \
     .run = function, .examples = example}

static const struct command children[] = {
    {.name = "list", .summary = "What waits, by the time of the next attempt", .args = "[ID]",
     .args_max = 1, COMMAND_OPTIONS(filter_options), .run = run_list,
     .examples = "carteiro queue list\ncarteiro queue list --recipient @example.org"},
    {.name = "show", .summary = "All that is known of a mail that waits", .args = "ID",
     .args_min = 1, .args_max = 1, .run = run_show,
     .examples = "carteiro queue show 7f3a09c2d4e5b610"},
    {.name = "summary", .summary = "How much waits for which destination", .args_max = 0,
     COMMAND_OPTIONS(filter_options), .run = run_summary, .examples = "carteiro queue summary"},
    DEED("retry", "Try now what would be tried later", run_retry,
         "carteiro queue retry --lane example.org"),
    DEED("hold", "Keep mail back until it is released", run_hold,
         "carteiro queue hold --sender newsletter@example.org"),
    DEED("release", "Let go what is on hold", run_release, "carteiro queue release --all"),
    DEED("remove", "Remove mail, and tell nobody", run_remove,
         "carteiro queue remove --recipient nobody@example.org --dry-run"),
    DEED("bounce", "Give mail up and send it back to its sender", run_bounce,
         "carteiro queue bounce 7f3a09c2d4e5b610"),
};
// clang-format on

const struct command command_queue = {
    .name = "queue",
    .summary = "Mail that waits to go on to other hosts",
    .help =
        "Each recipient of a mail on another host is one entry of the queue. What was tried and "
        "failed for now is tried again at growing intervals, for the time that queue.lifetime "
        "says; then it goes back to its sender.",
    COMMAND_CHILDREN(children),
    .examples = "carteiro queue summary\n"
                "carteiro queue list --lane example.org\n"
                "carteiro queue retry --all",
};
