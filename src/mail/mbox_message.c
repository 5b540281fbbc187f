// SPDX-License-Identifier: ISC
//
// One message of an mbox, in memory: the marks of mail programs taken out of its header, quoting
// and line ends set right; and the way back.
#include "base/cleanup.h"
#include "base/scan.h"
#include "mail/header.h"
#include "mail/lines.h"
#include "mail/mbox_inside.h"

// What mbox_message_put writes at the top, in this order and always all of it.
#define TOP_STATUS "Status"
#define TOP_X_STATUS "X-Status"
#define TOP_KEYWORDS "X-Keywords"
#define TOP_AS_IT_IS "X-Lines" // only where line ends are not all CRLF
#define AS_IT_IS "as-is"

struct taking {
    enum mbox_kind kind;
    struct arena *arena;
    struct mbox_message *out;
    struct buf *bytes;
    bool has_imap, is_internal_subject;
};

// ---- marks

static void take_status(struct taking *t, struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        switch (value.ptr[i]) {
        case 'R':
            t->out->flags |= MBOX_SEEN;
            break;
        case 'A':
            t->out->flags |= MBOX_ANSWERED;
            break;
        case 'F':
            t->out->flags |= MBOX_FLAGGED;
            break;
        case 'D':
            t->out->flags |= MBOX_DELETED;
            break;
        case 'T':
            t->out->flags |= MBOX_DRAFT;
            break;
        default: // O: it was there before
            break;
        }
    }
}

static void take_keywords(struct taking *t, struct str value)
{
    struct str rest = header_unfold(t->arena, value), word;

    while (str_split(&rest, ' ', &word)) {
        if (word.len && t->out->keyword_count < MBOX_KEYWORDS_MAX)
            t->out->keywords[t->out->keyword_count++] = arena_str(t->arena, word);
    }
}

/// Mozilla's bits, in hexadecimal. Expunged but not yet compacted (8) becomes a mark: better once
/// too often than lost.
static void take_mozilla(struct taking *t, struct str value)
{
    static const unsigned flags[] = {MBOX_SEEN, MBOX_ANSWERED, MBOX_FLAGGED, MBOX_DELETED};
    unsigned bits = 0;

    value = str_trim(value);
    for (size_t i = 0; i < value.len && i < 4; i++)
        bits = bits << 4 | (unsigned)(char_hex(value.ptr[i]) & 15);
    for (size_t i = 0; i < 4; i++)
        t->out->flags |= bits & 1U << i ? flags[i] : 0;
}

/// Is it a mark that stands anywhere in the header? Then it was taken.
static bool take_mark(struct taking *t, const struct header_field *f)
{
    if (str_case_eq(f->name, STR("Status")) || str_case_eq(f->name, STR("X-Status")))
        take_status(t, f->value);
    else if (str_case_eq(f->name, STR("X-Keywords")))
        take_keywords(t, f->value);
    else if (str_case_eq(f->name, STR("X-IMAP")) || str_case_eq(f->name, STR("X-IMAPbase")))
        t->has_imap = true;
    else if (str_case_eq(f->name, STR("Content-Length")))
        return t->kind == MBOX_CL || t->kind == MBOX_CL2;
    else if (!str_case_eq(f->name, STR("X-UID")))
        return false;
    return true;
}

/// Those of Thunderbird, which stand at the top.
static bool take_mozilla_mark(struct taking *t, const struct header_field *f)
{
    if (str_eq(f->name, STR("X-Mozilla-Status")))
        take_mozilla(t, f->value);
    else if (str_eq(f->name, STR("X-Mozilla-Keys")))
        take_keywords(t, f->value);
    else if (!str_eq(f->name, STR("X-Mozilla-Status2")))
        return false;
    return true;
}

/// UW IMAP's and Pine's first "message", which is none.
static void look_for_internal(struct taking *t, const struct header_field *f)
{
    if (str_case_eq(f->name, STR("Subject")) &&
        str_starts(str_trim(f->value), STR("DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA")))
        t->is_internal_subject = true;
}

// ---- a message of ours

/// One line "Name: value", and no more: a message of ours may begin with a blank. False, and
/// nothing taken: another line stands there.
static bool take_line(struct str *rest, struct str name, struct str *out_value)
{
    struct str after = *rest, line;

    if (!str_starts(after, name) || !str_split(&after, '\n', &line) || !after.ptr ||
        line.len == name.len || line.ptr[name.len] != ':')
        return false;
    *out_value = str_skip(line, name.len + 1);
    *rest = after;
    return true;
}

struct ours {
    struct str status, x_status, keywords, as_it_is;
};

static bool take_ours(struct str *rest, struct ours *out)
{
    struct str after = *rest;

    *out = (struct ours){0};
    if (!take_line(&after, STR(TOP_STATUS), &out->status) ||
        !take_line(&after, STR(TOP_X_STATUS), &out->x_status) ||
        !take_line(&after, STR(TOP_KEYWORDS), &out->keywords))
        return false;
    if (str_starts(after, STR(TOP_AS_IT_IS ": " AS_IT_IS "\n")))
        take_line(&after, STR(TOP_AS_IT_IS), &out->as_it_is);
    *rest = after;
    return true;
}

bool mbox_is_ours(struct str header)
{
    struct ours ours;

    return take_ours(&header, &ours);
}

// ---- taking

static bool is_quoted(enum mbox_kind kind, struct str line)
{
    size_t i = 0;

    if (kind == MBOX_CL2)
        return false;
    while (i < line.len && line.ptr[i] == '>' && (kind == MBOX_RD || i == 0))
        i++;
    return i > 0 && str_starts(str_skip(line, i), STR("From "));
}

