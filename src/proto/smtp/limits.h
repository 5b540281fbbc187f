// SPDX-License-Identifier: ISC
//
// The sizes of RFC 5321 4.5.3.1 and its extensions, for both ends. What the RFC asks to be able to
// take is a minimum there; what we take at most stands beside it.
#pragma once

enum {
    /// RFC 5321 4.5.3.1.4 asks for 512 bytes with CR LF; MAIL grows by 26 for SIZE (RFC 1870), 16
    /// for 8BITMIME (RFC 6152), 10 for SMTPUTF8 and twice the path (RFC 6531), 500 for AUTH
    /// (RFC 4954), RCPT by 500 for ORCPT (RFC 3461). This is room for all of them, without CR LF.
    SMTP_COMMAND_MAX = 4096,
    /// RFC 4954 4: lines of an AUTH exchange, without CR LF.
    SMTP_AUTH_LINE_MAX = 12288,
    /// RFC 5321 4.5.3.1.5: 512 with CR LF. What we put keeps to it; what we take is milder.
    SMTP_REPLY_LINE_MAX = 510,
    SMTP_REPLY_LINE_TAKEN_MAX = 4096,
    /// Lines and bytes of one reply that we take; a server that says more is hostile or broken.
    SMTP_REPLY_LINES_MAX = 128,
    SMTP_REPLY_BYTES_MAX = 16384,
    /// RFC 5321 4.5.3.1.6: 1000 with CR LF. What a client of ours puts should keep to it; longer
    /// lines are taken (as everybody does) since breaking them would break signatures.
    SMTP_TEXT_LINE_MAX = 998,
    /// RFC 5321 4.5.3.1.8: at least so many recipients in a transaction.
    SMTP_RECIPIENTS_MIN = 100,
    /// RFC 3461 4.4 and 4.2.
    SMTP_ENVID_MAX = 100,
    SMTP_ORCPT_MAX = 500,
    /// Parameters of one MAIL or RCPT.
    SMTP_PARAMETERS_MAX = 16,
};
