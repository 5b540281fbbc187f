// SPDX-License-Identifier: ISC
//
// Plays the dialogs of serve/pop3: `pop3`, and `pop3s` with TLS from the first byte. Its own words:
// `give ana BYTES` files a mail in INBOX, `expunge ana UID` removes one behind the session's back,
// `flags ana UID seen` or `none` looks, `held ana` signs in once more, which must be refused, and
// `idle` waits until no session holds a maildrop.
#include "serve/pop3/pop3.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "player.h"
#include "world.h"

#include <errno.h>

struct stage {
    struct world world;
    struct pop3_config config;
    struct pop3 *pop3;
    uint16_t ports[2];
    struct str dialog;
    bool byte_by_byte, is_fine;
    struct buf *why;
};

static bool set(void *arg, struct str name, struct str value, struct buf *why)
{
    struct stage *s = arg;
    struct str room;

    str_split(&name, '.', &room);
    if (str_eq(room, STR("pop3")))
        return world_set(&s->world, &pop3_settings, &s->config, name, value, why);
    if (str_eq(room, STR("account")))
        return world_set(&s->world, &account_settings, &s->world.account, name, value, why);
    buf_put(why, STR("no such room"));
    return false;
}

static uint16_t listen_with(struct stage *s, struct rt_tls *tls)
{
    struct rt_listen what = {
        .address = "127.0.0.1", .protocol = &pop3_protocol, .context = s->pop3, .tls = tls};
    uint16_t port;

    CHECK(rt_listen(s->world.rt, &what, &port) == 0);
    return port;
}

static void begin(struct stage *s)
{
    struct pop3_doors doors = {.config = &s->config, .tls = s->world.tls};

    world_open(&s->world);
    doors.accounts = s->world.accounts;
    doors.store = s->world.store;
    CHECK(pop3_new(&doors, &s->pop3) == 0);
    s->ports[0] = listen_with(s, NULL);
    s->ports[1] = listen_with(s, s->world.tls);
}

static uint16_t serve(void *arg, struct str port_name)
{
    struct stage *s = arg;

    if (!s->pop3)
        begin(s);
    if (str_eq(port_name, STR("pop3")))
        return s->ports[0];
    return str_eq(port_name, STR("pop3s")) ? s->ports[1] : 0;
}

static uint64_t account_of(struct stage *s, struct str name)
{
    CLEANUP(buf_drop) struct buf address = {.max = 256};
    struct account_info info;
    struct arena arena;

    arena_init(&arena, 1 << 20);
    buf_putf(&address, "%.*s@example.test", STR_ARG(name));
    CHECK(account_get(s->world.accounts, buf_str(&address), &arena, &info) == 0);
    arena_done(&arena);
    return info.id;
}

static void give(struct stage *s, struct str name, struct str text)
{
    CLEANUP(buf_drop) struct buf bytes = {.max = 16 << 20};
    struct store_put put = {.account_id = account_of(s, name), .name = STR("INBOX")};
    struct store_change *change = NULL;

    player_unescape(text, &bytes);
    CHECK(store_body_new(s->world.store, &put.body) == 0);
    CHECK(store_body_append(put.body, buf_str(&bytes)) == 0);
    CHECK(store_change_new(s->world.store, &change) == 0);
    store_change_put(change, &put);
    CHECK(store_commit(change) == 0);
    store_change_free(change);
    store_body_free(put.body);
}

static uint64_t inbox_of(struct stage *s, struct str name)
{
    struct store_mailbox inbox;

    CHECK(store_mailbox_by_name(s->world.store, account_of(s, name), STR("INBOX"), &inbox) == 0);
    return inbox.id;
}

static void expunge(struct stage *s, struct str name, uint32_t uid)
{
    struct store_range range = {uid, uid};
    struct store_expunging expunging = {.mailbox_id = inbox_of(s, name), .uids = {&range, 1}};
    struct store_change *change = NULL;

    CHECK(store_change_new(s->world.store, &change) == 0);
    store_change_expunge(change, &expunging);
    CHECK(store_commit(change) == 0 && expunging.count == 1);
    store_change_free(change);
}

static void check_flags(struct stage *s, struct str name, uint32_t uid, struct str flags,
                        struct buf *why)
{
    struct store_entries entries;
    bool is_seen;

    CHECK(store_entries_get(s->world.store, inbox_of(s, name), uid, uid, &entries) == 0);
    CHECK(entries.count == 1);
    is_seen = entries.items[0].flags & STORE_SEEN;
    store_entries_done(&entries);
    if (is_seen != str_eq(flags, STR("seen")))
        buf_put(why, is_seen ? STR("it is seen") : STR("it is not seen"));
}

/// Signs in over a connection of its own while the dialog's has the maildrop.
static void check_held(struct stage *s, struct str name, struct buf *why)
{
    struct rt_conn *conn;
    struct str line;

    CHECK(rt_dial("127.0.0.1", s->ports[0], 10000, &conn) == 0);
    CHECK(rt_line(conn, 512, &line) == 0);
    (void)rt_putf(conn, "USER %.*s@example.test\r\nPASS " WORLD_PASSWORD "\r\n", STR_ARG(name));
    CHECK(rt_line(conn, 512, &line) == 0 && rt_line(conn, 512, &line) == 0);
    if (!str_starts(line, STR("-ERR [IN-USE] ")))
        buf_putf(why, "the second session hears: %.*s", STR_ARG(line));
    rt_hang_up(conn);
}

static bool check(void *arg, struct str word, struct str rest, struct buf *why)
{
    struct stage *s = arg;
    struct str name = STR_NONE, number = STR_NONE, all = rest;
    uint64_t uid = 0;

    str_split(&rest, ' ', &name);
    if (str_eq(word, STR("give"))) {
        give(s, name, rest);
        return true;
    }
    if (str_eq(word, STR("held"))) {
        check_held(s, name, why);
        return true;
    }
    if (str_eq(word, STR("idle"))) {
        while (!pop3_is_idle(s->pop3))
            CHECK(rt_sleep(1) == 0);
        return true;
    }
    if (!str_eq(word, STR("expunge")) && !str_eq(word, STR("flags")))
        return world_check(&s->world, word, all, why);
    str_split(&rest, ' ', &number);
    CHECK(str_to_u64(number, UINT32_MAX, &uid));
    if (str_eq(word, STR("expunge")))
        expunge(s, name, (uint32_t)uid);
    else
        check_flags(s, name, (uint32_t)uid, rest, why);
    return true;
}

static int play_task(void *arg)
{
    struct stage *s = arg;
    struct player player = {.arg = s,
                            .port_name = "pop3",
                            .set = set,
                            .serve = serve,
                            .check = check,
                            .tls_client = s->world.tls_client};

    s->is_fine = player_play(&player, s->dialog, s->byte_by_byte, s->why);
    rt_drain(s->world.rt, 1000);
    return 0;
}

static bool play(struct str dialog, bool byte_by_byte, struct buf *why)
{
    struct stage *s = calloc(1, sizeof *s);
    bool is_fine;

    CHECK(s);
    world_init(&s->world);
    world_defaults(&s->world, &pop3_settings, &s->config);
    s->world.account.plaintext_login = true; // a dialog about TLS turns it off
    s->dialog = dialog;
    s->world.is_bytewise = byte_by_byte;
    s->byte_by_byte = byte_by_byte;
    s->why = why;
    CHECK(world_run(&s->world, play_task, s) == 0);
    is_fine = s->is_fine;
    pop3_free(s->pop3);
    world_done(&s->world);
    free(s);
    return is_fine;
}

int main(int argc, char **argv)
{
    return player_main(argc, argv, play);
}
