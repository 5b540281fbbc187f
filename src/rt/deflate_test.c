// SPDX-License-Identifier: ISC
//
// Compressed connections, against a client that has zlib itself: plain, in TLS, and in a network
// that cuts every piece into bytes.
#include "base/check.h"
#include "rt/cert_for_test.h"
#include "rt/conn.h"
#include "rt/sim/sim.h"
#include "rt/tls.h"

#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

enum place { PLAIN, IN_TLS, SIMULATED, PLACES };
enum { BIG_BYTES = 1 << 20, LINE_MAX_BYTES = 70000, PATIENCE_MS = 60000 };

struct world {
    struct rt *rt;
    enum place place;
    struct rt_tls *tls;
    struct rt_tls_client *tls_client;
    uint16_t port;
    bool is_plain; // "deflate" does nothing
    int last;      // how the last command of a session ended
    void (*talk)(struct world *w);
};

static struct {
    char dir[64], chain[96], key[96];
} files;

// ---- a server that says what it hears; "deflate", "plain" and "big" are orders

static int on_open(void *session, struct rt_conn *conn)
{
    (void)session;
    return rt_put(conn, STR("hello\r\n"));
}

static void put_big(struct rt_conn *conn)
{
    uint64_t x = 88172645463325252ULL;

    for (size_t i = 0; i < BIG_BYTES / 8; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        rt_putf(conn, i % 4 ? "%08x" : "same old", (unsigned)x);
    }
}

static int answer(struct world *w, struct rt_conn *conn)
{
    struct str line;

    w->last = rt_line(conn, LINE_MAX_BYTES, &line);
    if (w->last < 0)
        return w->last;
    if (str_eq(line, STR("deflate"))) {
        rt_put(conn, STR("deflating\r\n"));
        return w->last = w->is_plain ? 0 : rt_start_deflate(conn);
    }
    if (str_eq(line, STR("plain"))) {
        rt_put(conn, STR("plain again\r\n"));
        return w->last = rt_stop_deflate(conn);
    }
    if (str_eq(line, STR("big")))
        put_big(conn);
    else
        rt_put(conn, line);
    return rt_put(conn, STR("\r\n"));
}

static int on_command(void *session, struct rt_conn *conn)
{
    (void)session;
    return answer(rt_conn_context(conn), conn);
}

static const struct rt_protocol echo = {
    .name = "echo", .open = on_open, .command = on_command, .command_ms = 60000};

// ---- a client

struct client {
    struct world *w;
    struct rt_conn *conn;
    z_stream in, out;
    struct buf text; // heard, not yet looked at
};

static void send_raw(struct client *c, const void *bytes, size_t len)
{
    (void)rt_put(c->conn, str_of(bytes, len));
    (void)rt_flush(c->conn);
}

static size_t squeeze(struct client *c, struct str text, int flush, char *to, size_t max)
{
    c->out.next_in = (Bytef *)(uintptr_t)text.ptr;
    c->out.avail_in = (uInt)text.len;
    c->out.next_out = (Bytef *)to;
    c->out.avail_out = (uInt)max;
    CHECK(deflate(&c->out, flush) != Z_STREAM_ERROR && c->out.avail_out > 0);
    return max - c->out.avail_out;
}

static void say(struct client *c, struct str text)
{
    static char bytes[200000];

    send_raw(c, bytes, squeeze(c, text, Z_SYNC_FLUSH, bytes, sizeof(bytes)));
}

static void expand(struct client *c, struct str bytes)
{
    c->in.next_in = (Bytef *)(uintptr_t)bytes.ptr;
    c->in.avail_in = (uInt)bytes.len;
    do {
        char *room = buf_room(&c->text, 65536);
        int r;

        CHECK(room);
        c->in.next_out = (Bytef *)room;
        c->in.avail_out = 65536;
        r = inflate(&c->in, Z_SYNC_FLUSH);
        CHECK(r == Z_OK || r == Z_BUF_ERROR);
        buf_added(&c->text, 65536 - c->in.avail_out);
    } while (c->in.avail_out == 0);
}

/// The next line, inflated; it must be that one, if any is given. Its length.
static size_t hear(struct client *c, struct str expected)
{
    ptrdiff_t end;

    while ((end = str_find(buf_str(&c->text), '\n')) < 0) {
        struct str bytes;

        CHECK(rt_peek(c->conn, &bytes) == 0);
        expand(c, bytes);
        rt_eat(c->conn, bytes.len);
    }
    CHECK(end > 0 && c->text.ptr[end - 1] == '\r');
    if (expected.ptr)
        CHECK(str_eq(str_head(buf_str(&c->text), (size_t)end - 1), expected));
    buf_eat(&c->text, (size_t)end + 1);
    return (size_t)end - 1;
}

