// SPDX-License-Identifier: ISC
//
// A backup while mail goes on coming in. The directory is the server's to write.
#include "base/cleanup.h"
#include "store/keep.h"

#include "app/operation.h"

#include <errno.h>

struct backing_up {
    struct rt_disk *disk;
    const char *to;
    struct backup_report report;
};

static int back_up(void *arg)
{
    struct backing_up *b = arg;

    return store_backup(b->disk, b->to, &b->report);
}

static void explain(struct operation *op, struct str to, int error)
{
    buf_putf(op->why, "%.*s: ", STR_ARG(to));
    if (error == -ENOTEMPTY || error == -EEXIST)
        buf_put(op->why, STR("there is something in it; a backup goes into a new directory"));
    else if (error == -EACCES || error == -EPERM || error == -EROFS)
        buf_put(op->why, STR("the server may not write there; the setting `backup` names the "
                             "directory below which it may"));
    else
        buf_put(op->why, str_from(strerror(-error)));
}

int operate_backup(struct operation *op)
{
    struct str to = operation_text(op, "to");
    CLEANUP(buf_drop) struct buf path = {0};
    struct backing_up b = {.disk = op->site->disk};
    int r;

    if (!str_starts(to, STR("/"))) {
        buf_put(op->why, STR("the directory must be an absolute path"));
        return EX_USAGE;
    }
    buf_init(&path, OS_PATH_MAX);
    buf_put(&path, to);
    b.to = buf_cstr(&path);
    r = b.to ? rt_call(op->site->pool, back_up, &b) : -ENAMETOOLONG;
    if (r < 0) {
        explain(op, to, r);
        return EX_CANTCREAT;
    }
    operation_put(op, "segments", json_integer((json_int_t)b.report.segments));
    operation_put(op, "bytes", json_integer((json_int_t)b.report.bytes));
    return EX_OK;
}
