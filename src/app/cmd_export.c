// SPDX-License-Identifier: ISC
//
// carteiro export: the mail of an account as mbox files or a Maildir. The server reads, this
// process writes, with the rights of who calls it.
#include "base/check.h"
#include "base/cleanup.h"
#include "os/file.h"
#include "os/progress.h"
#include "export/export.h"

#include "app/commands.h"
#include "app/operation.h"
#include "app/parley.h"

#include <errno.h>
#include <inttypes.h>

enum { LEFT_SHOWN = 1000 };

struct box {
    json_t *about; // as the server told it
    struct str name;
    uint64_t id;
    uint32_t uidvalidity;
};

struct exporting {
    const struct call *call;
    struct parley *parley;
    const char *dir;
    bool is_maildir;
    json_t *boxes;
    struct os_progress progress;
    struct export_mbox *mbox;       // of the box being written
    struct export_maildir *maildir; // likewise
    struct buf bytes;
    struct str keywords[STORE_KEYWORDS_MAX];
    struct buf wanted; // Maildir: uids that are missing there, 4 bytes each
    uint64_t total, done, written, written_bytes, there, keywords_lost, left_count, mailboxes;
    json_t *left;
};

static void leave(struct exporting *e, struct str box, uint64_t uid, const char *why)
{
    CLEANUP(buf_drop) struct buf place = {.max = 2048};

    buf_put(&place, box);
    if (uid)
        buf_putf(&place, " uid %" PRIu64, uid);
    if (e->left_count++ < LEFT_SHOWN)
        json_array_append_new(
            e->left, json_pack("{s:o, s:s}", "place", operation_json(buf_str(&place)), "why", why));
}

// ---- the talk

static int say_read(struct exporting *e, const struct box *b, uint64_t first, uint64_t last,
                    bool with_bytes)
{
    int r = rt_putf(e->parley->conn,
                    "{\"read\":%" PRIu64 ",\"first\":%" PRIu64 ",\"last\":%" PRIu64
                    ",\"bytes\":%s}\r\n",
                    b->id, first, last, with_bytes ? "true" : "false");

    return r == 0 ? rt_flush(e->parley->conn) : r;
}

static int collect(void *arg, struct str bytes)
{
    buf_put(arg, bytes);
    return 0;
}

static void read_entry(struct exporting *e, json_t *line, struct export_message *out)
{
    json_t *keywords = json_object_get(line, "keywords"), *item;
    size_t i;

    *out = (struct export_message){
        .uid = (uint32_t)json_integer_value(json_object_get(line, "uid")),
        .flags = (uint32_t)json_integer_value(json_object_get(line, "flags")),
        .date = json_integer_value(json_object_get(line, "date")),
        .keywords = e->keywords,
    };
    json_array_foreach(keywords, i, item)
    {
        if (out->keyword_count < STORE_KEYWORDS_MAX)
            e->keywords[out->keyword_count++] = str_from(json_string_value(item));
    }
}

/// [await] The next message of those asked for; 1 after the last. `line` is the caller's.
static int next(struct exporting *e, const struct box *b, bool with_bytes, json_t **line,
                struct export_message *out)
{
    for (;;) {
        uint64_t size;
        const char *error;

        *line = parley_hear(e->parley);
        if (!*line)
            return -ECANCELED;
        error = json_string_value(json_object_get(*line, "error"));
        if (json_object_get(*line, "done"))
            return 1;
        read_entry(e, *line, out);
        if (error) {
            leave(e, b->name, out->uid, error);
            json_decref(*line);
            continue;
        }
        size = (uint64_t)json_integer_value(json_object_get(*line, "size"));
        buf_clear(&e->bytes);
        if (with_bytes && !parley_read(e->parley, size, collect, &e->bytes))
            return -ECANCELED;
        out->bytes = buf_str(&e->bytes);
        return 0;
    }
}

typedef int each(struct exporting *e, const struct export_message *message);

static int read_range(struct exporting *e, const struct box *b, uint64_t first, uint64_t last,
                      bool with_bytes, each *fn)
{
    int r = say_read(e, b, first, last, with_bytes);

    while (r == 0) {
        struct export_message message;
        json_t *line = NULL;

        r = next(e, b, with_bytes, &line, &message);
        if (r == 0)
            r = fn(e, &message);
        json_decref(line);
        if (with_bytes && r == 0)
            os_progress_show(&e->progress, ++e->done, e->total);
    }
    return r < 0 ? r : 0;
}

// ---- mbox

static int put_mbox(struct exporting *e, const struct export_message *message)
{
    e->written++;
    e->written_bytes += message->bytes.len;
    return export_mbox_put(e->mbox, message);
}

static int write_mbox(struct exporting *e, const struct box *b)
{
    int r = export_mbox_begin(e->dir, b->name, &e->mbox);

    if (r < 0)
        return r;
    r = read_range(e, b, 1, UINT32_MAX, true, put_mbox);
    if (r == 0)
        return export_mbox_commit(e->mbox);
    export_mbox_abandon(e->mbox);
    return r;
}

