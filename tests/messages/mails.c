// SPDX-License-Identifier: ISC
#include "mails.h"

#include "base/check.h"
#include "base/scan.h"

static bool next_line(struct str *rest, struct str *out)
{
    return rest->len > 0 && str_split(rest, '\n', out);
}

bool mails_next(struct str *rest, struct mail_case *out)
{
    struct str line, before;
    const char *start;

    do {
        if (!next_line(rest, &line))
            return false;
    } while (!str_starts(line, STR("== ")));
    out->name = str_skip(line, 3);
    start = rest->ptr;
    for (before = *rest; next_line(rest, &line); before = *rest) {
        if (str_starts(line, STR("== ")))
            break;
    }
    if (!rest->ptr || !str_starts(before, STR("== "))) // the last of the file
        before = STR_NONE;
    *rest = before;
    out->text = before.ptr ? str_of(start, (size_t)(before.ptr - start)) : str_from(start);
    return true;
}

// ---- escapes

static void put_unescaped(struct buf *out, struct str text);

// After "\{": "12*text}"
static void put_repeated(struct buf *out, struct scan *in)
{
    struct str text;
    uint64_t count;

    CHECK(scan_u64(in, 10000, &count) && scan_char(in, '*') &&
          scan_until(in, '}', SIZE_MAX, &text) && scan_char(in, '}'));
    while (count-- > 0)
        put_unescaped(out, text);
}

static char one_of(char c)
{
    switch (c) {
    case 'r':
        return '\r';
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case '0':
        return '\0';
    default:
        CHECK(c == '\\' || c == '"');
        return c;
    }
}

static void put_unescaped(struct buf *out, struct str text)
{
    struct scan in = scan_of(text);

    while (!scan_is_end(&in)) {
        char c = *in.at++;

        if (c != '\\') {
            buf_put_char(out, c);
            continue;
        }
        c = *in.at++;
        if (c == '{') {
            put_repeated(out, &in);
        } else if (c == 'x') {
            buf_put_char(out, (char)(char_hex(in.at[0]) << 4 | char_hex(in.at[1])));
            in.at += 2;
        } else {
            buf_put_char(out, one_of(c));
        }
    }
}

void mail_case_put_message(const struct mail_case *m, struct buf *out)
{
    struct str rest = m->text, line;

    while (next_line(&rest, &line)) {
        bool is_open;

        if (!str_starts(line, STR("|")))
            continue;
        is_open = str_ends(line, STR("\\.")); // no line end
        put_unescaped(out, str_head(str_skip(line, 1), line.len - 1 - (is_open ? 2 : 0)));
        if (!is_open)
            buf_put(out, STR("\r\n"));
    }
}

// ---- answers

bool mail_case_next_answer(struct str *at, struct mail_answer *out)
{
    struct str line, head;
    size_t len;

    do {
        if (!next_line(at, &line))
            return false;
    } while (line.len == 0 || strchr("|~#", line.ptr[0]));
    head = line;
    if (str_find(line, '[') > 0 && str_find(line, '[') < str_find(line, ' '))
        head = str_skip(line, (size_t)str_find(line, ']'));
    CHECK(str_find(head, ' ') > 0);
    len = (size_t)(head.ptr - line.ptr) + (size_t)str_find(head, ' ');
    *out = (struct mail_answer){str_head(line, len), str_skip(line, len + 1)};
    return true;
}

void mail_answer_put_want(const struct mail_answer *a, struct str message, struct buf *out)
{
    struct scan in = scan_of(a->want);
    uint64_t from, len;

    if (!scan_char(&in, '@')) {
        buf_put(out, a->want);
        return;
    }
    CHECK(scan_u64(&in, message.len, &from) && scan_char(&in, '+') &&
          scan_u64(&in, message.len - from, &len));
    mails_put_quoted(out, str_head(str_skip(message, from), len));
}

void mails_put_quoted(struct buf *out, struct str bytes)
{
    static const char named[] = "\r\n\t\0\\\"", names[] = "rnt0\\\"";

    buf_put_char(out, '"');
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        const char *name = memchr(named, c, sizeof(named) - 1);

        if (name)
            buf_putf(out, "\\%c", names[name - named]);
        else if (c < 32 || c >= 127)
            buf_putf(out, "\\x%02x", c);
        else
            buf_put_char(out, (char)c);
    }
    buf_put_char(out, '"');
}

// After the opening quote.
static void put_quoted_again(struct buf *out, struct scan *in)
{
    struct buf plain;

    buf_init(&plain, 1 << 20);
    while (!scan_is_end(in) && *in->at != '"') {
        if (*in->at == '\\')
            in->at++;
        buf_put_char(&plain, *in->at++);
    }
    CHECK(scan_char(in, '"'));
    mails_put_quoted(out, buf_str(&plain));
    buf_done(&plain);
}

void mails_put_response(struct buf *out, struct str response)
{
    struct scan in = scan_of(response);
    uint64_t len;

    while (!scan_is_end(&in)) {
        if (scan_char(&in, '"')) {
            put_quoted_again(out, &in);
        } else if (scan_char(&in, '{')) {
            CHECK(scan_u64(&in, SIZE_MAX, &len) && in.end - in.at >= 3 + (ptrdiff_t)len);
            mails_put_quoted(out, str_of(in.at + 3, len)); // "}", CRLF
            in.at += 3 + len;
        } else {
            buf_put_char(out, *in.at++);
        }
    }
}
