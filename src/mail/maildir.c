// SPDX-License-Identifier: ISC
#include "mail/maildir.h"

#include "base/cleanup.h"
#include "mail/charset.h"
#include "mail/utf7.h"

#define DOT "&AC4-"

static const struct {
    char letter;
    unsigned flag;
} LETTERS[] = {
    {'D', MAILDIR_DRAFT},   {'F', MAILDIR_FLAGGED}, {'P', MAILDIR_PASSED},
    {'R', MAILDIR_REPLIED}, {'S', MAILDIR_SEEN},    {'T', MAILDIR_TRASHED},
};
enum { LETTER_COUNT = sizeof LETTERS / sizeof LETTERS[0] };

// ---- names of messages

static void take_letters(struct str letters, struct maildir_name *out)
{
    for (size_t i = 0; i < letters.len; i++) {
        char c = letters.ptr[i];

        if (c >= 'a' && c <= 'z')
            out->keywords |= 1U << (c - 'a');
        for (size_t k = 0; k < LETTER_COUNT; k++)
            out->flags |= LETTERS[k].letter == c ? LETTERS[k].flag : 0;
    }
}

/// Where the info part begins: at the last ":2,".
static size_t find_info(struct str file)
{
    for (size_t i = file.len; i-- > 0;) {
        struct str rest = str_skip(file, i);

        if (str_starts(rest, STR(":2,")) || str_starts(rest, STR(";2,")) ||
            str_starts(rest, STR("!2,")))
            return i;
    }
    return file.len;
}

bool maildir_name_parse(struct str file, struct maildir_name *out)
{
    size_t at = find_info(file);

    if (at == 0 || file.ptr[0] == '.')
        return false;
    *out = (struct maildir_name){.base = str_head(file, at)};
    take_letters(str_skip(file, at + 3), out);
    return true;
}

void maildir_put_info(struct buf *out, unsigned flags, uint32_t keywords)
{
    buf_put(out, STR(":2,"));
    for (size_t k = 0; k < LETTER_COUNT; k++) {
        if (flags & LETTERS[k].flag)
            buf_put_char(out, LETTERS[k].letter);
    }
    for (int i = 0; i < MAILDIR_KEYWORDS; i++) {
        if (keywords & 1U << i)
            buf_put_char(out, (char)('a' + i));
    }
}

void maildir_keywords_parse(struct str text, struct str names[MAILDIR_KEYWORDS])
{
    struct str line, number;
    uint64_t n;

    for (int i = 0; i < MAILDIR_KEYWORDS; i++)
        names[i] = STR_NONE;
    while (str_split(&text, '\n', &line)) {
        if (str_ends(line, STR("\r")))
            line.len--;
        if (str_split(&line, ' ', &number) && line.len &&
            str_to_u64(number, MAILDIR_KEYWORDS - 1, &n))
            names[n] = line;
    }
}

// ---- names of folders

/// "&AC4-" is a dot that is not between levels (maildir_put_level_name); no other printable
/// character of ASCII may stand so.
static bool put_decoded(struct buf *out, struct str name)
{
    size_t begin = out->len;
    ptrdiff_t dot;

    while ((dot = str_find_str(name, STR(DOT))) >= 0) {
        if (!utf7_put_decoded(out, str_head(name, (size_t)dot))) {
            out->len = begin;
            return false;
        }
        buf_put_char(out, '.');
        name = str_skip(name, (size_t)dot + sizeof DOT - 1);
    }
    if (utf7_put_decoded(out, name))
        return true;
    out->len = begin;
    return false;
}

void maildir_put_level(struct buf *out, struct str name)
{
    if (put_decoded(out, name))
        return;
    if (charset_is_utf8(name)) {
        buf_put(out, name);
        return;
    }
    for (size_t i = 0; i < name.len; i++)
        buf_put_char(out, (unsigned char)name.ptr[i] < 128 ? name.ptr[i] : '?');
}

/// A level read from a name with separators; '/' inside it would make two of one.
static void put_next_level(struct buf *out, size_t begin, struct str level)
{
    size_t from;

    if (level.len == 0)
        return;
    if (out->len > begin)
        buf_put_char(out, '/');
    from = out->len;
    maildir_put_level(out, level);
    for (size_t i = from; i < out->len; i++) {
        if (out->ptr[i] == '/')
            out->ptr[i] = '_';
    }
}

static void put_levels(struct buf *out, struct str name, char separator)
{
    size_t begin = out->len;
    struct str level;

    while (str_split(&name, separator, &level))
        put_next_level(out, begin, level);
}

void maildir_put_folder(struct buf *out, struct str name)
{
    put_levels(out, name, '.');
}

/// Modified UTF-7 has no form for a dot of its own, but UTF-16 in base64 may hold any character;
/// every reader of it gets the dot back.
bool maildir_put_level_name(struct buf *out, struct str level)
{
    struct str piece;
    bool is_first = true;

    while (str_split(&level, '.', &piece)) {
        if (!is_first)
            buf_put(out, STR(DOT));
        is_first = false;
        if (!utf7_put(out, piece))
            return false;
    }
    return buf_ok(out);
}

bool maildir_put_folder_name(struct buf *out, struct str mailbox)
{
    struct str level;

    if (str_eq(mailbox, STR("INBOX")))
        return true;
    while (str_split(&mailbox, '/', &level)) {
        buf_put_char(out, '.');
        if (!maildir_put_level_name(out, level))
            return false;
    }
    return buf_ok(out);
}

// ---- subscriptions

static char unescaped(char c)
{
    switch (c) {
    case '0':
        return '\0';
    case '1':
        return '\001';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'n':
        return '\n';
    default:
        return c;
    }
}

/// Levels apart by tabs, with \001 before what would be mistaken.
static void put_version_two(struct buf *out, struct str line)
{
    size_t begin = out->len;
    struct str level;

    while (str_split(&line, '\t', &level)) {
        CLEANUP(buf_drop) struct buf plain = {.max = level.len};

        for (size_t i = 0; i < level.len; i++) {
            bool is_escape = level.ptr[i] == '\001' && i + 1 < level.len;

            buf_put_char(&plain, is_escape ? unescaped(level.ptr[++i]) : level.ptr[i]);
        }
        put_next_level(out, begin, buf_str(&plain));
    }
}

static void put_version_one(struct buf *out, struct str line, char separator)
{
    size_t begin = out->len;

    // Courier calls them all INBOX.something; that prefix is its namespace's, not a mailbox's
    if (str_starts(line, STR("INBOX.")))
        line = str_skip(line, 6);
    put_levels(out, line, separator);
    if (str_case_eq(str_skip(buf_str(out), begin), STR("inbox"))) {
        out->len = begin;
        buf_put(out, STR("INBOX"));
    }
}

bool maildir_subscription_next(struct str text, size_t *at, char separator, struct buf *out)
{
    bool is_two = str_starts(text, STR("V\t2\n"));

    if (*at == 0 && is_two)
        *at = 4;
    while (*at < text.len) {
        struct str rest = str_skip(text, *at), line;
        size_t begin = out->len;

        str_split(&rest, '\n', &line);
        *at += line.len + 1;
        if (str_ends(line, STR("\r")))
            line.len--;
        if (is_two)
            put_version_two(out, line);
        else
            put_version_one(out, line, separator);
        if (out->len > begin)
            return true;
    }
    return false;
}
