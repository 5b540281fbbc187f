// SPDX-License-Identifier: ISC
//
// For tests of the way out: a server on the simulated network that takes mail and writes down who
// sent what to whom and when, and does as it is told for each command.
#pragma once

#include "base/check.h"
#include "rt/conn.h"
#include "rt/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

enum { FAR_MAILS_MAX = 4096, FAR_TEXT_MAX = 128, FAR_RCPTS_MAX = 200 };

struct far_mail {
    char sender[FAR_TEXT_MAX];
    char first[FAR_TEXT_MAX]; // recipient
    size_t rcpts;
    size_t size;
    uint64_t at_us;
    uint64_t connection;
};

struct far;
/// What it answers: a text without line end; NULL: as usual; "!": hangs up without a word.
/// `line` is the command; "" is the greeting; "." the end of the message.
typedef const char *(*far_fn)(struct far *far, struct str line);

struct far {
    const char *name;
    far_fn fn;
    uint32_t delay_ms; // before the answer to the dot
    struct far_mail *mails;
    size_t mail_count, rcpt_count;
    unsigned connections, connections_now, connections_most;
    unsigned number; // for the tests' own counting
    const char *offer;
};

struct far_session {
    struct far *far;
    struct far_mail mail;
    uint64_t connection;
};

static inline bool far_say(struct far_session *s, struct rt_conn *conn, struct str line,
                           const char *usual)
{
    const char *text = s->far->fn ? s->far->fn(s->far, line) : NULL;

    if (!text)
        text = usual;
    if (strcmp(text, "!") == 0)
        return false;
    rt_putf(conn, "%s\r\n", text);
    return strncmp(text, "421", 3) != 0;
}

static inline int far_open(void *session, struct rt_conn *conn)
{
    struct far_session *s = session;
    unsigned now;

    s->far = rt_conn_context(conn);
    s->connection = __atomic_add_fetch(&s->far->connections, 1, __ATOMIC_RELAXED);
    now = __atomic_add_fetch(&s->far->connections_now, 1, __ATOMIC_RELAXED);
    if (now > __atomic_load_n(&s->far->connections_most, __ATOMIC_RELAXED))
        __atomic_store_n(&s->far->connections_most, now, __ATOMIC_RELAXED);
    return far_say(s, conn, STR(""), "220 far ESMTP") ? RT_NEXT : RT_CLOSE;
}

static inline void far_close(void *session)
{
    struct far_session *s = session;

    if (s->far)
        __atomic_fetch_sub(&s->far->connections_now, 1, __ATOMIC_RELAXED);
}

static inline void far_copy(char to[FAR_TEXT_MAX], struct str line)
{
    ptrdiff_t from = str_find(line, '<'), end = str_find(line, '>');

    CHECK(from >= 0 && end > from);
    snprintf(to, FAR_TEXT_MAX, "%.*s", (int)(end - from - 1), line.ptr + from + 1);
}

static inline int far_data(struct far_session *s, struct rt_conn *conn)
{
    struct str line;

    if (!far_say(s, conn, STR("DATA"), "354 go on"))
        return RT_CLOSE;
    while (rt_line(conn, 10000, &line) >= 0) {
        if (str_eq(line, STR("."))) {
            if (s->far->delay_ms)
                rt_sleep(s->far->delay_ms);
            if (!far_say(s, conn, STR("."), "250 2.0.0 ok"))
                return RT_CLOSE;
            s->mail.at_us = rt_now_us();
            s->mail.connection = s->connection;
            if (s->far->mails) {
                CHECK(s->far->mail_count < FAR_MAILS_MAX);
                s->far->mails[s->far->mail_count++] = s->mail;
            }
            __atomic_fetch_add(&s->far->rcpt_count, s->mail.rcpts, __ATOMIC_RELAXED);
            return RT_NEXT;
        }
        s->mail.size += line.len + 2;
    }
    return RT_CLOSE;
}

static inline int far_command(void *session, struct rt_conn *conn)
{
    struct far_session *s = session;
    const char *ehlo = s->far->offer ? s->far->offer : "250 PIPELINING";
    struct str line;
    char whole[FAR_TEXT_MAX * 2], answer[512];

    if (rt_line(conn, 10000, &line) < 0)
        return RT_CLOSE;
    snprintf(whole, sizeof(whole), "%.*s", STR_ARG(line));
    line = str_from(whole);
    if (str_case_starts(line, STR("EHLO"))) {
        snprintf(answer, sizeof(answer), "250-%s\r\n%s", s->far->name ? s->far->name : "far", ehlo);
        return far_say(s, conn, line, answer) ? RT_NEXT : RT_CLOSE;
    }
    if (str_case_starts(line, STR("MAIL"))) {
        s->mail = (struct far_mail){0};
        far_copy(s->mail.sender, line);
        return far_say(s, conn, line, "250 2.1.0 ok") ? RT_NEXT : RT_CLOSE;
    }
    if (str_case_starts(line, STR("RCPT"))) {
        const char *text = s->far->fn ? s->far->fn(s->far, line) : NULL;

        if (text && strcmp(text, "!") == 0)
            return RT_CLOSE;
        rt_putf(conn, "%s\r\n", text ? text : "250 2.1.5 ok");
        if (text && strncmp(text, "250", 3) != 0)
            return strncmp(text, "421", 3) == 0 ? RT_CLOSE : RT_NEXT;
        if (s->mail.rcpts++ == 0)
            far_copy(s->mail.first, line);
        return RT_NEXT;
    }
    if (str_case_eq(line, STR("DATA"))) {
        if (s->mail.rcpts == 0) {
            rt_put(conn, STR("554 5.5.1 no valid recipients\r\n"));
            return RT_NEXT;
        }
        return far_data(s, conn);
    }
    if (str_case_eq(line, STR("RSET"))) {
        s->mail = (struct far_mail){0};
        return far_say(s, conn, line, "250 2.0.0 ok") ? RT_NEXT : RT_CLOSE;
    }
    if (str_case_eq(line, STR("QUIT"))) {
        rt_put(conn, STR("221 2.0.0 bye\r\n"));
        return RT_CLOSE;
    }
    rt_put(conn, STR("502 5.5.1 no such command\r\n"));
    return RT_NEXT;
}

static inline int far_wake(void *session, struct rt_conn *conn, unsigned why)
{
    (void)session;
    (void)conn;
    (void)why;
    return RT_CLOSE;
}

static const struct rt_protocol far_protocol = {
    .name = "far",
    .session_size = sizeof(struct far_session),
    .open = far_open,
    .command = far_command,
    .wake = far_wake,
    .close = far_close,
};

static inline void far_start(struct far *far, struct rt *rt, const char *address)
{
    struct rt_listen what = {
        .address = address, .port = 25, .protocol = &far_protocol, .context = far};

    far->mails = calloc(FAR_MAILS_MAX, sizeof(*far->mails));
    CHECK(far->mails && rt_listen(rt, &what, NULL) == 0);
}
