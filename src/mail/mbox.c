// SPDX-License-Identifier: ISC
//
// Where one message ends and the next begins. A "From " line counts only when a date stands in it,
// and an empty line before it or a header field behind: people write "From" at the start of a line,
// too. Content-Length is a stranger's word, so it counts only where a message begins at that place.
#include "mail/mbox.h"

#include "base/cleanup.h"
#include "base/scan.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/mbox_inside.h"

enum {
    WINDOW = 256 * 1024,
    FROM_MAX = 1024,      // bytes of a "From " line that are looked at
    HEADER_MAX = 1 << 20, // bytes of a header in which Content-Length is looked for
    SNIFF_MAX = 1000,     // messages whose Content-Length is tried
};

// ---- the "From " line

static bool is_weekday(struct str word)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

    for (size_t i = 0; i < 7; i++)
        if (str_eq(word, str_from(days[i])))
            return true;
    return false;
}

/// "Jan  3 01:05:34 1996", with a zone behind the time or at the end, or nowhere: then it is UTC
/// (RFC 4155).
static bool parse_day_and_time(struct str text, struct date *out)
{
    CLEANUP(buf_drop) struct buf copy = {.max = FROM_MAX};
    struct str rest = text, words[5], word;
    size_t count = 0;

    while (count < 5 && str_split(&rest, ' ', &word)) {
        word.len -= str_ends(word, STR("\r"));
        if (word.len)
            words[count++] = word;
    }
    if (count == 5 && words[4].len == 4 && char_is_digit(words[4].ptr[0])) { // the year comes last
        word = words[3];
        words[3] = words[4];
        words[4] = word;
    }
    if (count < 4 || words[3].len != 4 || !char_is_digit(words[3].ptr[0]))
        return false;
    buf_putf(&copy, "%.*s %.*s %.*s %.*s %.*s", STR_ARG(words[1]), STR_ARG(words[0]),
             STR_ARG(words[3]), STR_ARG(words[2]), STR_ARG(count == 5 ? words[4] : STR("+0000")));
    return date_parse(buf_str(&copy), out);
}

bool mbox_from_line_parse(struct str line, struct date *out)
{
    struct str rest, word;
    struct date date;
    bool found = false;

    if (!str_starts(line, STR("From ")))
        return false;
    rest = str_skip(str_head(line, FROM_MAX), 5);
    // The sender may hold blanks, and words that look like a date: the last one counts.
    while (str_split(&rest, ' ', &word)) {
        if (is_weekday(word) && parse_day_and_time(rest, &date)) {
            *out = date;
            found = true;
        }
    }
    return found;
}

bool mbox_is_from_line(struct str bytes)
{
    struct str line;
    struct date date;

    return str_split(&bytes, '\n', &line) && mbox_from_line_parse(line, &date);
}

// ---- the file, through a window

void mbox_done(struct mbox *m)
{
    buf_done(&m->window);
}

/// Makes the window begin at `offset` and hold `len` bytes, or all there are.
static int look(struct mbox *m, uint64_t offset, size_t len, struct str *out)
{
    bool is_near = offset >= m->window_at && offset <= m->window_at + m->window.len;

    if (!is_near || m->window_at + m->window.len - offset < len) {
        buf_eat(&m->window, is_near ? (size_t)(offset - m->window_at) : m->window.len);
        m->window_at = offset;
        while (m->window.len < len) {
            size_t room = WINDOW - m->window.len;
            char *to = buf_room(&m->window, room);
            ssize_t n = m->fetch(m->arg, offset + m->window.len, to, room);

            if (n < 0)
                return (int)n;
            if (n == 0)
                break;
            buf_added(&m->window, (size_t)n);
        }
    }
    *out = str_head(str_skip(buf_str(&m->window), (size_t)(offset - m->window_at)), len);
    return 0;
}

