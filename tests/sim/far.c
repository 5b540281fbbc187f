// SPDX-License-Identifier: ISC
#include "far.h"

#include "base/check.h"

#include <stdio.h>

enum { RCPTS_MAX = 100 };

struct session {
    struct far_side *far;
    char recipients[RCPTS_MAX][64];
    unsigned count;
    bool has_mail;
};

static bool chance(unsigned percent)
{
    return rt_random() % 100 < percent;
}

static int say(struct rt_conn *conn, const char *text)
{
    rt_putf(conn, "%s\r\n", text);
    return str_starts(str_from(text), STR("421")) ? RT_CLOSE : RT_NEXT;
}

static int on_open(void *session, struct rt_conn *conn)
{
    ((struct session *)session)->far = rt_conn_context(conn);
    return say(conn, chance(5) ? "421 4.3.2 not now" : "220 far.test ESMTP");
}

static int on_rcpt(struct session *s, struct rt_conn *conn, struct str line)
{
    ptrdiff_t from = str_find(line, '<'), end = str_find(line, '>');
    struct str address;

    CHECK(s->has_mail && from > 0 && end > from);
    address = str_of(line.ptr + from + 1, (size_t)(end - from - 1));
    if (str_starts(address, STR("gone")))
        return say(conn, "550 5.1.1 no such user");
    if (chance(10))
        return say(conn, "450 4.7.1 greylisted, come again");
    if (s->count == RCPTS_MAX)
        return say(conn, "452 4.5.3 too many");
    snprintf(s->recipients[s->count++], sizeof s->recipients[0], "%.*s", STR_ARG(address));
    return say(conn, "250 2.1.5 ok");
}

static void take(struct session *s, uint64_t number)
{
    for (unsigned i = 0; i < s->count; i++)
        ledger_taken(s->far->ledger, number, str_from(s->recipients[i]));
}

static int end_mail(struct session *s, struct rt_conn *conn, uint64_t number)
{
    if (chance(5))
        return say(conn, "451 4.3.0 trouble");
    if (s->far->is_rude && chance(3))
        return RT_CLOSE; // not taken, and no word of it
    take(s, number);
    return s->far->is_rude && chance(3) ? RT_CLOSE : say(conn, "250 2.0.0 taken");
}

static int on_data(struct session *s, struct rt_conn *conn)
{
    uint64_t number = UINT64_MAX;
    struct str line;
    int r;

    if (s->count == 0)
        return say(conn, "554 5.5.1 no recipients");
    say(conn, "354 go on");
    while ((r = rt_line(conn, 2000, &line)) == 0 && !str_eq(line, STR("."))) {
        if (number == UINT64_MAX && str_starts(line, STR("X-Number: ")))
            CHECK(str_to_u64(str_skip(line, 10), UINT32_MAX, &number));
    }
    if (r < 0)
        return RT_CLOSE; // no dot: nothing was taken
    // what has no number is no mail of a client; servers send none of their own to us
    CHECK(number != UINT64_MAX);
    r = end_mail(s, conn, number);
    s->has_mail = false;
    s->count = 0;
    return r;
}

static int on_command(void *session, struct rt_conn *conn)
{
    struct session *s = session;
    struct str line;

    if (rt_line(conn, 2000, &line) < 0 || (s->far->is_rude && chance(1)))
        return RT_CLOSE;
    if (str_case_starts(line, STR("EHLO")))
        return say(conn, "250-far.test\r\n250-PIPELINING\r\n250 8BITMIME");
    if (str_case_starts(line, STR("MAIL"))) {
        s->has_mail = true;
        s->count = 0;
        return say(conn, chance(3) ? "421 4.3.2 closing" : "250 2.1.0 ok");
    }
    if (str_case_starts(line, STR("RCPT")))
        return on_rcpt(s, conn, line);
    if (str_case_eq(line, STR("DATA")))
        return on_data(s, conn);
    if (str_case_eq(line, STR("RSET"))) {
        s->count = 0;
        return say(conn, "250 2.0.0 ok");
    }
    if (str_case_eq(line, STR("QUIT"))) {
        say(conn, "221 2.0.0 bye");
        return RT_CLOSE;
    }
    return say(conn, "502 5.5.1 no");
}

static int on_wake(void *session, struct rt_conn *conn, unsigned why)
{
    (void)session, (void)conn, (void)why;
    return RT_CLOSE;
}

static void on_close(void *session)
{
    (void)session;
}

static const struct rt_protocol protocol = {
    .name = "far",
    .session_size = sizeof(struct session),
    .open = on_open,
    .command = on_command,
    .wake = on_wake,
    .close = on_close,
    .idle_ms = 600000,
    .command_ms = 600000,
};

void far_side_open(struct far_side *far, struct rt *rt, const char *address)
{
    struct rt_listen what = {.address = address, .port = 25, .protocol = &protocol, .context = far};

    CHECK(rt_listen(rt, &what, NULL) == 0);
}
