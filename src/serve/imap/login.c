// SPDX-License-Identifier: ISC
//
// LOGIN (RFC 3501 6.2.3): refused without TLS, where LOGINDISABLED is announced.
#include "serve/imap/session.h"

int imap_on_login(struct imap_session *s, struct imap_call *c)
{
    struct account_peer peer = account_peer_of(s->conn, "imap");
    struct account_identity who;
    struct str user, password;
    int r;

    if (!imap_scan_sp(&c->in) || !imap_scan_astring(&c->in, c->arena, &user) ||
        !imap_scan_sp(&c->in) || !imap_scan_astring(&c->in, c->arena, &password) ||
        !scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    r = account_login(imap_accounts(s), &peer, user, password, &who);
    return imap_signed_in(s, c, r, &who);
}
