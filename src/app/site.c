// SPDX-License-Identifier: ISC
#include "app/site.h"

#include "base/cleanup.h"
#include "os/process.h"

#include "app/way.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static const char default_path[] = "/etc/carteiro/carteiro.conf";

int site_config_path(const struct call *call, struct buf *out)
{
    const char *path = call_option(call, "config");
    struct stat st;

    if (!path)
        path = getenv("CARTEIRO_CONFIG");
    if (!path || !path[0])
        path = default_path;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        buf_putf(out, "%s%scarteiro.conf", path, str_ends(str_from(path), STR("/")) ? "" : "/");
        return buf_ok(out) ? 0 : -ENAMETOOLONG;
    }
    buf_put(out, str_from(path));
    return buf_ok(out) ? 0 : -ENAMETOOLONG;
}

int site_config(const struct call *call, struct app_config **out)
{
    CLEANUP(buf_drop) struct buf path = {0};
    CLEANUP(buf_drop) struct buf why = {0};
    int r;

    buf_init(&path, OS_PATH_MAX);
    buf_init(&why, 32 * 1024);
    r = site_config_path(call, &path);
    if (r < 0)
        return call_fail(call, EX_USAGE, "%s", strerror(-r));
    r = app_config_load(buf_cstr(&path), out, &why);
    if (r == -EINVAL)
        return call_fail(call, EX_CONFIG, "the configuration is not used\n%s", buf_cstr(&why));
    if (r == -EACCES)
        return call_fail(call, EX_NOPERM, "%s", buf_cstr(&why));
    if (r < 0)
        return call_fail(call, EX_CONFIG, "%s", buf_cstr(&why));
    return EX_OK;
}

int site_path(const struct app_config *config, struct str path, struct buf *out)
{
    struct str file = str_from(app_config_path(config));
    ptrdiff_t slash = str_find_last(file, '/');

    if (!str_starts(path, STR("/")) && slash >= 0) {
        buf_put(out, str_head(file, (size_t)slash));
        if (str_eq(path, STR(".")))
            return buf_ok(out) ? 0 : -ENAMETOOLONG;
        buf_put_char(out, '/');
    }
    buf_put(out, path);
    return buf_ok(out) ? 0 : -ENAMETOOLONG;
}

void site_hostname(const struct server_config *settings, struct buf *out)
{
    char name[256] = "localhost";

    if (settings->hostname.len) {
        buf_put(out, settings->hostname);
        return;
    }
    if (gethostname(name, sizeof name - 1) < 0 || !name[0])
        buf_put(out, STR("localhost"));
    else
        buf_put(out, str_from(name));
}

int site_init(struct site *site, const struct app_config *config)
{
    CLEANUP(buf_drop) struct buf path = {0};
    int r;

    *site = (struct site){.config = config};
    site->settings = APP_CONFIG(config, server_config, server_settings);
    buf_init(&path, sizeof site->data - 1);
    r = site_path(config, site->settings->data, &path);
    if (r == 0)
        memcpy(site->data, buf_cstr(&path), path.len + 1);
    return r;
}

int site_become_user(const struct server_config *settings, bool keep_ports, struct buf *why)
{
    CLEANUP(buf_drop) struct buf name = {0};
    int r;

    if (geteuid() != 0 || settings->user.len == 0)
        return 0;
    buf_init(&name, 256);
    buf_put(&name, settings->user);
    r = os_become(buf_cstr(&name), keep_ports);
    if (r == -ENOENT)
        buf_putf(why, "there is no user \"%s\"; make it with: adduser --system --group %s",
                 buf_cstr(&name), buf_cstr(&name));
    else if (r < 0)
        buf_putf(why, "cannot become user %s: %s", buf_cstr(&name), strerror(-r));
    return r;
}

static void explain_open(const struct site *site, int error, struct buf *why)
{
    switch (error) {
    case -ENOENT:
        buf_putf(why, "the data directory %s does not exist; make it with `carteiro init`",
                 site->data);
        break;
    case -EWOULDBLOCK:
        buf_putf(why,
                 "another carteiro has %s open and does not answer on its control socket; wait "
                 "until it has ended, or stop it",
                 site->data);
        break;
    case -EACCES:
    case -EPERM:
        buf_putf(why, "%s may not be opened by this user; use the one it belongs to, or root",
                 site->data);
        break;
    default:
        buf_putf(why, "%s: %s", site->data, strerror(-error));
        break;
    }
}

int site_prepare(struct site *site, struct rt *rt)
{
    site->rt = rt;
    return rt_pool_new(rt, "app", 1, 16, &site->pool);
}

int site_open(struct site *site, struct buf *why)
{
    struct store_local_config store = {0};
    int r;

    r = rt_disk_open(site->data, &site->disk);
    store.disk = site->disk;
    if (r == 0)
        r = store_local_open(site->rt, &store, &site->store);
    if (r == 0)
        r = account_open(site->store, APP_CONFIG(site->config, account_config, account_settings),
                         &site->accounts);
    if (r == 0)
        r = access_open(site->store, site->accounts, &site->access);
    if (r < 0) {
        explain_open(site, r, why);
        site_close(site);
    }
    return r;
}

void site_close(struct site *site)
{
    if (site->store)
        store_close(site->store);
    site->store = NULL;
    if (site->disk)
        rt_disk_close(site->disk);
    site->disk = NULL;
}

void site_finish(struct site *site)
{
    way_close(site->way);
    free(site->way);
    site->way = NULL;
    access_close(site->access);
    site->access = NULL;
    if (site->accounts)
        account_close(site->accounts);
    site->accounts = NULL;
    if (site->pool)
        rt_pool_free(site->pool);
    site->pool = NULL;
}
