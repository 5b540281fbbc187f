// SPDX-License-Identifier: ISC
//
// One mbox per mailbox (mboxrd, with marks at the top of each header: mail/mbox.h), written beside
// its place and renamed when it is whole and on disk.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/header.h"
#include "mail/maildir.h"
#include "mail/mbox.h"
#include "os/file.h"
#include "export/export.h"
#include "export/files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { COLLECTED = 256 * 1024 }; // bytes written at once

struct export_mbox {
    struct buf path, beside, directory;
    struct buf out;
    int fd;
};

void export_mbox_abandon(struct export_mbox *m)
{
    if (!m)
        return;
    if (m->fd >= 0) {
        close(m->fd);
        unlink(buf_cstr(&m->beside));
    }
    buf_done(&m->path);
    buf_done(&m->beside);
    buf_done(&m->directory);
    buf_done(&m->out);
    free(m);
}

/// DIR/Work/Old.mbox: no level can be ".", ".." or hidden, for dots are put in another way.
static bool put_path(struct buf *out, const char *dir, struct str mailbox)
{
    struct str level;

    buf_put(out, str_from(dir));
    while (str_split(&mailbox, '/', &level)) {
        buf_put_char(out, '/');
        if (level.len == 0 || !maildir_put_level_name(out, level))
            return false;
    }
    return buf_ok(out);
}

static int open_beside(struct export_mbox *m, const char *dir, struct str mailbox)
{
    ptrdiff_t slash;
    int r;

    if (!put_path(&m->path, dir, mailbox))
        return -EINVAL;
    slash = str_find_last(buf_str(&m->path), '/');
    buf_put(&m->directory, str_head(buf_str(&m->path), (size_t)slash));
    buf_put(&m->path, STR(".mbox"));
    buf_putf(&m->beside, "%.*s.new", STR_ARG(buf_str(&m->path)));
    if (!buf_cstr(&m->beside) || !buf_cstr(&m->path) || !buf_cstr(&m->directory))
        return -ENAMETOOLONG;
    r = os_directories_make(m->directory.ptr, 0700);
    if (r < 0)
        return r;
    m->fd = open(m->beside.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return m->fd < 0 ? -errno : 0;
}

int export_mbox_begin(const char *dir, struct str mailbox, struct export_mbox **out)
{
    struct export_mbox *m = calloc(1, sizeof *m);
    int r;

    CHECK(m);
    m->fd = -1;
    buf_init(&m->path, EXPORT_PATH_MAX);
    buf_init(&m->beside, EXPORT_PATH_MAX);
    buf_init(&m->directory, EXPORT_PATH_MAX);
    buf_init(&m->out, SIZE_MAX / 2);
    r = open_beside(m, dir, mailbox);
    if (r < 0) {
        export_mbox_abandon(m);
        return r;
    }
    *out = m;
    return 0;
}

/// Of the Return-Path that delivery put on top, without brackets.
static struct str sender_of(struct str message)
{
    struct header_field f;
    struct str value;

    if (!header_find(message, STR("Return-Path"), &f))
        return STR("");
    value = str_trim(f.value);
    if (str_starts(value, STR("<")) && str_ends(value, STR(">")))
        value = str_of(value.ptr + 1, value.len - 2);
    return str_head(value, 320);
}

static int flush(struct export_mbox *m)
{
    int r = files_write(m->fd, buf_str(&m->out));

    buf_clear(&m->out);
    return r;
}

int export_mbox_put(struct export_mbox *m, const struct export_message *message)
{
    struct mbox_envelope envelope = {
        .sender = sender_of(message->bytes),
        .seconds = message->date,
        .flags = (message->flags & STORE_SEEN ? (unsigned)MBOX_SEEN : 0) |
                 (message->flags & STORE_ANSWERED ? (unsigned)MBOX_ANSWERED : 0) |
                 (message->flags & STORE_FLAGGED ? (unsigned)MBOX_FLAGGED : 0) |
                 (message->flags & STORE_DELETED ? (unsigned)MBOX_DELETED : 0) |
                 (message->flags & STORE_DRAFT ? (unsigned)MBOX_DRAFT : 0),
        .keywords = message->keywords,
        .keyword_count = message->keyword_count,
    };

    mbox_message_put(&m->out, &envelope, message->bytes);
    return m->out.len >= COLLECTED ? flush(m) : 0;
}

int export_mbox_commit(struct export_mbox *m)
{
    int r = flush(m);

    if (r == 0 && fsync(m->fd) < 0)
        r = -errno;
    if (r == 0 && rename(m->beside.ptr, m->path.ptr) < 0)
        r = -errno;
    if (r == 0) {
        close(m->fd);
        m->fd = -1;
        r = files_sync_directory(m->directory.ptr);
    }
    export_mbox_abandon(m);
    return r;
}
