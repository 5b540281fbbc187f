// SPDX-License-Identifier: ISC
//
// struct address: a mailbox as it stands in an envelope (RFC 5321 4.1.2, with RFC 6531 where the
// caller allows it): Local-part "@" ( Domain / address-literal ). Strict: what a client wrote here
// was written by a program. The mild reader of header fields is mail/address_list.h. Routes
// (`@a,@b:`) and the angle brackets belong to the command grammar in proto/smtp.
#pragma once

#include "base/buf.h"
#include "base/scan.h"
#include "base/str.h"

/// RFC 5321 4.5.3.1, in bytes. A path counts its angle brackets.
enum { ADDRESS_LOCAL_MAX = 64, ADDRESS_DOMAIN_MAX = 255, ADDRESS_PATH_MAX = 256 };

enum address_flags {
    ADDRESS_STRICT = 0,
    /// UTF-8 in the local part and U-labels in the domain (the client said SMTPUTF8). Without it
    /// they are refused; to tell "needs SMTPUTF8" from "broken", scan again with it.
    ADDRESS_UTF8 = 1,
    /// A local part as long as the path leaves room for. For senders: bounce addresses that carry
    /// a recipient (VERP, SRS) pass 64 bytes every day.
    ADDRESS_LONG_LOCAL = 2,
};

/// Views into the text it was read from.
struct address {
    struct str local;  // as written, with the quotes of a quoted string
    struct str domain; // as written, with the brackets of a literal
    bool is_quoted;    // local is a quoted string
    bool is_literal;   // domain is an address literal
    bool is_utf8;      // a byte above 127 somewhere: only for hosts with SMTPUTF8
};

/// Eats one mailbox. An underscore in a domain is let through: such hosts send mail.
bool address_scan(struct scan *in, unsigned flags, struct address *out);
/// The whole text is one mailbox.
bool address_parse(struct str text, unsigned flags, struct address *out);
/// As address_parse of a domain alone, literal or not: for EHLO.
bool address_domain_is_valid(struct str domain, unsigned flags);

/// Local part in its plain form (see address_put_local), "@", domain as written.
void address_put(struct buf *out, const struct address *a);
/// The plain form of a local part: `"ana"` gives `ana`, `"a\b c"` gives `"ab c"`. Two local parts
/// mean the same exactly when their plain forms are equal (RFC 5321 4.1.2).
void address_put_local(struct buf *out, struct str local);
/// What the local part stands for, without quotes and backslashes; never longer than `local`.
void address_put_local_value(struct buf *out, struct str local);

/// A domain in the one form it is compared and kept in: lower case, U-labels as A-labels, without
/// a dot at the end; literals in lower case. False, and nothing appended, when it is no valid name
/// (libidn2 said no, or longer than ADDRESS_DOMAIN_MAX).
bool address_put_domain(struct buf *out, struct str domain);

/// The same mailbox: domains without regard to ASCII case, local parts by their plain forms. A
/// U-label is not equal to its A-label: put domains through address_put_domain first.
bool address_eq(const struct address *a, const struct address *b);

/// The IP address in a literal, 4 or 16 bytes in network order. Gives their number, or 0 when the
/// domain is no literal or one of another kind.
size_t address_literal_ip(struct str domain, unsigned char ip[16]);

/// RFC 6532: bytes that are all well-formed UTF-8 (no surrogates, no overlong forms).
bool address_is_utf8(struct str s);