/// The next piece of the file: a line with its end, or as much of a long one as the window has.
/// MBOX_END at the end.
static int next_piece(struct mbox *m, struct str *out, bool *is_begin)
{
    struct str seen;
    const char *end;
    int r = look(m, m->at, 1, &seen);

    if (r < 0)
        return r;
    if (seen.len == 0)
        return MBOX_END;
    seen = str_skip(buf_str(&m->window), (size_t)(m->at - m->window_at));
    end = memchr(seen.ptr, '\n', seen.len);
    if (!end && seen.len < WINDOW) {
        r = look(m, m->at, WINDOW, &seen);
        if (r < 0)
            return r;
        end = memchr(seen.ptr, '\n', seen.len);
    }
    *out = end ? str_head(seen, (size_t)(end - seen.ptr) + 1) : seen;
    *is_begin = !m->is_inside;
    m->is_inside = !end;
    m->at += out->len;
    return 0;
}

// ---- where a message ends

static bool looks_like_field(struct str line)
{
    size_t i = 0;

    while (i < line.len && line.ptr[i] > ' ' && line.ptr[i] < 127 && line.ptr[i] != ':')
        i++;
    return i > 0 && i < line.len && line.ptr[i] == ':';
}

/// Does a message begin at `at`, which is the beginning of a line? 1, 0 or -errno.
static int begins_message(struct mbox *m, uint64_t at, bool is_after_empty)
{
    struct str seen, line;
    struct date date;
    int r = look(m, at, 5, &seen);

    if (r < 0 || !str_eq(seen, STR("From ")))
        return r;
    r = look(m, at, 2 * FROM_MAX, &seen);
    if (r < 0)
        return r;
    str_split(&seen, '\n', &line);
    if (!mbox_from_line_parse(line, &date))
        return 0;
    return is_after_empty || looks_like_field(seen);
}

/// Is `at` the end of a message: of the file, or an empty line (or none) before a "From " line?
/// 1 (and *next: where the next one begins), 0 or -errno.
static int ends_message(struct mbox *m, uint64_t at, uint64_t *next)
{
    struct str seen;
    int r = look(m, at - 1, 1, &seen);

    if (r < 0 || seen.len == 0) // the file is shorter
        return r;
    r = look(m, at, 2, &seen);
    if (r < 0)
        return r;
    *next = at + (str_starts(seen, STR("\r\n")) ? 2 : str_starts(seen, STR("\n")) ? 1 : 0);
    r = look(m, *next, 1, &seen);
    if (r < 0)
        return r;
    return seen.len == 0 ? 1 : begins_message(m, *next, true);
}

static bool content_length(struct str header, uint64_t *out)
{
    struct header_field f;

    return header_find(header, STR("Content-Length"), &f) &&
           str_to_u64(str_trim(f.value), INT64_MAX / 2, out);
}

/// Behind the "From " line.
static struct str header_of(const struct buf *raw)
{
    return str_skip(buf_str(raw), (size_t)str_find(buf_str(raw), '\n') + 1);
}

static bool is_empty_line(struct str line)
{
    return str_eq(line, STR("\n")) || str_eq(line, STR("\r\n"));
}

/// The "From " line and the header that follows, with the empty line behind. 0 or -errno;
/// MBOX_TOO_LARGE when the header is longer than HEADER_MAX or than the buffer can hold.
static int read_head(struct mbox *m, struct buf *raw)
{
    struct str piece;
    bool is_begin;
    int r = next_piece(m, &piece, &is_begin);

    if (r != 0)
        return r;
    buf_put(raw, piece);
    while (buf_ok(raw) && raw->len < HEADER_MAX) {
        // a message that ends within its header
        r = m->is_inside ? 0 : begins_message(m, m->at, false);
        if (r == 0)
            r = next_piece(m, &piece, &is_begin);
        if (r != 0)
            return r < 0 ? r : 0;
        buf_put(raw, piece);
        if (is_begin && is_empty_line(piece))
            return 0;
    }
    return MBOX_TOO_LARGE;
}

