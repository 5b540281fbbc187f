// SPDX-License-Identifier: ISC
//
// No open relay: plays cases.txt, one line a case, against all ports in the simulator, where a
// client may come from any address. Each case is a connection of its own: sign in, MAIL, RCPT, and
// when that was taken a message; then it is looked where the mail went: whose INBOX, and which
// entries of the queue.
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "queue/entry.h"
#include "receive/receive.h"
#include "listen/listen.h"
#include "../dialog/player.h"
#include "../dialog/world.h"

enum { FIELDS = 7, TEXT_MAX = 1 << 20 };

static const char SERVER[] = "203.0.113.25";
static const struct str PEOPLE[] = {STR("ana@example.test"), STR("bruno@example.test")};

struct stage {
    struct world world;
    struct receive_config receive_config;
    struct listen_config listen_config;
    struct receive *receive;
    struct listen *listen;
    struct str cases;
    uint32_t inbox[2]; // messages before the case
    unsigned count, failures;
};

/// One line of the table.
struct relay_case {
    struct str port, network, login, sender, recipient, reply, where;
};

// ---- the server

static struct setting_list list_of(struct str *items, size_t count)
{
    return (struct setting_list){items, count};
}

static void add_alias(struct world *w, struct str address, const struct str *targets, size_t count,
                      bool is_list)
{
    CLEANUP(buf_drop) struct buf why = {.max = 1024};
    struct account_alias alias = {
        .address = address,
        .targets = targets,
        .target_count = count,
        .is_list = is_list,
        .owner = is_list ? PEOPLE[0] : STR(""),
        .name = STR(""),
    };

    CHECK(account_alias_add(w->accounts, &alias, &why) == 0);
}

/// Beside those of the dialogs: a domain beyond ASCII, an alias and a list that lead elsewhere, and
/// a user who must not sign in any more.
static void add_more_people(struct world *w)
{
    static const struct str FAR = STR("far@elsewhere.test");
    const struct str MIXED[] = {PEOPLE[0], FAR};
    CLEANUP(buf_drop) struct buf why = {.max = 1024};
    struct account_domain domain = {.name = STR("xn--bcher-kva.test"), .catch_all = STR("")};
    struct account_change gone = {.what = ACCOUNT_SET_ENABLED, .is_enabled = false};

    CHECK(account_domain_add(w->accounts, &domain, &why) == 0);
    add_alias(w, STR("livros@xn--bcher-kva.test"), PEOPLE, 1, false);
    add_alias(w, STR("fora@example.test"), &FAR, 1, false);
    add_alias(w, STR("mundo@example.test"), MIXED, 2, true);
    CHECK(account_set(w->accounts, PEOPLE[1], &gone, &why) == 0);
}

static void configure(struct stage *s)
{
    static struct str address, relay, proxy, filter;

    address = str_from(SERVER);
    relay = STR("10.0.0.0/8");
    proxy = STR("172.16.0.1");
    filter = STR("172.16.0.2");
    world_defaults(&s->world, &receive_settings, &s->receive_config);
    world_defaults(&s->world, &listen_settings, &s->listen_config);
    s->world.route_config.relay_networks = list_of(&relay, 1);
    s->receive_config.xclient_networks = list_of(&filter, 1);
    s->listen_config.addresses = list_of(&address, 1);
    s->listen_config.proxy_networks = list_of(&proxy, 1);
    s->listen_config.lmtp = STR("203.0.113.25:24");
}

static void serve(struct stage *s)
{
    CLEANUP(buf_drop) struct buf why = {.max = 1024};
    struct receive_doors doors = {.config = &s->receive_config,
                                  .host_name = STR("mx.example.test")};
    struct listen_services services = {.tls = s->world.tls};

    world_open(&s->world);
    add_more_people(&s->world);
    s->world.route.secret = STR("0123456789abcdef");
    doors.accounts = s->world.accounts;
    doors.route = &s->world.route;
    doors.queue = &s->world.queue;
    doors.tls = s->world.tls;
    CHECK(receive_new(&doors, &s->receive) == 0);
    services.receive = s->receive;
    CHECK(listen_open(s->world.rt, &s->listen_config, &services, &s->listen, &why) == 0);
}

// ---- the client

/// The last line of the next reply, into *out.
static bool hear(struct rt_conn *conn, struct buf *out)
{
    struct str line;

    do {
        if (rt_line(conn, 4096, &line) < 0)
            return false;
    } while (line.len > 3 && line.ptr[3] == '-');
    buf_clear(out);
    buf_put(out, line);
    return true;
}

/// True when the reply is a 2yz or 3yz.
static bool ask(struct rt_conn *conn, struct buf *reply, struct str line)
{
    rt_put(conn, line);
    rt_put(conn, STR("\r\n"));
    return hear(conn, reply) && reply->ptr[0] < '4';
}

