// SPDX-License-Identifier: ISC
//
// What was promised and what became of it. Clients write down which mail was acknowledged and for
// whom; at the end every mailbox, and every mail that a far side took, is counted against that.
#pragma once

#include "node.h"

enum { LEDGER_MAILS_MAX = 2000, LEDGER_RCPTS_MAX = 8, LEDGER_NODES_MAX = 5 };

struct ledger_recipient {
    char address[64];   // where it is to come to rest; of a list one for each member
    char alias[64];     // as RCPT named it, when that is an alias; else ""
    bool is_local;      // a mailbox of the very server that took the mail, by its own name
    unsigned delivered; // times found there, or taken by a far side
    unsigned bounced;   // reports that say it failed
};

struct ledger_mail {
    bool is_acknowledged;
    bool is_null;    // sender <>: nobody hears of it
    unsigned sender; // node of the sender, u2 there
    struct ledger_recipient recipients[LEDGER_RCPTS_MAX];
    size_t count;
};

struct ledger {
    struct ledger_mail mails[LEDGER_MAILS_MAX];
    unsigned count;
    unsigned reports; // about failures, found
};

/// What the check asks for, from the kindest world to the worst.
enum ledger_rule {
    LEDGER_EXACT,   // no faults: each recipient once, delivered or told of
    LEDGER_CRASHES, // local ones once; others at most once more for each crash
    LEDGER_ALL,     // none lost; local ones once
};

/// A far side took a mail for somebody.
void ledger_taken(struct ledger *l, uint64_t number, struct str recipient);
/// [await] Reads every mailbox of the node.
void ledger_read(struct ledger *l, struct node *n);
/// False after saying what is wrong.
bool ledger_check(const struct ledger *l, enum ledger_rule rule, unsigned crashes);
