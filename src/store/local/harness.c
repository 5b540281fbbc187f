// SPDX-License-Identifier: ISC
#include "store/local/harness.h"

#include "log/log.h"

struct local *l;
struct rt_disk *disk;
char dir[200];

// ---- the engine without a runtime

int direct(struct local *to, struct local_job *job)
{
    local_group(to, &job, 1);
    return job->result;
}

int spill(struct store_body *body)
{
    return local_body_spill(body, direct);
}

static const struct engine the_engine = {
    .name = "local", .body_spill = spill, .body_free = local_body_free};

int open_with(uint64_t segment_bytes)
{
    struct store_local_config config = {
        .disk = disk, .segment_bytes = segment_bytes, .free_bytes_min = 1};
    int r = local_open(&config, NULL, &l);

    if (r == 0)
        l->store.engine = &the_engine;
    return r;
}

int commit(struct store_change *change)
{
    struct local_job job = {.kind = JOB_COMMIT, .change = change};
    int r = direct(l, &job);

    store_change_free(change);
    return r;
}

struct store_change *new_change(void)
{
    struct store_change *change;

    store_change_new(&l->store, &change);
    change->now_s = 1700000000;
    return change;
}

int put(const char *name, struct str text)
{
    struct store_put p = {.account_id = 1, .name = str_from(name)};
    struct store_change *change = new_change();
    int r;

    assert_int_equal(store_body_new(&l->store, &p.body), 0);
    r = store_body_append(p.body, text);
    if (r == 0 && p.body->big)
        r = spill(p.body);
    store_change_put(change, &p);
    r = r ? r : commit(change);
    store_body_free(p.body);
    return r;
}

int expunge(const char *name, uint32_t first, uint32_t last)
{
    struct store_range range = {first, last};
    struct store_expunging e = {.uids = {&range, 1}};
    struct store_change *change = new_change();
    struct store_mailbox m;

    assert_int_equal(catalog_mailbox_by_name(l->store.catalog, 1, str_from(name), &m), 0);
    e.mailbox_id = m.id;
    store_change_expunge(change, &e);
    return commit(change);
}

int flag(const char *name)
{
    struct store_range range = {1, UINT32_MAX};
    struct store_flagging f = {
        .uids = {&range, 1}, .flags = STORE_SEEN, .unchanged_since = UINT64_MAX};
    struct store_change *change = new_change();
    struct store_mailbox m;

    assert_int_equal(catalog_mailbox_by_name(l->store.catalog, 1, str_from(name), &m), 0);
    f.mailbox_id = m.id;
    store_change_flag(change, &f);
    return commit(change);
}

struct store_entries entries(const char *name)
{
    struct store_entries e = {0};
    struct store_mailbox m;

    assert_int_equal(catalog_mailbox_by_name(l->store.catalog, 1, str_from(name), &m), 0);
    assert_int_equal(local_entries(l, m.id, 1, UINT32_MAX, &e), 0);
    return e;
}

ssize_t read_body(const struct store_body_ref *ref, char *to)
{
    return local_body_read(l, ref, 0, to, (size_t)ref->size);
}

struct fsck_report check(struct rt_disk *of, bool repair)
{
    struct fsck_options options = {.repair = repair};
    struct fsck_report report;

    assert_int_equal(store_fsck(of, &options, &report), 0);
    return report;
}

void silence(void *arg, struct str line)
{
    (void)arg;
    (void)line;
}

// ---- where

int set_up_sim(void **state)
{
    (void)state;
    log_set_sink(silence, NULL);
    return rt_sim_disk_new(&disk);
}

int tear_down(void **state)
{
    (void)state;
    if (l)
        local_close(l);
    l = NULL;
    if (disk)
        rt_disk_close(disk);
    disk = NULL;
    log_set_sink(NULL, NULL);
    return 0;
}

int set_up_dir(void **state)
{
    const char *tmp = getenv("TMPDIR");
    (void)state;

    log_set_sink(silence, NULL);
    snprintf(dir, sizeof(dir), "%s/carteiro-local-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(dir) ? rt_disk_open(dir, &disk) : -1;
}

struct removing {
    const char *dir;
    int depth;
};

static int remove_all(void *arg, const char *name)
{
    const struct removing *r = arg;
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", r->dir, name);
    if (unlink(path) < 0 && r->depth < 3) {
        struct removing below = {path, r->depth + 1};
        struct rt_disk *d;

        if (rt_disk_open(path, &d) == 0) {
            rt_disk_list(d, "", remove_all, &below);
            rt_disk_close(d);
        }
        rmdir(path);
    }
    return 0;
}

int tear_down_dir(void **state)
{
    struct removing all = {dir, 0};
    struct rt_disk *d;

    tear_down(state);
    if (rt_disk_open(dir, &d) == 0) {
        rt_disk_list(d, "", remove_all, &all);
        rt_disk_close(d);
    }
    return rmdir(dir);
}
