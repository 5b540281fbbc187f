// SPDX-License-Identifier: ISC
//
// One command and its responses. A response is collected with its literals in their places, except
// the message itself, which goes into a buffer of its own.
#include "base/cleanup.h"
#include "mail/charset.h"
#include "proto/imap/scan.h"
#include "fetch/session.h"

#include <errno.h>

// ---- saying

int fetch_say(struct fetch_session *s, struct str line)
{
    int r = s->is_dead ? -ECONNRESET : rt_put(s->conn, line);

    return r == 0 ? rt_put(s->conn, STR("\r\n")) : r;
}

int fetch_ask(struct fetch_session *s, struct str line, unsigned *out_tag)
{
    int r = s->is_dead ? -ECONNRESET : rt_putf(s->conn, "c%u ", ++s->tag);

    *out_tag = s->tag;
    return r == 0 ? fetch_say(s, line) : r;
}

bool fetch_put_quoted(struct buf *out, struct str text)
{
    buf_put_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '\r' || c == '\n' || c == '\0')
            return false;
        if (c == '"' || c == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, c);
    }
    buf_put_char(out, '"');
    return buf_ok(out);
}

// ---- hearing

static int hear_line(struct fetch_session *s)
{
    struct rt_scope scope;
    struct str line;
    int r;

    rt_within(&scope, FETCH_SILENCE_MS);
    r = rt_line(s->conn, FETCH_TEXT_MAX - 1, &line);
    rt_within_end(&scope);
    if (r < 0)
        return r;
    buf_put(&s->text, line);
    return r == RT_LINE_TOO_LONG || !buf_ok(&s->text) ? -EPROTO : 0;
}

/// `size` bytes: to the end of *to as far as it can hold them, the rest is read away.
static int hear_bytes(struct fetch_session *s, uint64_t size, struct buf *to)
{
    while (size > 0) {
        struct rt_scope scope;
        struct str bytes;
        int r;

        rt_within(&scope, FETCH_STALL_MS);
        r = rt_peek(s->conn, &bytes);
        rt_within_end(&scope);
        if (r < 0)
            return r;
        bytes = str_head(bytes, size < bytes.len ? (size_t)size : bytes.len);
        buf_put(to, bytes);
        rt_eat(s->conn, bytes.len);
        size -= bytes.len;
    }
    return 0;
}

/// The message, of which there is one in a response.
static int hear_body(struct fetch_session *s, const struct imap_literal *literal)
{
    int r;

    s->text.len -= s->text.len - literal->head_size;
    buf_put(&s->text, STR("NIL"));
    buf_clear(&s->body);
    s->body.max = s->body_max;
    s->has_literal = true;
    s->is_too_large = literal->size > s->body_max;
    r = hear_bytes(s, literal->size, &s->body);
    if (s->is_too_large)
        buf_clear(&s->body);
    return r;
}

/// A line and, if it ends in a literal, that. 1 when more of the response follows.
static int hear_piece(struct fetch_session *s)
{
    struct imap_literal literal;
    size_t begin = s->text.len;
    int r = hear_line(s);

    if (r < 0 || !imap_line_literal(str_skip(buf_str(&s->text), begin), &literal))
        return r;
    literal.head_size += begin;
    if (s->body_max && !s->has_literal &&
        imap_response_has_body(str_head(buf_str(&s->text), literal.head_size)))
        r = hear_body(s, &literal);
    else if (literal.size > FETCH_TEXT_MAX)
        r = -EPROTO;
    else {
        buf_put(&s->text, STR("\r\n"));
        r = hear_bytes(s, literal.size, &s->text);
    }
    return r < 0 ? r : buf_ok(&s->text) ? 1 : -EPROTO;
}

static int hear(struct fetch_session *s)
{
    int r;

    buf_clear(&s->text);
    arena_reset(&s->arena);
    s->has_literal = s->is_too_large = false;
    do {
        r = hear_piece(s);
    } while (r == 1);
    if (r == 0 && !imap_response_parse(buf_str(&s->text), &s->arena, &s->response))
        r = -EPROTO;
    if (r == 0 && s->response.kind == IMAP_SAYS_CONDITION && s->response.condition == IMAP_BYE) {
        fetch_note(s);
        r = -ECONNRESET;
    }
    return r;
}

int fetch_hear(struct fetch_session *s)
{
    int r = s->is_dead ? -ECONNRESET : hear(s);

    s->is_dead = s->is_dead || r < 0;
    if (r == 0)
        fetch_note_capability(s);
    return r;
}

bool fetch_is_end(const struct fetch_session *s, unsigned tag)
{
    char text[16];
    int len = snprintf(text, sizeof text, "c%u", tag);

    return s->response.kind == IMAP_SAYS_TAGGED &&
           str_case_eq(s->response.tag, str_of(text, (size_t)len));
}

int fetch_command(struct fetch_session *s, struct str line, int (*each)(void *arg), void *arg)
{
    unsigned tag;
    int r = fetch_ask(s, line, &tag);

    for (size_t i = 0; r == 0 && i < FETCH_RESPONSES_MAX; i++) {
        r = fetch_hear(s);
        if (r == 0 && fetch_is_end(s, tag)) {
            if (s->response.condition == IMAP_OK)
                return 0;
            fetch_note(s);
            return FETCH_NO;
        }
        if (r == 0 && each)
            r = each(arg);
    }
    return r == 0 ? -EPROTO : r;
}

// ---- words

void fetch_note(struct fetch_session *s)
{
    struct str text = str_head(s->response.text, 300);

    buf_clear(&s->words);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        buf_put_char(&s->words, c < ' ' || c > 126 ? '?' : (char)c);
    }
}

const char *fetch_words(const struct fetch_session *s)
{
    return s->words.len ? buf_cstr((struct buf *)&s->words) : "it does not say why";
}

void fetch_note_capability(struct fetch_session *s)
{
    struct str words = STR_NONE;

    if (s->response.kind == IMAP_SAYS_CAPABILITY)
        words = s->response.text;
    else if (str_case_starts(s->response.code, STR("CAPABILITY ")))
        words = str_skip(s->response.code, 11);
    if (!words.ptr)
        return;
    buf_clear(&s->capability);
    buf_put(&s->capability, words);
}

bool fetch_can(const struct fetch_session *s, const char *word)
{
    return imap_response_has_word(buf_str(&s->capability), str_from(word));
}
