// SPDX-License-Identifier: ISC
//
// CAPA, RFC 2449: what may be used now; USER and SASL only once they may be.
#include "base/cleanup.h"
#include "serve/pop3/session.h"

int pop3_on_capa(struct pop3_session *s, const struct pop3_command *c)
{
    struct account_peer peer = pop3_peer_of(s);
    CLEANUP(buf_drop) struct buf names = {0};
    uint64_t delay_s = (s->config.login_delay + 999) / 1000;
    struct rt_tls_info info;

    (void)c;
    buf_init(&names, 512);
    (void)rt_put(s->conn, STR("+OK\r\n"
                              "TOP\r\n"
                              "UIDL\r\n"
                              "RESP-CODES\r\n"
                              "AUTH-RESP-CODE\r\n"
                              "PIPELINING\r\n"
                              "UTF8 USER\r\n"
                              "LANG\r\n"
                              "IMPLEMENTATION Carteiro-" CARTEIRO_VERSION "\r\n"));
    if (s->config.expire_days)
        (void)rt_putf(s->conn, "EXPIRE %llu\r\n", (unsigned long long)s->config.expire_days);
    else
        (void)rt_put(s->conn, STR("EXPIRE NEVER\r\n"));
    if (delay_s)
        (void)rt_putf(s->conn, "LOGIN-DELAY %llu\r\n", (unsigned long long)delay_s);
    if (account_auth_mechanisms(pop3_accounts(s->pop3), &peer, ' ', &names))
        (void)rt_putf(s->conn, "USER\r\nSASL %.*s\r\n", STR_ARG(buf_str(&names)));
    if (pop3_tls(s->pop3) && !rt_conn_tls(s->conn, &info))
        (void)rt_put(s->conn, STR("STLS\r\n"));
    return rt_put(s->conn, STR(".\r\n"));
}
