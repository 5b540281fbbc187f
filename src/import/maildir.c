// SPDX-License-Identifier: ISC
//
// A Maildir: the messages of cur/ and new/, with their flags; folders of Maildir++ (".Work.Old"
// beside cur/) and nested ones ("Work/Old/cur"); also a mere directory with Maildirs below it. The
// message's date is its file's. A mail program that renames files meanwhile costs nothing: what
// vanished is looked for once more.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/lines.h"
#include "mail/maildir.h"
#include "store/store.h"
#include "import/folder.h"

#include <errno.h>

struct walk {
    const struct import_sink *sink;
    const char *top;
    struct buf subscriptions; // of the whole Maildir, as it is on disk
    bool has_subscriptions;
    uint64_t done, total;
};

/// One folder of it.
struct box {
    struct walk *walk;
    const char *path;
    struct str name;
    struct buf keyword_file;
    struct str keyword_names[MAILDIR_KEYWORDS];
    bool has_vanished; // some were not there any more
    struct buf raw, bytes;
};

static bool is_maildir(const char *path)
{
    return folder_is_directory(path, "cur") || folder_is_directory(path, "new");
}

// ---- messages

static unsigned flags_of(unsigned flags)
{
    return (flags & MAILDIR_SEEN ? (unsigned)STORE_SEEN : 0) |
           (flags & MAILDIR_REPLIED ? (unsigned)STORE_ANSWERED : 0) |
           (flags & MAILDIR_FLAGGED ? (unsigned)STORE_FLAGGED : 0) |
           (flags & MAILDIR_TRASHED ? (unsigned)STORE_DELETED : 0) |
           (flags & MAILDIR_DRAFT ? (unsigned)STORE_DRAFT : 0);
}

static size_t keywords_of(const struct box *b, const struct maildir_name *name,
                          struct str out[MAILDIR_KEYWORDS + 1])
{
    bool has_forwarded = false;
    size_t count = 0;

    for (int i = 0; i < MAILDIR_KEYWORDS; i++) {
        if (!(name->keywords & 1U << i) || !b->keyword_names[i].ptr)
            continue;
        out[count++] = b->keyword_names[i];
        has_forwarded = has_forwarded || str_case_eq(b->keyword_names[i], STR("$Forwarded"));
    }
    if (name->flags & MAILDIR_PASSED && !has_forwarded)
        out[count++] = STR("$Forwarded");
    return count;
}

/// Dovecot's zlib plugin and its like.
static bool is_compressed(struct str raw)
{
    return str_starts(raw, STR("\x1f\x8b")) || str_starts(raw, STR("\x28\xb5\x2f\xfd")) ||
           str_starts(raw, STR("BZh")) ||
           str_starts(raw, STR("\xfd"
                               "7zXZ"));
}

static int take(struct box *b, const char *path, struct import_message *m)
{
    const struct import_sink *sink = b->walk->sink;
    struct folder_file file;
    int r;

    buf_clear(&b->raw);
    r = folder_load(path, &b->raw, &file);
    if (r == -ENOENT) {
        b->has_vanished = true;
        return 0;
    }
    if (r < 0 || is_compressed(buf_str(&b->raw))) {
        sink->left(sink->arg, m->place,
                   r < 0 ? folder_why(r) : "it is compressed; unpack it first");
        return 0;
    }
    m->date = file.modified;
    buf_clear(&b->bytes);
    lines_put_crlf(&b->bytes, buf_str(&b->raw));
    m->bytes = buf_str(&b->bytes);
    return sink->take(sink->arg, m);
}

static int take_file(struct box *b, const char *folder, const char *file)
{
    const struct import_sink *sink = b->walk->sink;
    CLEANUP(buf_drop) struct buf path = {.max = IMPORT_NAME_MAX};
    struct str keywords[MAILDIR_KEYWORDS + 1];
    const char *at = folder_path(&path, folder, file);
    struct import_message m = {.place = str_from(file), .mailbox = b->name, .keywords = keywords};
    struct maildir_name name;

    if (!maildir_name_parse(str_from(file), &name))
        return 0;
    m.id = name.base;
    m.flags = flags_of(name.flags);
    m.keyword_count = keywords_of(b, &name, keywords);
    if (!at) {
        sink->left(sink->arg, m.place, "the path is too long");
        return 0;
    }
    m.place = buf_str(&path);
    return sink->wants(sink->arg, &m) ? take(b, at, &m) : 0;
}

static int take_directory(struct box *b, const char *sub, bool is_counted)
{
    const struct import_sink *sink = b->walk->sink;
    CLEANUP(buf_drop) struct buf path = {.max = IMPORT_NAME_MAX};
    CLEANUP(folder_done) struct folder files = {0};
    const char *at = folder_path(&path, b->path, sub);
    int r = at ? folder_read(at, FOLDER_FILES, &files) : -ENAMETOOLONG;

    if (r == -ENOENT)
        return 0;
    if (r < 0) {
        sink->left(sink->arg, buf_str(&path), strerror(-r));
        return 0;
    }
    folder_sort(&files);
    for (size_t i = 0; r == 0 && i < files.count; i++) {
        r = take_file(b, at, files.names[i]);
        if (is_counted)
            sink->progress(sink->arg, ++b->walk->done, b->walk->total);
    }
    return r;
}

/// In the order of their names, which is that of their arrival; those of cur/ first.
static int take_messages(struct box *b)
{
    int r = take_directory(b, "cur", true);

    if (r == 0)
        r = take_directory(b, "new", true);
    if (r == 0 && b->has_vanished)
        r = take_directory(b, "new", false);
    if (r == 0 && b->has_vanished)
        r = take_directory(b, "cur", false);
    return r;
}

// ---- folders

