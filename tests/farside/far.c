// SPDX-License-Identifier: ISC
//
// The server that plays a row.
#include "far.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "mail/encoding.h"
#include "proto/smtp/text.h"

#include <stdio.h>
#include <stdlib.h>

enum { BABBLE = 100000, DRIP_MS = 60000 };

struct talk {
    struct rt_conn *conn;
    struct far *far;
    size_t next; // steps are looked for from here on, then from the first
    char line[512];
};

// ---- answers

static int babble(struct talk *t, const char *piece)
{
    for (int i = 0; i < BABBLE; i++) {
        if (rt_put(t->conn, str_from(piece)) < 0)
            break;
    }
    return RT_CLOSE;
}

static int drip(struct talk *t, const char *text)
{
    for (; *text; text++) {
        int r = rt_sleep(DRIP_MS);

        if (r == 0)
            r = rt_put(t->conn, str_of(text, 1));
        if (r == 0)
            r = rt_flush(t->conn);
        if (r < 0)
            return r;
    }
    return RT_NEXT;
}

static int say(struct talk *t, const char *text, int next)
{
    rt_put(t->conn, str_from(text));
    return next;
}

static int say_tls(struct talk *t, const char *text)
{
    int r;

    rt_put(t->conn, str_from(text));
    r = rt_start_tls(t->conn, t->far->tls);
    return r < 0 ? r : RT_NEXT;
}

/// Agrees to STARTTLS, but what comes then is not TLS.
static int say_junk(struct talk *t, const char *text)
{
    struct str in;
    int r;

    rt_put(t->conn, STR("220 go\r\n"));
    r = rt_peek(t->conn, &in);
    if (r < 0)
        return r;
    rt_eat(t->conn, in.len);
    return say(t, text, RT_CLOSE);
}

static int say_mute(struct talk *t, const char *text)
{
    rt_put(t->conn, str_from(text));
    rt_flush(t->conn);
    rt_sleep(24 * 3600 * 1000);
    return RT_CLOSE;
}

static int say_late(struct talk *t, const char *text)
{
    int r = rt_sleep(DRIP_MS);

    return r < 0 ? r : say(t, text, RT_NEXT);
}

/// A NUL in an answer stands as \1.
static int say_with_nuls(struct talk *t, const char *text)
{
    for (; *text; text++)
        rt_put(t->conn, *text == '\1' ? STR("\0") : str_of(text, 1));
    return RT_NEXT;
}

/// The challenge of SCRAM to the client's first message, with so many rounds.
static int say_rounds(struct talk *t, const char *rounds)
{
    CLEANUP(buf_drop) struct buf first = {.max = 1024}, text = {.max = 1024}, line = {.max = 2048};
    ptrdiff_t at = str_find_last(str_from(t->line), ' ');
    ptrdiff_t nonce;

    CHECK(encoding_decode_base64(&first, str_skip(str_from(t->line), (size_t)at + 1)));
    nonce = str_find_str(buf_str(&first), STR(",r="));
    CHECK(nonce >= 0);
    buf_putf(&text, "%.*sX,s=c2FsdA==,i=%s", STR_ARG(str_skip(buf_str(&first), (size_t)nonce + 1)),
             rounds);
    buf_put(&line, STR("334 "));
    encoding_put_base64(&line, buf_str(&text));
    buf_put(&line, STR("\r\n"));
    return say(t, buf_cstr(&line), RT_NEXT);
}

static int answer(struct talk *t, const char *text)
{
    static const struct {
        const char *word;
        int (*fn)(struct talk *t, const char *text);
    } WORDS[] = {{"!tls ", say_tls},   {"!drip ", drip},     {"!rounds ", say_rounds},
                 {"!late ", say_late}, {"!junk ", say_junk}, {"!mute ", say_mute}};

    if (strcmp(text, "!silent") == 0)
        return RT_NEXT;
    if (strcmp(text, "!close") == 0)
        return RT_CLOSE;
    if (strcmp(text, "!endless") == 0)
        return babble(t, "250-and on\r\n");
    if (strcmp(text, "!long") == 0)
        return babble(t, "250 and on and on and on and on ");
    if (strncmp(text, "!bye ", 5) == 0)
        return say(t, text + 5, RT_CLOSE);
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (strncmp(text, WORDS[i].word, strlen(WORDS[i].word)) == 0)
            return WORDS[i].fn(t, text + strlen(WORDS[i].word));
    }
    return say_with_nuls(t, text);
}

