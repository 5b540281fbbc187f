// SPDX-License-Identifier: ISC
//
// Headers of the PROXY protocol, taken apart; and read from a connection, in front of plain text
// and of TLS, from a proxy and from others.
#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "rt/sim/sim.h"
#include "store/crc.h"
#include "listen/gate.h"
#include "listen/listen.h"
#include "listen/proxy.h"

// cmocka wants these four before its own header
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define FOUR "\xc0\x00\x02\x01\xc0\x00\x02\x09\xdc\x04\x01\xbb" // 192.0.2.1:56324 to 192.0.2.9:443

static void lines(void **state)
{
    static const struct {
        struct str line;
        bool is_right;
        const char *peer;
        uint16_t port;
    } ROWS[] = {
        {STR("PROXY TCP4 192.0.2.1 192.0.2.9 56324 443"), true, "192.0.2.1", 56324},
        {STR("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535"), true, "255.255.255.255",
         65535},
        {STR("PROXY TCP6 2001:db8::1 2001:db8::9 1 2"), true, "2001:db8::1", 1},
        {STR("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.9 1 2"), true, "192.0.2.1", 1},
        {STR("PROXY UNKNOWN"), true, "", 0},
        {STR("PROXY UNKNOWN ffff::1 ffff::2 65535 65535"), true, "", 0},
        {STR("PROXY"), false, "", 0},
        {STR("PROXY "), false, "", 0},
        {STR("PROXY UDP4 192.0.2.1 192.0.2.9 1 2"), false, "", 0},
        {STR("PROXY TCP4 192.0.2.1 192.0.2.9 1"), false, "", 0},
        {STR("PROXY TCP4 192.0.2.1 192.0.2.9 1 2 3"), false, "", 0},
        {STR("PROXY TCP4 192.0.2.1 192.0.2.9 65536 2"), false, "", 0},
        {STR("PROXY TCP4 192.0.2.1 192.0.2.9 -1 2"), false, "", 0},
        {STR("PROXY TCP4 192.0.2.256 192.0.2.9 1 2"), false, "", 0},
        {STR("PROXY TCP4 2001:db8::1 192.0.2.9 1 2"), false, "", 0},
        {STR("PROXY TCP6 192.0.2.1 2001:db8::9 1 2"), false, "", 0},
        {STR("PROXY  TCP4 192.0.2.1 192.0.2.9 1 2"), false, "", 0},
        {STR("PROXY TCP4 192.0.2.1 192.0.2.9 1 2\r"), false, "", 0},
        {STR("PROXY TCP4 192.0.2.1\0 192.0.2.9 1 2"), false, "", 0},
        {STR("proxy TCP4 192.0.2.1 192.0.2.9 1 2"), false, "", 0},
    };
    struct proxy_header h;
    (void)state;

    for (size_t i = 0; i < COUNT(ROWS); i++) {
        if (listen_proxy_parse_line(ROWS[i].line, &h) != ROWS[i].is_right)
            fail_msg("%.*s", STR_ARG(ROWS[i].line));
        if (!ROWS[i].is_right)
            continue;
        assert_string_equal(h.peer, ROWS[i].peer);
        assert_int_equal(h.peer_port, ROWS[i].port);
    }
}

