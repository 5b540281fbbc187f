// SPDX-License-Identifier: ISC
//
// Inside receive/smtp: the session, and what its verbs share. Each verb is a function of the table
// in session.c, one file each; it says its answer and changes the state.
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/envelope.h"
#include "mail/outcome.h"
#include "proto/smtp/command.h"
#include "proto/smtp/text.h"
#include "log/log.h"
#include "rt/conn.h"
#include "account/auth.h"
#include "route/network.h"
#include "queue/queue.h"
#include "receive/rate.h"
#include "receive/receive.h"
#include "receive/smtp/header.h"

#include <stdatomic.h>

enum receive_policy { RECEIVE_NOBODY, RECEIVE_KNOWN, RECEIVE_ALL };

struct receive_networks {
    struct network *items;
    size_t count;
};
/// Is that address (as text) in one of them?
bool receive_networks_have(const struct receive_networks *networks, struct str ip);

/// The settings at one moment; never changed.
struct receive_limits {
    struct receive_config config;
    enum receive_policy vrfy, expn;
    struct receive_networks xclient, free;
    struct receive_limits *older;
};

struct receive_port {
    struct receive *receive;
    enum receive_role role;
};

struct receive {
    struct receive_doors doors;
    struct buf host_name;
    _Atomic(struct receive_limits *) limits;
    struct rate *peer_mails, *peer_recipients, *peer_errors, *account_mails, *account_recipients;
    struct receive_port ports[RECEIVE_ROLES];
};

enum {
    /// What one transaction may hold: recipients and where they lead to. No RCPT is taken past the
    /// half, so that the arena's own end is never met.
    RECEIVE_TRANSACTION_MAX = 256 << 20,
};

enum receive_state {
    RECEIVE_FRESH,  // no HELO or EHLO yet
    RECEIVE_READY,  // no mail under way
    RECEIVE_MAIL,   // a sender
    RECEIVE_RCPT,   // and at least one recipient
    RECEIVE_CHUNKS, // and BDAT has begun
};
#define IN(state) (1U << (state))
#define IN_ANY (~0U)

struct receive_body;

struct receive_session {
    struct rt_conn *conn;
    struct receive *receive;
    const struct receive_limits *limits; // during a command
    enum receive_role role;
    enum receive_state state;
    bool is_esmtp;
    bool is_closing;  // after this command
    bool may_xclient; // by the address it came from
    unsigned error_count, junk_count, login_failures, mail_count;
    unsigned reserved;                 // recipients counted for a mail that has not come yet
    unsigned full_count;               // recipients that were too many
    struct buf helo;                   // as said
    struct account_identity *identity; // NULL: nobody signed in
    struct arena transaction;
    struct envelope *envelope; // in the transaction
    bool is_full;              // the envelope: a recipient did not fit
    bool has_priority;         // of it: MT-PRIORITY was given
    struct receive_body *body; // in the transaction, of BDAT
};

static inline struct str receive_host(const struct receive_session *s)
{
    return s->receive->doors.host_name;
}

// ---- answering

void receive_greet(struct receive_session *s);
/// `text` is ours: printable, one line. A code of 500 and more counts as an error of the client.
void receive_say(struct receive_session *s, unsigned code, const char *status, const char *text);
/// Any text; its LFs make lines.
void receive_say_str(struct receive_session *s, unsigned code, struct str status, struct str text);
void receive_say_fault(struct receive_session *s, const struct smtp_fault *fault);
void receive_say_outcome(struct receive_session *s, const struct outcome *outcome);
/// log_begin with the session's number and its peer.
void receive_log(struct receive_session *s, struct log_line *l, enum log_level level,
                 const char *where, const char *what);

// ---- who it is

bool receive_has_tls(const struct receive_session *s);
/// Signed in, or from a network that may relay.
bool receive_is_known(struct receive_session *s);
/// Says 550 unless the policy lets this client ask.
bool receive_may_ask(struct receive_session *s, enum receive_policy policy);
/// Takes the parameter SMTPUTF8 of VRFY and EXPN off the argument (RFC 6531 3.7.4.2). False, and
/// said why, when the argument needs it and has it not.
bool receive_take_utf8(struct receive_session *s, struct str *argument, bool *out_is_utf8);
/// A line for who did not say SMTPUTF8: false when it has bytes beyond ASCII.
bool receive_is_ascii(struct str line);
/// May AUTH be offered here and now? Appends the mechanisms.
bool receive_put_mechanisms(struct receive_session *s, struct buf *out);

// ---- the transaction

void receive_transaction_end(struct receive_session *s);
/// As after the greeting: what a client said before TLS counts for nothing.
void receive_forget(struct receive_session *s);

// ---- how much (limit.c)