// ---- Maildir

static int look_for(struct exporting *e, const struct export_message *message)
{
    int r = export_maildir_has(e->maildir, message);

    if (r == 0)
        buf_put(&e->wanted, str_of(&message->uid, sizeof message->uid));
    else if (r == 1)
        e->there++;
    e->done += r == 1;
    return r < 0 ? r : 0;
}

static int put_maildir(struct exporting *e, const struct export_message *message)
{
    e->written++;
    e->written_bytes += message->bytes.len;
    return export_maildir_put(e->maildir, message);
}

static uint32_t wanted_at(const struct exporting *e, size_t i)
{
    uint32_t uid;

    memcpy(&uid, e->wanted.ptr + i * sizeof uid, sizeof uid);
    return uid;
}

/// Run by run of those that follow each other.
static int fill_maildir(struct exporting *e, const struct box *b)
{
    size_t count = e->wanted.len / sizeof(uint32_t);
    int r = 0;

    for (size_t i = 0, end; r == 0 && i < count; i = end) {
        for (end = i + 1; end < count && wanted_at(e, end) == wanted_at(e, end - 1) + 1; end++)
            ;
        r = read_range(e, b, wanted_at(e, i), wanted_at(e, end - 1), true, put_maildir);
    }
    return r;
}

static int write_maildir(struct exporting *e, const struct box *b)
{
    uint64_t lost = 0;
    int r = export_maildir_begin(e->dir, b->name, b->id, b->uidvalidity, &e->maildir), ended;

    if (r < 0)
        return r;
    buf_clear(&e->wanted);
    r = read_range(e, b, 1, UINT32_MAX, false, look_for);
    if (r == 0)
        r = fill_maildir(e, b);
    ended = export_maildir_end(e->maildir, &lost);
    e->keywords_lost += lost;
    return r < 0 ? r : ended;
}

// ---- the account

static bool is_chosen(const struct exporting *e, const char *name)
{
    for (size_t i = 1; i < e->call->arg_count; i++)
        if (strcmp(e->call->args[i], name) == 0 ||
            (str_case_eq(str_from(e->call->args[i]), STR("inbox")) && strcmp(name, "INBOX") == 0))
            return true;
    return e->call->arg_count == 1;
}

/// [await] What mailboxes there are. 0 or -ECANCELED.
static int read_boxes(struct exporting *e)
{
    json_t *line;

    while ((line = parley_hear(e->parley))) {
        const char *name = json_string_value(json_object_get(line, "mailbox"));

        if (name && is_chosen(e, name)) {
            json_array_append(e->boxes, line);
            e->total += (uint64_t)json_integer_value(json_object_get(line, "messages"));
        }
        json_decref(line);
        if (!name)
            return 0;
    }
    return -ECANCELED;
}

static int check_names(struct exporting *e)
{
    for (size_t i = 1; i < e->call->arg_count; i++) {
        size_t k;
        json_t *box;
        bool is_there = false;

        json_array_foreach(e->boxes, k, box)
        {
            const char *name = json_string_value(json_object_get(box, "mailbox"));

            is_there = is_there || strcmp(name, e->call->args[i]) == 0 ||
                       (strcmp(name, "INBOX") == 0 &&
                        str_case_eq(str_from(e->call->args[i]), STR("inbox")));
        }
        if (!is_there)
            return call_fail(e->call, EX_NOUSER, "there is no mailbox \"%s\"", e->call->args[i]);
    }
    return EX_OK;
}

static int write_subscriptions(struct exporting *e)
{
    size_t count = 0, i;
    struct str *names = calloc(json_array_size(e->boxes) + 1, sizeof *names);
    json_t *box;
    int r;

    CHECK(names);
    json_array_foreach(e->boxes, i, box)
    {
        if (json_is_true(json_object_get(box, "subscribed")))
            names[count++] = str_from(json_string_value(json_object_get(box, "mailbox")));
    }
    r = export_maildir_subscriptions(e->dir, names, count);
    free(names);
    return r;
}

/// [await] 0, or -errno when it makes no sense to go on.
static int write_boxes(struct exporting *e)
{
    size_t i;
    json_t *about;

    json_array_foreach(e->boxes, i, about)
    {
        struct box b = {about, str_from(json_string_value(json_object_get(about, "mailbox"))),
                        (uint64_t)json_integer_value(json_object_get(about, "id")),
                        (uint32_t)json_integer_value(json_object_get(about, "uidvalidity"))};
        int r = e->is_maildir ? write_maildir(e, &b) : write_mbox(e, &b);

        if (r == -EINVAL || r == -ENAMETOOLONG)
            leave(e, b.name, 0, "no file can be called so");
        else if (r < 0)
            return r;
        e->mailboxes += r == 0;
    }
    return e->is_maildir && e->call->arg_count == 1 ? write_subscriptions(e) : 0;
}

// ---- the end

