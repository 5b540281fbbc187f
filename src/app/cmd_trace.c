// SPDX-License-Identifier: ISC
//
// carteiro trace: what became of a mail, told as a line of time.
#include "base/cleanup.h"

#include "app/ask.h"
#include "app/commands.h"

#include <inttypes.h>
#include <time.h>

enum { PAGE_MAX = 64 << 20, MAILS_MAX = 1000 };

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

static int64_t number_of(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

static void put_time(struct buf *page, int64_t at_us)
{
    time_t seconds = (time_t)(at_us / 1000000);
    struct tm tm;

    localtime_r(&seconds, &tm);
    buf_putf(page, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/// "0.004", "12.5", "3:20:00"
static void put_after(struct buf *page, int64_t us)
{
    CLEANUP(buf_drop) struct buf text = {.max = 64};
    int64_t s = us / 1000000;

    if (s < 600)
        buf_putf(&text, "%" PRId64 ".%03d", s, (int)(us / 1000 % 1000));
    else
        buf_putf(&text, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    buf_putf(page, "%10s  ", buf_cstr(&text));
}

/// The line without the id, which stands above them all.
static void put_what(struct buf *page, struct str what)
{
    ptrdiff_t id = str_find_str(what, STR(" id="));
    struct str rest;

    if (id < 0) {
        buf_put(page, what);
        return;
    }
    buf_put(page, str_head(what, (size_t)id));
    rest = str_skip(what, (size_t)id + 1);
    id = str_find(rest, ' ');
    if (id >= 0)
        buf_put(page, str_skip(rest, (size_t)id));
}

static void put_lines(struct buf *page, struct str text)
{
    struct str line;

    while (str_split(&text, '\n', &line)) {
        if (line.len > 0)
            buf_putf(page, "%32s%.*s\n", "", STR_ARG(line));
    }
}

static void put_story(struct buf *page, const json_t *mail)
{
    int64_t begun = number_of(mail, "at_us");
    const json_t *event;
    size_t i;

    buf_putf(page, "Mail %s", text_of(mail, "id"));
    if (json_object_get(mail, "from"))
        buf_putf(page, " from <%s>", text_of(mail, "from"));
    buf_put(page, STR(", "));
    put_time(page, begun);
    if (json_object_get(mail, "message_id"))
        buf_putf(page, "\nMessage-ID: %s", text_of(mail, "message_id"));
    buf_put(page, STR("\n\n"));
    json_array_foreach(json_object_get(mail, "events"), i, event)
    {
        put_after(page, number_of(event, "at_us") - begun);
        buf_putf(page, "%-18s  ", text_of(event, "where"));
        put_what(page, str_from(text_of(event, "what")));
        buf_put_char(page, '\n');
        put_lines(page, str_from(text_of(event, "text")));
    }
}

static void put_list(struct buf *page, const json_t *mails)
{
    const json_t *mail;
    size_t i;

    json_array_foreach(mails, i, mail)
    {
        const json_t *events = json_object_get(mail, "events");
        const json_t *last = json_array_get(events, json_array_size(events) - 1);
        struct str what = str_from(text_of(last, "what"));
        ptrdiff_t end = str_find(what, '=');

        put_time(page, number_of(mail, "at_us"));
        buf_putf(page, "  %s  <%s> to <%s>  %s", text_of(mail, "id"), text_of(mail, "from"),
                 text_of(mail, "to"), text_of(last, "where"));
        // the words before the first key
        what = end < 0 ? what : str_head(what, (size_t)end);
        end = str_find_last(what, ' ');
        buf_putf(page, " %.*s\n", STR_ARG(end < 0 ? what : str_head(what, (size_t)end)));
    }
}

static void put_page(struct buf *page, const json_t *mails, bool all)
{
    const json_t *mail;
    size_t i;

    if (json_array_size(mails) > 1 && !all) {
        put_list(page, mails);
        buf_put(page, STR("\nOne of them: carteiro trace ID. All of them: --all.\n"));
        return;
    }
    json_array_foreach(mails, i, mail)
    {
        if (i > 0)
            buf_put(page, STR("\n\n"));
        put_story(page, mail);
    }
}

static int run_trace(struct call *call)
{
    CLEANUP(buf_drop) struct buf page = {0};
    json_t *request, *result, *mails;
    uint64_t max;
    int r;

    if (!call_number(call, "max", MAILS_MAX, 20, &max))
        return EX_USAGE;
    request =
        json_pack("{s:s, s:s, s:I}", "op", "trace", "what", call->args[0], "max", (json_int_t)max);
    r = ask(call, request, &result);
    if (r != EX_OK)
        return r;
    mails = json_object_get(result, "mails");
    if (json_array_size(mails) == 0) {
        json_decref(result);
        return call_fail(call, EX_NOUSER,
                         "nothing is known of %s; stories are kept for trace.keep_days days",
                         call->args[0]);
    }
    if (call->json)
        return call_print_json(result);
    buf_init(&page, PAGE_MAX);
    put_page(&page, mails, call_has(call, "all"));
    fwrite(buf_str(&page).ptr, 1, page.len, stdout);
    json_decref(result);
    return EX_OK;
}

static const struct command_option options[] = {
    {"all", 'a', NULL, "Tell every story, where several mails are meant"},
    {"max", 'n', "N", "How many mails at most, the newest first (20)"},
};

const struct command command_trace = {
    .name = "trace",
    .summary = "What became of a mail",
    .args = "ID|ADDRESS|MESSAGE-ID",
    .args_min = 1,
    .args_max = 1,
    COMMAND_OPTIONS(options),
    .help = "Tells the story of a mail: who handed it in, where it was to go, what DNS said, how "
            "the talk with the other server went, in which mailbox it lies. The id is the one of "
            "the log, of the answer \"kept as ...\", and of the Received line. An address finds "
            "mails from it and to it.",
    .run = run_trace,
    .examples = "carteiro trace 7f3a09c2d4e5b610\n"
                "carteiro trace carla@example.org\n"
                "# everything about the last three\n"
                "carteiro trace carla@example.org --all --max 3\n"
                "carteiro trace '<20261121.1@example.test>' --json",
};
