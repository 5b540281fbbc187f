// SPDX-License-Identifier: ISC
//
// carteiro backup and restore.
#include "base/cleanup.h"
#include "os/file.h"
#include "store/keep.h"

#include "app/ask.h"
#include "app/commands.h"
#include "app/keeping.h"
#include "app/operation.h"

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

// ---- restore

static int run_restore(struct call *call)
{
    CLEANUP(buf_drop) struct buf data = {0};
    json_t *findings;
    struct fsck_report report = {0};
    int r;

    buf_init(&data, OS_PATH_MAX);
    r = keeping_data(call, &data);
    if (r != EX_OK)
        return r;
    r = store_restore(call->args[0], buf_cstr(&data), &report);
    if (r == -ENOTEMPTY || r == -EEXIST)
        return call_fail(call, EX_CANTCREAT,
                         "there is something in %s; stop the server and move it away first",
                         buf_cstr(&data));
    if (r == -ENOENT)
        return call_fail(call, EX_NOINPUT, "there is no backup in %s", call->args[0]);
    if (r == -EACCES || r == -EPERM)
        return call_fail(
            call, EX_NOPERM,
            "the user of the server must be able to read %s and to write into %s; make "
            "that directory for it: install -d -o carteiro -g carteiro -m 700 %s",
            call->args[0], buf_cstr(&data), buf_cstr(&data));
    if (r < 0)
        return call_fail(call, EX_IOERR, "%s: %s", call->args[0], strerror(-r));
    findings = json_array();
    r = keeping_tell(call, &report, findings);
    json_decref(findings);
    if (r == EX_OK && !call->json)
        printf("Restored into %s.\n", buf_cstr(&data));
    return r;
}

// ---- tables

static const struct command_option restore_options[] = {
    {"data", 0, "DIR", "Into this directory instead of the configured one"},
};

const struct command command_backup = {
    .name = "backup",
    .summary = "Copy all mail and accounts into a new directory, also while the server runs",
    .args = "DIR",
    .args_min = 1,
    .args_max = 1,
    .help = "The copy is what was on disk at one moment. Sandboxed, the server may write below the "
            "directory that the setting `backup` names, and into its data directory. Only a backup "
            "brings back "
            "accounts, aliases and lists: `carteiro fsck --rebuild` cannot.",
    .examples = "carteiro backup /var/lib/carteiro-backup/monday",
    .run = run_backup,
};

const struct command command_restore = {
    .name = "restore",
    .summary = "Put a backup into the (new or empty) data directory and check it",
    .args = "BACKUP",
    .args_min = 1,
    .args_max = 1,
    .help =
        "The server must not run. Move the old data directory away and make an empty one for the "
        "user of the server: install -d -o carteiro -g carteiro -m 700 /var/lib/carteiro",
    COMMAND_OPTIONS(restore_options),
    .examples = "carteiro restore /var/lib/carteiro-backup/monday\n"
                "# look into it first\n"
                "carteiro restore /var/lib/carteiro-backup/monday --data /tmp/look",
    .run = run_restore,
};
