// SPDX-License-Identifier: ISC
//
// A site: one configuration and the data directory it names, opened: store, accounts and access
// lists. The server has one for its life; a command has one for a moment, when no server runs.
#pragma once

#include "base/buf.h"
#include "os/file.h"
#include "rt/rt.h"
#include "store/store.h"
#include "account/account.h"
#include "access/access.h"

#include "app/command.h"
#include "app/config.h"
#include "app/settings.h"

struct server; // app/server.h
struct way;    // app/way.h

struct site {
    const struct app_config *config;
    const struct server_config *settings;
    char data[OS_PATH_MAX];
    struct rt *rt;
    struct rt_pool *pool; // one thread, for long work, one piece after the other
    struct rt_disk *disk;
    struct store *store;
    struct accounts *accounts;
    struct access *access;
    struct way *way;       // of a command that asked for one (way_of)
    struct server *server; // NULL: a command has opened the site itself
};

/// The configuration of a site that serves: a reload in the pool may be replacing it. What it was
/// before stays until the end.
static inline const struct app_config *site_config_now(const struct site *site)
{
    return __atomic_load_n(&site->config, __ATOMIC_ACQUIRE);
}

/// The configuration that --config, CARTEIRO_CONFIG or the default name. An exit code, after
/// telling what is wrong.
int site_config(const struct call *call, struct app_config **out);
/// The path site_config reads, whether it exists or not.
int site_config_path(const struct call *call, struct buf *out);
/// A path of the configuration: relative ones start at the directory of the file.
int site_path(const struct app_config *config, struct str path, struct buf *out);
/// "hostname" of the configuration, or what the machine calls itself.
void site_hostname(const struct server_config *settings, struct buf *out);

/// Fills in configuration and paths; opens nothing. 0 or -errno.
int site_init(struct site *site, const struct app_config *config);
/// Root becomes the configured user, so that no file of the store belongs to root; before there are
/// threads. 0, or -errno with a sentence in *why.
int site_become_user(const struct server_config *settings, bool keep_ports, struct buf *why);
/// The runtime's door and the pool; before rt_run. 0 or -errno.
int site_prepare(struct site *site, struct rt *rt);
/// [await] 0, or -errno with a sentence in *why; -EWOULDBLOCK: a server holds it.
int site_open(struct site *site, struct buf *why);
/// [await] The store and its lock; the accounts stay in memory until site_finish.
void site_close(struct site *site);
/// After rt_run has returned, before rt_free.
void site_finish(struct site *site);