/// A mail, or a recipient, more? Says why not.
bool receive_may_begin(struct receive_session *s);
bool receive_may_add(struct receive_session *s);
/// A recipient was taken; a mail was; a mail was not.
void receive_count_recipient(struct receive_session *s);
void receive_count_mail(struct receive_session *s);
void receive_give_back(struct receive_session *s);
void receive_count_error(struct receive_session *s);
/// Has this address made so many mistakes that it is not listened to?
bool receive_is_too_bad(struct receive_session *s);

// ---- parameters of MAIL and RCPT (option.c)

/// Appends the lines of EHLO that offer them, here and now.
void receive_put_options(struct receive_session *s, struct buf *out);
/// Says why not, if not.
bool receive_are_options_welcome(struct receive_session *s, const struct smtp_mail *mail);
/// Into the envelope that has begun.
void receive_note_options(struct receive_session *s, const struct smtp_mail *mail);
/// What the message's own header asks for, once it is known.
void receive_note_header(struct receive_session *s, struct str header);
void receive_note_dsn(struct receive_session *s, const struct smtp_rcpt *rcpt);

// ---- the verbs [await]; 0 or -errno, which ends the connection

int receive_on_helo(struct receive_session *s, const struct smtp_command *c);
int receive_on_mail(struct receive_session *s, const struct smtp_command *c);
int receive_on_rcpt(struct receive_session *s, const struct smtp_command *c);
int receive_on_data(struct receive_session *s, const struct smtp_command *c);
int receive_on_bdat(struct receive_session *s, const struct smtp_command *c);
int receive_on_rset(struct receive_session *s, const struct smtp_command *c);
int receive_on_noop(struct receive_session *s, const struct smtp_command *c);
int receive_on_quit(struct receive_session *s, const struct smtp_command *c);
int receive_on_help(struct receive_session *s, const struct smtp_command *c);
int receive_on_vrfy(struct receive_session *s, const struct smtp_command *c);
int receive_on_expn(struct receive_session *s, const struct smtp_command *c);
int receive_on_etrn(struct receive_session *s, const struct smtp_command *c);
int receive_on_xclient(struct receive_session *s, const struct smtp_command *c);
int receive_on_starttls(struct receive_session *s, const struct smtp_command *c);
int receive_on_auth(struct receive_session *s, const struct smtp_command *c);

// ---- the message on its way (body.c), the same for DATA and BDAT

struct receive_body {
    struct receive_session *session;
    struct queue_mail *mail; // NULL: nothing is kept any more
    struct receive_header header;
    struct smtp_text text; // of BDAT, as it is kept; DATA has it in its decoder
    struct buf head;       // the header's first bytes, of who may ask for something in it
    struct binary *binary; // of BODY=BINARYMIME: what comes is made lines; else NULL
    uint64_t size;         // bytes that came
    uint64_t begun_us;     // when the first could come
    bool is_too_large, is_header_too_large;
    bool was_binary;
    struct outcome *each; // of LMTP: of each recipient, once the end has come
    size_t each_count;
};

/// Writes the Received line. 0 or -errno; then nothing has begun.
int receive_body_begin(struct receive_session *s, struct receive_body **out);
/// [await] The next bytes, without dot-stuffing. Beyond the limits they are counted only.
void receive_body_append(struct receive_body *body, struct str bytes);
/// [await] The same for bytes of BDAT, raw ones among them; body->text sees them as they are kept.
void receive_body_append_chunk(struct receive_body *body, struct str bytes);
/// [await] No more chunks come.
void receive_body_end_chunks(struct receive_body *body);
/// [await] All bytes have come: kept, or refused.
struct outcome receive_body_end(struct receive_body *body, const struct smtp_text *text);
/// Nothing stays. NULL is fine.
void receive_body_abandon(struct receive_body *body);
/// [await] As rt_peek, with the deadlines of a message. Says 421 when one has passed.
int receive_body_peek(struct receive_body *body, struct str *out);
/// LMTP (lmtp.c): recipients whose mailboxes have no room for it are taken out of the envelope,
/// with an outcome of their own. DONE: some are left.
struct outcome receive_lmtp_sort(struct receive_body *body);
/// An answer for each (RFC 2033 4.2), `outcome` for those that were left.
void receive_lmtp_say(struct receive_session *s, const struct receive_body *body,
                      const struct outcome *outcome);
/// Mail for us at our own address (literal.c, RFC 5321 4.5.1): a recipient at the literal of the
/// address the client came to becomes one of a domain of ours. Lives in `command`. False: it is
/// ours, and there is no such user.
bool receive_literal(struct receive_session *s, struct address *to, struct arena *command);
/// Says the outcome, writes the log line of the mail, ends the transaction.
void receive_body_tell(struct receive_session *s, const struct receive_body *body,
                       const struct outcome *outcome);