static bool fits(const struct talk *t, size_t at, struct str line)
{
    const char *own = at < FAR_STEPS_MAX ? t->far->row->steps[at].line : NULL;

    return own && str_starts(line, str_from(own));
}

/// Behind the last one taken, the last one again, or from the first: so that an answer lasts until
/// another one follows.
static const char *find_step(struct talk *t, struct str line)
{
    size_t at = t->next;

    while (at < FAR_STEPS_MAX && !fits(t, at, line))
        at++;
    if (at == FAR_STEPS_MAX && t->next > 0 && fits(t, t->next - 1, line))
        at = t->next - 1;
    if (at == FAR_STEPS_MAX) {
        at = 0;
        while (at < FAR_STEPS_MAX && !fits(t, at, line))
            at++;
    }
    if (at == FAR_STEPS_MAX)
        return NULL;
    t->next = at + 1;
    return t->far->row->steps[at].answer;
}

static int answer_line(struct talk *t, struct str line)
{
    const char *text = find_step(t, line);

    snprintf(t->line, sizeof t->line, "%.*s", STR_ARG(line));
    if (!text && str_starts(line, STR("QUIT")))
        return say(t, "221 bye\r\n", RT_CLOSE);
    if (!text && str_starts(line, STR("RSET")))
        return say(t, "250 2.0.0 ok\r\n", RT_NEXT);
    return answer(t, text ? text : "500 5.5.2 not in the script\r\n");
}

// ---- messages

static bool has_step(const struct talk *t, const char *line)
{
    for (size_t i = 0; i < FAR_STEPS_MAX; i++) {
        const char *own = t->far->row->steps[i].line;

        if (own && strcmp(own, line) == 0)
            return true;
    }
    return false;
}

static int take_data(struct talk *t)
{
    bool interrupts = has_step(t, "!body");
    struct smtp_dot dot = {0};

    while (!smtp_dot_is_end(&dot)) {
        struct str in, left, piece;
        int r = rt_peek(t->conn, &in);

        if (r < 0)
            return r;
        left = in;
        while (smtp_dot_next(&dot, &left, &piece))
            buf_put(&t->far->got, piece);
        rt_eat(t->conn, in.len - left.len);
        if (interrupts && !smtp_dot_is_end(&dot)) {
            interrupts = false;
            r = answer_line(t, STR("!body"));
            if (r != RT_NEXT)
                return r;
            rt_flush(t->conn);
        }
    }
    t->far->kept++;
    return answer_line(t, STR("."));
}

static int take_bytes(struct talk *t, uint64_t len)
{
    while (len > 0) {
        struct str in;
        int r = rt_peek(t->conn, &in);

        if (r < 0)
            return r;
        in = str_head(in, len);
        buf_put(&t->far->got, in);
        len -= in.len;
        rt_eat(t->conn, in.len);
    }
    return 0;
}

static int take_chunk(struct talk *t, struct str line)
{
    struct str rest = str_skip(line, 5), number;
    const char *text;
    bool is_last;
    uint64_t len;
    int r;

    CHECK(str_split(&rest, ' ', &number) && str_to_u64(number, 1 << 30, &len));
    is_last = str_eq(rest, STR("LAST"));
    r = take_bytes(t, len);
    if (r < 0)
        return r;
    text = find_step(t, is_last ? STR("LAST") : STR("BDAT"));
    t->far->kept += is_last && text && text[0] == '2';
    return answer(t, text ? text : "503 5.5.1 not in the script\r\n");
}

// ---- the session

static int on_open(void *session, struct rt_conn *conn)
{
    struct talk *t = session;

    t->conn = conn;
    t->far = rt_conn_context(conn);
    t->far->connections++;
    return answer(t, t->far->row->greeting);
}

static int on_command(void *session, struct rt_conn *conn)
{
    struct talk *t = session;
    CLEANUP(buf_drop) struct buf copy = {.max = 8192};
    const char *text;
    struct str line;
    int r = rt_line(conn, 8000, &line);

    if (r < 0)
        return r;
    buf_put(&copy, line);
    if (str_starts(line, STR("BDAT ")))
        return take_chunk(t, buf_str(&copy));
    if (!str_starts(line, STR("DATA")))
        return answer_line(t, line);
    text = find_step(t, line);
    r = answer(t, text ? text : "500 5.5.2 not in the script\r\n");
    return r == RT_NEXT && text && strncmp(text, "354", 3) == 0 ? take_data(t) : r;
}

const struct rt_protocol far_protocol = {
    .name = "far", .session_size = sizeof(struct talk), .open = on_open, .command = on_command};
