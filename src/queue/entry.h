// SPDX-License-Identifier: ISC
//
// One entry of the queue: one recipient of one mail that still has to reach another host, or that
// has to wait for its time (RFC 4865) before it is filed here; with everything an attempt and a
// report need to know. Kept by the store as (due, lane, value); the value is text, one "name value"
// per line, so that an operator can read it with sqlite3 (doc/format/queue.md). What a later
// version adds is carried along by none that does not know it, so the format only grows with the
// store's.
#pragma once

#include "mail/envelope.h"
#include "mail/outcome.h"
#include "store/store.h"

#include "route/route.h"

enum { QUEUE_ENTRY_BYTES_MAX = STORE_QUEUE_VALUE_MAX };

/// The lane of those that are filed here when it is time. Route makes no such name of a domain, nor
/// of a transport.
#define QUEUE_LANE_HERE STR("=here")

struct queue_entry {
    // from the store's row
    uint64_t id, mail_id;
    int64_t due_us; // STORE_QUEUE_HELD: on hold
    struct str lane;
    struct store_body_ref body;

    // from its value
    struct str sender;    // the return path; "": none
    struct str recipient; // where it goes, without brackets
    struct str original;  // the address this came from (an alias, a list), when another
    struct str orcpt;     // RFC 3461, xtext as given
    unsigned notify;      // bits of envelope_notify; 0: not given
    struct str envid;
    enum envelope_ret ret;
    enum envelope_body content;
    bool is_utf8;
    bool requires_tls; // RFC 8689: REQUIRETLS
    bool waives_tls;   // "TLS-Required: No"
    bool is_report;    // made here: a bounce, so it has no sender and lives shorter
    bool is_list;      // through a list: the sender is its owner
    enum envelope_by by;
    bool by_trace;
    int64_t by_s;
    int priority;
    uint64_t account_id;  // in whose mailbox it is filed when it is time; 0: another host's
    struct str detail;    // with account_id: of `user+detail`
    uint64_t identity_id; // who handed it in; 0: a stranger
    uint32_t skip;        // bytes of the body that are not sent: the Return-Path line
    int64_t arrived_s;
    int64_t expires_s;
    unsigned attempts;    // so far
    bool is_warned;       // the sender was told of the delay
    unsigned last_code;   // of the last attempt; 0: none yet
    struct str last_text; // "4.2.2 mailbox full", at most 500 bytes
    struct str last_host; // "mx1.example.org (192.0.2.1)"
    int64_t last_s;
};

/// Appends the value. Everything is cut to fit QUEUE_ENTRY_BYTES_MAX; addresses always fit.
void queue_entry_put(struct buf *out, const struct queue_entry *entry);
/// How it goes, as route asks.
static inline enum route_care queue_entry_care(const struct queue_entry *entry)
{
    return entry->requires_tls ? ROUTE_CARE_TLS
           : entry->waives_tls ? ROUTE_CARE_NONE
                               : ROUTE_CARE_USUAL;
}
/// Views into the row. False when it is no entry (then at least ids, lane and body are set).
bool queue_entry_parse(const struct store_queue_entry *row, struct queue_entry *out);
