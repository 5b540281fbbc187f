// SPDX-License-Identifier: ISC
//
// Reload: a new configuration is read and checked whole, the certificates are read again, and only
// when all of that was right do the rooms get their new settings. Nobody is disconnected.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "trace/trace.h"
#include "search/search.h"
#include "deliver/deliver.h"
#include "send/send.h"
#include "receive/receive.h"
#include "serve/imap/imap.h"
#include "serve/pop3/pop3.h"
#include "listen/listen.h"

#include "app/certificates.h"
#include "app/server_inside.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

enum { CERTIFICATES_ARENA_MAX = 1 << 20, VALUE_MAX = 4096 };

/// What only a new start puts into effect; everything else does at once or with the next session.
static const struct {
    const char *title, *name;
} restarts[] = {
    {"", "hostname"},
    {"", "data"},
    {"", "user"},
    {"", "loops"},
    {"", "connections_max"},
    {"", "sandbox"},
    {"", "backup"},
    {"listen", "addresses"},
    {"listen", "smtp"},
    {"listen", "submission"},
    {"listen", "imap"},
    {"listen", "imaps"},
    {"listen", "submission_alt"},
    {"listen", "pop3"},
    {"listen", "pop3s"},
    {"listen", "submissions"},
    {"listen", "sendmail"},
    {"resolver", "forward"},
    {"resolver", "root"},
    {"resolver", "trust_anchor"},
    {"resolver", "timeout"},
    {"account", "password_threads"},
    {"account", "password_queue"},
    {"queue", "authorities"},
    {"search", "threads"},
};

static bool needs_restart(const struct settings *room, const struct setting *setting)
{
    for (size_t i = 0; i < sizeof restarts / sizeof restarts[0]; i++) {
        if (strcmp(restarts[i].title, room->title) == 0 &&
            strcmp(restarts[i].name, setting->name) == 0)
            return true;
    }
    return false;
}

static void compare(const struct settings *room, const struct setting *setting,
                    const struct server *s, const struct app_config *fresh, json_t *result)
{
    CLEANUP(buf_drop) struct buf before = {0};
    CLEANUP(buf_drop) struct buf after = {0};
    CLEANUP(buf_drop) struct buf name = {0};

    buf_init(&before, VALUE_MAX);
    buf_init(&after, VALUE_MAX);
    buf_init(&name, 256);
    app_config_put_value(&before, setting, app_config_room(s->config, room));
    app_config_put_value(&after, setting, app_config_room(fresh, room));
    if (str_eq(buf_str(&before), buf_str(&after)))
        return;
    buf_putf(&name, "%s%s%s", room->title, room->title[0] ? "." : "", setting->name);
    json_array_append_new(
        json_object_get(result, needs_restart(room, setting) ? "needs_restart" : "changed"),
        json_string(buf_cstr(&name)));
}

static void put_changes(const struct server *s, const struct app_config *fresh, json_t *result)
{
    json_object_set_new(result, "changed", json_array());
    json_object_set_new(result, "needs_restart", json_array());
    for (size_t i = 0; i < app_config_room_count; i++) {
        const struct settings *room = app_config_rooms[i];

        for (size_t k = 0; k < room->count; k++)
            compare(room, &room->items[k], s, fresh, result);
    }
}

static bool is_right(const struct app_config *fresh, struct buf *why)
{
    const struct server_config *settings = APP_CONFIG(fresh, server_config, server_settings);
    enum log_level level;

    if (!log_level_parse(settings->log_level, &level)) {
        buf_put(why, STR("log_level is none of debug, info, warn, error"));
        return false;
    }
    return listen_config_is_valid(APP_CONFIG(fresh, listen_config, listen_settings), why) &&
           route_config_is_valid(APP_CONFIG(fresh, route_config, route_settings), why) &&
           queue_config_is_valid(APP_CONFIG(fresh, queue_config, queue_settings), why) &&
           search_config_is_valid(APP_CONFIG(fresh, search_config, search_settings), why);
}

/// The last thing that can fail, and the first that takes effect.
static int reload_tls(struct server *s, const struct app_config *fresh, json_t *result,
                      struct buf *why)
{
    struct rt_tls_config config;
    struct arena arena;
    int r;

