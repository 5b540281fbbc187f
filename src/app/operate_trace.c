// SPDX-License-Identifier: ISC
//
// The stories of mails, for the command line.
#include "base/cleanup.h"
#include "trace/trace.h"

#include "app/operation.h"
#include "app/server.h"

#include <time.h>

enum { MAILS_DEFAULT = 20, STORY_BYTES_MAX = 64 << 20 };

struct tracing {
    char dir[OS_PATH_MAX + 8];
    struct trace *trace; // of a running server
    struct arena *arena;
    struct str what;
    size_t max;
    struct trace_mail *mails;
    size_t mail_count;
    json_t *stories;
};

/// RFC 3339, in UTC.
static json_t *time_json(int64_t at_us)
{
    time_t seconds = (time_t)(at_us / 1000000);
    char text[40], whole[64];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(whole, sizeof whole, "%s.%06dZ", text, (int)(at_us % 1000000));
    return json_string(whole);
}

static json_t *event_json(const struct trace_event *event)
{
    ptrdiff_t lf = str_find(event->text, '\n');
    struct str what = lf < 0 ? event->text : str_head(event->text, (size_t)lf);
    json_t *json = json_pack("{s:o, s:I, s:o, s:o}", "at", time_json(event->at_us), "at_us",
                             (json_int_t)event->at_us, "where", operation_json(event->where),
                             "what", operation_json(what));

    if (lf >= 0)
        json_object_set_new(json, "text", operation_json(str_skip(event->text, (size_t)lf + 1)));
    return json;
}

/// What a list of mails says of each.
static void put_summary(struct arena *arena, json_t *story, const struct trace_event *event)
{
    static const char *const members[] = {"from", "to", "size", "message_id"};

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        struct str value = trace_value(event->text, members[i], arena);

        if (value.ptr && str_find(event->text, '\n') < 0 && !json_object_get(story, members[i]))
            json_object_set_new(story, members[i], operation_json(value));
    }
}

static int read_story(struct tracing *t, const struct trace_mail *mail)
{
    struct trace_event *events;
    CLEANUP(buf_drop) struct buf id = {.max = 32};
    json_t *story, *list = json_array();
    size_t count;
    struct arena arena; // of this story: many of them together would be too much
    int r;

    arena_init(&arena, STORY_BYTES_MAX);
    r = trace_story(t->dir, mail->id, &arena, &events, &count);

    buf_putf(&id, "%016llx", (unsigned long long)mail->id);
    story = json_pack("{s:s, s:o, s:I}", "id", buf_cstr(&id), "at", time_json(mail->at_us), "at_us",
                      (json_int_t)mail->at_us);
    for (size_t i = 0; i < count && r == 0; i++) {
        json_array_append_new(list, event_json(&events[i]));
        put_summary(&arena, story, &events[i]);
    }
    json_object_set_new(story, "events", list);
    json_array_append_new(t->stories, story);
    arena_done(&arena);
    return r;
}

static int read_stories(void *arg)
{
    struct tracing *t = arg;
    int r;

    trace_flush(t->trace);
    r = trace_find(t->dir, t->what, t->max, t->arena, &t->mails, &t->mail_count);
    for (size_t i = 0; i < t->mail_count && r == 0; i++)
        r = read_story(t, &t->mails[i]);
    return r;
}

int operate_trace(struct operation *op)
{
    struct tracing t = {.arena = &op->arena, .max = MAILS_DEFAULT};
    uint64_t max;
    int r;

    t.what = operation_text(op, "what");
    if (operation_number(op, "max", &max) && max > 0)
        t.max = (size_t)max;
    if (op->site->server)
        t.trace = server_trace(op->site->server);
    snprintf(t.dir, sizeof t.dir, "%s/trace", op->site->data);
    t.stories = json_array();
    r = rt_call(op->site->pool, read_stories, &t);
    operation_put(op, "mails", t.stories);
    if (r == 0)
        return EX_OK;
    buf_putf(op->why, "%s: %s", t.dir, strerror(-r));
    return EX_IOERR;
}
