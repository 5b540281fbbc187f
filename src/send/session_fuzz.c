// SPDX-License-Identifier: ISC
//
// Any bytes as what a server says, to a session that sends a mail to three people. First byte: how
// they travel (1 single bytes, 2 LMTP, 4 a large message, 8 8-bit); then what is said at once, and
// after each 0xff what is said when the client has spoken again. Whatever it is,
//  - the session ends, within hours of virtual time;
//  - each recipient has an outcome whose verdict is its code's, in clean words.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "rt/sim/sim.h"
#include "send/send.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTEWISE = 1, LMTP = 2, LARGE = 4, EIGHT_BIT = 8 };
enum { SMALL_BYTES = 60, LARGE_BYTES = 300000, HOURS_US = 4 * 3600 * 1000000ULL };

struct fuzz {
    struct rt *rt;
    struct str script; // not said yet
    uint8_t flags;
};

struct talk {
    struct fuzz *fuzz;
};

// ---- the server

static int say_next(struct fuzz *f, struct rt_conn *conn)
{
    struct str piece;

    if (!str_split(&f->script, '\xff', &piece))
        return RT_CLOSE;
    rt_put(conn, piece);
    return RT_NEXT;
}

static int on_open(void *session, struct rt_conn *conn)
{
    struct talk *t = session;

    t->fuzz = rt_conn_context(conn);
    return say_next(t->fuzz, conn);
}

static int on_command(void *session, struct rt_conn *conn)
{
    struct talk *t = session;
    struct str in;
    int r = rt_peek(conn, &in);

    if (r < 0)
        return r;
    rt_eat(conn, in.len);
    return say_next(t->fuzz, conn);
}

static const struct rt_protocol FAR = {
    .name = "far", .session_size = sizeof(struct talk), .open = on_open, .command = on_command};

// ---- the client

static ssize_t read_message(void *arg, uint64_t offset, void *to, size_t len)
{
    const struct fuzz *f = arg;

    for (size_t i = 0; i < len; i++)
        ((char *)to)[i] = (offset + i) % 30 == 29 ? '\n' : f->flags & EIGHT_BIT ? '\xe9' : '.';
    return (ssize_t)len;
}

static void check_outcome(const struct outcome *o)
{
    CHECK(o->verdict == outcome_verdict(o->code) && o->code >= 200 && o->code <= 599);
    CHECK(o->verdict != DONE || o->code / 100 == 2);
    for (size_t i = 0; i < o->text.len; i++)
        CHECK((unsigned char)o->text.ptr[i] >= ' ' || o->text.ptr[i] == '\n');
}

static void send_one(struct fuzz *f, struct send_session *session, struct arena *arena)
{
    static const struct send_recipient TO[] = {{STR("a@example.test"), 0, STR("")},
                                               {STR("b@example.test"), 15, STR("rfc822;b")},
                                               {STR("c@ex\xc3\xa1mple.test"), 0, STR("")}};
    struct send_mail mail = {.sender = STR(""),
                             .recipients = TO,
                             .recipient_count = 3,
                             .size = f->flags & LARGE ? LARGE_BYTES : SMALL_BYTES,
                             .read = read_message,
                             .arg = f,
                             .body =
                                 f->flags & EIGHT_BIT ? ENVELOPE_BODY_8BITMIME : ENVELOPE_BODY_7BIT,
                             .envid = STR("x"),
                             .priority = 3};
    struct outcome outcomes[3];

    send_mail(session, &mail, arena, outcomes);
    for (int i = 0; i < 3; i++)
        check_outcome(&outcomes[i]);
}

static int client(void *arg)
{
    static const struct send_config CONFIG = {30000, 300000, 300000, 120000, 180000, 600000};
    static const char *const ADDRESSES[] = {"192.0.2.99"};
    struct fuzz *f = arg;
    struct send_server server = {.config = &CONFIG,
                                 .addresses = ADDRESSES,
                                 .address_count = 1,
                                 .port = 25,
                                 .name = "far.test",
                                 .is_lmtp = f->flags & LMTP,
                                 .helo = STR("client.test")};
    struct send_session *session;
    struct arena arena;
    struct outcome outcome;

    arena_init(&arena, 1 << 20);
    outcome = send_open(&server, &arena, &session, NULL);
    CHECK((outcome.verdict == DONE) == (session != NULL));
    for (int i = 0; i < 2 && session; i++)
        send_one(f, session, &arena);
    send_close(session);
    CHECK(rt_now_us() < HOURS_US);
    arena_done(&arena);
    rt_stop(f->rt);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rt_sim_config config = rt_sim_calm;
    struct fuzz f = {0};
    struct rt_listen what = {.address = "0.0.0.0", .port = 25, .protocol = &FAR, .context = &f};

    if (size < 2 || size > 16384)
        return 0;
    log_set_level(LOG_ERROR);
    f.flags = data[0];
    f.script = str_of(data + 1, size - 1);
    config.bytewise = (f.flags & BYTEWISE) && !(f.flags & LARGE) ? RT_SIM_PPM : 0;
    CHECK(rt_sim_new(data[0], &config, &f.rt) == 0);
    CHECK(rt_listen(f.rt, &what, NULL) == 0);
    CHECK(rt_run(f.rt, client, &f) == 0);
    rt_free(f.rt);
    return 0;
}
