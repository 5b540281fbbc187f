// SPDX-License-Identifier: ISC
//
// carteiro fsck: reads all there is, and says what is damaged.
#include "base/cleanup.h"
#include "os/file.h"
#include "os/progress.h"
#include "rt/disk.h"
#include "store/keep.h"
#include "search/search.h"
#include "summary/summary.h"

#include "app/commands.h"
#include "app/keeping.h"

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
    if (f->queue_id)
        json_object_set_new(finding, "queue", json_integer((json_int_t)f->queue_id));
    if (!c->call->json) {
        os_progress_end(&c->progress);
        printf("%s: %s", levels[f->level], f->code);
        if (f->message_id)
            printf(" message %llu", (unsigned long long)f->message_id);
        if (f->mailbox_id)
            printf(" mailbox %llu uid %u", (unsigned long long)f->mailbox_id, f->uid);
        if (f->queue_id)
            printf(" queue %llu", (unsigned long long)f->queue_id);
        if (f->what)
            printf(" %s is %llu, should be %llu", f->what, (unsigned long long)f->found,
                   (unsigned long long)f->expected);
        printf("\n  -> %s\n", f->cure ? f->cure : "");
    }
    json_array_append_new(c->findings, finding);
}

static int rebuild(const struct call *call, struct rt_disk *disk, const char *data)
{
    uint64_t mails = 0;
    int r = store_rebuild(disk, &mails);

    if (r < 0)
        return keeping_failed(call, data, r);
    // what was worked out of another store
    summaries_remove(data);
    search_remove(data);
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
    r = r < 0 ? keeping_failed(call, data, r) : keeping_tell(call, &report, c.findings);
    json_decref(c.findings);
    return r;
}

static int run_fsck(struct call *call)
{
    CLEANUP(buf_drop) struct buf data = {0};
    struct rt_disk *disk;
    int r;

    buf_init(&data, OS_PATH_MAX);
    r = keeping_data(call, &data);
    if (r != EX_OK)
        return r;
    r = rt_disk_open(buf_cstr(&data), &disk);
    if (r < 0)
        return keeping_failed(call, buf_cstr(&data), r);
    r = check_disk(call, disk, buf_cstr(&data));
    rt_disk_close(disk);
    return r;
}

static const struct command_option fsck_options[] = {
    {"data", 0, "DIR", "This directory (a backup, for example) instead of the configured one"},
    {"repair", 0, NULL, "Set right what follows from the rest: counts, sums, index rows"},
    {"rebuild", 0, NULL,
     "Make the index anew from the mail itself; accounts, flags and moves are lost"},
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
