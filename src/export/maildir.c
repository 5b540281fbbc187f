// SPDX-License-Identifier: ISC
//
// A Maildir++ as other servers read it. Messages are written into tmp/, some hundred at a time,
// made durable together (syncfs), and only then renamed into cur/: so the next run can trust each
// name it finds there. A message's name is made of mailbox, UIDVALIDITY and UID, and says for ever
// which it is.
#include "base/check.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "mail/lines.h"
#include "mail/maildir.h"
#include "os/file.h"
#include "export/export.h"
#include "export/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 500, NAME_MAX_BYTES = 256 };

struct export_maildir {
    struct buf top; // path of the folder
    uint64_t mailbox_id;
    uint32_t uidvalidity;
    struct map there; // base name -> file name in cur/
    char *words[MAILDIR_KEYWORDS];
    size_t word_count;
    bool has_new_words;
    uint64_t keywords_lost;
    char *waiting[BATCH]; // names in tmp/, to be renamed
    size_t waiting_count;
    struct buf lines;
    int fd; // of cur/
};

// ---- paths and names

static const char *path_of(struct export_maildir *m, struct buf *out, const char *sub,
                           const char *name)
{
    buf_putf(out, "%.*s/%s%s%s", STR_ARG(buf_str(&m->top)), sub, name ? "/" : "", name ? name : "");
    return buf_cstr(out);
}

/// The letter's bit; a word that has none yet gets one while there are any.
static uint32_t letter_of(struct export_maildir *m, struct str word)
{
    for (size_t i = 0; i < m->word_count; i++)
        if (m->words[i] && str_case_eq(word, str_from(m->words[i])))
            return 1U << i;
    if (m->word_count == MAILDIR_KEYWORDS) {
        m->keywords_lost++;
        return 0;
    }
    m->words[m->word_count] = strndup(word.ptr, word.len);
    CHECK(m->words[m->word_count]);
    m->has_new_words = true;
    return 1U << m->word_count++;
}

static void put_base(const struct export_maildir *m, struct buf *out,
                     const struct export_message *message)
{
    buf_putf(out, "%" PRId64 ".B%" PRIx64 "V%" PRIx32 "U%" PRIu32 ".carteiro",
             message->date < 0 ? 0 : message->date, m->mailbox_id, m->uidvalidity, message->uid);
}

static void put_name(struct export_maildir *m, struct buf *out,
                     const struct export_message *message)
{
    unsigned flags = (message->flags & STORE_SEEN ? (unsigned)MAILDIR_SEEN : 0) |
                     (message->flags & STORE_ANSWERED ? (unsigned)MAILDIR_REPLIED : 0) |
                     (message->flags & STORE_FLAGGED ? (unsigned)MAILDIR_FLAGGED : 0) |
                     (message->flags & STORE_DELETED ? (unsigned)MAILDIR_TRASHED : 0) |
                     (message->flags & STORE_DRAFT ? (unsigned)MAILDIR_DRAFT : 0);
    uint32_t letters = 0;

    for (size_t i = 0; i < message->keyword_count; i++) {
        // some know it by the one, some by the other
        if (str_case_eq(message->keywords[i], STR("$Forwarded")))
            flags |= MAILDIR_PASSED;
        letters |= letter_of(m, message->keywords[i]);
    }
    put_base(m, out, message);
    maildir_put_info(out, flags, letters);
}

// ---- beginning

