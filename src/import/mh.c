// SPDX-License-Identifier: ISC
//
// A tree of MH folders: a file for each message, named by its number, and .mh_sequences for what is
// unseen, replied and flagged. Numbers change when a folder is packed, so a message is known by its
// bytes. Its date is its Delivery-Date, or the file's.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/lines.h"
#include "mail/maildir.h"
#include "mail/mh.h"
#include "store/store.h"
#include "import/folder.h"

#include <errno.h>

enum { SEQUENCE_BYTES_MAX = 16 << 20, ARENA_MAX = 64 << 20 };

struct walk {
    const struct import_sink *sink;
    uint64_t done, total;
};

struct box {
    struct walk *walk;
    const char *path;
    struct str name;
    struct mh_sequences sequences;
    bool has_sequences; // without them nobody knows what is unseen
    struct arena arena;
    struct buf sequence_file, raw, bytes;
};

// ---- flags

static unsigned flag_of(struct str sequence)
{
    return str_case_eq(sequence, STR("replied")) || str_case_eq(sequence, STR("answered"))
               ? STORE_ANSWERED
           : str_case_eq(sequence, STR("flagged")) ? STORE_FLAGGED
           : str_case_eq(sequence, STR("draft"))   ? STORE_DRAFT
                                                   : 0;
}

static void put_flags(const struct box *b, uint32_t number, struct import_message *m,
                      struct str *keywords)
{
    m->flags = b->has_sequences ? STORE_SEEN : 0;
    for (size_t i = 0; i < b->sequences.count; i++) {
        const struct mh_sequence *s = &b->sequences.items[i];

        if (!mh_sequence_has(s, number) || str_eq(s->name, STR("cur")))
            continue;
        if (str_case_eq(s->name, STR("unseen")))
            m->flags &= ~(unsigned)STORE_SEEN;
        else if (flag_of(s->name))
            m->flags |= flag_of(s->name);
        else
            keywords[m->keyword_count++] = s->name;
    }
}

static void read_sequences(struct box *b)
{
    CLEANUP(buf_drop) struct buf path = {.max = IMPORT_NAME_MAX};
    const char *at = folder_path(&path, b->path, ".mh_sequences");
    struct folder_file file;

    b->has_sequences = at && folder_load(at, &b->sequence_file, &file) == 0;
    if (!b->has_sequences)
        buf_clear(&b->sequence_file);
    mh_sequences_parse(buf_str(&b->sequence_file), &b->arena, &b->sequences);
}

// ---- messages

static void put_date(struct str message, const struct folder_file *file, struct import_message *m)
{
    struct header_field f;
    struct date date;

    m->date = file->modified;
    if (header_find(message, STR("Delivery-Date"), &f) && date_parse(f.value, &date)) {
        m->date = date.seconds;
        m->zone_minutes = date.zone_minutes;
    }
}

static int take_file(struct box *b, const char *name)
{
    const struct import_sink *sink = b->walk->sink;
    CLEANUP(buf_drop) struct buf path = {.max = IMPORT_NAME_MAX};
    struct str keywords[MH_SEQUENCES_MAX];
    const char *at = folder_path(&path, b->path, name);
    struct import_message m = {.place = buf_str(&path), .mailbox = b->name, .keywords = keywords};
    struct folder_file file;
    int r;

    buf_clear(&b->raw);
    r = at ? folder_load(at, &b->raw, &file) : -ENAMETOOLONG;
    if (r == -ENOENT)
        return 0;
    if (r < 0) {
        sink->left(sink->arg, m.place, folder_why(r));
        return 0;
    }
    put_flags(b, mh_number(str_from(name)), &m, keywords);
    put_date(buf_str(&b->raw), &file, &m);
    buf_clear(&b->bytes);
    lines_put_crlf(&b->bytes, buf_str(&b->raw));
    m.bytes = buf_str(&b->bytes);
    return sink->take(sink->arg, &m);
}

static int take_files(struct box *b, const struct folder *files)
{
    const struct import_sink *sink = b->walk->sink;
    int r = 0;

    for (size_t i = 0; r == 0 && i < files->count; i++) {
        if (mh_number(str_from(files->names[i])) == 0)
            continue;
        r = take_file(b, files->names[i]);
        sink->progress(sink->arg, ++b->walk->done, b->walk->total);
    }
    return r;
}

