// SPDX-License-Identifier: ISC
//
// A file of messages, or a tree of such files. Directories become levels of names; those that mail
// programs call specially ("Inbox.sbd" of Thunderbird, "Work.mbox/mbox" of Apple Mail) lose the
// ending. What a message is known by is its bytes, so a file may lose messages at its front and be
// read again.
#include "base/cleanup.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/maildir.h"
#include "store/store.h"
#include "import/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
    const struct import_sink *sink;
    enum mbox_kind kind;
    int no_link;          // O_NOFOLLOW below a directory: only what was named itself may be a link
    uint64_t done, total; // bytes
};

struct box {
    struct walk *walk;
    const char *path;
    struct str name;
    int fd;
    struct buf raw, bytes;
};

static void fd_drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static ssize_t read_file(void *arg, uint64_t offset, void *to, size_t len)
{
    ssize_t n = pread(((struct box *)arg)->fd, to, len, (off_t)offset);

    return n < 0 ? -errno : n;
}

// ---- messages

static unsigned flags_of(unsigned flags)
{
    return (flags & MBOX_SEEN ? (unsigned)STORE_SEEN : 0) |
           (flags & MBOX_ANSWERED ? (unsigned)STORE_ANSWERED : 0) |
           (flags & MBOX_FLAGGED ? (unsigned)STORE_FLAGGED : 0) |
           (flags & MBOX_DELETED ? (unsigned)STORE_DELETED : 0) |
           (flags & MBOX_DRAFT ? (unsigned)STORE_DRAFT : 0);
}

static int take(struct box *b, enum mbox_kind kind, struct str place)
{
    const struct import_sink *sink = b->walk->sink;
    struct mbox_message message;
    struct import_message m = {.place = place, .mailbox = b->name};
    struct arena arena;
    int r = 0;

    // unfolded keywords: no more than the message's bytes, twice
    arena_init(&arena, 4 * b->raw.max + (1 << 20));
    buf_clear(&b->bytes);
    mbox_message_take(kind, buf_str(&b->raw), &arena, &message, &b->bytes);
    m.flags = flags_of(message.flags);
    m.keywords = message.keywords;
    m.keyword_count = message.keyword_count;
    m.date = message.seconds;
    m.zone_minutes = message.zone_minutes;
    m.bytes = buf_str(&b->bytes);
    if (!message.is_internal)
        r = sink->take(sink->arg, &m);
    arena_done(&arena);
    return r;
}

static int take_messages(struct box *b, struct mbox *m)
{
    const struct import_sink *sink = b->walk->sink;
    uint64_t offset;
    int r = 0;

    while (r == 0) {
        CLEANUP(buf_drop) struct buf place = {.max = IMPORT_NAME_MAX + 64};

        r = mbox_next(m, &b->raw, &offset);
        buf_putf(&place, "%s at byte %llu", b->path, (unsigned long long)offset);
        if (r == MBOX_TOO_LARGE) {
            sink->left(sink->arg, buf_str(&place), folder_why(-EFBIG));
            r = 0;
        } else if (r == 0) {
            r = take(b, m->kind, buf_str(&place));
        }
        sink->progress(sink->arg, (b->walk->done + m->at) >> 10, b->walk->total >> 10);
    }
    return r;
}

/// The file is open: what is in it. A sink's -errno; trouble with the file is told.
static int take_box(struct box *b)
{
    const struct import_sink *sink = b->walk->sink;
    struct import_mailbox mailbox = {.name = b->name, .is_subscribed = true};
    bool is_wanted = false;
    struct mbox m;
    int r = mbox_open(&m, b->walk->kind, read_file, b), told = 0;

    if (r == MBOX_NONE || r < 0) {
        sink->left(sink->arg, str_from(b->path),
                   r < 0 ? strerror(-r) : "it is no mbox: it does not begin with a \"From \" line");
    } else {
        told = sink->mailbox(sink->arg, &mailbox, &is_wanted);
        if (told == 0 && is_wanted && r == 0)
            told = take_messages(b, &m);
    }
    mbox_done(&m);
    return told > 0 ? 0 : told;
}

static int take_file(struct walk *w, const char *path, struct str name)
{
    CLEANUP(fd_drop)
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | w->no_link);
    struct box b = {.walk = w, .path = path, .name = name, .fd = fd};
    struct stat st = {0};
    int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;

    if (r < 0) {
        w->sink->left(w->sink->arg, str_from(path), folder_why(r));
        return 0;
    }
    buf_init(&b.raw, w->sink->message_max);
    buf_init(&b.bytes, 2 * w->sink->message_max);
    r = take_box(&b);
    w->done += (uint64_t)st.st_size;
    buf_done(&b.raw);
    buf_done(&b.bytes);
    return r;
}

// ---- the tree

