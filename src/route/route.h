// SPDX-License-Identifier: ISC
//
// The door of route: what becomes of a recipient (RFC 5321 3.6, 4.1.1.3, 5), who may have mail
// relayed, and what VRFY and EXPN may say (RFC 5321 3.5). Decides from the directory in memory
// without waiting; only route_hosts, the way to another host, asks DNS.
#pragma once

#include "base/setting.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/outcome.h"

#include "rt/conn.h"
#include "rt/resolve.h"
#include "account/account.h"

/// The room's part of the configuration, title "route".
struct route_config {
    struct setting_list relay_networks; // "192.0.2.0/24", "2001:db8::/32": may send anywhere
    uint64_t smtp_port;                 // of other servers' MX
    struct setting_list transports;     // "PATTERN WAY", route/transport.h
    struct str transport_passwords;     // file of "USER@HOST PASSWORD" lines; "": none
    struct str prefer;                  // "race", "ipv6", "ipv4"
    struct str tls;                     // "may", "must"
    struct setting_list tls_policies;   // "PATTERN LEVEL", route/transport.h
    bool allow_loopback;                // other servers may be on this machine (laboratories)
    bool sts;                           // RFC 8461
    uint64_t sts_port;                  // where its policies are fetched
    uint64_t sts_timeout, sts_retry;    // milliseconds
    struct str sts_authorities;         // PEM file; "": the system's
    bool tls_reports;                   // RFC 8460
};
extern const struct settings route_settings;

struct route {
    struct accounts *accounts;         // borrowed
    const struct route_config *config; // borrowed
    struct rt_resolver *resolver;      // borrowed; NULL: every look-up fails
    struct store *store;               // borrowed: policies of RFC 8461 and results of RFC 8460
    struct str host_name;              // our own, to find ourselves among the MX
    struct str secret;               // of our return paths (mail/return_path.h); "": none are made
    const struct str *own_addresses; // at which we take mail on smtp_port, to find ourselves
    size_t own_address_count;        // among their addresses
    struct route_state *state; // borrowed: what route_state_new made; NULL: no MTA-STS, no reports
};

/// Is every value one that can be? Else false, and *why says which is not, and the cure.
bool route_config_is_valid(const struct route_config *config, struct buf *why);

/// May this client send to other hosts: it signed in, is a program of this host, or its address is
/// in relay_networks; or the mail was made here?
bool route_may_relay(const struct route *route, const struct envelope *e);

/// What to do with one recipient. DONE (250 2.1.5): it was added to the envelope with its targets,
/// those of other hosts with their lane. Else nothing was added and the outcome says why: 550 5.1.1
/// no such user; 550 5.7.1 relaying denied; 550 5.4.6 a loop of aliases; 550 5.4.5 too many places;
/// 452 4.5.3 more than fits into this transaction, so send the rest in another; what
/// route_lane_outcome says of the way there. Aliases and lists lead to other hosts for everybody,
/// because their owner wrote so. `to` with an empty domain is the bare <postmaster>. Texts live as
/// long as the envelope's arena.
struct outcome route_recipient(const struct route *route, struct envelope *e,
                               const struct address *to);

// ---- the way out. A lane is where mail goes together: it has its own queue, connections and
// back-off. Its name is text, at most STORE_QUEUE_LANE_MAX bytes, made from the configuration and
// the recipient's domain without asking anybody:
//
//     example.org      by MX, in A-labels and lower case
//     [192.0.2.1]      an address literal
//     =NAME            a way of the configuration: a smart host, a fixed server, an LMTP server
//
// A lane that leads nowhere any more after a reload (route_lane_is_known) is found again by
// route_lane.

enum { ROUTE_HOSTS_MAX = 32, ROUTE_ADDRESSES_MAX = 8 }; // of a lane; of a host

/// No waiting. The lane for mail from that sender to that (foreign) address; lives in `arena`.
struct str route_lane(const struct route *route, struct str sender, struct str recipient,
                      struct arena *arena);

/// No waiting. Is it still a way of the configuration? Every lane by MX is.
bool route_lane_is_known(const struct route *route, struct str lane);
/// No waiting. LATER or NEVER when the administrator lets nothing go that way ("error:" in
/// transports), so that the mail need not be taken at all; else DONE.
struct outcome route_lane_outcome(struct str lane);

