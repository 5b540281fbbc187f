// SPDX-License-Identifier: ISC
#include "world.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "rt/sim/sim.h"
#include "queue/entry.h"
#include "app/config.h"
#include "player.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

// ---- the certificate

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *name;
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:mail.example.test");

    CHECK(cert && names);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"mail.example.test",
                               -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    X509_add_ext(cert, names, -1);
    X509_EXTENSION_free(names);
    CHECK(X509_sign(cert, key, NULL) > 0);
    return cert;
}

static void write_certificate(struct world *w)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); // its signatures have one length
    X509 *cert = make_certificate(key);
    FILE *file = fopen(w->cert, "w");

    CHECK(file && PEM_write_X509(file, cert) == 1);
    fclose(file);
    file = fopen(w->key, "w");
    CHECK(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void open_tls(struct world *w)
{
    CLEANUP(buf_drop) struct buf why = {.max = 4096};
    struct rt_tls_certificate certificate = {w->cert, w->key};
    struct rt_tls_config config = {.certificates = &certificate, .count = 1};
    struct rt_tls_client_config client = {.verify = true, .ca_path = w->cert};

    CHECK(rt_tls_new(&config, &w->tls, &why) == 0);
    CHECK(rt_tls_client_new(&client, &w->tls_client, &why) == 0);
}

// ---- settings

bool world_set(struct world *w, const struct settings *room, void *config, struct str name,
               struct str value, struct buf *why)
{
    for (size_t i = 0; i < room->count; i++) {
        if (str_eq(name, str_from(room->items[i].name)))
            return app_config_set(config, &room->items[i], value, &w->arena, why);
    }
    buf_putf(why, "no setting %.*s", STR_ARG(name));
    return false;
}

void world_defaults(struct world *w, const struct settings *room, void *config)
{
    CLEANUP(buf_drop) struct buf why = {.max = 4096};

    memset(config, 0, room->size);
    for (size_t i = 0; i < room->count; i++)
        CHECK(app_config_set(config, &room->items[i], str_from(room->items[i].fallback), &w->arena,
                             &why));
}

// ---- its life

void world_init(struct world *w)
{
    *w = (struct world){0};
    arena_init(&w->arena, 1 << 20);
    world_defaults(w, &account_settings, &w->account);
    world_defaults(w, &route_settings, &w->route_config);
    world_defaults(w, &deliver_settings, &w->deliver);
    w->account.password_cost = STR("minimal");
    w->account.login_delay_max = 0;
    snprintf(w->directory, sizeof w->directory, "/tmp/carteiro-dialog-XXXXXX");
    CHECK(mkdtemp(w->directory));
    snprintf(w->cert, sizeof w->cert, "%s/cert.pem", w->directory);
    snprintf(w->key, sizeof w->key, "%s/key.pem", w->directory);
    write_certificate(w);
    open_tls(w);
}

void world_done(struct world *w)
{
    rt_tls_free(w->tls);
    rt_tls_client_free(w->tls_client);
    unlink(w->cert);
    unlink(w->key);
    rmdir(w->directory);
    arena_done(&w->arena);
}

static void make_runtime(struct world *w)
{
    struct rt_config real = {.loops = 1};
    struct rt_sim_config simulated = rt_sim_calm;

    simulated.bytewise = RT_SIM_PPM;
    simulated.dial_from = "127.0.0.1";
    if (w->is_bytewise)
        CHECK(rt_sim_new(1, &simulated, &w->rt) == 0);
    else
        CHECK(rt_new(&real, &w->rt) == 0);
}

int world_run(struct world *w, int (*fn)(void *arg), void *arg)
{
    int r;

    make_runtime(w);
    log_set_level(LOG_ERROR);
    r = rt_run(w->rt, fn, arg);
    // sessions have let go of what they held; the store in memory has nothing to wait for
    if (w->accounts)
        account_close(w->accounts);
    if (w->store)
        store_close(w->store);
    rt_free(w->rt);
    return r;
}

static void add_people(struct world *w)
{
    static const struct str NAMES[] = {STR("ana@example.test"), STR("bruno@example.test")};
    CLEANUP(buf_drop) struct buf why = {.max = 4096};
    struct account_domain domain = {.name = STR("example.test"), .catch_all = STR("")};
    struct account_change change = {.what = ACCOUNT_SET_NAME | ACCOUNT_SET_PASSWORD,
                                    .name = STR("Ana Lima"),
                                    .password = STR(WORLD_PASSWORD)};
    struct account_alias sales = {.address = STR("vendas@example.test"),
                                  .targets = NAMES,
                                  .target_count = 1,
                                  .owner = STR(""),
                                  .name = STR("")};
    struct account_alias list = {.address = STR("todos@example.test"),
                                 .targets = NAMES,
                                 .target_count = 2,
                                 .is_list = true,
                                 .owner = STR("ana@example.test"),
                                 .name = STR("Todos")};
    char name[] = "lista0@example.test", owner[] = "dono0@elsewhere.test";
    uint64_t id;

    CHECK(account_domain_add(w->accounts, &domain, &why) == 0);
    CHECK(account_add(w->accounts, NAMES[0], &change, &id, &why) == 0);
    change.name = STR("Bruno Souza");
    CHECK(account_add(w->accounts, NAMES[1], &change, &id, &why) == 0);
    CHECK(account_alias_add(w->accounts, &sales, &why) == 0);
    CHECK(account_alias_add(w->accounts, &list, &why) == 0);
    list.address = str_from(name);
    list.owner = str_from(owner);
    for (int i = 0; i < 4; i++) {
        name[5]++;
        owner[4]++;
        CHECK(account_alias_add(w->accounts, &list, &why) == 0);
    }
}

void world_open(struct world *w)
{
    CHECK(store_memory_open(w->rt, &w->store) == 0);
    CHECK(account_open(w->store, &w->account, &w->accounts) == 0);
    w->route = (struct route){.accounts = w->accounts, .config = &w->route_config};
    w->queue = (struct queue){.store = w->store, .route = &w->route, .deliver = &w->deliver};
    add_people(w);
}

// ---- what became of the mail

static uint64_t account_of(struct world *w, struct str name)
{
    CLEANUP(buf_drop) struct buf address = {.max = 400};
    struct account_info info;
    struct arena arena;
    uint64_t id = 0;

    arena_init(&arena, 1 << 20);
    buf_put(&address, name);
    buf_put(&address, STR("@example.test"));
    if (account_get(w->accounts, buf_str(&address), &arena, &info) == 0)
        id = info.id;
    arena_done(&arena);
    return id;
}

/// The number of messages in INBOX; the last one goes to *last.
static size_t look(struct world *w, struct str name, struct buf *last)
{
    struct store_mailbox inbox;
    struct store_entries entries;
    size_t count;

    CHECK(store_mailbox_by_name(w->store, account_of(w, name), STR("INBOX"), &inbox) == 0);
    CHECK(store_entries_get(w->store, inbox.id, 1, UINT32_MAX, &entries) == 0);
    count = entries.count;
    if (count > 0)
        CHECK(store_body_load(w->store, &entries.items[count - 1].body, last) == 0);
    store_entries_done(&entries);
    return count;
}

static void disable(struct world *w, struct str name, struct buf *why)
{
    CLEANUP(buf_drop) struct buf address = {.max = 256};
    struct account_change change = {.what = ACCOUNT_SET_ENABLED, .is_enabled = false};

    buf_putf(&address, "%.*s@example.test", STR_ARG(str_trim(name)));
    CHECK(account_set(w->accounts, buf_str(&address), &change, why) == 0);
}

/// "ana 5000": bytes.
static void set_quota(struct world *w, struct str rest, struct buf *why)
{
    CLEANUP(buf_drop) struct buf address = {.max = 256};
    struct account_change change = {.what = ACCOUNT_SET_QUOTA};
    struct str name;

    str_split(&rest, ' ', &name);
    CHECK(str_to_u64(str_trim(rest), UINT64_MAX, &change.quota_bytes));
    buf_putf(&address, "%.*s@example.test", STR_ARG(name));
    CHECK(account_set(w->accounts, buf_str(&address), &change, why) == 0);
}

/// "ana bruno": bruno may act for ana, or no more.
static void set_delegate(struct world *w, struct str rest, bool on, struct buf *why)
{
    CLEANUP(buf_drop) struct buf address = {.max = 256}, delegate = {.max = 256};
    struct str name;

    str_split(&rest, ' ', &name);
    buf_putf(&address, "%.*s@example.test", STR_ARG(name));
    buf_putf(&delegate, "%.*s@example.test", STR_ARG(str_trim(rest)));
    CHECK(account_delegate_set(w->accounts, buf_str(&address), buf_str(&delegate), on, why) == 0);
}

static int keep_entry(void *arg, const struct queue_entry *entry, bool is_in_flight)
{
    struct buf *last = arg;

    (void)is_in_flight;
    buf_clear(last);
    queue_entry_put(last, entry);
    return 0;
}

/// queue has TEXT: a line of the last entry, as doc/format/queue.md has them.
static void check_queue(struct world *w, struct str rest, struct buf *why)
{
    CLEANUP(buf_drop) struct buf last = {.max = QUEUE_ENTRY_BYTES_MAX};
    const struct queue_filter all = {.held = -1};
    struct str verb;

    CHECK(queue_each(&w->queue, &all, keep_entry, &last) == 0);
    str_split(&rest, ' ', &verb);
    if ((str_find_str(buf_str(&last), str_trim(rest)) >= 0) != str_eq(verb, STR("has")))
        buf_putf(why, "the entry is:\n%.*s", STR_ARG(buf_str(&last)));
}

bool world_check(struct world *w, struct str word, struct str rest, struct buf *why)
{
    CLEANUP(buf_drop) struct buf last = {.max = 64 << 20}, text = {.max = 1 << 20};
    struct str name, verb;
    uint64_t want;
    size_t count;

    if (str_eq(word, STR("disable"))) {
        disable(w, rest, why);
        return true;
    }
    if (str_eq(word, STR("quota"))) {
        set_quota(w, rest, why);
        return true;
    }
    if (str_eq(word, STR("delegate")) || str_eq(word, STR("undelegate"))) {
        set_delegate(w, rest, word.ptr[0] == 'd', why);
        return true;
    }
    if (str_eq(word, STR("queue"))) {
        check_queue(w, rest, why);
        return true;
    }
    if (!str_eq(word, STR("inbox")) && !str_eq(word, STR("mail")))
        return false;
    str_split(&rest, ' ', &name);
    count = look(w, name, &last);
    if (str_eq(word, STR("inbox"))) {
        CHECK(str_to_u64(str_trim(rest), UINT64_MAX, &want));
        if (count != want)
            buf_putf(why, "INBOX has %zu", count);
        return true;
    }
    str_split(&rest, ' ', &verb);
    player_unescape(rest, &text);
    if ((str_find_str(buf_str(&last), buf_str(&text)) >= 0) != str_eq(verb, STR("has")))
        buf_putf(why, "the mail is:\n%.*s", STR_ARG(str_head(buf_str(&last), 2000)));
    return true;
}
