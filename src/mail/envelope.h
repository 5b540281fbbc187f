// SPDX-License-Identifier: ISC
//
// struct envelope: sender, recipients and options of one mail transaction (RFC 5321 2.3.1), with
// where each recipient's mail goes once that has been decided, and what is known of whoever handed
// it in. Plain data in the transaction's arena: receive fills it, queue adds the targets.
#pragma once

#include "base/arena.h"
#include "base/str.h"

enum envelope_body { ENVELOPE_BODY_7BIT, ENVELOPE_BODY_8BITMIME, ENVELOPE_BODY_BINARYMIME };

enum {
    ENVELOPE_TARGETS_MAX = 100000, // of all recipients together
    ENVELOPE_RETURN_PATHS_MAX = 4, // different ones: the sender's and those of lists
};

/// RFC 3461 4.1: what the sender wants to be told about a recipient. None of them given: FAILURE,
/// and DELAY where the server likes.
enum envelope_notify {
    ENVELOPE_NOTIFY_NEVER = 1,
    ENVELOPE_NOTIFY_SUCCESS = 2,
    ENVELOPE_NOTIFY_FAILURE = 4,
    ENVELOPE_NOTIFY_DELAY = 8,
};
/// RFC 3461 4.3: how much of the message a report brings back.
enum envelope_ret { ENVELOPE_RET_NONE, ENVELOPE_RET_FULL, ENVELOPE_RET_HDRS };
/// RFC 2852 4: what happens when DELIVERBY's time has passed.
enum envelope_by { ENVELOPE_BY_NONE, ENVELOPE_BY_NOTIFY, ENVELOPE_BY_RETURN };

/// One place where a copy goes.
struct envelope_target {
    uint64_t account_id;  // 0: another host's
    struct str address;   // the account's, or the foreign one
    struct str detail;    // of `user+detail`; "" when none
    struct str lane;      // of another host's: which way it goes, as route names it
    struct str list;      // the mailing list it was reached through, innermost; "": none
    unsigned return_path; // index into envelope.return_paths
};

struct envelope_recipient {
    struct str address; // as the client gave it, without brackets
    unsigned notify;    // bits of envelope_notify; 0: not given
    struct str orcpt;   // RFC 3461 4.2, "rfc822;ana+40example.test" as given; "": not given
    bool is_return;     // a return path of ours: what comes is a report about a mail of ours
    uint64_t about_id;  // which one, when the address tells; 0: it does not
    struct envelope_target *targets;
    size_t target_count;
};

struct envelope {
    struct arena *arena; // the transaction's; everything below lives in it
    uint64_t id;         // names the mail in log, trace and Received; from rt_random()

    struct str sender; // without brackets; "" is the null reverse-path
    struct envelope_recipient *recipients;
    size_t recipient_count, recipient_cap;
    size_t target_count; // of all recipients
    /// [0] is the sender; the others are owners of lists (RFC 5321 3.9.2).
    struct str return_paths[ENVELOPE_RETURN_PATHS_MAX];
    unsigned return_path_count;

    enum envelope_body body;
    bool is_utf8;  // SMTPUTF8
    uint64_t size; // as declared by SIZE=; 0: not

    struct str envid; // RFC 3461 4.4, xtext as given; "": not given
    enum envelope_ret ret;
    enum envelope_by by; // RFC 2852
    bool by_trace;
    int64_t by_s;         // seconds since 1970; when `by` is not NONE
    int64_t hold_until_s; // RFC 4865, seconds since 1970; 0: not
    int priority;         // RFC 6710, -9 to 9
    bool requires_tls;    // RFC 8689: REQUIRETLS
    bool waives_tls;      // RFC 8689 5: "TLS-Required: No"
    bool is_report;       // made here: may go to any host, and nobody is told when it cannot

    struct str identity;  // the account that signed in, its address; "": nobody
    uint64_t identity_id; // its account id; 0: nobody
    bool is_local;        // handed in by a program of this host, by the socket for sendmail
    struct str peer;      // its IP address
    struct str helo;      // as said
    struct str protocol;  // RFC 3848: "ESMTPSA"
    int64_t arrived;      // seconds since 1970, when MAIL came
};

/// A transaction begins: zeroes *e, copies the sender. The arena's maximum bounds what recipients
/// may take; route asks for room before it adds one.
void envelope_init(struct envelope *e, struct arena *arena, struct str sender);
/// Adds a recipient without targets. Pointers to earlier recipients may move.
struct envelope_recipient *envelope_add(struct envelope *e, struct str address);
/// The index of that return path, added when it is new; -1 when there are too many different ones.
int envelope_return_path(struct envelope *e, struct str path);
