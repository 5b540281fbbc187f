// SPDX-License-Identifier: ISC
//
// XCLIENT (Postfix's XCLIENT_README): a trusted proxy or filter says for whom it speaks. Afterwards
// the session is as new, with that client at the other end; so the proxy's own rights end here.
#include "receive/smtp/session.h"

/// "IPV6:2001:db8::1" and "192.0.2.1".
static bool address_of(struct str value, struct str *out)
{
    struct network n;

    if (str_case_starts(value, STR("IPV6:")))
        value = str_skip(value, strlen("IPV6:"));
    *out = value;
    return str_find(value, '/') < 0 && network_parse(value, &n);
}

/// A client nobody knows ("[UNAVAILABLE]") must not have the rights of who speaks for it; without
/// ADDR the address stays what it was.
static bool client_of(const struct smtp_xclient *x, struct str *out)
{
    if (x->addr.len > 0)
        return address_of(x->addr, out);
    if (x->addr.ptr)
        *out = STR("0.0.0.0");
    return true;
}

/// The account the proxy has let sign in; it must be one of ours that may.
static bool sign_in(struct receive_session *s, struct str login)
{
    struct account_identity *identity;
    struct account_info info;
    struct arena command;
    bool is_fine;

    arena_init(&command, 1 << 20);
    is_fine = account_get(s->receive->doors.accounts, login, &command, &info) == 0 &&
              account_is_enabled(s->receive->doors.accounts, info.id) &&
              info.address.len < sizeof identity->address;
    if (is_fine) {
        identity = calloc(1, sizeof *identity);
        CHECK(identity);
        identity->account_id = info.id;
        memcpy(identity->address, info.address.ptr, info.address.len);
        s->identity = identity;
    }
    arena_done(&command);
    return is_fine;
}

static void set_helo(struct receive_session *s, const struct smtp_xclient *x)
{
    CLEANUP(buf_drop) struct buf helo = {.max = ADDRESS_DOMAIN_MAX};
    struct str name;

    if (x->helo.len == 0 || !smtp_xtext_decode(x->helo, &helo) || !buf_ok(&helo) ||
        smtp_helo_parse(buf_str(&helo), &name))
        return;
    buf_put(&s->helo, name);
    s->is_esmtp = !str_case_eq(x->proto, STR("SMTP"));
    s->state = RECEIVE_READY;
}

static void log_client(struct receive_session *s, struct str proxy, const struct smtp_xclient *x)
{
    struct log_line l;

    receive_log(s, &l, LOG_INFO, "receive/xclient", "client");
    log_str(&l, "proxy", proxy);
    log_str(&l, "name", x->name);
    if (s->identity)
        log_text(&l, "user", s->identity->address);
    log_end(&l);
}

/// What the words say holds as a whole or not at all.
static int become(struct receive_session *s, const struct smtp_xclient *x)
{
    CLEANUP(buf_drop) struct buf login = {.max = ACCOUNT_ADDRESS_MAX}, proxy = {.max = 64};
    struct str address = STR_NONE, local = STR_NONE;
    uint64_t port = 0;
    int r = 0;

    if (!client_of(x, &address) || (x->destaddr.len > 0 && !address_of(x->destaddr, &local)) ||
        (x->port.len > 0 && !str_to_u64(x->port, UINT16_MAX, &port)) ||
        !smtp_xtext_decode(x->login, &login) || !buf_ok(&login)) {
        receive_say(s, 501, "5.5.4", "that value of XCLIENT is not valid");
        return 0;
    }
    buf_put(&proxy, rt_conn_peer(s->conn));
    receive_forget(s);
    if (address.len > 0)
        r = rt_conn_set_peer(s->conn, address, (uint16_t)port);
    if (r < 0) {
        s->is_closing = true;
        return 0;
    }
    if (local.len > 0)
        rt_conn_set_local(s->conn, local);
    if (login.len > 0 && !sign_in(s, buf_str(&login))) {
        receive_say(s, 535, "5.7.8", "no such user may sign in here");
        return 0;
    }
    set_helo(s, x);
    log_client(s, buf_str(&proxy), x);
    receive_greet(s);
    return 0;
}

int receive_on_xclient(struct receive_session *s, const struct smtp_command *c)
{
    struct smtp_xclient x;
    const struct smtp_fault *fault;

    if (!s->may_xclient) {
        receive_say(s, 550, "5.7.0", "insufficient authorization");
        return 0;
    }
    fault = smtp_xclient_parse(c->argument, &x);
    if (fault) {
        receive_say_fault(s, fault);
        return 0;
    }
    return become(s, &x);
}