static void headers(void **state)
{
    static const struct {
        struct str bytes;
        bool is_right;
        const char *peer;
    } ROWS[] = {
        {STR(SIGNATURE "\x21\x11\x00\x0c" FOUR), true, "192.0.2.1"},
        {STR(SIGNATURE "\x20\x00\x00\x00"), true, ""},
        {STR(SIGNATURE "\x20\x11\x00\x0c" FOUR), true, ""}, // LOCAL: addresses are ignored
        {STR(SIGNATURE "\x21\x00\x00\x03xyz"), true, ""},   // UNSPEC: the rest is ignored
        {STR(SIGNATURE "\x21\x21\x00\x24"
                       "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
                       "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09\x00\x01\x00\x02"),
         true, "2001:db8::1"},
        // TLVs are skipped
        {STR(SIGNATURE "\x21\x11\x00\x16" FOUR "\x02\x00\x04mail\x04\x00\x00"), true, "192.0.2.1"},
        // and must be whole
        {STR(SIGNATURE "\x21\x11\x00\x12" FOUR "\x02\x00\x04mai"), false, ""},
        {STR(SIGNATURE "\x21\x11\x00\x0e" FOUR "\x02\x00"), false, ""},
        {STR(SIGNATURE "\x21\x11\x00\x13" FOUR "\x03\x00\x04\0\0\0\0"), false, ""}, // CRC
        {STR(SIGNATURE "\x21\x11\x00\x12" FOUR "\x03\x00\x03\0\0\0"), false, ""},
        {STR(SIGNATURE "\x11\x11\x00\x0c" FOUR), false, ""}, // version 1 in binary
        {STR(SIGNATURE "\x22\x11\x00\x0c" FOUR), false, ""}, // no such command
        {STR(SIGNATURE "\x21\x12\x00\x0c" FOUR), false, ""}, // UDP
        {STR(SIGNATURE "\x21\x41\x00\x0c" FOUR), false, ""},
        {STR(SIGNATURE "\x21\x11\x00\x0b\xc0\x00\x02\x01\xc0\x00\x02\x09\xdc\x04\x01"), false, ""},
        {STR(SIGNATURE "\x21\x21\x00\x0c" FOUR), false, ""},
        {STR(SIGNATURE "\x21\x11\xff\xff" FOUR), false, ""},
        {STR(SIGNATURE "\x21\x11\x00"), false, ""},
        {STR("\r\n\r\n\0\r\nQUIX\n\x21\x11\x00\x0c" FOUR), false, ""},
    };
    struct proxy_header h;
    (void)state;

    for (size_t i = 0; i < COUNT(ROWS); i++) {
        if (listen_proxy_parse_binary(ROWS[i].bytes, &h) != ROWS[i].is_right)
            fail_msg("row %zu", i);
        if (ROWS[i].is_right)
            assert_string_equal(h.peer, ROWS[i].peer);
    }
}

static void a_checksum_is_looked_at(void **state)
{
    char bytes[] = SIGNATURE "\x21\x11\x00\x13" FOUR "\x03\x00\x04\0\0\0\0";
    size_t len = sizeof bytes - 1;
    uint32_t crc = crc32c(0, bytes, len);
    struct proxy_header h;
    (void)state;

    for (size_t i = 0; i < 4; i++)
        bytes[len - 4 + i] = (char)(crc >> (24 - 8 * i));
    assert_true(listen_proxy_parse_binary(str_of(bytes, len), &h));
    bytes[PROXY_V2_HEAD]++;
    assert_false(listen_proxy_parse_binary(str_of(bytes, len), &h));
}

// ---- on a connection

/// What the session at the other end answers: who it thinks we are.
static int tell_peer(void *session, struct rt_conn *conn)
{
    (void)session;
    rt_putf(conn, "%.*s %u %.*s\r\n", STR_ARG(rt_conn_peer(conn)),
            (unsigned)rt_conn_peer_port(conn), STR_ARG(rt_conn_local(conn)));
    return RT_NEXT;
}

static int echo(void *session, struct rt_conn *conn)
{
    struct str line;
    int r = rt_line(conn, 1000, &line);

    (void)session;
    if (r < 0)
        return r;
    rt_putf(conn, "%.*s\r\n", STR_ARG(line));
    return RT_NEXT;
}

static const struct rt_protocol teller = {
    .name = "imap",
    .open = tell_peer,
    .command = echo,
    .idle_ms = 60000,
    .command_ms = 60000,
};

struct stage {
    struct rt *rt;
    struct listen *listen;
    const char *proxies;
    struct str said; // by the client, at once
    char got[2][200];
};

