// SPDX-License-Identifier: ISC
//
// SMTP commands from bytes to values (RFC 5321 4.1.1, with the parameters of RFC 1870 SIZE, 6152
// BODY, 6531 SMTPUTF8, 4954 AUTH, 3461 RET ENVID NOTIFY ORCPT, 2852 BY, 4865 HOLDFOR HOLDUNTIL,
// 6710 MT-PRIORITY, 8689 REQUIRETLS and 3030 BDAT). Whether a command is allowed now, here and for
// this client is the session's business.
#pragma once

#include "base/str.h"
#include "mail/address.h"

enum smtp_verb {
    SMTP_UNKNOWN,
    SMTP_HELO,
    SMTP_EHLO,
    SMTP_LHLO,
    SMTP_MAIL,
    SMTP_RCPT,
    SMTP_DATA,
    SMTP_BDAT,
    SMTP_RSET,
    SMTP_NOOP,
    SMTP_QUIT,
    SMTP_HELP,
    SMTP_VRFY,
    SMTP_EXPN,
    SMTP_STARTTLS,
    SMTP_AUTH,
    SMTP_ETRN,
    SMTP_XCLIENT,
    SMTP_VERBS, // their number
};

/// What is wrong with a command, as it is answered. The parsers below return NULL when all is
/// right, else one of a fixed set; it is never freed.
struct smtp_fault {
    unsigned code;
    const char *status; // RFC 3463
    const char *text;
};

/// Views into the line.
struct smtp_command {
    enum smtp_verb verb;
    struct str word;     // the verb as it was written
    struct str argument; // what follows, without blanks around it
};

/// Splits a line (without its CR LF). A fault only for control characters (NUL and CR among them)
/// anywhere in the line; an unknown verb is SMTP_UNKNOWN. Bytes above 127 pass.
const struct smtp_fault *smtp_command_parse(struct str line, struct smtp_command *out);
/// "MAIL"; "?" for SMTP_UNKNOWN.
const char *smtp_verb_name(enum smtp_verb verb);

enum smtp_body { SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME };
enum smtp_ret { SMTP_RET_NONE, SMTP_RET_FULL, SMTP_RET_HDRS };
enum smtp_by { SMTP_BY_NONE, SMTP_BY_NOTIFY, SMTP_BY_RETURN };
enum smtp_hold { SMTP_HOLD_NONE, SMTP_HOLD_FOR, SMTP_HOLD_UNTIL };

/// "FROM:<ana@example.test> SIZE=100". Views into the argument.
struct smtp_mail {
    bool is_null;          // "<>", the sender of notifications
    struct str path;       // without brackets and route; empty for "<>"
    struct address sender; // unless is_null
    bool has_size, has_body, has_auth, has_dsn;
    bool is_utf8;  // SMTPUTF8
    uint64_t size; // UINT64_MAX for what is more
    enum smtp_body body;
    struct str auth; // xtext or "<>"
    enum smtp_ret ret;
    struct str envid; // xtext
    enum smtp_by by;
    bool by_trace;
    int64_t by_seconds; // from now; may be negative
    enum smtp_hold hold;
    uint64_t hold_seconds; // of HOLDFOR
    int64_t hold_until_s;  // of HOLDUNTIL, since 1970
    bool has_priority;
    int priority; // -9 to 9
    bool requires_tls;
};
const struct smtp_fault *smtp_mail_parse(struct str argument, struct smtp_mail *out);

enum smtp_notify {
    SMTP_NOTIFY_NEVER = 1,
    SMTP_NOTIFY_SUCCESS = 2,
    SMTP_NOTIFY_FAILURE = 4,
    SMTP_NOTIFY_DELAY = 8,
};

/// "TO:<bruno@example.test> NOTIFY=FAILURE". Views into the argument. `allow_utf8`: this
/// transaction began with SMTPUTF8.
struct smtp_rcpt {
    bool is_postmaster;       // "<Postmaster>" without a domain, in any case (RFC 5321 4.1.1.3)
    struct str path;          // without brackets and route
    struct address recipient; // of <Postmaster> only the local part
    bool has_dsn;
    unsigned notify;  // bits of smtp_notify, 0: not given
    struct str orcpt; // addr-type ";" xtext
};
const struct smtp_fault *smtp_rcpt_parse(struct str argument, bool allow_utf8,
                                         struct smtp_rcpt *out);

/// "86 LAST" (RFC 3030).
struct smtp_bdat {
    uint64_t size;
    bool is_last;
};
const struct smtp_fault *smtp_bdat_parse(struct str argument, struct smtp_bdat *out);

/// HELO and EHLO: a domain or an address literal (RFC 5321 4.1.1.1). Mild: any printable word
/// without blanks is taken, for what it says proves nothing.
const struct smtp_fault *smtp_helo_parse(struct str argument, struct str *out_name);

/// "PLAIN dGVzdA==" or "PLAIN =" (an empty initial response, RFC 4954 4).
struct smtp_auth {
    struct str mechanism;
    bool has_initial;
    struct str initial; // base64, perhaps empty
};
const struct smtp_fault *smtp_auth_parse(struct str argument, struct smtp_auth *out);

/// "@example.org" (RFC 1985 5.3).
struct smtp_etrn {
    char option;     // '@': subdomains too; '#': a queue's name; 0: none
    struct str node; // a domain
};
const struct smtp_fault *smtp_etrn_parse(struct str argument, struct smtp_etrn *out);

/// "NAME=mx.example.org ADDR=192.0.2.1": XCLIENT as Postfix has it. Values in xtext; ptr NULL: not
/// given. "[UNAVAILABLE]" and "[TEMPUNAVAIL]" stand for "".
struct smtp_xclient {
    struct str name, addr, port, proto, helo, login, destaddr, destport;
};
const struct smtp_fault *smtp_xclient_parse(struct str argument, struct smtp_xclient *out);

/// RFC 3461 4: xtext = "+" and two upper-case hex digits for what is not printable.
bool smtp_xtext_is_valid(struct str text);
/// Appends the value; false (and nothing appended) on bad xtext.
bool smtp_xtext_decode(struct str text, struct buf *out);