/// Where the client comes from, and what is said before the greeting and after it.
struct origin {
    const char *network, *address, *proxy_line, *first_command;
};
static const struct origin ORIGINS[] = {
    {"stranger", "192.0.2.66", NULL, NULL},
    {"stranger6", "2001:db8::66", NULL, NULL},
    {"relay", "10.1.2.3", NULL, NULL},
    {"proxied-stranger", "172.16.0.1", "PROXY TCP4 192.0.2.66 203.0.113.25 1 25\r\n", NULL},
    {"proxied-relay", "172.16.0.1", "PROXY TCP4 10.1.2.3 203.0.113.25 1 25\r\n", NULL},
    {"proxied-mapped", "172.16.0.1", "PROXY TCP6 ::ffff:10.1.2.3 ::ffff:203.0.113.25 1 25\r\n",
     NULL},
    {"proxy-itself", "172.16.0.1", "PROXY UNKNOWN\r\n", NULL},
    {"forged-proxy", "192.0.2.66", NULL, "PROXY TCP4 10.1.2.3 203.0.113.25 1 25"},
    {"forged-xclient", "192.0.2.66", NULL, "XCLIENT ADDR=10.1.2.3"},
    {"forged-login", "192.0.2.66", NULL, "XCLIENT ADDR=10.1.2.3 LOGIN=ana+40example.test"},
    {"filter-itself", "172.16.0.2", NULL, NULL},
    {"filtered-stranger", "172.16.0.2", NULL, "XCLIENT ADDR=192.0.2.66"},
    {"filtered-relay", "172.16.0.2", NULL, "XCLIENT ADDR=10.1.2.3"},
    {"filtered-login", "172.16.0.2", NULL, "XCLIENT ADDR=192.0.2.66 LOGIN=ana+40example.test"},
    {"filtered-disabled", "172.16.0.2", NULL, "XCLIENT LOGIN=bruno+40example.test"},
    // the rights of a proxy or a filter are not those of whom it names
    {"proxied-filter", "172.16.0.1", "PROXY TCP4 172.16.0.9 203.0.113.25 1 25\r\n",
     "XCLIENT ADDR=10.1.2.3"},
};

static const struct origin *origin_of(struct str network)
{
    for (size_t i = 0; i < sizeof ORIGINS / sizeof *ORIGINS; i++)
        if (str_eq(network, str_from(ORIGINS[i].network)))
            return &ORIGINS[i];
    fprintf(stderr, "no network %.*s\n", STR_ARG(network));
    CHECK(false);
    return NULL;
}

static uint16_t port_of(const struct stage *s, struct str name)
{
    for (int i = 0; i < LISTEN_PORTS; i++)
        if (str_eq(name, str_from(listen_port_name((enum listen_port)i))))
            return listen_port(s->listen, (enum listen_port)i);
    CHECK(false);
    return 0;
}

static struct rt_conn *dial(const struct stage *s, const struct relay_case *c, struct buf *reply)
{
    const struct origin *origin = origin_of(c->network);
    struct rt_conn *conn;

    CHECK(rt_dial_from(origin->address, SERVER, port_of(s, c->port), 5000, &conn) == 0);
    if (origin->proxy_line)
        rt_put(conn, str_from(origin->proxy_line));
    if (str_eq(c->port, STR("submissions")))
        CHECK(rt_start_tls_client(conn, s->world.tls_client, "mail.example.test") == 0);
    CHECK(hear(conn, reply));
    if (origin->first_command)
        ask(conn, reply, str_from(origin->first_command));
    return conn;
}

static void sign_in(const struct stage *s, struct rt_conn *conn, const struct relay_case *c,
                    struct buf *reply)
{
    CLEANUP(buf_drop) struct buf line = {.max = 1000}, plain = {.max = 1000};
    bool is_wrong = str_eq(c->login, STR("wrong"));

    if (str_eq(c->login, STR("-")))
        return;
    if (!str_eq(c->port, STR("submissions"))) {
        CHECK(ask(conn, reply, STR("STARTTLS")));
        CHECK(rt_start_tls_client(conn, s->world.tls_client, "mail.example.test") == 0);
        ask(conn, reply, STR("EHLO client.test"));
    }
    buf_putf(&plain, "AUTH PLAIN ${plain:%.*s@example.test:%s}",
             STR_ARG(is_wrong ? STR("ana") : c->login), is_wrong ? "no" : WORLD_PASSWORD);
    player_unescape(buf_str(&plain), &line);
    ask(conn, reply, buf_str(&line));
}

static bool is_utf8(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] > 126)
            return true;
    return false;
}

/// One transaction; *reply is the one that decided, of RCPT or of an earlier command.
static void talk(const struct stage *s, const struct relay_case *c, struct buf *reply)
{
    CLEANUP(buf_drop) struct buf mail = {.max = 4096}, rcpt = {.max = 4096}, last = {.max = 4096};
    struct rt_conn *conn = dial(s, c, reply);

    buf_put(&mail, STR("MAIL FROM:"));
    player_unescape(c->sender, &mail);
    buf_put(&rcpt, STR("RCPT TO:"));
    player_unescape(c->recipient, &rcpt);
    if (is_utf8(buf_str(&mail)) || is_utf8(buf_str(&rcpt)))
        buf_put(&mail, STR(" SMTPUTF8"));
    ask(conn, reply,
        str_eq(c->port, STR("lmtp")) ? STR("LHLO client.test") : STR("EHLO client.test"));
    sign_in(s, conn, c, reply);
    if (ask(conn, reply, buf_str(&mail)) && ask(conn, reply, buf_str(&rcpt))) {
        CHECK(ask(conn, &last, STR("DATA")));
        if (!ask(conn, &last, STR("Subject: relay\r\n\r\nx\r\n."))) {
            buf_clear(reply);
            buf_put(reply, buf_str(&last));
        }
    }
    rt_hang_up(conn);
}

