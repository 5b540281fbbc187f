// SPDX-License-Identifier: ISC
//
// Plays the dialogs of receive: SMTP as MX (`mx`), submission and submission with TLS from the
// first byte (`submissions`).
#include "base/check.h"
#include "base/cleanup.h"
#include "receive/receive.h"
#include "player.h"
#include "world.h"

struct stage {
    struct world world;
    struct receive_config config;
    struct receive *receive;
    uint16_t ports[4];
    struct str dialog;
    bool byte_by_byte, is_fine;
    struct buf *why;
};

static bool set(void *arg, struct str name, struct str value, struct buf *why)
{
    struct stage *s = arg;
    struct str room;

    str_split(&name, '.', &room);
    if (str_eq(room, STR("receive")))
        return world_set(&s->world, &receive_settings, &s->config, name, value, why);
    if (str_eq(room, STR("account")))
        return world_set(&s->world, &account_settings, &s->world.account, name, value, why);
    if (str_eq(room, STR("route")))
        return world_set(&s->world, &route_settings, &s->world.route_config, name, value, why);
    buf_put(why, STR("no such room"));
    return false;
}

static uint16_t listen_as(struct stage *s, enum receive_role role, bool is_tls)
{
    struct rt_listen what = {.address = "127.0.0.1",
                             .protocol = &receive_smtp,
                             .context = receive_context(s->receive, role),
                             .tls = is_tls ? s->world.tls : NULL};
    uint16_t port;

    CHECK(rt_listen(s->world.rt, &what, &port) == 0);
    return port;
}

static void begin(struct stage *s)
{
    struct receive_doors doors = {.config = &s->config, .host_name = STR("mail.example.test")};

    world_open(&s->world);
    doors.accounts = s->world.accounts;
    doors.route = &s->world.route;
    doors.queue = &s->world.queue;
    doors.tls = s->world.tls;
    CHECK(receive_new(&doors, &s->receive) == 0);
    s->ports[0] = listen_as(s, RECEIVE_MX, false);
    s->ports[1] = listen_as(s, RECEIVE_SUBMISSION, false);
    s->ports[3] = listen_as(s, RECEIVE_LMTP, false);
    s->ports[2] = listen_as(s, RECEIVE_SUBMISSION, true);
}

static uint16_t serve(void *arg, struct str port_name)
{
    struct stage *s = arg;

    if (!s->receive)
        begin(s);
    if (str_eq(port_name, STR("mx")))
        return s->ports[0];
    if (str_eq(port_name, STR("submission")))
        return s->ports[1];
    if (str_eq(port_name, STR("lmtp")))
        return s->ports[3];
    return str_eq(port_name, STR("submissions")) ? s->ports[2] : 0;
}

static bool check(void *arg, struct str word, struct str rest, struct buf *why)
{
    return world_check(&((struct stage *)arg)->world, word, rest, why);
}

static int play_task(void *arg)
{
    struct stage *s = arg;
    struct player player = {.arg = s,
                            .port_name = "mx",
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
    world_defaults(&s->world, &receive_settings, &s->config);
    s->world.is_bytewise = byte_by_byte;
    s->dialog = dialog;
    s->byte_by_byte = byte_by_byte;
    s->why = why;
    CHECK(world_run(&s->world, play_task, s) == 0);
    is_fine = s->is_fine;
    receive_free(s->receive);
    world_done(&s->world);
    free(s);
    return is_fine;
}

int main(int argc, char **argv)
{
    return player_main(argc, argv, play);
}