static int make_folder(struct export_maildir *m, bool is_top)
{
    static const char *const subs[] = {"tmp", "new", "cur"};
    CLEANUP(buf_drop) struct buf mark = {.max = EXPORT_PATH_MAX};
    int r = 0, fd;

    for (size_t i = 0; r == 0 && i < 3; i++) {
        CLEANUP(buf_drop) struct buf path = {.max = EXPORT_PATH_MAX};
        const char *at = path_of(m, &path, subs[i], NULL);

        r = at ? os_directories_make(at, 0700) : -ENAMETOOLONG;
    }
    if (r < 0 || is_top)
        return r;
    fd = open(path_of(m, &mark, "maildirfolder", NULL), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
              0600);
    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

static int read_names(struct export_maildir *m)
{
    CLEANUP(buf_drop) struct buf path = {.max = EXPORT_PATH_MAX};
    DIR *dir = opendir(path_of(m, &path, "cur", NULL));
    struct dirent *entry;

    if (!dir)
        return -errno;
    while ((entry = readdir(dir))) {
        struct maildir_name name;
        char *copy;

        if (!maildir_name_parse(str_from(entry->d_name), &name))
            continue;
        copy = strdup(entry->d_name);
        CHECK(copy);
        free(map_put(&m->there, name.base, copy));
    }
    m->fd = dup(dirfd(dir));
    closedir(dir);
    return m->fd < 0 ? -errno : 0;
}

static void read_words(struct export_maildir *m)
{
    CLEANUP(buf_drop) struct buf path = {.max = EXPORT_PATH_MAX}, text = {.max = 1 << 20};
    struct str names[MAILDIR_KEYWORDS];

    os_file_read(path_of(m, &path, "dovecot-keywords", NULL), &text);
    maildir_keywords_parse(buf_str(&text), names);
    for (size_t i = 0; i < MAILDIR_KEYWORDS; i++) {
        if (!names[i].ptr)
            continue;
        m->words[i] = strndup(names[i].ptr, names[i].len);
        CHECK(m->words[i]);
        m->word_count = i + 1; // gaps stay gaps
    }
}

static void drop(struct export_maildir *m)
{
    size_t at = 0;
    void *name;

    while (map_next(&m->there, &at, NULL, &name))
        free(name);
    map_done(&m->there);
    for (size_t i = 0; i < MAILDIR_KEYWORDS; i++)
        free(m->words[i]);
    for (size_t i = 0; i < m->waiting_count; i++)
        free(m->waiting[i]);
    if (m->fd >= 0)
        close(m->fd);
    buf_done(&m->top);
    buf_done(&m->lines);
    free(m);
}

int export_maildir_begin(const char *dir, struct str mailbox, uint64_t mailbox_id,
                         uint32_t uidvalidity, struct export_maildir **out)
{
    static const uint64_t seed[2] = {0, 0};
    struct export_maildir *m = calloc(1, sizeof *m);
    bool is_top = str_eq(mailbox, STR("INBOX"));
    int r;

    CHECK(m);
    m->fd = -1;
    m->mailbox_id = mailbox_id;
    m->uidvalidity = uidvalidity;
    map_init(&m->there, seed);
    buf_init(&m->lines, SIZE_MAX / 2);
    buf_init(&m->top, EXPORT_PATH_MAX);
    buf_putf(&m->top, "%s%s", dir, is_top ? "" : "/");
    r = maildir_put_folder_name(&m->top, mailbox) ? make_folder(m, is_top) : -EINVAL;
    if (r == 0)
        r = read_names(m);
    if (r < 0) {
        drop(m);
        return r;
    }
    read_words(m);
    *out = m;
    return 0;
}

// ---- messages

int export_maildir_has(struct export_maildir *m, const struct export_message *message)
{
    CLEANUP(buf_drop)
    struct buf base = {.max = NAME_MAX_BYTES}, name = {.max = NAME_MAX_BYTES},
               from = {.max = EXPORT_PATH_MAX}, to = {.max = EXPORT_PATH_MAX};
    const char *old;

    put_base(m, &base, message);
    old = map_get(&m->there, buf_str(&base));
    if (!old)
        return 0;
    put_name(m, &name, message);
    if (str_eq(str_from(old), buf_str(&name)))
        return 1;
    if (rename(path_of(m, &from, "cur", old), path_of(m, &to, "cur", buf_cstr(&name))) < 0)
        return errno == ENOENT ? 0 : -errno;
    return 1;
}

static int write_words(struct export_maildir *m)
{
    CLEANUP(buf_drop) struct buf path = {.max = EXPORT_PATH_MAX}, text = {.max = 1 << 20};

    if (!m->has_new_words)
        return 0;
    for (size_t i = 0; i < m->word_count; i++)
        if (m->words[i])
            buf_putf(&text, "%zu %s\n", i, m->words[i]);
    m->has_new_words = false;
    return os_file_replace(path_of(m, &path, "dovecot-keywords", NULL), buf_str(&text), 0600);
}

/// What waits in tmp/ becomes durable and moves.
static int settle(struct export_maildir *m)
{
    int r = write_words(m);

    if (r == 0 && m->waiting_count && syncfs(m->fd) < 0)
        r = -errno;
    for (size_t i = 0; i < m->waiting_count; i++) {
        CLEANUP(buf_drop) struct buf from = {.max = EXPORT_PATH_MAX}, to = {.max = EXPORT_PATH_MAX};

        if (r == 0 && rename(path_of(m, &from, "tmp", m->waiting[i]),
                             path_of(m, &to, "cur", m->waiting[i])) < 0)
            r = -errno;
        free(m->waiting[i]);
    }
    m->waiting_count = 0;
    return r;
}

static int write_file(struct export_maildir *m, const char *path,
                      const struct export_message *message)
{
    struct timespec times[2] = {{.tv_sec = (time_t)message->date},
                                {.tv_sec = (time_t)message->date}};
    struct str bytes = message->bytes;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), r;

    if (fd < 0)
        return -errno;
    if (lines_are_clean(bytes)) {
        buf_clear(&m->lines);
        lines_put_lf(&m->lines, bytes);
        bytes = buf_str(&m->lines);
    }
    r = files_write(fd, bytes);
    if (r == 0 && futimens(fd, times) < 0)
        r = -errno;
    close(fd);
    return r;
}

int export_maildir_put(struct export_maildir *m, const struct export_message *message)
{
    CLEANUP(buf_drop) struct buf name = {.max = NAME_MAX_BYTES}, path = {.max = EXPORT_PATH_MAX};
    const char *at;
    int r;

    put_name(m, &name, message);
    at = path_of(m, &path, "tmp", buf_cstr(&name));
    r = at ? write_file(m, at, message) : -ENAMETOOLONG;
    if (r < 0)
        return r;
    m->waiting[m->waiting_count] = strdup(buf_cstr(&name));
    CHECK(m->waiting[m->waiting_count++]);
    return m->waiting_count == BATCH ? settle(m) : 0;
}

int export_maildir_end(struct export_maildir *m, uint64_t *out_keywords_lost)
{
    int r = settle(m);

    if (r == 0 && fsync(m->fd) < 0)
        r = -errno;
    *out_keywords_lost = m->keywords_lost;
    drop(m);
    return r;
}

int export_maildir_subscriptions(const char *dir, const struct str *names, size_t count)
{
    CLEANUP(buf_drop) struct buf path = {.max = EXPORT_PATH_MAX}, text = {.max = 16 << 20};

    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_drop) struct buf name = {.max = EXPORT_PATH_MAX};

        if (!str_eq(names[i], STR("INBOX")) && maildir_put_folder_name(&name, names[i]))
            buf_putf(&text, "%.*s\n", STR_ARG(str_skip(buf_str(&name), 1)));
    }
    buf_putf(&path, "%s/subscriptions", dir);
    if (!buf_cstr(&path) || !buf_ok(&text))
        return -ENAMETOOLONG;
    return os_file_replace(buf_cstr(&path), buf_str(&text), 0600);
}