static int tell(struct exporting *e)
{
    int code = e->left_count ? EX_DATAERR : EX_OK;
    size_t i;
    json_t *item;

    if (e->call->json) {
        call_print_json(json_pack(
            "{s:I, s:I, s:I, s:I, s:I, s:O, s:I}", "messages", (json_int_t)e->written, "bytes",
            (json_int_t)e->written_bytes, "known", (json_int_t)e->there, "mailboxes",
            (json_int_t)e->mailboxes, "keywords_lost", (json_int_t)e->keywords_lost, "left",
            e->left, "left_count", (json_int_t)e->left_count));
        return code;
    }
    json_array_foreach(e->left, i, item)
        fprintf(stderr, "left: %s: %s\n", json_string_value(json_object_get(item, "place")),
                json_string_value(json_object_get(item, "why")));
    printf("Wrote %" PRIu64 " message%s (%.1f MB) of %" PRIu64 " mailbox%s to %s", e->written,
           e->written == 1 ? "" : "s", (double)e->written_bytes / 1e6, e->mailboxes,
           e->mailboxes == 1 ? "" : "es", e->dir);
    if (e->there)
        printf("; there already: %" PRIu64, e->there);
    if (e->keywords_lost)
        printf("; keywords without a place: %" PRIu64, e->keywords_lost);
    printf("; could not be written: %" PRIu64 ".\n", e->left_count);
    return code;
}

/// Hears the server's last word, unless it was said already.
static void say_goodbye(struct exporting *e)
{
    json_t *line;

    if (!e->parley->is_over && rt_put(e->parley->conn, STR("{\"end\":true}\r\n")) == 0)
        rt_flush(e->parley->conn);
    while ((line = parley_hear(e->parley)))
        json_decref(line);
}

static int talk(void *arg, struct parley *p)
{
    struct exporting *e = arg;
    int r, code;

    e->parley = p;
    r = parley_ask(p, json_pack("{s:s, s:s}", "op", "export", "address", e->call->args[0]));
    if (r == 0)
        r = read_boxes(e);
    code = r == 0 ? check_names(e) : EX_OK;
    if (code != EX_OK)
        return code;
    os_progress_begin(&e->progress, "export", "messages");
    if (r == 0)
        r = write_boxes(e);
    os_progress_end(&e->progress);
    if (r < 0 && !p->is_over) // the disk here; the server is still sending
        return call_fail(e->call, EX_CANTCREAT, "%s: %s", e->dir, strerror(-r));
    say_goodbye(e);
    return p->code == EX_OK
               ? tell(e)
               : call_fail(e->call, p->code, "%s", p->why.len ? buf_cstr(&p->why) : "failed");
}

static int work(struct exporting *e)
{
    const char *format = call_option(e->call, "format");

    e->dir = call_option(e->call, "to");
    if (!e->dir)
        return call_fail(e->call, EX_USAGE, "--to DIR is missing");
    if (!format || (strcmp(format, "mbox") != 0 && strcmp(format, "maildir") != 0))
        return call_fail(e->call, EX_USAGE, "--format is mbox or maildir");
    e->is_maildir = strcmp(format, "maildir") == 0;
    return parley_run(e->call, talk, e);
}

static int run_export(struct call *call)
{
    struct exporting *e = calloc(1, sizeof *e);
    int code;

    CHECK(e);
    e->call = call;
    e->boxes = json_array();
    e->left = json_array();
    buf_init(&e->bytes, SIZE_MAX / 2);
    buf_init(&e->wanted, SIZE_MAX / 2);
    code = work(e);
    json_decref(e->boxes);
    json_decref(e->left);
    buf_done(&e->bytes);
    buf_done(&e->wanted);
    free(e);
    return code;
}

static const struct command_option options[] = {
    {"to", 0, "DIR", "Where to; it is made when it is missing"},
    {"format", 0, "FORMAT", "mbox (a file for each mailbox) or maildir (Maildir++)"},
};

const struct command command_export = {
    .name = "export",
    .summary = "Write the mail of an account into mbox files or a Maildir",
    .args = "ADDRESS [MAILBOX...]",
    .args_min = 1,
    .args_max = 1000,
    .help =
        "All mailboxes, or those named. An mbox is written whole or not at all: mboxrd, with flags "
        "in "
        "Status, X-Status and X-Keywords at the top of each header, so that `carteiro import` "
        "gives "
        "back every byte. Into a Maildir only what is not there yet is written, and flags that "
        "have "
        "changed are set, so an export may be stopped and repeated; what was expunged here stays "
        "there. Files of messages are dated with their internal date.\n\n"
        "It works while the server runs and while it does not. What could not be written is told "
        "with its place; then, the exit status is 65.",
    COMMAND_OPTIONS(options),
    .examples = "carteiro export ana@example.org --to /backup/ana --format maildir\n"
                "carteiro export ana@example.org INBOX Work/2026 --to ~/mail --format mbox",
    .run = run_export,
};
