// SPDX-License-Identifier: ISC
#include "client.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "rt/sim/sim.h"

#include <stdio.h>

enum { TRIES_MAX = 3, PATIENCE_MS = 600 * 1000 };

static unsigned pick(unsigned below)
{
    return (unsigned)(rt_random() % below);
}

static bool chance(unsigned percent)
{
    return pick(100) < percent;
}

// ---- what a mail is, and for whom

/// RFC 3461 4.1; most say nothing.
static unsigned choose_notify(bool is_list)
{
    static const unsigned wishes[] = {
        ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_FAILURE,
        ENVELOPE_NOTIFY_NEVER,
        ENVELOPE_NOTIFY_SUCCESS,
        ENVELOPE_NOTIFY_FAILURE,
        ENVELOPE_NOTIFY_DELAY | ENVELOPE_NOTIFY_FAILURE,
    };

    if (!chance(30))
        return 0;
    // what becomes of a list's mail is its owner's; silence would hide that it never came there
    return wishes[is_list ? 0 : pick(sizeof wishes / sizeof wishes[0])];
}

/// u3's mailbox takes little.
static bool is_real(const char *address)
{
    if (address[0] == 'u')
        return address[1] != '3';
    return address[0] == 'x' && strstr(address, "@far.test");
}

__attribute__((format(printf, 4, 5))) static void add(struct ledger_mail *mail, bool is_local,
                                                      const char *alias, const char *format, ...)
{
    struct ledger_recipient *r = &mail->recipients[mail->count];
    va_list args;

    CHECK(mail->count < LEDGER_RCPTS_MAX);
    *r = (struct ledger_recipient){.is_local = is_local, .notify = choose_notify(false)};
    va_start(args, format);
    vsnprintf(r->address, sizeof r->address, format, args);
    va_end(args);
    r->is_real = is_real(r->address);
    snprintf(r->alias, sizeof r->alias, "%s", alias);
    for (size_t i = 0; i < mail->count; i++) {
        if (strcmp(mail->recipients[i].address, r->address) == 0)
            return; // there already
    }
    mail->count++;
}

static void add_list(struct clients *c, struct ledger_mail *mail)
{
    unsigned node = 1 + pick(c->node_count), notify = choose_notify(true);
    char list[64];

    snprintf(list, sizeof list, "all@d%u.test", node);
    for (unsigned i = 1; i <= c->node_count; i++) {
        add(mail, false, list, "u1@d%u.test", i);
        mail->recipients[i - 1].list = node;
        mail->recipients[i - 1].notify = notify;
    }
}

static void add_one(struct clients *c, struct ledger_mail *mail, unsigned node)
{
    static const char *const nowhere[] = {"null.test", "dead.test", "nx.test"};
    unsigned other = 1 + pick(c->node_count), next = node % c->node_count + 1, kind = pick(20);
    char alias[64];

    if (kind < 5) {
        add(mail, true, "", "u%u@d%u.test", pick(NODE_USERS), node);
    } else if (kind < 13) {
        add(mail, other == node, "", "u%u@d%u.test", pick(NODE_USERS), other);
    } else if (kind == 13) {
        add(mail, false, "", "nobody%u@d%u.test", pick(9), next);
    } else if (kind == 14) {
        add(mail, false, "", "x@%s", nowhere[pick(3)]);
    } else if (kind == 15) {
        // an alias of another server, which leads on to a third
        snprintf(alias, sizeof alias, "fwd@d%u.test", next);
        add(mail, false, alias, "u0@d%u.test", next % c->node_count + 1);
    } else {
        add(mail, false, "", "%s%u@far.test", kind < 18 ? "x" : "gone", pick(20));
    }
}

/// A list by itself, or some recipients of all kinds.
static void choose_recipients(struct clients *c, struct ledger_mail *mail)
{
    unsigned left = 1 + pick(4);

    if (chance(5)) {
        add_list(c, mail);
        return;
    }
    while (left-- > 0)
        add_one(c, mail, mail->via);
}

// ---- the talk

static int hear(struct rt_conn *conn, char *out_class)
{
    for (;;) {
        struct str line;
        int r = rt_line(conn, 4096, &line);

        if (r < 0)
            return r;
        CHECK(line.len >= 4);
        if (line.ptr[3] == ' ') {
            *out_class = line.ptr[0];
            return 0;
        }
    }
}

/// 0: yes; 1: no; -errno.
__attribute__((format(printf, 2, 3))) static int ask(struct rt_conn *conn, const char *format, ...)
{
    CLEANUP(buf_drop) struct buf line = {.max = 1024};
    va_list args;
    char c;
    int r;

    va_start(args, format);
    buf_vputf(&line, format, args);
    va_end(args);
    rt_putf(conn, "%s\r\n", buf_cstr(&line));
    r = hear(conn, &c);
    return r < 0 ? r : c != '2' && c != '3';
}