/// `is_raw`: line ends stay what they are.
static void put_lines(struct taking *t, struct str text, bool is_raw)
{
    // between two quoted lines all goes at once
    const char *begin = text.ptr;
    struct str rest = text;

    while (rest.len) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.ptr) + 1 : rest.len;

        if (rest.ptr[0] == '>' && is_quoted(t->kind, str_head(rest, len))) {
            struct str before = str_of(begin, (size_t)(rest.ptr - begin));

            if (is_raw)
                buf_put(t->bytes, before);
            else
                lines_put_crlf(t->bytes, before);
            begin = rest.ptr + 1;
        }
        rest = str_skip(rest, len);
    }
    text = str_of(begin, text.len - (size_t)(begin - text.ptr));
    if (is_raw)
        buf_put(t->bytes, text);
    else
        lines_put_crlf(t->bytes, text);
}

static void take_header(struct taking *t, struct str text)
{
    struct header_iter it = header_iter_of(text);
    struct header_field f;
    bool is_top = true;
    size_t end = 0;

    while (header_next(&it, &f)) {
        end = f.offset + f.raw.len;
        is_top = is_top && take_mozilla_mark(t, &f);
        if (is_top || take_mark(t, &f))
            continue;
        look_for_internal(t, &f);
        put_lines(t, f.raw, false);
    }
    put_lines(t, str_skip(text, end), false);
}

void mbox_message_take(enum mbox_kind kind, struct str raw, struct arena *arena,
                       struct mbox_message *out, struct buf *bytes)
{
    struct taking t = {.kind = kind, .arena = arena, .out = out, .bytes = bytes};
    struct str from = STR("");
    struct date date;
    struct ours ours;

    *out = (struct mbox_message){0};
    str_split(&raw, '\n', &from);
    if (mbox_from_line_parse(from, &date)) {
        out->has_date = true;
        out->seconds = date.seconds;
        out->zone_minutes = date.zone_minutes;
    }
    if (!take_ours(&raw, &ours)) {
        take_header(&t, raw);
        out->is_internal = t.has_imap && t.is_internal_subject;
        return;
    }
    t.kind = MBOX_RD;
    take_status(&t, ours.status);
    take_status(&t, ours.x_status);
    take_keywords(&t, ours.keywords);
    if (ours.as_it_is.ptr)
        put_lines(&t, str_ends(raw, STR("\n")) ? str_head(raw, raw.len - 1) : raw, true);
    else
        put_lines(&t, raw, false);
}

// ---- putting

/// RFC 4155: "From " address, a space, and the date in UTC as ctime writes it.
static void put_from_line(struct buf *out, const struct mbox_envelope *envelope)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t at = envelope->seconds < 0 ? 0 : envelope->seconds, days_since = at / 86400, year;
    struct str sender = envelope->sender.len ? envelope->sender : STR("MAILER-DAEMON");
    unsigned second = (unsigned)(at % 86400), month, day;

    date_civil_from_days(days_since, &year, &month, &day);
    if (year > 9999)
        year = 9999;
    buf_put(out, STR("From "));
    for (size_t i = 0; i < sender.len; i++)
        buf_put_char(out, (unsigned char)sender.ptr[i] <= ' ' ? '-' : sender.ptr[i]);
    buf_putf(out, " %s %s %2u %02u:%02u:%02u %04u\n", days[days_since % 7], months[month - 1], day,
             second / 3600, second / 60 % 60, second % 60, (unsigned)year);
}

static void put_marks(struct buf *out, const struct mbox_envelope *envelope, bool is_clean)
{
    static const struct {
        unsigned flag;
        char letter;
    } letters[] = {
        {MBOX_ANSWERED, 'A'}, {MBOX_DELETED, 'D'}, {MBOX_FLAGGED, 'F'}, {MBOX_DRAFT, 'T'}};

    buf_putf(out, TOP_STATUS ": %sO\n" TOP_X_STATUS ":", envelope->flags & MBOX_SEEN ? "R" : "");
    for (size_t i = 0; i < 4; i++) {
        if (envelope->flags & letters[i].flag)
            buf_putf(out, "%s%c", str_ends(buf_str(out), STR(":")) ? " " : "", letters[i].letter);
    }
    buf_put(out, STR("\n" TOP_KEYWORDS ":"));
    for (size_t i = 0; i < envelope->keyword_count; i++)
        buf_putf(out, " %.*s", STR_ARG(envelope->keywords[i]));
    buf_put_char(out, '\n');
    if (!is_clean)
        buf_put(out, STR(TOP_AS_IT_IS ": " AS_IT_IS "\n"));
}

static void put_quoted(struct buf *out, struct str text, bool is_clean)
{
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) + 1 : text.len, i = 0;
        struct str line = str_head(text, len);

        while (i < len && line.ptr[i] == '>')
            i++;
        if (str_starts(str_skip(line, i), STR("From ")))
            buf_put_char(out, '>');
        if (is_clean)
            lines_put_lf(out, line);
        else
            buf_put(out, line);
        text = str_skip(text, len);
    }
}

/// A file of text lines can give it back: all its lines end, one of them its header, and its first
/// is not mistaken for a mark.
static bool is_clean_message(struct str message)
{
    struct str head = str_head(message, header_len(message));

    return lines_are_clean(message) && !str_starts(message, STR(TOP_AS_IT_IS)) &&
           str_ends(message, STR("\r\n")) &&
           (str_ends(head, STR("\n\r\n")) || str_eq(head, STR("\r\n")));
}

void mbox_message_put(struct buf *out, const struct mbox_envelope *envelope, struct str message)
{
    bool is_clean = is_clean_message(message);

    put_from_line(out, envelope);
    put_marks(out, envelope, is_clean);
    put_quoted(out, message, is_clean);
    buf_put(out, is_clean ? STR("\n") : STR("\n\n"));
}
