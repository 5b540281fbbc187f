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
#include "mail/envelope.h"
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
    /// Numeric, or one "/path". More than one: raced in that order (RFC 8305), the first that
    /// answers is taken.
    const char *const *addresses;
    size_t address_count;
    const char *source; // our own address to send from; NULL: the kernel's choice
    uint16_t port;
    bool is_lmtp;     // RFC 2033: LHLO, and a reply for each recipient after the dot
    const char *name; // the server's name, for SNI and its certificate
    enum send_tls tls;
    struct rt_tls_client *tls_client; // brings the authorities; verifies when there is no policy
    const struct rt_tls_policy
        *policy;               // how its certificate is looked at; NULL: as tls_client says
    struct str helo;           // our own name
    struct str user, password; // user "": no AUTH
    bool allow_plain_login;    // AUTH without TLS; else it is refused
    struct rt_pool *pool;      // where the arithmetic of SCRAM is done; NULL: on the loop
    /// Told each line of the talk, without line ends and fit for a terminal; secrets are "****",
    /// the message is a note.
    /// May be NULL.
    void (*transcript)(void *arg, enum send_side side, struct str line);
    void *arg;
};

struct send_session;

/// Why no session came about, beyond the words of the outcome; bits.
enum send_trouble {
    SEND_NO_CONNECTION = 1,  // no address answered
    SEND_NO_STARTTLS = 2,    // it was a must and was not offered, or refused
    SEND_TLS_FAILED = 4,     // the handshake failed
    SEND_TLS_UNTRUSTED = 8,  // the certificate was refused
    SEND_TLSA_UNUSABLE = 16, // none of the TLSA records can be used (rt_start_tls_policy)
    SEND_NO_LOGIN = 32,
    // with SEND_TLS_UNTRUSTED: in which way
    SEND_TLS_EXPIRED = 128,
    SEND_TLS_WRONG_NAME = 256,
    SEND_TLS_NO_MATCH = 512, // with none of the TLSA records
    SEND_NO_SERVICE = 64, // no greeting, or a no to everybody (RFC 5321 3.1): try another host
};

/// [await] Connects and signs in. DONE; or LATER or NEVER with what went wrong, in the server's
/// words or ours (then *out is NULL). The outcome's views live in `arena`. `trouble` may be NULL.
struct outcome send_open(const struct send_server *server, struct arena *arena,
                         struct send_session **out, unsigned *trouble);

/// About an open session; views live as long as it.
struct send_peer {
    const char *address;
    bool has_tls;
    struct rt_tls_info tls;
    bool has_dsn;            // it takes over RET, ENVID, NOTIFY, ORCPT
    unsigned extensions;     // bits of smtp_extension
    unsigned recipients_max; // LIMITS RCPTMAX (RFC 9422), or 0
    unsigned mails_max;      // LIMITS MAILMAX, or 0; send_is_dead when they are used up
    unsigned domains_max;    // LIMITS RCPTDOMAINMAX, or 0
};
void send_peer(const struct send_session *session, struct send_peer *out);

struct send_recipient {
    struct str address;
    unsigned notify;  // bits of envelope_notify; 0: not given
    struct str orcpt; // as given to us; "": not
};

struct send_mail {
    struct str sender; // without brackets; "": the null reverse-path
    const struct send_recipient *recipients;
    size_t recipient_count;
    /// The message: header and body, `size` bytes of it from read(arg, offset, to, len) [await],
    /// which gives how many (fewer only at the end) or -errno; line ends become CR LF, dots are
    /// stuffed. With `read` NULL it lies in `message`.
    struct str message;
    uint64_t size;
    ssize_t (*read)(void *arg, uint64_t offset, void *to, size_t len);
    void *arg;
    enum envelope_body body; // 8BITMIME, BINARYMIME: brought into 7 bits, or NEVER (5.6.3), where
                             // the server does not offer it
    bool is_utf8;            // SMTPUTF8; NEVER (5.6.7) when it is not offered and needed
    bool requires_tls;       // RFC 8689: NEVER (5.7.30) when it is not offered
    struct str envid;        // xtext, "" not given; with `ret` only to who offers DSN
    enum envelope_ret ret;
    enum envelope_by by; // RFC 2852; to who offers DELIVERBY
    bool by_trace;
    int64_t by_s; // seconds since 1970
    int priority; // RFC 6710
};

/// [await] One transaction. `outcomes` has an element for each recipient; all are set. May be
/// called again unless send_is_dead. The outcomes' views live in `arena`.
void send_mail(struct send_session *session, const struct send_mail *mail, struct arena *arena,
               struct outcome *outcomes);
/// The connection broke, the server said 421, or takes no more mails in one session (LIMITS):
/// nothing more can be sent by it.
bool send_is_dead(const struct send_session *session);
/// [await] RSET: is it still there, before a kept session is used again? 0 or -errno.
int send_check(struct send_session *session);
/// [await] QUIT, unless the connection broke; waits for a few seconds at most. NULL is fine.
void send_close(struct send_session *session);
