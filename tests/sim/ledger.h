// SPDX-License-Identifier: ISC
//
// What was promised and what became of it. Clients write down which mail was acknowledged and for
// whom; the servers' own stories tell which attempts ended in doubt (nobody knows whether the far
// side took the mail); at the end every mailbox, and every mail that a far side took, is counted
// against that.
//
// What must hold for a recipient of an acknowledged mail:
//  - it has the mail, or the sender was told that it has not (unless he asked for silence);
//  - it has the mail, if it exists at all: the faults end long before the queue gives up;
//  - a mailbox of the very server that took the mail has it once;
//  - copies and failure reports are together one, and one more at most for each attempt in doubt;
//  - reports come only to who must get them (the sender, or the owner of the list), only of the
//    kind that was asked for (RFC 3461), and never about a mail without a sender.
#pragma once

#include "base/map.h"
#include "mail/envelope.h"

#include "node.h"

enum { LEDGER_MAILS_MAX = 2000, LEDGER_RCPTS_MAX = 8, LEDGER_NODES_MAX = 5 };

struct ledger_recipient {
    char address[64]; // where it is to come to rest; of a list one for each member
    char alias[64];   // as RCPT named it, when that is an alias; else ""
    bool is_local;    // a mailbox of the very server that took the mail, by its own name
    bool is_promised; // it took RCPT in the transaction that was acknowledged
    bool is_real;     // that address exists, and has room: sooner or later the mail arrives
    unsigned list;    // node whose list it is reached through; 0: none
    unsigned notify;  // bits of envelope_notify; 0: not given
    // what was found
    unsigned delivered;    // in its mailbox, or taken by a far side
    unsigned failed;       // reports that say it was not
    unsigned told, warned; // reports of success; of delay
};

struct ledger_mail {
    bool is_acknowledged;
    bool is_null;           // sender <>, or one that does not exist: nobody hears of it
    unsigned sender;        // node of the sender, u2 there
    unsigned via;           // node that takes it from the client
    unsigned client_doubts; // times the client did not hear the answer to its dot
    unsigned doubts;        // attempts of servers, for it or a report about it, of that kind
    struct ledger_recipient recipients[LEDGER_RCPTS_MAX];
    size_t count;
};

struct ledger {
    struct ledger_mail mails[LEDGER_MAILS_MAX];
    unsigned count;
    struct map numbers; // the servers' ids of mails -> number + 1
    unsigned stories;   // lines of them so far
    /// A server whose disk failed may have kept what it says it did not.
    bool has_bad_disks;
};

/// What the check asks for, from the kindest world to the worst.
enum ledger_rule {
    LEDGER_EXACT,   // no faults: no doubts either
    LEDGER_CRASHES, // at most one copy more for each crash
    LEDGER_ALL,     // at most one copy more for each doubt
};

void ledger_init(struct ledger *l);
void ledger_done(struct ledger *l);
/// Sink of the servers' stories (log/log.h); arg is the ledger.
void ledger_story(void *arg, uint64_t mail_id, int64_t wall_us, const char *where, struct str text);
/// A far side took a mail for somebody.
void ledger_taken(struct ledger *l, uint64_t number, struct str recipient);
/// False after saying what is wrong.
bool ledger_check(const struct ledger *l, enum ledger_rule rule, unsigned crashes);

// ---- mailboxes.c

/// [await] Reads every mailbox of the node.
void ledger_read(struct ledger *l, struct node *n);
