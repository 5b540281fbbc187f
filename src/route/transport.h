// SPDX-License-Identifier: ISC
//
// Ways that the administrator has chosen: "PATTERN URL" lines of the setting `transports`, and
// "PATTERN LEVEL" lines of `tls_policies`. Pure; the first line whose pattern fits decides.
//
//     pattern   example.org          that domain
//               .example.org         all below it
//               *                    everything
//               from:ana@example.test, from:@example.test   what that sender sends
//     way       mx                   as DNS says
//               smtp://HOST[:PORT]   that server, without asking for its MX
//               submission://USER@HOST[:PORT], submissions://...   a smart host, signed in
//               gmail://USER, outlook://, hotmail://, yahoo://     the same, of that provider
//               lmtp://HOST:PORT, lmtp:///PATH                     RFC 2033
//               error:5.7.1 TEXT     nowhere
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/setting.h"

enum transport_kind {
    TRANSPORT_MX,
    TRANSPORT_SMTP,
    TRANSPORT_SUBMISSION,  // STARTTLS, AUTH
    TRANSPORT_SUBMISSIONS, // TLS from the first byte, AUTH
    TRANSPORT_LMTP,
    TRANSPORT_ERROR,
};

/// Views into the text it was parsed from, or static.
struct transport {
    enum transport_kind kind;
    struct str host; // a name, a numeric address without brackets, or "/path" (LMTP)
    uint16_t port;   // 0: the kind's own
    struct str user;
    struct str enhanced, text; // ERROR
};

/// False with what is wrong and the cure in *why (may be NULL).
bool transport_parse(struct str url, struct transport *out, struct buf *why);
/// One line of the setting: is it right? As transport_parse.
bool transport_line_is_valid(struct str line, struct buf *why);
/// The way (the part behind the pattern) for mail of that sender to that domain; STR_NONE: no line
/// fits. `domain` in lower case and A-labels.
struct str transport_find(const struct setting_list *lines, struct str sender, struct str domain);
/// Is this way still one of the lines'?
bool transport_is_listed(const struct setting_list *lines, struct str url);

enum tls_rule {
    TLS_RULE_NONE,
    TLS_RULE_NEVER,
    TLS_RULE_MAY,
    TLS_RULE_MUST,
    TLS_RULE_VERIFY,
    TLS_RULE_DANE
};

bool tls_rule_line_is_valid(struct str line, struct buf *why);
/// TLS_RULE_NONE: no line fits.
enum tls_rule tls_rule_find(const struct setting_list *lines, struct str domain);