static void read_keywords(struct box *b)
{
    CLEANUP(buf_drop) struct buf path = {.max = IMPORT_NAME_MAX};
    const char *at = folder_path(&path, b->path, "dovecot-keywords");
    struct folder_file file;

    if (!at || folder_load(at, &b->keyword_file, &file) < 0)
        buf_clear(&b->keyword_file);
    maildir_keywords_parse(buf_str(&b->keyword_file), b->keyword_names);
}

static bool is_subscribed(const struct walk *w, struct str name)
{
    struct str text = buf_str(&w->subscriptions);
    CLEANUP(buf_drop) struct buf one = {.max = 2 * IMPORT_NAME_MAX};
    char separator = str_find(text, '/') >= 0 ? '/' : '.';
    size_t at = 0;

    if (!w->has_subscriptions || str_eq(name, STR("INBOX")))
        return true;
    while (maildir_subscription_next(text, &at, separator, &one)) {
        if (str_eq(buf_str(&one), name))
            return true;
        buf_clear(&one);
    }
    return false;
}

static int take_box(struct walk *w, const char *path, struct str name)
{
    struct import_mailbox mailbox = {.name = name, .is_subscribed = is_subscribed(w, name)};
    struct box b = {.walk = w, .path = path, .name = name};
    bool is_wanted = false;
    int r = w->sink->mailbox(w->sink->arg, &mailbox, &is_wanted);

    if (r < 0 || !is_wanted)
        return r;
    buf_init(&b.keyword_file, 1 << 20);
    buf_init(&b.raw, w->sink->message_max);
    buf_init(&b.bytes, 2 * w->sink->message_max);
    read_keywords(&b);
    r = take_messages(&b);
    buf_done(&b.keyword_file);
    buf_done(&b.raw);
    buf_done(&b.bytes);
    return r;
}

// ---- the tree

static bool is_own_directory(const char *name)
{
    return strcmp(name, "cur") == 0 || strcmp(name, "new") == 0 || strcmp(name, "tmp") == 0;
}

/// The mailbox's name of a directory in `parent` ("" at the top).
static void put_name(struct buf *out, struct str parent, const char *name)
{
    size_t begin;

    buf_put(out, parent);
    if (parent.len)
        buf_put_char(out, '/');
    begin = out->len;
    if (name[0] == '.')
        maildir_put_folder(out, str_from(name));
    else
        maildir_put_level(out, str_from(name));
    if (parent.len == 0 && str_case_eq(str_skip(buf_str(out), begin), STR("inbox"))) {
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
    int r = 0;

    put_name(&mailbox, parent, name);
    if (!at || !buf_ok(&mailbox) || depth == IMPORT_DEPTH_MAX) {
        w->sink->left(w->sink->arg, str_from(name), "its path is too long or too deep");
        return 0;
    }
    if (is_maildir(at) && mailbox.len > parent.len)
        r = fn(w, at, buf_str(&mailbox));
    // what a Maildir++ folder holds besides its messages is no mailbox
    if (r == 0 && name[0] != '.')
        r = walk_tree(w, at, buf_str(&mailbox), depth + 1, fn);
    return r;
}

/// All Maildirs below `path`, by name.
static int walk_tree(struct walk *w, const char *path, struct str parent, unsigned depth, visit *fn)
{
    CLEANUP(folder_done) struct folder all = {0};
    int r = folder_read(path, FOLDER_DIRECTORIES, &all);

    if (r < 0) {
        w->sink->left(w->sink->arg, str_from(path), strerror(-r));
        return depth == 0 ? r : 0;
    }
    folder_sort(&all);
    for (size_t i = 0; r == 0 && i < all.count; i++) {
        if (!is_own_directory(all.names[i]))
            r = walk_child(w, path, parent, all.names[i], depth, fn);
    }
    return r;
}

static int walk_all(struct walk *w, visit *fn)
{
    int r = is_maildir(w->top) ? fn(w, w->top, STR("INBOX")) : 0;

    return r == 0 ? walk_tree(w, w->top, STR(""), 0, fn) : r;
}

static int count_box(struct walk *w, const char *path, struct str name)
{
    static const char *const subs[] = {"cur", "new"};

    (void)name;
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(buf_drop) struct buf whole = {.max = IMPORT_NAME_MAX};
        CLEANUP(folder_done) struct folder files = {0};
        const char *at = folder_path(&whole, path, subs[i]);

        if (at && folder_read(at, FOLDER_FILES, &files) == 0)
            w->total += files.count;
    }
    return 0;
}

// ---- subscriptions

static void read_subscriptions(struct walk *w)
{
    static const char *const names[] = {"subscriptions", "courierimapsubscribed"};

    for (size_t i = 0; i < 2 && !w->has_subscriptions; i++) {
        CLEANUP(buf_drop) struct buf path = {.max = IMPORT_NAME_MAX};
        const char *at = folder_path(&path, w->top, names[i]);
        struct folder_file file;

        buf_clear(&w->subscriptions);
        w->has_subscriptions = at && folder_load(at, &w->subscriptions, &file) == 0;
    }
}

static void pass_over(void *arg, struct str place, const char *why)
{
    (void)arg, (void)place, (void)why;
}

int import_maildir(const char *path, const struct import_sink *sink)
{
    struct import_sink deaf = *sink;
    struct walk w = {.sink = &deaf, .top = path};
    int r;

    deaf.left = pass_over; // told when it is really read
    r = walk_all(&w, count_box);
    if (r < 0)
        return r;
    w.sink = sink;
    buf_init(&w.subscriptions, 16 << 20);
    read_subscriptions(&w);
    r = walk_all(&w, take_box);
    buf_done(&w.subscriptions);
    return r;
}
