// SPDX-License-Identifier: ISC
//
// The door of fetch: mail is brought in from another server by IMAP (RFC 3501, RFC 9051). One
// session in steps: open (greeting, STARTTLS, signing in), the mailboxes, one of them examined,
// what messages it has, and their bytes, two requests ahead. Never changes anything there: EXAMINE
// and BODY.PEEK. Knows neither command line nor store. A hostile server costs bounded memory and
// time: every line, literal and list has a limit, every wait a deadline.
#pragma once

#include "base/arena.h"
#include "proto/imap/response.h"
#include "rt/conn.h"
#include "rt/tls.h"

enum {
    FETCH_MAILBOXES_MAX = 20000,
    FETCH_MESSAGES_MAX = 10 * 1000 * 1000, // of one mailbox
    FETCH_KEYWORDS_MAX = 64,               // different ones of one mailbox; others are not told
    FETCH_NAME_MAX = 1024,                 // bytes of a mailbox's name on the wire
};

enum fetch_tls { FETCH_STARTTLS, FETCH_TLS, FETCH_CLEAR };

/// Where to and how. Borrowed until fetch_close.
struct fetch_server {
    const char *const *addresses; // numeric; tried in that order
    size_t address_count;
    uint16_t port;
    const char *name; // for SNI and the certificate
    enum fetch_tls tls;
    struct rt_tls_client *tls_client;
    struct str user, password;
    bool is_token; // the password is an OAuth token (RFC 7628)
};

struct fetch_session;

/// [await] Signed in. 0, or -errno with the server's words, or ours, in *why: -EACCES when it is no
/// use to try again.
int fetch_open(const struct fetch_server *server, struct fetch_session **out, struct buf *why);
/// [await] LOGOUT, if it can still be said. NULL is fine.
void fetch_close(struct fetch_session *session);
/// The last words of the server that were a no, fit for a terminal.
const char *fetch_words(const struct fetch_session *session);

struct fetch_mailbox {
    struct str wire;     // its name as the server wants it
    char separator;      // '\0': there are no levels
    unsigned attributes; // bits of imap_attribute
    bool is_subscribed;
};
/// [await] The personal mailboxes; *prefix is what their names have in front ("INBOX."), perhaps
/// "". All in the arena.
int fetch_mailboxes(struct fetch_session *session, struct arena *arena, struct fetch_mailbox **out,
                    size_t *out_count, struct str *prefix);

struct fetch_entry {
    uint32_t uid;
    uint32_t flags;    // bits of imap_flag
    uint64_t keywords; // bit i: fetch_listing.keywords[i]
    int64_t date;
    int32_t zone_minutes;
    bool has_date;
};
struct fetch_listing {
    uint32_t uidvalidity;      // 0: the server has none
    struct fetch_entry *items; // by uid
    size_t count, cap;
    char *keywords[FETCH_KEYWORDS_MAX];
    size_t keyword_count;
    bool has_lost_keywords;
};
/// [await] Examines that mailbox and lists what it has. FETCH_NO: the server says no. Zeroed
/// before; fetch_listing_done.
enum { FETCH_NO = 1 };
int fetch_list(struct fetch_session *session, struct str wire, struct fetch_listing *out);
void fetch_listing_done(struct fetch_listing *listing);

/// What became of each message that was asked for.
struct fetch_taker {
    void *arg;
    size_t size_max;
    /// [await] Here it is; the bytes live until it returns. Ends all when it gives a negative
    /// value.
    int (*take)(void *arg, uint32_t uid, struct str bytes);
    /// It cannot be had, for ever.
    void (*left)(void *arg, uint32_t uid, const char *why);
};
/// [await] Of the mailbox listed last; `uids` ascending. 0; what `take` gave; or -errno when the
/// connection broke: those that were neither taken nor left by then may be asked for again.
int fetch_messages(struct fetch_session *session, const uint32_t *uids, size_t count,
                   const struct fetch_taker *taker);
