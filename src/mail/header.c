// SPDX-License-Identifier: ISC
#include "mail/header.h"

#include "base/scan.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

// RFC 5322 3.6.8
static bool is_name_char(char c)
{
    return c > 32 && c < 127 && c != ':';
}

static size_t line_len(struct str s)
{
    ptrdiff_t end = str_find(s, '\n');

    return end < 0 ? s.len : (size_t)end + 1;
}

static bool is_empty_line(struct str s)
{
    return str_starts(s, STR("\n")) || str_starts(s, STR("\r\n"));
}

static struct str without_line_end(struct str s)
{
    if (str_ends(s, STR("\n"))) {
        s.len--;
        if (str_ends(s, STR("\r")))
            s.len--;
    }
    return s;
}

static void split_field(struct header_field *f)
{
    struct scan in = scan_of(without_line_end(f->raw));
    struct str name;

    f->name = STR_NONE;
    f->value = scan_rest(&in);
    if (!scan_while(&in, is_name_char, SIZE_MAX, &name))
        return;
    scan_blank(&in); // RFC 5322 4.5
    if (!scan_char(&in, ':'))
        return;
    f->name = name;
    f->value = scan_rest(&in);
}

bool header_next(struct header_iter *it, struct header_field *out)
{
    size_t len;

    if (it->left.len == 0 || is_empty_line(it->left))
        return false;
    len = line_len(it->left);
    while (len < it->left.len && is_blank(it->left.ptr[len]))
        len += line_len(str_skip(it->left, len));
    out->raw = str_head(it->left, len);
    out->offset = it->offset;
    split_field(out);
    it->left = str_skip(it->left, len);
    it->offset += len;
    return true;
}

size_t header_len(struct str message)
{
    struct header_iter it = header_iter_of(message);
    struct header_field f;

    while (header_next(&it, &f))
        ;
    if (it.left.len == 0)
        return it.offset;
    return it.offset + (it.left.ptr[0] == '\r' ? 2 : 1);
}

bool header_find(struct str header, struct str name, struct header_field *out)
{
    struct header_iter it = header_iter_of(header);
    struct header_field f;

    while (header_next(&it, &f)) {
        if (str_case_eq(f.name, name)) {
            *out = f;
            return true;
        }
    }
    return false;
}

size_t header_count(struct str header, struct str name)
{
    struct header_iter it = header_iter_of(header);
    struct header_field f;
    size_t count = 0;

    while (header_next(&it, &f))
        count += str_case_eq(f.name, name);
    return count;
}

static struct str trim_folds(struct str s)
{
    while (s.len && (is_blank(s.ptr[0]) || is_line_end(s.ptr[0])))
        s = str_skip(s, 1);
    while (s.len && (is_blank(s.ptr[s.len - 1]) || is_line_end(s.ptr[s.len - 1])))
        s.len--;
    return s;
}

// A fold is a line end before a blank; only the line end goes (RFC 5322 2.2.3).
static size_t fold_len(struct str s)
{
    if (str_starts(s, STR("\n")))
        return 1;
    return str_starts(s, STR("\r\n")) ? 2 : 0;
}

struct str header_unfold(struct arena *a, struct str value)
{
    char *copy;
    size_t len = 0;

    value = trim_folds(value);
    if (str_find(value, '\n') < 0)
        return value;
    copy = arena_alloc(a, value.len + 1);
    while (value.len) {
        size_t fold = fold_len(value);

        if (fold == 0)
            copy[len++] = value.ptr[0];
        value = str_skip(value, fold ? fold : 1);
    }
    return str_of(copy, len);
}

void header_put_unfolded(struct buf *out, struct str value)
{
    value = trim_folds(value);
    while (value.len) {
        size_t len = line_len(value);

        buf_put(out, without_line_end(str_head(value, len)));
        value = str_skip(value, len);
    }
}

// The next word with the blanks before it.
static struct str next_word(struct str s)
{
    size_t len = 0;

    while (len < s.len && (is_blank(s.ptr[len]) || is_line_end(s.ptr[len])))
        len++;
    while (len < s.len && !is_blank(s.ptr[len]) && !is_line_end(s.ptr[len]))
        len++;
    return str_head(s, len);
}

// The blanks of a fold become what they stand for, one blank; stray line ends and NULs a space.
static void put_clean(struct buf *out, struct str word)
{
    size_t i = 0;

    while (i < word.len && is_line_end(word.ptr[i]))
        i++;
    if (i > 0 && (i == word.len || !is_blank(word.ptr[i])))
        buf_put_char(out, ' ');
    for (; i < word.len; i++)
        buf_put_char(out, is_line_end(word.ptr[i]) || !word.ptr[i] ? ' ' : word.ptr[i]);
}

void header_put(struct buf *out, struct str name, struct str value)
{
    size_t column = name.len + 1;
    bool is_first = true;

    value = trim_folds(value);
    buf_put(out, name);
    buf_put_char(out, ':');
    if (value.len && !is_blank(value.ptr[0])) {
        buf_put_char(out, ' ');
        column++;
    }
    while (value.len) {
        struct str word = next_word(value);

        value = str_skip(value, word.len);
        // a blank stands first in each word but the first
        if (!is_first && column + word.len > HEADER_FOLD_COLUMNS) {
            buf_put(out, STR("\r\n"));
            column = 0;
        }
        put_clean(out, word);
        column += word.len;
        is_first = false;
    }
    buf_put(out, STR("\r\n"));
}
