// SPDX-License-Identifier: ISC
//
// The door of serve/pop3: a mailbox is fetched by POP3 (RFC 1939 with TOP and UIDL, RFC 2449 CAPA,
// RFC 2595 STLS, RFC 3206 AUTH-RESP-CODE, RFC 5034 AUTH, RFC 6856 UTF8 and LANG). The maildrop is
// the account's INBOX as it stood at the login; one session at a time has it; what was marked with
// DELE is removed at QUIT, as one change, and at no other moment. Not here: APOP (needs the
// password in clear on the server).
#pragma once

#include "base/setting.h"
#include "rt/conn.h"
#include "rt/tls.h"
#include "store/store.h"
#include "account/account.h"

/// The room's part of the configuration, title "pop3".
struct pop3_config {
    uint64_t idle;       // milliseconds; RFC 1939 3: ten minutes or more
    uint64_t login_idle; // milliseconds, before the client has signed in
    uint64_t stall;      // milliseconds for the rest of a line, and to take a piece of an answer
    uint64_t login_failures; // of one session, then it is closed
    uint64_t bad_commands;   // of one session, then it is closed
    bool mark_seen;          // RETR sets \Seen, at QUIT
    uint64_t login_delay;    // milliseconds between log-ins of an account; 0: none
    uint64_t expire_days;    // announced; 0: never
};
extern const struct settings pop3_settings;

struct pop3;

/// All borrowed, to outlive *out. `tls` NULL: no STLS.
struct pop3_doors {
    const struct pop3_config *config; // copied
    struct accounts *accounts;
    struct store *store;
    struct rt_tls *tls;
};
/// What rt_listen takes as the context of pop3_protocol, for the plain port and the one with TLS:
/// one for the whole process, because it holds the locks of the maildrops.
int pop3_new(const struct pop3_doors *doors, struct pop3 **out);
/// New settings for the sessions to come. Any thread.
void pop3_reconfigure(struct pop3 *pop3, const struct pop3_config *config);
/// Does no session hold a maildrop? Any thread.
bool pop3_is_idle(struct pop3 *pop3);
/// After the last session has closed. NULL is fine.
void pop3_free(struct pop3 *pop3);

extern const struct rt_protocol pop3_protocol;
