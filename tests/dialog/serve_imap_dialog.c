// SPDX-License-Identifier: ISC
//
// Plays the dialogs of serve/imap: `imap`, and `imaps` with TLS from the first byte.
#include "serve/imap/imap.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "access/access.h"
#include "player.h"
#include "world.h"

struct stage {
    struct world world;
    struct imap_config config;
    struct access *access;
    struct imap *imap;
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
    if (str_eq(room, STR("imap")))
        return world_set(&s->world, &imap_settings, &s->config, name, value, why);
    if (str_eq(room, STR("account")))
        return world_set(&s->world, &account_settings, &s->world.account, name, value, why);
    buf_put(why, STR("no such room"));
    return false;
}

static uint16_t listen_with(struct stage *s, struct rt_tls *tls)
{
    struct rt_listen what = {
        .address = "127.0.0.1", .protocol = &imap_protocol, .context = s->imap, .tls = tls};
    uint16_t port;

    CHECK(rt_listen(s->world.rt, &what, &port) == 0);
    return port;
}

static void begin(struct stage *s)
{
    struct imap_doors doors = {.rt = s->world.rt, .config = &s->config, .tls = s->world.tls};

    world_open(&s->world);
    doors.accounts = s->world.accounts;
    doors.store = s->world.store;
    CHECK(access_open(s->world.store, s->world.accounts, &s->access) == 0);
    doors.access = s->access;
    CHECK(imap_new(&doors, &s->imap) == 0);
    s->ports[0] = listen_with(s, NULL);
    s->ports[1] = listen_with(s, s->world.tls);
}

static uint16_t serve(void *arg, struct str port_name)
{
    struct stage *s = arg;

    if (!s->imap)
        begin(s);
    if (str_eq(port_name, STR("imap")))
        return s->ports[0];
    return str_eq(port_name, STR("imaps")) ? s->ports[1] : 0;
}

static bool check(void *arg, struct str word, struct str rest, struct buf *why)
{
    return world_check(&((struct stage *)arg)->world, word, rest, why);
}

static int play_task(void *arg)
{
    struct stage *s = arg;
    struct player player = {.arg = s,
                            .port_name = "imap",
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
    world_defaults(&s->world, &imap_settings, &s->config);
    s->world.account.plaintext_login = true; // a dialog about TLS turns it off
    s->dialog = dialog;
    s->byte_by_byte = byte_by_byte;
    s->why = why;
    CHECK(world_run(&s->world, play_task, s) == 0);
    is_fine = s->is_fine;
    imap_free(s->imap);
    access_close(s->access);
    world_done(&s->world);
    free(s);
    return is_fine;
}

int main(int argc, char **argv)
{
    return player_main(argc, argv, play);
}
