// SPDX-License-Identifier: ISC
//
// Signing in, the same for SMTP, IMAP and POP3: one SASL exchange (GNU SASL: PLAIN, LOGIN,
// SCRAM-SHA-256 and -PLUS, RFC 4422, 4616, 5802, 7677, 9266), and the plain user-and-password of
// IMAP LOGIN and POP3 USER/PASS. Users name themselves by their whole address, or by its local part
// when only one domain is served. Unknown users, disabled ones and wrong passwords look and last
// the same. Failures from one peer on one account make the answers come later and later.
//
// Lines are given and taken as the three protocols carry them: base64 inside, "=" for an empty
// initial response, "*" to cancel. The caller puts its own "334 " or "+ " in front.
#pragma once

#include "rt/conn.h"

#include "account/account.h"

enum {
    ACCOUNT_AUTH_LINE_MAX = 12288, // bytes of one base64 line (RFC 4954 4.5.3)
    ACCOUNT_AUTH_STEPS_MAX = 8,
};

/// 0: signed in.
enum account_auth_answer {
    ACCOUNT_AUTH_OK = 0,
    ACCOUNT_AUTH_MORE = 1,         // put the challenge, read a line, step again
    ACCOUNT_AUTH_REFUSED = 2,      // 535 5.7.8, NO [AUTHENTICATIONFAILED], -ERR [AUTH]
    ACCOUNT_AUTH_CANCELLED = 3,    // 501 5.7.0, BAD: the client sent "*"
    ACCOUNT_AUTH_MALFORMED = 4,    // 501 5.5.2, BAD: not base64, or not what the mechanism says
    ACCOUNT_AUTH_NO_MECHANISM = 5, // 504 5.5.4, NO
    ACCOUNT_AUTH_NEEDS_TLS = 6,    // 538 5.7.11, NO [PRIVACYREQUIRED]
    ACCOUNT_AUTH_LATER = 7, // 454 4.7.0, NO [UNAVAILABLE], -ERR [SYS/TEMP]: too many failures
};

struct account_identity {
    uint64_t account_id;
    uint64_t actor_id; // whose password it was, when that is a delegate's; else 0 or the same
    char address[ACCOUNT_ADDRESS_MAX + 1];
};

/// The other end, as far as signing in must know it.
struct account_peer {
    const char *service; // "smtp", "imap", "pop": a literal
    struct str ip;
    bool is_private; // TLS, or a unix socket
    /// RFC 5929 and 9266; as rt_conn_channel_binding. NULL: none.
    bool (*binding)(void *arg, const char *type, char *to, size_t max, size_t *out_len);
    void *arg;
};
/// Views into `conn`; make it anew for each call (TLS may have started).
struct account_peer account_peer_of(struct rt_conn *conn, const char *service);

/// Appends what may be offered now, best first, apart by `separator`: "SCRAM-SHA-256-PLUS
/// SCRAM-SHA-256 PLAIN LOGIN"; nothing without TLS unless the configuration allows it. True when
/// something was appended.
bool account_auth_mechanisms(struct accounts *accounts, const struct account_peer *peer,
                             char separator, struct buf *out);

struct account_auth;

/// No waiting. 0, ACCOUNT_AUTH_NO_MECHANISM or ACCOUNT_AUTH_NEEDS_TLS; the mechanism's name in any
/// case. `peer` is copied but for what it points to, which must outlive *out.
int account_auth_begin(struct accounts *accounts, const struct account_peer *peer,
                       struct str mechanism, struct account_auth **out);
/// [await] One line of the client; `line.ptr` NULL: the command had no initial response. Any
/// account_auth_answer or -errno. With MORE, *challenge (cleared first) holds what to send, base64,
/// perhaps nothing. After any answer but MORE the exchange is over.
int account_auth_step(struct account_auth *auth, struct str line, struct buf *challenge);
/// Who signed in, once a step said ACCOUNT_AUTH_OK.
const struct account_identity *account_auth_identity(const struct account_auth *auth);
/// NULL is fine. Keys and passwords are wiped.
void account_auth_free(struct account_auth *auth);

/// [await] ACCOUNT_AUTH_OK, _REFUSED, _NEEDS_TLS, _LATER or -errno.
int account_login(struct accounts *accounts, const struct account_peer *peer, struct str user,
                  struct str password, struct account_identity *out);