static bool is_mh_folder(const struct folder *files)
{
    for (size_t i = 0; i < files->count; i++)
        if (mh_number(str_from(files->names[i])) || strcmp(files->names[i], ".mh_sequences") == 0)
            return true;
    return false;
}

static int take_box(struct walk *w, const char *path, struct str name, const struct folder *files)
{
    struct import_mailbox mailbox = {.name = name, .is_subscribed = true};
    struct box *b;
    bool is_wanted = false;
    int r = w->sink->mailbox(w->sink->arg, &mailbox, &is_wanted);

    if (r < 0 || !is_wanted)
        return r;
    b = calloc(1, sizeof *b);
    CHECK(b);
    b->walk = w;
    b->path = path;
    b->name = name;
    arena_init(&b->arena, ARENA_MAX);
    buf_init(&b->sequence_file, SEQUENCE_BYTES_MAX);
    buf_init(&b->raw, w->sink->message_max);
    buf_init(&b->bytes, 2 * w->sink->message_max);
    read_sequences(b);
    r = take_files(b, files);
    arena_done(&b->arena);
    buf_done(&b->sequence_file);
    buf_done(&b->raw);
    buf_done(&b->bytes);
    free(b);
    return r;
}

static int count_box(struct walk *w, const char *path, struct str name, const struct folder *files)
{
    (void)path, (void)name;
    for (size_t i = 0; i < files->count; i++)
        w->total += mh_number(str_from(files->names[i])) != 0;
    return 0;
}

// ---- the tree

typedef int visit(struct walk *w, const char *path, struct str name, const struct folder *files);

static int walk_tree(struct walk *w, const char *path, struct str name, unsigned depth, visit *fn);

static int walk_child(struct walk *w, const char *path, struct str parent, const char *name,
                      unsigned depth, visit *fn)
{
    CLEANUP(buf_drop)
    struct buf whole = {.max = IMPORT_NAME_MAX}, mailbox = {.max = 2 * IMPORT_NAME_MAX};
    const char *at = folder_path(&whole, path, name);

    buf_put(&mailbox, parent);
    if (parent.len)
        buf_put_char(&mailbox, '/');
    maildir_put_level(&mailbox, str_from(name));
    if (!at || !buf_ok(&mailbox) || depth == IMPORT_DEPTH_MAX) {
        w->sink->left(w->sink->arg, str_from(name), "its path is too long or too deep");
        return 0;
    }
    if (parent.len == 0 && str_case_eq(str_from(name), STR("inbox")))
        return walk_tree(w, at, STR("INBOX"), depth + 1, fn);
    return walk_tree(w, at, buf_str(&mailbox), depth + 1, fn);
}

static int walk_tree(struct walk *w, const char *path, struct str name, unsigned depth, visit *fn)
{
    CLEANUP(folder_done) struct folder files = {0}, folders = {0};
    int r = folder_read(path, FOLDER_FILES, &files);

    if (r == 0)
        r = folder_read(path, FOLDER_DIRECTORIES, &folders);
    if (r < 0) {
        w->sink->left(w->sink->arg, str_from(path), strerror(-r));
        return depth == 0 ? r : 0;
    }
    folder_sort(&files);
    folder_sort(&folders);
    if (is_mh_folder(&files))
        r = fn(w, path, name.len ? name : STR("INBOX"), &files); // one folder alone
    for (size_t i = 0; r == 0 && i < folders.count; i++) {
        if (folders.names[i][0] != '.')
            r = walk_child(w, path, name, folders.names[i], depth, fn);
    }
    return r;
}

static void pass_over(void *arg, struct str place, const char *why)
{
    (void)arg, (void)place, (void)why;
}

int import_mh(const char *path, const struct import_sink *sink)
{
    struct import_sink deaf = *sink;
    struct walk w = {.sink = &deaf};
    int r;

    deaf.left = pass_over;
    r = walk_tree(&w, path, STR(""), 0, count_box);
    w.sink = sink;
    return r < 0 ? r : walk_tree(&w, path, STR(""), 0, take_box);
}