/// Takes `len` bytes as they are.
static int read_bytes(struct mbox *m, uint64_t len, struct buf *raw)
{
    while (len > 0) {
        struct str seen;
        int r = look(m, m->at, len < WINDOW ? (size_t)len : WINDOW, &seen);

        if (r < 0)
            return r;
        if (seen.len == 0)
            break;
        buf_put(raw, seen);
        m->at += seen.len;
        len -= seen.len;
    }
    m->is_inside = false;
    return buf_ok(raw) ? 0 : MBOX_TOO_LARGE;
}

/// Up to the next "From " line.
static int read_lines(struct mbox *m, struct buf *raw)
{
    bool is_after_empty = true; // the line that ends the header

    for (;;) {
        struct str piece;
        bool is_begin;
        int r = m->is_inside ? 0 : begins_message(m, m->at, is_after_empty);

        if (r == 0)
            r = next_piece(m, &piece, &is_begin);
        if (r < 0)
            return r;
        if (r > 0)
            return buf_ok(raw) ? 0 : MBOX_TOO_LARGE;
        buf_put(raw, piece);
        is_after_empty = is_begin && is_empty_line(piece);
    }
}

/// The empty line before the next "From " line is not the message's; but the one between header and
/// body is, unless we wrote it.
static void cut_empty_line(struct buf *raw)
{
    struct str header = header_of(raw);
    size_t least = raw->len - header.len;
    size_t end = str_ends(buf_str(raw), STR("\n\r\n")) ? 2
                 : str_ends(buf_str(raw), STR("\n\n")) ? 1
                                                       : 0;

    if (!mbox_is_ours(header))
        least += header_len(header);
    if (raw->len - end >= least)
        raw->len -= end;
}

int mbox_next(struct mbox *m, struct buf *raw, uint64_t *out_offset)
{
    uint64_t length, end, next;
    int r;

    buf_clear(raw);
    *out_offset = m->at;
    r = read_head(m, raw);
    if (r < 0 || r == MBOX_END)
        return r;
    if (r == 0 && (m->kind == MBOX_CL || m->kind == MBOX_CL2) &&
        content_length(header_of(raw), &length)) {
        end = m->at + length;
        r = ends_message(m, end, &next);
        if (r < 0)
            return r;
        if (r == 1) {
            r = read_bytes(m, length, raw);
            m->at = next;
            return r;
        }
    }
    r = read_lines(m, raw);
    if (r == 0)
        cut_empty_line(raw);
    return r;
}

// ---- opening

/// Does each Content-Length lead to the next message? 1, 0 or -errno.
static int has_lengths(struct mbox *m)
{
    CLEANUP(buf_drop) struct buf head = {.max = HEADER_MAX + WINDOW};
    struct str seen;
    uint64_t length;
    int r = 1;

    for (int i = 0; i < SNIFF_MAX && r == 1; i++) {
        r = look(m, m->at, 1, &seen);
        if (r < 0 || seen.len == 0)
            return r < 0 ? r : 1;
        buf_clear(&head);
        r = read_head(m, &head);
        if (r < 0)
            return r;
        if (r != 0 || mbox_is_ours(header_of(&head)) || !content_length(header_of(&head), &length))
            return 0;
        r = ends_message(m, m->at + length, &m->at);
    }
    return r;
}

int mbox_open(struct mbox *m, enum mbox_kind kind, mbox_read *fetch, void *arg)
{
    struct str seen;
    int r;

    *m = (struct mbox){.fetch = fetch, .arg = arg, .kind = kind};
    buf_init(&m->window, 2 * WINDOW);
    r = look(m, 0, FROM_MAX, &seen);
    if (r < 0)
        return r;
    if (seen.len == 0)
        return MBOX_END;
    if (!mbox_is_from_line(seen))
        return MBOX_NONE;
    if (kind == MBOX_AUTO) {
        r = has_lengths(m);
        if (r < 0)
            return r;
        m->kind = r == 1 ? MBOX_CL2 : MBOX_RD;
        m->at = 0;
        m->is_inside = false;
    }
    return 0;
}