static struct str without(struct str name, const char *const *endings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (name.len > strlen(endings[i]) && str_ends(name, str_from(endings[i])))
            return str_head(name, name.len - strlen(endings[i]));
    }
    return name;
}

/// What mail programs keep beside their mail.
static bool is_side_file(const char *name)
{
    static const char *const endings[] = {".msf",  ".dat",   ".lock", ".index",  ".cache",
                                          ".html", ".plist", ".json", ".sqlite", ".new"};
    struct str s = str_from(name);

    if (str_ends(s, STR(".mbox")))
        return false;
    return name[0] == '.' || str_starts(s, STR("dovecot")) || str_eq(s, STR("subscriptions")) ||
           without(s, endings, sizeof endings / sizeof endings[0]).len < s.len;
}

static void put_name(struct buf *out, struct str parent, struct str name)
{
    static const char *const endings[] = {".sbd", ".mbox", ".mbx"};
    size_t begin;

    buf_put(out, parent);
    if (parent.len && str_eq(name, STR("mbox"))) // "Work.mbox/mbox" is Work
        return;
    name = without(name, endings, 3);
    if (parent.len)
        buf_put_char(out, '/');
    begin = out->len;
    maildir_put_level(out, name);
    if (parent.len == 0 && (str_case_eq(str_skip(buf_str(out), begin), STR("inbox")) ||
                            str_eq(str_skip(buf_str(out), begin), STR("mbox")))) {
        out->len = begin;
        buf_put(out, STR("INBOX"));
    }
}

typedef int visit(struct walk *w, const char *path, struct str name);

static int walk_tree(struct walk *w, const char *path, struct str parent, unsigned depth,
                     visit *fn);

static int walk_child(struct walk *w, const char *path, struct str parent, const char *name,
                      unsigned depth, visit *fn)
{
    CLEANUP(buf_drop)
    struct buf whole = {.max = IMPORT_NAME_MAX}, mailbox = {.max = 2 * IMPORT_NAME_MAX};
    const char *at = folder_path(&whole, path, name);

    put_name(&mailbox, parent, str_from(name));
    if (!at || !buf_ok(&mailbox) || depth == IMPORT_DEPTH_MAX) {
        w->sink->left(w->sink->arg, str_from(name), "its path is too long or too deep");
        return 0;
    }
    if (folder_is_directory(path, name))
        return walk_tree(w, at, buf_str(&mailbox), depth + 1, fn);
    return is_side_file(name) ? 0 : fn(w, at, buf_str(&mailbox));
}

static int walk_tree(struct walk *w, const char *path, struct str parent, unsigned depth, visit *fn)
{
    CLEANUP(folder_done) struct folder all = {0};
    int r = folder_read(path, FOLDER_FILES | FOLDER_DIRECTORIES, &all);

    if (r < 0) {
        w->sink->left(w->sink->arg, str_from(path), strerror(-r));
        return depth == 0 ? r : 0;
    }
    folder_sort(&all);
    for (size_t i = 0; r == 0 && i < all.count; i++) {
        if (all.names[i][0] != '.')
            r = walk_child(w, path, parent, all.names[i], depth, fn);
    }
    return r;
}

static int count_file(struct walk *w, const char *path, struct str name)
{
    struct stat st;

    (void)name;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
        w->total += (uint64_t)st.st_size;
    return 0;
}

static void pass_over(void *arg, struct str place, const char *why)
{
    (void)arg, (void)place, (void)why;
}

/// The name of a file on its own; what the system calls by its owner's name is the INBOX.
static void put_single_name(struct buf *out, struct str path)
{
    ptrdiff_t slash = str_find_last(path, '/');
    struct str name = slash < 0 ? path : str_skip(path, (size_t)slash + 1);

    if (str_starts(path, STR("/var/mail/")) || str_starts(path, STR("/var/spool/mail/")))
        buf_put(out, STR("INBOX"));
    else
        put_name(out, STR(""), name);
}

int import_mbox(const char *path, enum mbox_kind kind, const struct import_sink *sink)
{
    CLEANUP(buf_drop) struct buf name = {.max = 2 * IMPORT_NAME_MAX};
    struct import_sink deaf = *sink;
    struct walk w = {.sink = &deaf, .kind = kind};
    struct stat st;
    int r;

    if (stat(path, &st) < 0)
        return -errno;
    deaf.left = pass_over;
    if (S_ISDIR(st.st_mode)) {
        r = walk_tree(&w, path, STR(""), 0, count_file);
        w.sink = sink;
        w.no_link = O_NOFOLLOW;
        return r < 0 ? r : walk_tree(&w, path, STR(""), 0, take_file);
    }
    count_file(&w, path, STR(""));
    w.sink = sink;
    put_single_name(&name, str_from(path));
    return take_file(&w, path, buf_str(&name));
}