static void hear_plain(struct client *c, struct str expected)
{
    struct str line;

    CHECK(rt_line(c->conn, LINE_MAX_BYTES, &line) == 0 && str_eq(line, expected));
}

static void begin_with(struct world *w, struct client *c, alloc_func take, free_func give)
{
    *c = (struct client){.w = w};
    c->in.zalloc = c->out.zalloc = take;
    c->in.zfree = c->out.zfree = give;
    buf_init(&c->text, 4 * BIG_BYTES);
    CHECK(inflateInit2(&c->in, -15) == Z_OK);
    CHECK(deflateInit2(&c->out, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(rt_dial("127.0.0.1", w->port, 60000, &c->conn) == 0);
    if (w->place == IN_TLS)
        CHECK(rt_start_tls_client(c->conn, w->tls_client, "alpha.test") == 0);
    hear_plain(c, STR("hello"));
    send_raw(c, "deflate\r\n", 9);
    hear_plain(c, STR("deflating"));
}

static void begin(struct world *w, struct client *c)
{
    begin_with(w, c, NULL, NULL);
}

static void end(struct client *c)
{
    rt_hang_up(c->conn);
    inflateEnd(&c->in);
    deflateEnd(&c->out);
    buf_done(&c->text);
}

static void hear_end(struct client *c)
{
    struct str bytes;
    int r;

    while ((r = rt_peek(c->conn, &bytes)) == 0)
        rt_eat(c->conn, bytes.len);
    CHECK(r == -ECONNRESET || r == -EPIPE);
    end(c);
}

// ---- the frame

static int first(void *arg)
{
    struct world *w = arg;
    struct rt_scope scope;

    // Waiting for what does not come is a failure; the simulator finds that out by itself.
    rt_within(&scope, w->place == SIMULATED ? 3600 * 1000 * 24 : PATIENCE_MS);
    w->talk(w);
    rt_within_end(&scope);
    rt_stop(w->rt);
    return 0;
}

static void play(struct world *w)
{
    struct rt_config one = {.loops = 1};
    struct rt_sim_config config = rt_sim_calm;
    struct rt_listen listen = {.address = "127.0.0.1", .port = 0, .protocol = &echo, .context = w};

    config.bytewise = RT_SIM_PPM;
    config.events_max = 1u << 30;
    if (w->place == SIMULATED)
        assert_int_equal(rt_sim_new(7, &config, &w->rt), 0);
    else
        assert_int_equal(rt_new(&one, &w->rt), 0);
    listen.tls = w->place == IN_TLS ? w->tls : NULL;
    assert_int_equal(rt_listen(w->rt, &listen, &w->port), 0);
    assert_int_equal(rt_run(w->rt, first, w), 0);
    rt_free(w->rt);
}

static void in(enum place place, void (*talk)(struct world *w), int *last)
{
    struct rt_tls_certificate certificate = {files.chain, files.key};
    struct rt_tls_config config = {.certificates = &certificate, .count = 1};
    struct rt_tls_client_config trusting = {.verify = true, .ca_path = files.chain};
    struct world w = {.place = place, .talk = talk};

    assert_int_equal(rt_tls_new(&config, &w.tls, NULL), 0);
    assert_int_equal(rt_tls_client_new(&trusting, &w.tls_client, NULL), 0);
    play(&w);
    rt_tls_free(w.tls);
    rt_tls_client_free(w.tls_client);
    if (last)
        *last = w.last;
}

static void everywhere(void (*talk)(struct world *w))
{
    for (enum place place = PLAIN; place < PLACES; place++)
        in(place, talk, NULL);
}

// ---- the talks

static void talk_long(struct world *w)
{
    struct client c;
    char text[64];

    begin(w, &c);
    // The session is parked in between; both sides go on referring to what was said before.
    for (int i = 0; i < 200; i++) {
        int len = snprintf(text, sizeof(text), "a%d a line like the one before\r\n", i % 7);

        say(&c, str_of(text, (size_t)len));
        hear(&c, str_of(text, (size_t)len - 2));
    }
    CHECK(c.in.total_in < 200 * 20); // of 33 each: what was said before is made use of
    say(&c, STR("one\r\ntwo\r\nthr"));
    hear(&c, STR("one"));
    hear(&c, STR("two"));
    say(&c, STR("ee\r\n"));
    hear(&c, STR("three"));
    end(&c);
}

static void both_sides_go_on_where_they_were(void **state)
{
    (void)state;
    everywhere(talk_long);
}

static void talk_big(struct world *w)
{
    struct client c;

    begin(w, &c);
    for (int i = 0; i < 2; i++) {
        say(&c, STR("big\r\nsmall\r\n"));
        CHECK(hear(&c, (struct str){0}) == BIG_BYTES);
        hear(&c, STR("small"));
    }
    CHECK(c.in.total_out > 2 * BIG_BYTES && c.in.total_in < BIG_BYTES * 5 / 4);
    end(&c);
}

static void large_answers_arrive_whole(void **state)
{
    (void)state;
    in(PLAIN, talk_big, NULL);
    in(IN_TLS, talk_big, NULL);
}

static void talk_long_history(struct world *w)
{
    char *line = malloc(30000);
    struct client c;
    uint32_t x = 1;

    CHECK(line);
    for (size_t i = 0; i < 29998; i++)
        line[i] = (char)('a' + ((x = x * 1664525 + 1013904223) >> 24) % 26);
    memcpy(line + 29998, "\r\n", 2);
    begin(w, &c);
    for (int i = 0; i < 5; i++) {
        say(&c, str_of(line, 30000));
        hear(&c, str_of(line, 29998));
    }
    CHECK(c.out.total_out < 30000); // each refers back to the one before, 30,000 bytes away
    free(line);
    end(&c);
}

static void a_client_may_refer_far_back(void **state)
{
    (void)state;
    everywhere(talk_long_history);
}

static void talk_bomb(struct world *w)
{
    static char zeros[1 << 20];
    static char bytes[1 << 17];
    struct client c;
    size_t len = 0;

    begin(w, &c);
    for (int i = 0; i < 64; i++)
        len += squeeze(&c, str_of(zeros, sizeof(zeros)), Z_SYNC_FLUSH, bytes + len,
                       sizeof(bytes) - len);
    CHECK(len < 100000);
    send_raw(&c, bytes, len);
    hear_end(&c);
}

static void a_bomb_is_a_line_too_long(void **state)
{
    int last;

    (void)state;
    in(PLAIN, talk_bomb, &last);
    assert_int_equal(last, -EMSGSIZE);
}

static void talk_nonsense(struct world *w)
{
    struct client c;

    begin(w, &c);
    say(&c, STR("fine\r\n"));
    hear(&c, STR("fine"));
    send_raw(&c, "a LOGIN ana secret\r\n", 20); // in clear: no block begins so
    hear_end(&c);
}

static void nonsense_ends_the_connection(void **state)
{
    (void)state;
    everywhere(talk_nonsense);
}

static void talk_silence(struct world *w)
{
    struct client c;

    begin(w, &c);
    for (int i = 0; i < 65536 / 5 + 1; i++)
        (void)rt_put(c.conn, str_of("\0\0\0\xff\xff", 5)); // an empty block
    send_raw(&c, "", 0);
    hear_end(&c);
}

static void empty_blocks_for_ever_end_the_connection(void **state)
{
    (void)state;
    in(PLAIN, talk_silence, NULL);
    in(IN_TLS, talk_silence, NULL);
}

static void talk_end(struct world *w)
{
    char bytes[100];
    struct client c;

    begin(w, &c);
    send_raw(&c, bytes, squeeze(&c, STR("last\r\n"), Z_FINISH, bytes, sizeof(bytes)));
    hear(&c, STR("last"));
    hear_end(&c);
}

static void the_last_block_is_the_end_of_input(void **state)
{
    (void)state;
    everywhere(talk_end);
}

/// Takes the line byte by byte, and not one behind the flush that follows it.
static void hear_last(struct client *c, struct str expected)
{
    uint32_t mark = 0;

    while (mark != 0xffff) {
        struct str bytes;

        CHECK(rt_peek(c->conn, &bytes) == 0);
        mark = mark << 8 | (uint8_t)bytes.ptr[0];
        expand(c, str_head(bytes, 1));
        rt_eat(c->conn, 1);
    }
    hear(c, expected);
    CHECK(c->text.len == 0);
}

static void talk_plain_again(struct world *w)
{
    char bytes[200];
    struct client c;
    size_t len;

    begin(w, &c);
    say(&c, STR("squeezed\r\n"));
    hear(&c, STR("squeezed"));
    len = squeeze(&c, STR("plain\r\n"), Z_SYNC_FLUSH, bytes, sizeof(bytes));
    memcpy(bytes + len, "in clear\r\n", 10); // without waiting for the answer
    send_raw(&c, bytes, len + 10);
    hear_last(&c, STR("plain again"));
    hear_plain(&c, STR("in clear"));
    send_raw(&c, "deflate\r\n", 9);
    hear_plain(&c, STR("deflating"));
    end(&c);
}

static void compression_ends_at_a_flush(void **state)
{
    (void)state;
    everywhere(talk_plain_again);
}

static void talk_too_much(struct world *w)
{
    struct client c;

    begin(w, &c);
    say(&c, STR("plain\r\nnot in clear\r\n"));
    hear_end(&c);
}

static void what_is_compressed_behind_the_end_is_refused(void **state)
{
    int last;

    (void)state;
    for (enum place place = PLAIN; place < PLACES; place++) {
        in(place, talk_too_much, &last);
        assert_int_equal(last, -EPROTO);
    }
}

// ---- the price of a parked session

#if !defined(__SANITIZE_ADDRESS__)
enum { PARKED = 50, PRICE_MAX = 6 * 1024 };

static size_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/// So that the clients' states do not count.
static void *map(void *opaque, uInt items, uInt size)
{
    void *p = mmap(NULL, (size_t)items * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0);

    (void)opaque;
    return p == MAP_FAILED ? NULL : p;
}

static void unmap_not(void *opaque, void *p)
{
    (void)opaque;
    (void)p;
}

/// Bytes of both ends of a connection, the server's parked.
static size_t price_of(struct world *w, bool is_deflated)
{
    static struct client clients[PARKED];
    size_t before = 0, after;

    for (int i = 0; i < PARKED; i++) {
        struct client *c = &clients[i];

        if (i == 10) // by now the loop has what it keeps to lend
            before = in_use();
        begin_with(w, c, map, unmap_not);
        for (int turn = 0; turn < 50 && is_deflated; turn++) {
            say(c, STR("a1 UID FETCH 1:* (FLAGS)\r\n"));
            hear(c, STR("a1 UID FETCH 1:* (FLAGS)"));
        }
        CHECK(rt_sleep(1) == 0);
        buf_done(&c->text);
    }
    after = in_use();
    for (int i = 0; i < PARKED; i++)
        end(&clients[i]);
    return (after - before) / (PARKED - 10);
}

static void talk_price(struct world *w)
{
    size_t with, without;

    w->is_plain = true;
    price_of(w, false); // afterwards the loop has windows enough to lend
    without = price_of(w, false);
    w->is_plain = false;
    with = price_of(w, true);
    fprintf(stderr, "a parked session that is compressed costs %zu bytes more\n", with - without);
    CHECK(with - without < PRICE_MAX);
}
#endif

static void a_parked_session_keeps_little(void **state)
{
    (void)state;
#if !defined(__SANITIZE_ADDRESS__)
    in(PLAIN, talk_price, NULL);
#endif
}

static int make_files(void **state)
{
    (void)state;
    snprintf(files.dir, sizeof(files.dir), "/tmp/rt_deflate_test.XXXXXX");
    if (!mkdtemp(files.dir))
        return -1;
    snprintf(files.chain, sizeof(files.chain), "%s/chain.pem", files.dir);
    snprintf(files.key, sizeof(files.key), "%s/key.pem", files.dir);
    cert_for_test("DNS:alpha.test", files.chain, files.key);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(files.chain);
    unlink(files.key);
    return rmdir(files.dir);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_go_on_where_they_were),
        cmocka_unit_test(large_answers_arrive_whole),
        cmocka_unit_test(a_client_may_refer_far_back),
        cmocka_unit_test(a_bomb_is_a_line_too_long),
        cmocka_unit_test(nonsense_ends_the_connection),
        cmocka_unit_test(empty_blocks_for_ever_end_the_connection),
        cmocka_unit_test(the_last_block_is_the_end_of_input),
        cmocka_unit_test(compression_ends_at_a_flush),
        cmocka_unit_test(what_is_compressed_behind_the_end_is_refused),
        cmocka_unit_test(a_parked_session_keeps_little),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
