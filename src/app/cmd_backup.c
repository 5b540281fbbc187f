// SPDX-License-Identifier: ISC
//
// carteiro backup, restore and fsck: keeping the mail.
#include "base/check.h"
#include "base/cleanup.h"
#include "os/progress.h"
#include "rt/disk.h"
#include "store/keep.h"

#include "app/ask.h"
#include "app/commands.h"
#include "app/operation.h"
#include "app/site.h"

#include <errno.h>

// ---- backup

static int run_backup(struct call *call)
{
    CLEANUP(buf_drop) struct buf to = {0};
    json_t *result;
    int r;

    buf_init(&to, OS_PATH_MAX);
    r = os_path_absolute(call->args[0], &to);
    if (r < 0)
        return call_fail(call, EX_USAGE, "%s: %s", call->args[0], strerror(-r));
    r = ask(call, json_pack("{s:s, s:o}", "op", "backup", "to", operation_json(buf_str(&to))),
            &result);
    return r == EX_OK ? command_done(call, result, NULL,
                                     "The backup is in %s. Test it: carteiro fsck --data %s",
                                     buf_cstr(&to), buf_cstr(&to))
                      : r;
}

// ---- fsck

struct checking {
    const struct call *call;
    json_t *findings;
    struct os_progress progress;
};

static void on_progress(void *arg, uint64_t done, uint64_t all)
{
    struct checking *c = arg;

    os_progress_show(&c->progress, done >> 20, all >> 20);
}

static void on_finding(void *arg, const struct fsck_finding *f)
{
    static const char *const levels[] = {
        [FSCK_NOTE] = "note", [FSCK_REPAIRABLE] = "repairable", [FSCK_DAMAGE] = "damage"};
    struct checking *c = arg;
    json_t *finding =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "level", levels[f->level], "code",
                  f->code, "cure", f->cure ? f->cure : "", "mailbox", (json_int_t)f->mailbox_id,
                  "uid", (json_int_t)f->uid, "message", (json_int_t)f->message_id, "segment",
                  (json_int_t)f->segment, "offset", (json_int_t)f->offset);

    if (f->what)
        json_object_update_new(finding, json_pack("{s:s, s:I, s:I}", "what", f->what, "found",
                                                  (json_int_t)f->found, "expected",
                                                  (json_int_t)f->expected));
    if (!c->call->json) {
        os_progress_end(&c->progress);
        printf("%s: %s", levels[f->level], f->code);
        if (f->message_id)
            printf(" message %llu", (unsigned long long)f->message_id);
        if (f->mailbox_id)
            printf(" mailbox %llu uid %u", (unsigned long long)f->mailbox_id, f->uid);
        if (f->what)
            printf(" %s is %llu, should be %llu", f->what, (unsigned long long)f->found,
                   (unsigned long long)f->expected);
        printf("\n  -> %s\n", f->cure ? f->cure : "");
    }
    json_array_append_new(c->findings, finding);
}

static json_t *report_json(const struct fsck_report *r)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "mailboxes",
                     (json_int_t)r->mailboxes, "messages", (json_int_t)r->entries, "bodies",
                     (json_int_t)r->bodies, "bytes", (json_int_t)r->bytes, "notes",
                     (json_int_t)r->notes, "repairable", (json_int_t)r->repairable, "damaged",
                     (json_int_t)r->damaged, "repaired", (json_int_t)r->repaired);
}

static int cannot_check(const struct call *call, const char *data, int error)
{
    if (error == -EWOULDBLOCK)
        return call_fail(call, EX_TEMPFAIL, "%s is open: stop the server first", data);
    if (error == -ENOENT)
        return call_fail(call, EX_NOINPUT, "there is no mail store in %s", data);
    if (error == -EUCLEAN)
        return call_fail(call, EX_DATAERR,
                         "the index of %s cannot be read; make it anew from the mail itself with "
                         "--rebuild",
                         data);
    return call_fail(call, error == -EACCES ? EX_NOPERM : EX_IOERR, "%s: %s", data,
                     strerror(-error));
}

static int tell_report(const struct checking *c, const struct fsck_report *report)
{
    bool clean = report->damaged == 0 && report->repairable <= report->repaired;
    int code = clean ? EX_OK : EX_DATAERR;

    if (c->call->json) {
        call_print_json(
            json_pack("{s:o, s:O}", "report", report_json(report), "findings", c->findings));
        return code;
    }
    printf("%llu messages in %llu mailboxes, %llu bodies, %llu bytes read: %llu notes, %llu to "
           "repair (%llu repaired), %llu damaged\n",
           (unsigned long long)report->entries, (unsigned long long)report->mailboxes,
           (unsigned long long)report->bodies, (unsigned long long)report->bytes,
           (unsigned long long)report->notes, (unsigned long long)report->repairable,
           (unsigned long long)report->repaired, (unsigned long long)report->damaged);
    return code;
}

static int rebuild(const struct call *call, struct rt_disk *disk, const char *data)
{
    uint64_t mails = 0;
    int r = store_rebuild(disk, &mails);

    if (r < 0)
        return cannot_check(call, data, r);
    if (!call->json)
        printf("The index was made anew from %llu mails; the old one is index.db.old.\n",
               (unsigned long long)mails);
    return EX_OK;
}

