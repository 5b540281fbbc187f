// SPDX-License-Identifier: ISC
//
// The door of route: what becomes of a recipient (RFC 5321 3.6, 4.1.1.3, 5), who may have mail
// relayed, and what VRFY and EXPN may say (RFC 5321 3.5). Decides from the directory in memory and
// never waits. Next hops by MX come with sending to other hosts.
#pragma once

#include "base/setting.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/outcome.h"

#include "account/account.h"

/// The room's part of the configuration, title "route".
struct route_config {
    struct setting_list relay_networks; // "192.0.2.0/24", "2001:db8::/32": may send anywhere
};
extern const struct settings route_settings;

struct route {
    struct accounts *accounts;         // borrowed
    const struct route_config *config; // borrowed
};

/// Are all entries of relay_networks networks? Else false, the bad one in *out_bad.
bool route_config_is_valid(const struct route_config *config, struct str *out_bad);

/// May this client send to other hosts: it signed in, or its address is in relay_networks?
bool route_may_relay(const struct route *route, const struct envelope *e);

/// What to do with one recipient. DONE (250 2.1.5): it was added to the envelope with its targets.
/// Else nothing was added and the outcome says why: 550 5.1.1 no such user; 550 5.7.1 relaying
/// denied; 550 5.4.4 this server does not send to other hosts yet; 550 5.4.6 a loop of aliases; 550
/// 5.4.5 too many places; 452 4.5.3 more than fits into this transaction, so send the rest in
/// another. `to` with an empty domain is the bare <postmaster>. Texts live as long as the
/// envelope's arena.
struct outcome route_recipient(const struct route *route, struct envelope *e,
                               const struct address *to);

/// The answers to VRFY and EXPN as lines without codes: "Ana Lima <ana@example.test>".
struct route_lines {
    struct str *items;
    size_t count;
};
/// `text` is what followed the verb: an address, or a local part. 250 with one line; 252 2.5.2 when
/// it is somebody else's; 550 5.1.1; 553 5.1.3 when it is no address,
/// 553 5.1.4 when several are meant, or could be: beyond 1,000 domains of ours a local part alone
/// is not looked for. The policy who may ask is the
/// caller's. Lives in `arena`.
struct outcome route_vrfy(const struct route *route, struct str text, struct arena *arena,
                          struct route_lines *out);
/// 250 with the members of a mailing list, at most 1,000 lines; 550 5.1.1 when it is none.
struct outcome route_expn(const struct route *route, struct str text, struct arena *arena,
                          struct route_lines *out);