static int ask_rcpt(struct rt_conn *conn, const struct ledger_recipient *r)
{
    static const char *const words[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};
    CLEANUP(buf_drop) struct buf notify = {.max = 100};

    for (unsigned i = 0; i < 4; i++) {
        if (r->notify & 1u << i)
            buf_putf(&notify, "%s%s", notify.len ? "," : " NOTIFY=", words[i]);
    }
    return ask(conn, "RCPT TO:<%s>%s", r->alias[0] ? r->alias : r->address, buf_cstr(&notify));
}

/// One RCPT for a list, whoever is on it. 0, 1: nobody was taken; -errno.
static int put_recipients(struct rt_conn *conn, struct ledger_mail *mail)
{
    size_t taken = 0;
    int answer = 0;

    for (size_t i = 0; i < mail->count; i++) {
        struct ledger_recipient *r = &mail->recipients[i];

        if (i == 0 || !r->list)
            answer = ask_rcpt(conn, r);
        if (answer < 0)
            return answer;
        r->is_promised = answer == 0;
        taken += r->is_promised;
    }
    return taken > 0 ? 0 : 1;
}

/// [await] The message. From its last byte on nobody knows, until the answer is heard.
static int put_message(struct clients *c, struct rt_conn *conn, unsigned number, unsigned lines)
{
    struct ledger_mail *mail = &c->ledger->mails[number];
    char class;
    int r;

    rt_putf(conn,
            "Subject: mail %u\r\nMessage-ID: <%u@client.test>\r\nX-Number: %u\r\n"
            "X-Lines: %u\r\n\r\n",
            number, number, number, lines);
    for (unsigned i = 0; i < lines; i++)
        rt_putf(conn, "%sline %u of mail %u\r\n", i % 7 ? "" : "..", i, number);
    rt_put(conn, STR(".\r\n"));
    r = hear(conn, &class);
    mail->is_acknowledged = r == 0 && class == '2';
    if (r < 0 || (c->ledger->has_bad_disks && !mail->is_acknowledged))
        mail->client_doubts++;
    return r;
}

static int put_mail(struct clients *c, struct rt_conn *conn, unsigned number, unsigned lines)
{
    struct ledger_mail *mail = &c->ledger->mails[number];
    const char *more = number % 5 == 0 ? " RET=HDRS ENVID=e1" : number % 5 == 1 ? " RET=FULL" : "";
    int r = ask(conn, "EHLO client.test");

    if (r == 0 && mail->is_null && number % 2)
        r = ask(conn, "MAIL FROM:<ghost@d%u.test>", mail->sender); // what comes back is refused
    else if (r == 0 && mail->is_null)
        r = ask(conn, "MAIL FROM:<>");
    else if (r == 0)
        r = ask(conn, "MAIL FROM:<u2@d%u.test>%s", mail->sender, more);
    if (r == 0)
        r = put_recipients(conn, mail);
    if (r == 0)
        r = ask(conn, "DATA");
    return r == 0 ? put_message(c, conn, number, lines) : r;
}

static void try_mail(struct clients *c, unsigned number, unsigned lines)
{
    struct ledger_mail *mail = &c->ledger->mails[number];
    struct rt_scope scope;
    struct rt_conn *conn;
    char from[32], class;
    int r;

    snprintf(from, sizeof from, "198.51.100.%u", 1 + pick(250));
    if (rt_dial_from(from, c->nodes[mail->via - 1].address, 25, 60000, &conn) < 0)
        return;
    rt_within(&scope, PATIENCE_MS);
    r = hear(conn, &class);
    if (r == 0 && class == '2')
        put_mail(c, conn, number, lines);
    rt_within_end(&scope);
    rt_hang_up(conn);
}

static void send_one(struct clients *c)
{
    unsigned number = c->ledger->count++, lines = chance(2) ? 2000 : pick(20);
    struct ledger_mail *mail = &c->ledger->mails[number];

    CHECK(number < LEDGER_MAILS_MAX);
    mail->sender = 1 + pick(c->node_count);
    mail->via = chance(70) ? mail->sender : 1 + pick(c->node_count);
    mail->is_null = chance(8);
    choose_recipients(c, mail);
    for (unsigned tries = chance(50) ? 1 : TRIES_MAX; tries > 0 && !mail->is_acknowledged;
         tries--) {
        try_mail(c, number, lines);
        if (!mail->is_acknowledged)
            rt_sleep(pick(300000));
    }
    if (!mail->is_acknowledged)
        return;
    c->acknowledged++;
    rt_sim_note(c->rt, "acknowledged", number);
}

int client(void *arg)
{
    struct clients *c = arg;

    for (unsigned i = 0; i < c->mails / CLIENTS; i++) {
        rt_sleep(pick(2 * c->time_ms / (c->mails / CLIENTS)));
        send_one(c);
    }
    return 0;
}
