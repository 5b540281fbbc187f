// SPDX-License-Identifier: ISC
//
// A far side made of a script of a few lines, which refuses, lies, drips, babbles or vanishes; and
// what must become of the mail then. The rows are data: rows_open.c (until the first mail),
// rows_mail.c (envelope and message), rows_fit.c (what it offers and what not). Each is played in
// the simulator as it is and with every byte travelling alone.
#pragma once

#include "base/buf.h"
#include "rt/conn.h"
#include "send/send.h"

enum { FAR_STEPS_MAX = 14, FAR_CODES_MAX = 3 };

/// What is answered to a line that begins so. Steps are looked for behind the last one that was
/// taken, then from the first. Lines that are none of a client: "." the end of a message, "!body"
/// in the middle of one. Missing: RSET and QUIT are answered well, all else with 500.
///
/// In an answer: "!close" hangs up, "!silent" says nothing, "!endless" and "!long" never stop,
/// "!tls TEXT" says it and starts TLS, "!drip TEXT" says a byte a minute, "!late TEXT" takes a
/// minute, "!bye TEXT" says it and hangs up, "!mute TEXT" says it and never listens again, "!junk
/// TEXT" agrees to STARTTLS and says that instead of a handshake, "!rounds N" answers AUTH SCRAM
/// with a demand for so many. \1 stands for a NUL.
struct far_step {
    const char *line, *answer;
};

/// What the client asks for, besides the usual.
struct far_mail {
    size_t recipient_count;
    const char *recipient; // its first recipient; NULL: r0@example.test
    const char *sender;    // NULL: ana@example.test
    const char *message;   // NULL: a short one
    size_t size;           // not 0: a message of that size is read in pieces
    size_t fails_at;       // not 0: reading fails there
    enum envelope_body body;
    bool is_utf8, requires_tls;
    unsigned notify;
    const char *orcpt, *envid;
    enum envelope_ret ret;
    enum envelope_by by;
    int64_t by_in_s;
    int priority;
};

struct far_row {
    const char *name;
    const char *greeting;
    struct far_step steps[FAR_STEPS_MAX];
    enum send_tls tls;
    bool is_lmtp;
    const char *user;
    struct far_mail mail;
    unsigned open_code;            // 0: send_open must be DONE
    unsigned trouble;              // bits that send_open must give
    unsigned codes[FAR_CODES_MAX]; // of the outcomes; the last stands for all behind it
    unsigned again[FAR_CODES_MAX]; // not 0: a second mail by the same session, and its outcomes
    bool is_dead;                  // after the last mail
    const char *transcript;        // must hold this
    const char *never;             // must not hold this
    const char *got;               // the message as the server got it must hold this
    size_t kept;                   // messages whose end it saw
};

struct far_rows {
    const struct far_row *rows;
    size_t count;
};
extern const struct far_rows far_rows_open, far_rows_mail, far_rows_fit;

#define FAR_EHLO(keywords)                                                                         \
    {                                                                                              \
        "EHLO", "250-fake\r\n" keywords "250 ENHANCEDSTATUSCODES\r\n"                              \
    }
#define FAR_PIPELINING FAR_EHLO("250-SIZE 1000000000\r\n250-PIPELINING\r\n")
#define FAR_PLAIN FAR_EHLO("")
#define FAR_MAIL                                                                                   \
    {                                                                                              \
        "MAIL", "250 2.1.0 ok\r\n"                                                                 \
    }
#define FAR_RCPT                                                                                   \
    {                                                                                              \
        "RCPT", "250 2.1.5 ok\r\n"                                                                 \
    }
#define FAR_DATA                                                                                   \
    {                                                                                              \
        "DATA", "354 go\r\n"                                                                       \
    }
#define FAR_END                                                                                    \
    {                                                                                              \
        ".", "250 2.0.0 kept\r\n"                                                                  \
    }
#define FAR_HELLO "220 fake\r\n"

/// What the server saw, and what it plays.
struct far {
    const struct far_row *row;
    struct rt_tls *tls;
    struct buf got; // the messages, one behind the other
    size_t kept;
    size_t connections;
};
/// Its context is a struct far.
extern const struct rt_protocol far_protocol;