static int check_disk(const struct call *call, struct rt_disk *disk, const char *data)
{
    struct checking c = {.call = call};
    struct fsck_options options = {
        .repair = call_has(call, "repair"), .each = on_finding, .progress = on_progress, .arg = &c};
    struct fsck_report report = {0};
    int r = call_has(call, "rebuild") ? rebuild(call, disk, data) : EX_OK;

    if (r != EX_OK)
        return r;
    c.findings = json_array();
    os_progress_begin(&c.progress, "fsck", "MB");
    r = store_fsck(disk, &options, &report);
    os_progress_end(&c.progress);
    r = r < 0 ? cannot_check(call, data, r) : tell_report(&c, &report);
    json_decref(c.findings);
    return r;
}

/// DATA of --data or of the configuration, entered as the user it belongs to.
static int choose_data(const struct call *call, struct buf *out)
{
    CLEANUP(buf_drop) struct buf why = {0};
    struct app_config *config = NULL;
    struct site site;
    int r;

    if (call_has(call, "data")) {
        r = os_path_absolute(call_option(call, "data"), out);
        return r < 0 ? call_fail(call, EX_USAGE, "--data: %s", strerror(-r)) : EX_OK;
    }
    r = site_config(call, &config);
    if (r != EX_OK)
        return r;
    buf_init(&why, 4096);
    if (site_init(&site, config) < 0)
        r = call_fail(call, EX_CONFIG, "data: the name is too long");
    else if (site_become_user(site.settings, false, &why) < 0)
        r = call_fail(call, EX_NOPERM, "%s", buf_cstr(&why));
    else
        buf_put(out, str_from(site.data));
    app_config_free(config);
    return r;
}

static int run_fsck(struct call *call)
{
    CLEANUP(buf_drop) struct buf data = {0};
    struct rt_disk *disk;
    int r;

    buf_init(&data, OS_PATH_MAX);
    r = choose_data(call, &data);
    if (r != EX_OK)
        return r;
    r = rt_disk_open(buf_cstr(&data), &disk);
    if (r < 0)
        return cannot_check(call, buf_cstr(&data), r);
    r = check_disk(call, disk, buf_cstr(&data));
    rt_disk_close(disk);
    return r;
}

// ---- restore

static int run_restore(struct call *call)
{
    CLEANUP(buf_drop) struct buf data = {0};
    struct checking c = {.call = call};
    struct fsck_report report = {0};
    int r;

    buf_init(&data, OS_PATH_MAX);
    r = choose_data(call, &data);
    if (r != EX_OK)
        return r;
    r = store_restore(call->args[0], buf_cstr(&data), &report);
    if (r == -ENOTEMPTY || r == -EEXIST)
        return call_fail(call, EX_CANTCREAT,
                         "there is something in %s; stop the server and move it away first",
                         buf_cstr(&data));
    if (r == -ENOENT)
        return call_fail(call, EX_NOINPUT, "there is no backup in %s", call->args[0]);
    if (r < 0)
        return call_fail(call, EX_IOERR, "%s: %s", call->args[0], strerror(-r));
    c.findings = json_array();
    r = tell_report(&c, &report);
    json_decref(c.findings);
    if (r == EX_OK && !call->json)
        printf("Restored into %s.\n", buf_cstr(&data));
    return r;
}

// ---- tables

static const struct command_option fsck_options[] = {
    {"data", 0, "DIR", "This directory (a backup, for example) instead of the configured one"},
    {"repair", 0, NULL, "Set right what follows from the rest: counts, sums, index rows"},
    {"rebuild", 0, NULL,
     "Make the index anew from the mail itself; flags and moves since delivery are lost"},
};
static const struct command_option restore_options[] = {
    {"data", 0, "DIR", "Into this directory instead of the configured one"},
};

const struct command command_backup = {
    .name = "backup",
    .summary = "Copy all mail and accounts into a new directory, also while the server runs",
    .args = "DIR",
    .args_min = 1,
    .args_max = 1,
    .help = "The copy is what was on disk at one moment. On the same file system it is quick and "
            "takes little room; copy it elsewhere from there.",
    .examples = "carteiro backup /var/lib/carteiro-backup/monday",
    .run = run_backup,
};

const struct command command_restore = {
    .name = "restore",
    .summary = "Put a backup into the (new or empty) data directory and check it",
    .args = "BACKUP",
    .args_min = 1,
    .args_max = 1,
    COMMAND_OPTIONS(restore_options),
    .examples = "carteiro restore /var/lib/carteiro-backup/monday\n"
                "# look into it first\n"
                "carteiro restore /var/lib/carteiro-backup/monday --data /tmp/look",
    .run = run_restore,
};

const struct command command_fsck = {
    .name = "fsck",
    .summary = "Read every mail and every index row, and say what is damaged",
    .help = "The server must not run. Exit status: 0 when all is well, 65 when something is "
            "damaged or waits for --repair.",
    COMMAND_OPTIONS(fsck_options),
    .examples = "carteiro fsck\ncarteiro fsck --repair\n"
                "carteiro fsck --data /var/lib/carteiro-backup/monday --json",
    .run = run_fsck,
};