    arena_init(&arena, CERTIFICATES_ARENA_MAX);
    r = certificates_of(fresh, &arena, &config, why);
    if (r == 0 && s->tls && config.count)
        r = rt_tls_reload(s->tls, &config, why);
    else if (r == 0 && (s->tls != NULL) != (config.count != 0))
        json_array_append_new(json_object_get(result, "needs_restart"), json_string("certificate"));
    arena_done(&arena);
    return r;
}

static void swap(struct server *s, struct app_config *fresh)
{
    enum log_level level;

    s->retired = reallocarray(s->retired, s->retired_count + 1, sizeof *s->retired);
    CHECK(s->retired);
    s->retired[s->retired_count++] = s->config;
    s->config = fresh;
    atomic_fetch_add(&s->reloads, 1);
    __atomic_store_n(&s->site.config, fresh, __ATOMIC_RELEASE);
    __atomic_store_n(&s->site.settings, APP_CONFIG(fresh, server_config, server_settings),
                     __ATOMIC_RELEASE);
    __atomic_store_n(&s->way.route.config, APP_CONFIG(fresh, route_config, route_settings),
                     __ATOMIC_RELEASE);
    __atomic_store_n(&s->queue.deliver, APP_CONFIG(fresh, deliver_config, deliver_settings),
                     __ATOMIC_RELEASE);
    __atomic_store_n(&s->queue.config, APP_CONFIG(fresh, queue_config, queue_settings),
                     __ATOMIC_RELEASE);
    __atomic_store_n(&s->queue.send, APP_CONFIG(fresh, send_config, send_settings),
                     __ATOMIC_RELEASE);
    account_reconfigure(s->site.accounts, APP_CONFIG(fresh, account_config, account_settings));
    trace_reconfigure(s->trace, APP_CONFIG(fresh, trace_config, trace_settings));
    imap_reconfigure(s->imap, APP_CONFIG(fresh, imap_config, imap_settings));
    pop3_reconfigure(s->pop3, APP_CONFIG(fresh, pop3_config, pop3_settings));
    search_reconfigure(s->search, APP_CONFIG(fresh, search_config, search_settings));
    listen_reconfigure(s->listen, APP_CONFIG(fresh, listen_config, listen_settings),
                       &APP_CONFIG(fresh, route_config, route_settings)->relay_networks);
    if (log_level_parse(s->site.settings->log_level, &level))
        log_set_level(level);
}

struct reloading {
    struct server *server;
    json_t *result;
    struct buf *why;
};

static int reload(void *arg)
{
    const struct reloading *here = arg;
    struct server *s = here->server;
    struct app_config *fresh = NULL;

    if (app_config_load(app_config_path(s->config), &fresh, here->why) < 0)
        return EX_CONFIG;
    put_changes(s, fresh, here->result);
    if (!is_right(fresh, here->why) || reload_tls(s, fresh, here->result, here->why) < 0) {
        app_config_free(fresh);
        return EX_CONFIG;
    }
    if (receive_reconfigure(s->receive, APP_CONFIG(fresh, receive_config, receive_settings)) < 0) {
        buf_put(here->why,
                STR("receive: vrfy and expn are one of all, known, none; xclient_networks "
                    "are networks"));
        app_config_free(fresh);
        return EX_CONFIG;
    }
    swap(s, fresh);
    log_event(LOG_INFO, "app/server", "reloaded configuration and certificates");
    return EX_OK;
}

int server_reload(struct server *server, json_t *result, struct buf *why)
{
    struct reloading here = {server, result, why};
    int r = rt_call(server->site.pool, reload, &here);

    if (r == EX_OK)
        queue_reconfigure(&server->queue); // on a loop: the queue may stop meanwhile
    return r;
}

void server_put_status(const struct server *s, json_t *result)
{
    CLEANUP(buf_drop) struct buf host = {0};
    json_t *ports = json_object();

    buf_init(&host, 256);
    site_hostname(server_settings_now(s), &host);
    for (int i = 0; i < LISTEN_PORTS; i++)
        json_object_set_new(ports, listen_port_name((enum listen_port)i),
                            json_integer(listen_port(s->listen, (enum listen_port)i)));
    json_object_set_new(result, "ports", ports);
    json_object_set_new(result, "hostname", json_string(buf_cstr(&host)));
    json_object_set_new(result, "pid", json_integer(getpid()));
    json_object_set_new(result, "started", json_integer((json_int_t)s->started));
    json_object_set_new(result, "reloads", json_integer((json_int_t)atomic_load(&s->reloads)));
    json_object_set_new(result, "tls", json_boolean(s->tls != NULL));
}
