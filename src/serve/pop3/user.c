// SPDX-License-Identifier: ISC
//
// USER and PASS, RFC 1939 7. USER never tells whether there is such a user.
#include "base/cleanup.h"
#include "serve/pop3/session.h"

#include <string.h>

int pop3_on_user(struct pop3_session *s, const struct pop3_command *c)
{
    struct account_peer peer;
    CLEANUP(buf_drop) struct buf names = {0};

    buf_clear(&s->user);
    buf_put(&s->user, c->name);
    buf_init(&names, 512);
    peer = pop3_peer_of(s);
    if (!account_auth_mechanisms(pop3_accounts(s->pop3), &peer, ' ', &names)) {
        buf_clear(&s->user);
        return pop3_refuse(s, POP3_TLS_FIRST);
    }
    return rt_putf(s->conn, "+OK %s\r\n", pop3_say(s, POP3_AND_PASSWORD));
}

int pop3_on_pass(struct pop3_session *s, const struct pop3_command *c)
{
    char password[POP3_COMMAND_MAX];
    struct account_identity who;
    struct account_peer peer;
    size_t len = c->name.len;
    int answer;

    if (s->user.len == 0)
        return pop3_refuse(s, POP3_USER_FIRST);
    memcpy(password, c->name.ptr, len);
    peer = pop3_peer_of(s);
    answer = account_login(pop3_accounts(s->pop3), &peer, buf_str(&s->user), str_of(password, len),
                           &who);
    explicit_bzero(password, sizeof(password));
    return pop3_signed_in(s, answer, &who);
}
