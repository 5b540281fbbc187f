// SPDX-License-Identifier: ISC
//
// The door of receive: mail comes in by SMTP (RFC 5321) from other servers (MX) and from users
// (submission, RFC 6409 and 8314), and by LMTP (RFC 2033) from a server in front, and ends with
// "250 kept" or a refusal that says why. Who may connect is listen's business, who exists
// account's, where a mail goes route's, and keeping it queue's.
#pragma once

#include "base/setting.h"
#include "rt/conn.h"
#include "rt/tls.h"

struct accounts; // account/account.h
struct route;    // route/route.h
struct queue;    // queue/queue.h

/// The room's part of the configuration, title "receive": every limit and deadline of RFC 5321
/// 4.5.3 that a server has.
struct receive_config {
    uint64_t message_size;   // bytes of one message
    uint64_t header_size;    // bytes of its header
    uint64_t recipients_max; // of one transaction
    uint64_t hops_max;       // Received lines until a mail counts as looping
    uint64_t errors_max;     // of one session since its last mail, then 421
    uint64_t junk_max;       // NOOP, RSET, VRFY ... since its last mail, then 421
    uint64_t login_failures; // of one session, then 421
    uint64_t idle;           // milliseconds, waiting for a command
    uint64_t first_idle;     // milliseconds, for a session that has not begun a mail yet
    uint64_t command;        // milliseconds for the rest of a command's line and its answer
    uint64_t data_block;     // milliseconds until the next bytes of a message
    uint64_t data_total;     // milliseconds for a whole message
    uint64_t data_end;       // milliseconds to keep it, after its last byte
    uint64_t mails_max;      // of one session
    uint64_t deliver_by_min; // milliseconds: less is refused for DELIVERBY with R
    uint64_t hold_max;       // milliseconds a mail may be held by FUTURERELEASE; 0: not offered
    struct str vrfy;         // who may ask: "all", "known" (signed in, or a relay network), "none"
    struct str expn;
    uint64_t account_recipients_day, account_mails_day; // 0: no limit, as of all these
    uint64_t peer_mails_hour, peer_recipients_hour, peer_errors_hour;
    struct setting_list free_networks;    // without the limits of an address
    struct setting_list xclient_networks; // who may say XCLIENT
    bool literals;                        // mail for our own address literals is ours
    bool sender_check;                    // submission: only senders that belong to the account
    bool mx_login;                        // AUTH on the MX port too, under TLS
};
extern const struct settings receive_settings;

struct receive;

enum receive_role {
    RECEIVE_MX,         // port 25: mail for us, from anybody
    RECEIVE_SUBMISSION, // 587, 2525, 465: mail to anywhere, from users who signed in
    RECEIVE_LOCAL,      // a socket of this host: mail to anywhere, from its programs (sendmail)
    RECEIVE_LMTP,       // RFC 2033: from a server in front, for mailboxes here, an answer for each
    RECEIVE_ROLES,      // their number
};

/// All borrowed, to outlive *out, but `config` and `host_name`, which are copied. `tls` NULL: no
/// STARTTLS.
struct receive_doors {
    const struct receive_config *config;
    struct str host_name;
    struct accounts *accounts;
    const struct route *route;
    struct queue *queue;
    struct rt_tls *tls;
};
/// -EINVAL for a word in `vrfy` or `expn` that is none, or a network that is none.
int receive_new(const struct receive_doors *doors, struct receive **out);
/// From the next command of every session on. Any thread. As receive_new.
int receive_reconfigure(struct receive *receive, const struct receive_config *config);
/// After the last session has closed. NULL is fine.
void receive_free(struct receive *receive);

extern const struct rt_protocol receive_smtp;
/// What rt_listen takes as the context of receive_smtp.
void *receive_context(struct receive *receive, enum receive_role role);