// ---- where it went

static uint32_t messages_of(struct stage *s, struct str address)
{
    struct store_mailbox inbox;
    struct account_info info;
    struct arena arena;
    uint32_t count;

    arena_init(&arena, 1 << 20);
    CHECK(account_get(s->world.accounts, address, &arena, &info) == 0);
    CHECK(store_mailbox_by_name(s->world.store, info.id, STR("INBOX"), &inbox) == 0);
    count = inbox.message_count;
    arena_done(&arena);
    return count;
}

static void put_word(struct buf *out, struct str word)
{
    if (out->len > 0)
        buf_put_char(out, ',');
    buf_put(out, word);
}

static void take_queue(struct stage *s, struct buf *out)
{
    struct store_queue_cursor cursor = {INT64_MIN, 0};
    struct store_queue_list list = {0};
    struct store_change *change;
    struct queue_entry entry;

    CHECK(store_queue_due(s->world.store, STR_NONE, INT64_MAX - 1, &cursor, 100, &list) == 0);
    if (list.count > 0) {
        CHECK(store_change_new(s->world.store, &change) == 0);
        for (size_t i = 0; i < list.count; i++) {
            CHECK(queue_entry_parse(&list.items[i], &entry));
            put_word(out, entry.recipient);
            store_change_queue_remove(change, list.items[i].id);
        }
        CHECK(store_commit(change) == 0);
        store_change_free(change);
    }
    store_queue_list_done(&list);
}

/// "ana,far@elsewhere.test", or "-".
static void look(struct stage *s, struct buf *out)
{
    static const struct str NAMES[] = {STR("ana"), STR("bruno")};

    for (size_t i = 0; i < 2; i++) {
        uint32_t count = messages_of(s, PEOPLE[i]);

        if (count != s->inbox[i])
            put_word(out, NAMES[i]);
        s->inbox[i] = count;
    }
    take_queue(s, out);
    if (out->len == 0)
        buf_put_char(out, '-');
}

// ---- the table

static bool parse(struct str line, struct relay_case *out)
{
    struct str *fields[FIELDS] = {&out->port,      &out->network, &out->login, &out->sender,
                                  &out->recipient, &out->reply,   &out->where};
    size_t count = 0;
    struct str word;

    while (count < FIELDS && str_split(&line, ' ', &word))
        if (word.len > 0)
            *fields[count++] = word;
    return count == FIELDS;
}

/// "550/5.7.1" of a reply.
static bool is_reply(struct str want, struct str reply)
{
    CLEANUP(buf_drop) struct buf text = {.max = 64};

    buf_put(&text, want);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '/')
            text.ptr[i] = ' ';
    return str_starts(reply, buf_str(&text)) && reply.len > text.len && reply.ptr[text.len] == ' ';
}

static void play(struct stage *s, struct str line)
{
    CLEANUP(buf_drop) struct buf reply = {.max = 4096}, where = {.max = 4096}, want = {.max = 4096};
    struct relay_case c;

    if (line.len == 0 || line.ptr[0] == '#')
        return;
    CHECK(parse(line, &c));
    talk(s, &c, &reply);
    look(s, &where);
    player_unescape(c.where, &want);
    s->count++;
    if (is_reply(c.reply, buf_str(&reply)) && str_eq(buf_str(&want), buf_str(&where)))
        return;
    s->failures++;
    printf("%.*s\n    gave: %.*s\n    went: %.*s\n", STR_ARG(line), STR_ARG(buf_str(&reply)),
           STR_ARG(buf_str(&where)));
}

static int play_all(void *arg)
{
    struct stage *s = arg;
    struct str rest = s->cases, line;

    serve(s);
    while (str_split(&rest, '\n', &line))
        play(s, line);
    rt_drain(s->world.rt, 1000);
    return 0;
}

static void read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "r");
    char piece[1024];
    size_t n;

    CHECK(file);
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        buf_put(out, str_of(piece, n));
    fclose(file);
    CHECK(buf_ok(out));
}

int main(int argc, char **argv)
{
    CLEANUP(buf_drop) struct buf text = {.max = TEXT_MAX};
    struct stage *s = calloc(1, sizeof *s);
    int r;

    CHECK(s && argc == 2);
    read_file(argv[1], &text);
    s->cases = buf_str(&text);
    world_init(&s->world);
    configure(s);
    s->world.is_bytewise = true;
    CHECK(world_run(&s->world, play_all, s) == 0);
    receive_free(s->receive);
    listen_free(s->listen);
    world_done(&s->world);
    printf("%u cases, %u failures\n", s->count, s->failures);
    r = s->failures > 0 || s->count < 200;
    free(s);
    return r;
}
