// SPDX-License-Identifier: ISC
//
// The client's side of an import: what a source gives is filtered, given its place in the account,
// and handed to the server; what was taken in earlier runs is passed over. Resumable, because the
// server keeps the keys of messages together with the messages (app/import_state.h).
#pragma once

#include "mail/date.h"
#include "os/progress.h"
#include "import/import.h"

#include "app/parley.h"
#include "app/tally.h"

enum { IMPORT_LEFT_SHOWN = 1000 }; // of what was left, so many are told one by one

struct import_options {
    const char *address;
    const char *source;  // its name, for the state
    const char *mailbox; // everything into this one; NULL
    const char *into;    // everything below this one; NULL
    bool keep_names;     // no mailbox is recognised by its use
    bool no_flags;
    bool is_dry;
    bool ignore_quota;
    bool again;
    bool has_since;
    int64_t since;
};

struct import_run {
    const struct import_options *options;
    const struct call *call;
    struct parley *parley;
    struct import_sink sink;
    struct os_progress progress;
    struct tally known; // from earlier runs, and of this one
    struct tally same;  // of messages known by their bytes: how often they came in this run
    json_t *mailboxes;  // of the account: name -> bits of its special uses
    struct buf target;  // where the current mailbox's messages go
    size_t partial_len; // of a key that was cut by the connection
    uint8_t partial[TALLY_KEY_BYTES];
    uint64_t kept, sent, bytes, passed, older, left_count, keywords_lost, mailbox_count;
    uint64_t unwanted_count; // mailboxes that --only and --exclude leave out
    uint64_t spoken_us;      // when the server was last asked to keep what it has
    json_t *left;
    struct buf why; // what is wrong with the source, when that is more than a file's trouble
};

void import_run_init(struct import_run *run, const struct call *call,
                     const struct import_options *options);
void import_run_done(struct import_run *run);
/// [await] Asks the server to take in, and hears what it has. 0, or -errno: it said why not.
int import_run_begin(struct import_run *run, struct parley *parley);
/// [await] All was told: hears the end. An exit code; the report is printed. `r`: what the walk
/// through the source gave.
int import_run_end(struct import_run *run, int r);
