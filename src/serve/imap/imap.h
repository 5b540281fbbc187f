// SPDX-License-Identifier: ISC
//
// The door of serve/imap: mailboxes are read and filed by IMAP4rev1 (RFC 3501), by IMAP4rev2 (9051)
// for who enables it, and by what the table in verb.c announces: CONDSTORE and QRESYNC (7162),
// NOTIFY (5465), UIDONLY (9586), PARTIAL (9394), IDLE (2177),
// NAMESPACE (2342), ID (2971), CHILDREN (3348), UNSELECT (3691), UIDPLUS (4315), SASL-IR (4959),
// ENABLE (5161), LIST-EXTENDED (5258), LIST-STATUS (5819), SPECIAL-USE (6154), MOVE (6851) and
// LITERAL+ (7888). What a client has selected is a picture of the mailbox (serve/imap/view.h)
// that all who know the same share, and that follows the store when the protocol lets it.
#pragma once

#include "base/setting.h"
#include "rt/conn.h"
#include "rt/tls.h"
#include "store/store.h"

#include "account/account.h"

/// The room's part of the configuration, title "imap".
struct imap_config {
    uint64_t idle;       // milliseconds; RFC 3501 5.4: thirty minutes or more
    uint64_t login_idle; // milliseconds, before the client has signed in
    uint64_t stall;      // milliseconds for the rest of a command, and to take a piece of an answer
    uint64_t message_size;          // bytes of a message that APPEND takes
    bool ascii_headers;             // UTF-8 headers only from clients that ENABLE it (RFC 6855 4)
    uint64_t literal_size;          // bytes of all literals of any other command together
    struct setting_list submitters; // accounts that may fetch URLs of "submit+" (RFC 4467)
    uint64_t login_failures;        // of one session, then it is closed
    uint64_t bad_commands;          // in a row, then the session is closed
    bool unauthenticate;            // RFC 8437 3: there must be a way to turn it off
    struct str comment;             // RFC 5464 6.2.1: what the server says of itself; "": nothing
    struct str admin;               // and where its administrator is, a URI
    struct str jmap_url;            // RFC 9698: of the session resource; "": no JMAP
    uint64_t message_limit;         // RFC 9738: messages of one command; 0: any number
    uint64_t progress;              // milliseconds between two words of a long command (RFC 9585)
};
extern const struct settings imap_settings;

struct imap;
struct access;
struct search;
struct summaries;

/// All borrowed, to outlive *out. `tls` NULL: no STARTTLS; `access` NULL: nothing is shared;
/// `search` NULL: no index, every message is read; `summaries` NULL: nothing is kept of what was
/// worked out.
struct imap_doors {
    struct rt *rt;
    const struct imap_config *config; // copied
    struct accounts *accounts;
    struct store *store;
    struct access *access;
    struct search *search;
    struct summaries *summaries;
    struct rt_tls *tls;
};
/// What rt_listen takes as the context of imap_protocol, for the plain port and the one with TLS.
/// It has worker threads that look into large messages for SEARCH.
int imap_new(const struct imap_doors *doors, struct imap **out);
/// New settings for the sessions to come. Any thread.
void imap_reconfigure(struct imap *imap, const struct imap_config *config);
/// After the last session has closed, outside of tasks. NULL is fine.
void imap_free(struct imap *imap);

extern const struct rt_protocol imap_protocol;
