// SPDX-License-Identifier: ISC
//
// The door of queue: from a recipient that is welcome to the moment of responsibility. A mail comes
// in by queue_begin, queue_append (as often as bytes arrive), queue_accept: one acceptance, one
// commit. When queue_accept's outcome is DONE, all of it is on disk in all mailboxes; otherwise
// nothing happened and the client keeps the mail. Entries for remote recipients will go into the
// same commit.
//
//     queue_recipient ... (each RCPT)
//     queue_begin -> queue_append* -> queue_accept | queue_abandon
#pragma once

#include "mail/envelope.h"
#include "mail/outcome.h"
#include "store/store.h"

#include "deliver/deliver.h"
#include "route/route.h"

/// The room's part of the configuration, title "queue".
struct queue_config {
    uint64_t retry_first, retry_max;     // milliseconds: the first wait, and the longest
    uint64_t lifetime;                   // milliseconds until a mail goes back; 5 days
    uint64_t bounce_lifetime;            // the same for reports, which nobody would get back
    uint64_t delay_warning;              // milliseconds until the sender is told; 0: never
    uint64_t lane_connections_max;       // at once to one lane
    uint64_t connections_max;            // at once in all
    uint64_t connection_idle;            // milliseconds a session is kept for the next mail
    uint64_t mails_per_connection;       // then it is closed
    uint64_t recipients_per_transaction; // of one mail, to one host
    uint64_t active_max;                 // entries in memory
    struct str helo;                     // what we say in EHLO; "": the host's name
    struct str source;                   // our own address to send from; "": the kernel's choice
    struct str authorities;              // PEM file; "": the system's
    struct str report_language;          // "en", "pt-BR"
    bool notify_postmaster;              // a copy of reports that cannot be delivered
};
extern const struct settings queue_settings;

/// Is every value one that can be? Else false, and *why says which is not, and the cure.
bool queue_config_is_valid(const struct queue_config *config, struct buf *why);

struct queue_schedule;
struct queue_suppress;

struct queue {
    struct store *store; // borrowed, as all of these
    const struct route *route;
    const struct deliver_config *deliver;
    const struct queue_config *config;
    const struct send_config *send;
    struct rt_tls_client *tls_client;
    struct rt_pool *pool; // where the arithmetic of signing in is done (send.h)
    struct str host_name;
    struct queue_suppress *suppress; // NULL: no address is
    /// NULL: what is for other hosts is kept, and nothing is sent (until a schedule is started on
    /// this store).
    struct queue_schedule *schedule;
};

// ---- taking over

/// One RCPT: routes it, leaves out who does not exist (queue/suppress.h) and asks for room (by the
/// declared size). DONE: it was added to the
/// envelope. LATER or NEVER: it was not. No waiting. `to` with an empty domain: <postmaster>.
struct outcome queue_recipient(const struct queue *queue, struct envelope *e,
                               const struct address *to);

struct queue_mail;

/// No waiting. All recipients must be known: the Return-Path line is written here. `e` is borrowed
/// until queue_accept or queue_abandon. 0 or -errno.
int queue_begin(const struct queue *queue, const struct envelope *e, struct queue_mail **out);
/// [await] when it is large and goes to disk. First the Received line, then the message, with CRLF
/// line ends and without dot-stuffing. 0 or -errno, which queue_accept answers too: the caller may
/// go on reading and append no more.
int queue_append(struct queue_mail *mail, struct str bytes);
/// Bytes appended so far.
uint64_t queue_size(const struct queue_mail *mail);
/// [await] Takes the mail over, or does not. Frees `mail`. DONE 250 2.0.0 "kept as ID"; LATER 452
/// 4.3.1 (disk full), 452 4.2.2 (mailboxes full), 451 4.3.0 (anything else). The views of the
/// outcome live in the envelope's arena.
struct outcome queue_accept(struct queue_mail *mail);
/// NULL is fine.
void queue_abandon(struct queue_mail *mail);

// ---- the way out (schedule.c): one schedule for a store, its lanes spread over the loops

/// [await] Begins to send what is due. Sets queue->schedule. 0 or -errno.
int queue_start(struct queue *queue);
/// [await] Begins nothing more, waits for the attempts that run (at most grace_ms, then they are
/// cancelled: LATER) and for their results to be kept. queue->schedule is NULL afterwards.
void queue_stop(struct queue *queue, uint32_t grace_ms);
/// New settings after a reload, already swapped in *queue. On a loop.
void queue_reconfigure(struct queue *queue);

// ---- what the operator does. Entries are chosen by a filter. What is being sent is changed when
// that came to nothing; the wish counts.

struct queue_filter {
    uint64_t id;                        // one entry; 0: any
    uint64_t mail_id;                   // 0: any
    struct str sender, recipient, lane; // part of it, in any case; "": any
    int held;                           // 1: only those on hold, 0: only the others, -1: any
    size_t max;                         // 0: all
};
struct queue_entry;
/// [await] each(arg, entry, is_in_flight), by time; stops at its first non-zero and returns it.
int queue_each(const struct queue *queue, const struct queue_filter *filter,
               int (*each)(void *arg, const struct queue_entry *entry, bool is_in_flight),
               void *arg);
enum queue_deed {
    QUEUE_RETRY,   // due now; back-off of its lane forgotten
    QUEUE_HOLD,    // not until released
    QUEUE_RELEASE, // due now, of those on hold
    QUEUE_REMOVE,  // gone without a word
    QUEUE_BOUNCE,  // gone with a report to its sender
};
/// [await] Does it to all that the filter names (with dry_run: only counts them). 0 or -errno.
int queue_do(struct queue *queue, const struct queue_filter *filter, enum queue_deed deed,
             bool dry_run, uint64_t *out_count);

/// A lane as it stands. Views live in the arena.
struct queue_lane_info {
    struct str name;
    uint64_t waiting; // entries in memory
    uint64_t in_flight;
    unsigned connections, connections_max; // now, and what it may have as it has learnt
    int64_t blocked_until_us;              // 0: not
    struct str last;                       // the last refusal that counted, "421 4.3.2 ..."
};
/// [await] Lanes that are in memory.
int queue_lanes(const struct queue *queue, struct arena *arena, struct queue_lane_info **out,
                size_t *out_count);
/// RFC 1985 ETRN: begin with that domain's mail now. No waiting.
void queue_flush(struct queue *queue, struct str domain);