/// Greeting and two lines, as far as they come.
static int talk(void *arg)
{
    struct stage *s = arg;
    struct str item = str_from(s->proxies), address = STR("127.0.0.1");
    struct listen_config config = {
        .addresses = {&address, 1},
        .imap = LISTEN_ANY_PORT,
        .peer_max = 10,
        .lmtp = STR(""),
        .proxy_networks = {&item, s->proxies ? 1 : 0},
    };
    struct listen_services services = {.imap = &teller};
    CLEANUP(buf_drop) struct buf why = {.max = 1000};
    struct rt_conn *conn;
    struct str line;

    CHECK(listen_open(s->rt, &config, &services, &s->listen, &why) == 0);
    CHECK(rt_dial("127.0.0.1", listen_port(s->listen, LISTEN_IMAP), 5000, &conn) == 0);
    rt_put(conn, s->said);
    rt_flush(conn);
    for (int i = 0; i < 2 && rt_line(conn, 199, &line) == 0; i++)
        memcpy(s->got[i], line.ptr, line.len);
    rt_hang_up(conn);
    rt_drain(s->rt, 1000);
    return 0;
}

static void play(struct stage *s, uint64_t seed)
{
    struct rt_sim_config config = rt_sim_calm;

    config.bytewise = seed % 2 ? RT_SIM_PPM : 0;
    config.dial_from = "127.0.0.1";
    CHECK(rt_sim_new(seed, &config, &s->rt) == 0);
    log_set_level(LOG_ERROR);
    CHECK(rt_run(s->rt, talk, s) == 0);
    rt_free(s->rt);
    listen_free(s->listen);
}

static void connections(void **state)
{
    static const struct {
        const char *proxies;
        struct str said;
        const char *first; // "": closed without a word
        const char *second;
    } ROWS[] = {
        {"127.0.0.0/8", STR("PROXY TCP4 192.0.2.1 192.0.2.9 56324 25\r\nhi\r\n"),
         "192.0.2.1 56324 192.0.2.9", "hi"},
        {"127.0.0.1", STR(SIGNATURE "\x21\x11\x00\x0c" FOUR "hi\r\n"), "192.0.2.1 56324 192.0.2.9",
         "hi"},
        {"127.0.0.1", STR("PROXY UNKNOWN\r\nhi\r\n"), "127.0.0.1 *", "hi"},
        {"127.0.0.1", STR(SIGNATURE "\x20\x00\x00\x00hi\r\n"), "127.0.0.1 *", "hi"},
        // a proxy that does not say for whom is not heard
        {"127.0.0.1", STR("EHLO somebody.example\r\n"), "", ""},
        {"127.0.0.1", STR("PROXY TCP4 192.0.2.1\r\nhi\r\nhi again\r\n"), "", ""},
        {"127.0.0.1", STR("PROXY TCP4 192.0.2.1 192.0.2.9 56324 25\nhi\r\n"), "", ""},
        {"127.0.0.1",
         STR("PROXY UNKNOWN 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "
             "0123456789 0123456789 01234567890\r\nhi\r\n"),
         "", ""},
        {"127.0.0.1", STR("PROXY TC"), "", ""}, // and then nothing: five seconds
        {"127.0.0.1", STR(SIGNATURE "\x21\x11\x40\x01"), "", ""},
        // nobody else is believed
        {"192.0.2.0/24", STR("PROXY TCP4 192.0.2.1 192.0.2.9 56324 25\r\n"), "127.0.0.1 *",
         "PROXY TCP4 192.0.2.1 192.0.2.9 56324 25"},
        {NULL, STR("PROXY TCP4 192.0.2.1 192.0.2.9 56324 25\r\n"), "127.0.0.1 *",
         "PROXY TCP4 192.0.2.1 192.0.2.9 56324 25"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(ROWS) * 2; i++) {
        const char *first = ROWS[i / 2].first;
        struct stage s = {.proxies = ROWS[i / 2].proxies, .said = ROWS[i / 2].said};
        size_t len = strlen(first);

        play(&s, i + 2);
        if (len > 0 && first[len - 1] == '*')
            len--;
        if (strncmp(s.got[0], first, len) != 0 || (len == 0 && s.got[0][0]) ||
            strcmp(s.got[1], ROWS[i / 2].second) != 0)
            fail_msg("row %zu: '%s' '%s'", i / 2, s.got[0], s.got[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(headers),
        cmocka_unit_test(a_checksum_is_looked_at),
        cmocka_unit_test(connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