enum route_tls {
    ROUTE_TLS_NEVER,
    ROUTE_TLS_MAY,      // STARTTLS when it is offered; any certificate; plain text when TLS fails
    ROUTE_TLS_MUST,     // STARTTLS with `verify`, or the next host, or later
    ROUTE_TLS_IMPLICIT, // TLS from the first byte, with `verify`
};

/// One server to try.
struct route_host {
    struct str name;                           // "mx1.example.org"
    unsigned preference;                       // of its MX record
    struct str addresses[ROUTE_ADDRESSES_MAX]; // numeric, IPv6 and IPv4 in the order to race
    size_t address_count;                      // (RFC 8305); or one "/path"
    uint16_t port;
    bool is_lmtp;
    enum route_tls tls;
    enum rt_verify verify;
    struct str names[4]; // the certificate has one of these; the first is for SNI
    size_t name_count;
    bool allow_wildcards;
    const struct dns_tlsa *tlsa;
    size_t tlsa_count;
    struct str tls_why;     // for people: "DANE: 2 TLSA records, signed", "MTA-STS: enforce, ..."
    struct str tls_failure; // told by the reports of RFC 8460 of every session with it; "": none
    bool is_testing; // RFC 8461 5: nothing is refused, but what is wrong with TLS is reported
    struct str user, password; // to sign in with; user "": no AUTH
};

/// What the sender says of a mail's way (RFC 8689).
enum route_care {
    ROUTE_CARE_USUAL,
    ROUTE_CARE_TLS,  // REQUIRETLS: verified, or not at all
    ROUTE_CARE_NONE, // "TLS-Required: No": their policies (DANE, MTA-STS) shall not stop it
};

/// What came of TLS to one host. `failure` is a result type of RFC 8460 4.3
/// ("starttls-not-supported", "certificate-expired", ...), or "" for success.
struct route_tls_result {
    struct str domain, policy, host, address, failure;
    struct str detail; // for people
};

/// A lane's hosts in the order to try them, or why there are none.
struct route_hosts {
    struct outcome outcome; // DONE: there are hosts; else LATER or NEVER with the reason
    struct route_host *items;
    size_t count;
    struct str policy; // of TLS, for the reports of RFC 8460: "tlsa", "sts", "no-policy-found"
    const struct route_tls_result *notes; // of each attempt, for the same: what kept hosts out, why
    size_t note_count;                    // a policy could not be had
    struct str story;                     // lines: what DNS said, and what follows from it
    uint32_t ttl;                         // seconds all this may be used again
};

/// [await] Looks up where the lane leads (RFC 5321 5.1; 7505; 7672; 8461; 8305). `care`: with TLS,
/// hosts that cannot be verified are left out. Outcomes that are not DONE:
/// 556 5.1.10 null MX; 550 5.1.2 no such domain; 550 5.4.4 no host there; 554 5.4.6 we are its best
/// MX ourselves and do not know the domain; 451 4.4.3 DNS fails or lies; 451 4.7.5, 5.7.30 TLS
/// cannot be had.
void route_hosts(const struct route *route, struct str lane, enum route_care care,
                 struct arena *arena, struct route_hosts *out);

// ---- what route keeps beside: workers for HTTPS and files, results of TLS

struct rt;
/// 0 or -errno. In a task.
int route_state_new(struct rt *rt, struct route_state **out);
/// The end has come: what is being fetched is given up. Any thread. NULL is fine.
void route_state_end(struct route_state *state);
/// Outside of tasks, with none in route any more. NULL is fine.
void route_state_free(struct route_state *state);

/// Counted for the reports of RFC 8460. No waiting.
void route_tls_note(const struct route *route, const struct route_tls_result *result);

/// A report of RFC 8460 that goes as a mail; views for as long as the call.
struct route_report {
    struct str from, to; // addresses; the sender of the envelope is `from`
    struct str message;  // whole, CRLF line ends
};
/// [await] A task's whole life, until it is cancelled: keeps what was noted once a minute and at
/// the end, and sends reports once a day; `submit` [await] takes one that goes as a mail, 0 or
/// -errno.
void route_keep(const struct route *route,
                int (*submit)(void *arg, const struct route_report *report), void *arg);
/// [await] The same at once, of all days before today, and of today as far as it went with
/// `with_today`. Gives how many went out; -EBUSY: they are being sent already.
int route_report_now(const struct route *route, bool with_today,
                     int (*submit)(void *arg, const struct route_report *report), void *arg);

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
