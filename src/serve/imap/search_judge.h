// SPDX-License-Identifier: ISC
//
// Works a search program out over the messages of a view. A key costs what must be read for it:
// nothing (the view), the entry, the summary, the header, or the whole message. For each message
// the program is worked out with what is known for free, "unknown" standing for the rest; only when
// its result is still unknown the next price is paid. What the full-text index knows
// (search/search.h) costs as much as the entry. Large messages are looked through on a worker
// thread.
#pragma once

#include "proto/imap/search.h"
#include "serve/imap/hits.h"
#include "serve/imap/search_text.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

enum imap_price {
    IMAP_FREE,
    IMAP_ENTRY,
    IMAP_SUMMARY, // summary/summary.h, many at once
    IMAP_HEADER,
    IMAP_WHOLE,
    IMAP_OPERATOR, // of others' values
    IMAP_PRICES,
};

enum { IMAP_JUDGE_BATCH_MAX = 4096 }; // messages that are worked out together

struct imap_ahead; // bodies that were read before their turn

/// What SENT* and THREADID ask of a summary.
struct imap_judge_words {
    bool has_date, is_damaged;
    int64_t sent_day;
    uint64_t thread; // hash of its id
};

struct imap_judge {
    struct imap_session *s;
    const struct imap_view *view;
    struct imap_call *c; // told about progress; NULL: nobody
    const struct imap_search *what;
    int64_t now_s;
    uint32_t *of_price[IMAP_PRICES]; // nodes, ascending
    size_t price_count[IMAP_PRICES];
    unsigned char *values;              // of each node, for the message at hand
    unsigned char *results;             // of a batch, and the
    const struct store_entry **entries; // of its messages that the view cannot decide
    struct imap_ahead *ahead;
    uint64_t seed[2];
    struct imap_sequence *sets; // resolved, of NUMBERS, UIDS and RESULT
    uint64_t *keywords;         // of KEYWORD; 0: no message can have it
    uint64_t *message_ids;      // of EMAILID; 0: no message has it
    struct imap_text_keys texts;
    uint32_t done;       // messages, of this run
    uint32_t first, end; // no message outside of these indexes can be meant
    size_t missing;      // messages that could not be read because they are gone
};

enum imap_judge_answer {
    IMAP_JUDGE_CHARSET = 1, // unknown
    IMAP_JUDGE_LIMIT,       // a text is too long to look for
    IMAP_JUDGE_NUMBERS,     // message numbers, which UIDONLY forbids (RFC 9586)
    IMAP_JUDGE_OVER_LIMIT,  // too many messages (RFC 9738)
};
/// No waiting. 0 or an imap_judge_answer. `view`, `arena` and `what` must live until
/// imap_judge_done, and the view must not be synchronised meanwhile.
int imap_judge_init(struct imap_judge *j, struct imap_session *s, const struct imap_view *view,
                    struct arena *arena, const struct imap_search *what);
/// Leaves the newest of the messages to look at, as many as one command may (imap_limit). False:
/// there were more.
bool imap_judge_limit(struct imap_judge *j);
void imap_judge_done(struct imap_judge *j);

// ---- one message

/// No waiting: what the view tells; what the entry and the index tell, too. A value.
unsigned char imap_judge_free(struct imap_judge *j, uint32_t index);
unsigned char imap_judge_entry(struct imap_judge *j, uint32_t index,
                               const struct store_entry *entry);
/// [await] The result, whatever it costs. `words` may be NULL when no key needs them. UNKNOWN
/// never; -errno.
int imap_judge_message(struct imap_judge *j, uint32_t index, const struct store_entry *entry,
                       const struct imap_judge_words *words, struct imap_message *m);

// ---- many messages, search_run.c

/// [await] Appends the messages that match to *hits, ascending, until there are `most`: the first
/// ones, or with is_backwards the last ones. 0 or -errno.
int imap_judge_run(struct imap_judge *j, bool is_backwards, size_t most, struct imap_hits *hits);
/// [await] One message. 1, 0 or -errno.
int imap_judge_one(struct imap_judge *j, uint32_t index);

/// NULL is fine.
void imap_ahead_free(struct imap_ahead *ahead);
/// [await] To be called while a search works: gives it time, and tells the client now and then that
/// `at` messages of all are done (RFC 9585).
int imap_judge_tell(struct imap_judge *j, size_t at);

/// RFC 7162 3.1: who asks for modseqs wants to hear of them from then on. search.c
void imap_search_enables(struct imap_session *s, struct imap_call *c,
                         const struct imap_search *what);
/// Does it ask for message numbers?
bool imap_search_has_numbers(const struct imap_search *what);
/// Answers for imap_judge_init: what the verb returns.
int imap_refuse_search(struct imap_session *s, struct imap_call *c, int answer);
