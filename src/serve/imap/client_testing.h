// SPDX-License-Identifier: ISC
//
// For tests of this room: a client that talks with the server of testing.h, line by line. Runs
// inside a task; what goes wrong ends the test.
#pragma once

#include "serve/imap/testing.h"

#include <stdio.h>

struct imap_client {
    struct rt_conn *conn;
    struct buf answer; // all lines of the last talk, each with \n
};

static inline void client_say(struct imap_client *c, struct str bytes)
{
    CHECK(rt_put(c->conn, bytes) == 0);
    CHECK(rt_flush(c->conn) == 0);
}

/// Lines up to the first that begins with `tag`.
static inline void client_hear(struct imap_client *c, const char *tag)
{
    buf_clear(&c->answer);
    while (true) {
        struct str line;

        CHECK(rt_line(c->conn, 1 << 20, &line) >= 0);
        buf_put(&c->answer, line);
        buf_put_char(&c->answer, '\n');
        if (str_starts(line, str_from(tag)))
            return;
    }
}

/// One command and its answer.
static inline void client_ask(struct imap_client *c, const char *command)
{
    CHECK(rt_putf(c->conn, "t %s\r\n", command) == 0);
    client_hear(c, "t ");
}

static inline bool client_heard(const struct imap_client *c, const char *text)
{
    if (str_find_str(buf_str(&c->answer), str_from(text)) >= 0)
        return true;
    (void)fprintf(stderr, "missing: %s\nin: %.*s\n", text,
                  STR_ARG(str_head(buf_str(&c->answer), 2000)));
    return false;
}

static inline bool client_heard_not(const struct imap_client *c, const char *text)
{
    return str_find_str(buf_str(&c->answer), str_from(text)) < 0;
}

static inline void client_sign_in(const struct imap_world *w, struct imap_client *c,
                                  const char *user)
{
    *c = (struct imap_client){0};
    buf_init(&c->answer, 64 << 20);
    CHECK(rt_dial("127.0.0.1", w->port, 5000, &c->conn) == 0);
    client_hear(c, "* OK");
    CHECK(rt_putf(c->conn, "t LOGIN %s \"tres tigres\"\r\n", user) == 0);
    client_hear(c, "t ");
    CHECK(client_heard(c, "t OK"));
}

static inline void client_hang_up(struct imap_client *c)
{
    rt_hang_up(c->conn);
    buf_done(&c->answer);
}

static inline void client_append(struct imap_client *c, const char *mailbox, struct str message)
{
    CHECK(rt_putf(c->conn, "t APPEND %s {%zu+}\r\n", mailbox, message.len) == 0);
    CHECK(rt_put(c->conn, message) == 0);
    CHECK(rt_put(c->conn, STR("\r\n")) == 0);
    client_hear(c, "t ");
    CHECK(client_heard(c, "t OK"));
}

/// The bytes of the literal that ends the first line heard, whose head is "{n}" or "~{n}".
static inline void client_literal(struct imap_client *c, struct buf *out)
{
    struct str line;
    uint64_t size;
    ptrdiff_t at;

    CHECK(rt_line(c->conn, 1 << 20, &line) == 0);
    buf_clear(&c->answer);
    buf_put(&c->answer, line);
    at = str_find_last(line, '{');
    CHECK(at >= 0 && str_ends(line, STR("}")));
    CHECK(str_to_u64(str_of(line.ptr + at + 1, line.len - (size_t)at - 2), UINT32_MAX, &size));
    buf_clear(out);
    while (out->len < size) {
        struct str bytes;

        CHECK(rt_peek(c->conn, &bytes) == 0);
        bytes = str_head(bytes, size - out->len);
        buf_put(out, bytes);
        rt_eat(c->conn, bytes.len);
    }
}
