// SPDX-License-Identifier: ISC
//
// The door of send: mail goes out. One client session of SMTP (RFC 5321) to one server, in steps:
// open (greeting, EHLO, STARTTLS with verification, AUTH), any number of mails with one outcome
// for each recipient, close. Knows neither queue nor command line; whoever calls decides on hosts,
// names and trying again. A hostile server costs bounded memory and time: reply lines and replies
// are limited (proto/smtp/limits.h), every wait has a deadline (RFC 5321 4.5.3.2).
#pragma once

#include "base/arena.h"
#include "base/setting.h"
#include "mail/outcome.h"
#include "rt/conn.h"
#include "rt/tls.h"

/// The room's part of the configuration, title "send": the deadlines of RFC 5321 4.5.3.2, in
/// milliseconds.
struct send_config {
    uint64_t connect;
    uint64_t greeting;   // 4.5.3.2.1
    uint64_t command;    // 4.5.3.2.2, 4.5.3.2.3: MAIL, RCPT and all others
    uint64_t data_init;  // 4.5.3.2.4
    uint64_t data_block; // 4.5.3.2.5
    uint64_t data_end;   // 4.5.3.2.6
};
extern const struct settings send_settings;

enum send_tls {
    SEND_TLS_NEVER,
    SEND_TLS_MAY,      // STARTTLS when it is offered, else plain text
    SEND_TLS_MUST,     // STARTTLS, or nothing is sent
    SEND_TLS_IMPLICIT, // from the first byte (465)
};

/// Who says it, in a transcript.
enum send_side { SEND_CLIENT, SEND_SERVER, SEND_NOTE };

/// Where to and how. Borrowed until send_close.
struct send_server {
    const struct send_config *config;
    const char *address; // numeric, or "/path"
    uint16_t port;
    const char *name; // the server's name, for SNI and its certificate
    enum send_tls tls;
    struct rt_tls_client *tls_client; // says whether certificates are verified
    struct str helo;                  // our own name
    struct str user, password;        // user "": no AUTH
    bool allow_plain_login;           // AUTH without TLS; else it is refused
    /// Told each line of the talk, without line ends; secrets are "****", the message is a note.
    /// May be NULL.
    void (*transcript)(void *arg, enum send_side side, struct str line);
    void *arg;
};

struct send_session;

/// [await] Connects and signs in. DONE; or LATER or NEVER with what went wrong, in the server's
/// words or ours (then *out is NULL). The outcome's views live in `arena`.
struct outcome send_open(const struct send_server *server, struct arena *arena,
                         struct send_session **out);

struct send_mail {
    struct str sender; // without brackets; "": the null reverse-path
    const struct str *recipients;
    size_t recipient_count;
    struct str message; // header and body; line ends become CR LF, dots are stuffed
    bool is_8bit;       // BODY=8BITMIME when offered
    bool is_utf8;       // SMTPUTF8; NEVER when it is not offered
};

/// [await] One transaction. `outcomes` has an element for each recipient; all are set. May be
/// called again unless send_is_dead. The outcomes' views live in `arena`.
void send_mail(struct send_session *session, const struct send_mail *mail, struct arena *arena,
               struct outcome *outcomes);
/// The connection broke or the server said 421: nothing more can be sent by this session.
bool send_is_dead(const struct send_session *session);
/// [await] QUIT, unless it is dead. NULL is fine.
void send_close(struct send_session *session);
