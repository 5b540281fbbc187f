// SPDX-License-Identifier: ISC
//
// The one form in which addresses are kept and compared (see account/account.h): local part in its
// plain form, NFC and lower case; domain in lower case with A-labels.
#pragma once

#include "mail/address.h"

#include "account/account.h"

/// Appends the local part as it is compared. False, and nothing appended, when it is not UTF-8 or
/// too long.
bool account_name_put_local(struct buf *out, struct str local);
/// The same for local part and domain; a literal is no domain of ours: false.
bool account_name_put(struct buf *out, struct str local, struct str domain);
/// An address as an administrator or a user wrote it, into *out (cleared first, at least
/// ACCOUNT_ADDRESS_MAX). False when it is none.
bool account_name_parse(struct str text, struct buf *out);
/// For targets at other hosts: the domain is brought to one form, the local part stays as written,
/// because only its own host knows whether case counts.
bool account_name_parse_foreign(struct str text, struct buf *out);
/// A domain of ours as written, into *out (cleared first). No literals, at least one dot or not:
/// "localhost" is fine.
bool account_name_parse_domain(struct str text, struct buf *out);
/// Splits at the only "@" that counts, the last one.
struct address account_name_split(struct str name);
