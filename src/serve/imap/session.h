// SPDX-License-Identifier: ISC
//
// One IMAP session and the command it is handling, for the files of this room only. A verb answers,
// changes the session, and says whether the talk goes on: RT_NEXT, RT_CLOSE or -errno.
//
// Between commands a session is this struct and, once a mailbox is selected, its view: no arena, no
// buffer. Everything of a command lives in the command's arena.
#pragma once

#include "proto/imap/command.h"
#include "proto/imap/flag.h"
#include "proto/imap/scan.h"
#include "proto/imap/sequence.h"

#include "account/auth.h"

#include "access/access.h"
#include "serve/imap/context.h"
#include "serve/imap/imap.h"
#include "serve/imap/saved.h"

struct imap_notify;
struct imap_view;

enum imap_state {
    IMAP_NOT_AUTHENTICATED = 1,
    IMAP_AUTHENTICATED = 2,
    IMAP_SELECTED = 4,
};

/// What the client switched on by ENABLE, or by using it (RFC 7162 3.1); bits.
enum imap_enabled {
    IMAP_CONDSTORE = 1,
    IMAP_QRESYNC = 2,  // CONDSTORE too
    IMAP_UTF8 = 4,     // RFC 6855
    IMAP_REV2 = 8,     // RFC 9051: no \Recent, UTF-8 names, ESEARCH answers
    IMAP_UIDONLY = 16, // RFC 9586
};

enum {
    IMAP_LINE_MAX = 64 * 1024,        // bytes of one line of a command
    IMAP_EARLY_COMMANDS_MAX = 100,    // before login
    IMAP_LITERALS_MAX = 256,          // of one command: each makes us read it from its start
    IMAP_LOGIN_LITERAL_MAX = 4096,    // bytes of all literals of a command before login
    IMAP_ARENA_MAX = 8 * 1024 * 1024, // a command's arena: line and literals, times what parsing
                                      // makes of them
    IMAP_PIECE = 32 * 1024,           // bytes of answers that are collected
    IMAP_OUT_MAX = 64 * 1024 * 1024,  // bytes of one answer that is not streamed
};

struct imap_session {
    struct imap *imap;
    struct rt_conn *conn;
    struct imap_config config;
    enum imap_state state;
    bool is_idling; // IDLE runs: the next line is DONE
    unsigned login_failures;
    unsigned bad_commands; // in a row
    unsigned early_commands;
    uint64_t account_id;
    uint64_t actor_id;       // who signed in for it, a delegate; else 0 or the same
    unsigned enabled;        // bits of imap_enabled
    char *idle_tag;          // of the running IDLE
    struct imap_view *view;  // not NULL exactly in IMAP_SELECTED
    struct imap_saved saved; // "$"
    struct imap_contexts contexts;
    struct imap_notify *notify; // NULL: nothing is told unasked
};

struct imap_call {
    struct arena *arena;
    struct str tag;
    struct scan in;        // the arguments, from behind the verb
    bool is_utf8;          // names of mailboxes come as UTF-8 (imap_speaks_utf8)
    struct str given_name; // what imap_scan_name read last, before it was brought to NFC
    bool is_uid;
    const char *usage;           // for BAD
    struct buf *out;             // collected answers; imap_put_out hands them on
    struct imap_literal literal; // APPEND: the message, not read yet
    uint32_t limited_uid;        // older messages were left out (imap_limit); 0: none were
    uint64_t told_us;            // when the client last heard of this command
};

struct imap_verb {
    struct str name;
    unsigned states; // bits of imap_state
    int (*on)(struct imap_session *s, struct imap_call *c);
    const char *usage;
    bool is_uid;              // "UID verb" exists
    const char *capabilities; // that it brings, apart by spaces; each stands at one verb only
};

// ---- the room's own doors, imap.c

struct store *imap_store(const struct imap_session *s);
struct accounts *imap_accounts(const struct imap_session *s);
struct access *imap_access(const struct imap_session *s);       // NULL: nothing is shared
struct search *imap_search_index(const struct imap_session *s); // NULL: none
struct summaries *imap_summaries(const struct imap_session *s); // NULL: none
struct rt_tls *imap_tls(const struct imap_session *s);
struct rt_pool *imap_pool(const struct imap_session *s);
void imap_config_get(struct imap *imap, struct imap_config *out);

// ---- reading a command, command.c

/// [await] One command, whole. RT_NEXT, RT_CLOSE or -errno.
int imap_command_run(struct imap_session *s);
/// False once the account of whoever has signed in was removed or disabled. No waiting.
bool imap_is_welcome(const struct imap_session *s);
/// [await] Eats `size` bytes of input.
int imap_read_away(struct imap_session *s, uint64_t size);
/// The verb of that name, NULL when there is none; verb.c.
const struct imap_verb *imap_verb_find(struct str name);

/// Switches on bits of imap_enabled; the first time that modseqs are wanted while a mailbox is
/// selected, its highest is told. enable.c
void imap_enable(struct imap_session *s, unsigned features_on, struct buf *out);

// ---- answers, answer.c

/// "tag OK text", after what happened in the mailbox meanwhile was told (RFC 3501 7.4.1 decides
/// whether expunges may be). `text` may begin with a response code.
int imap_ok(struct imap_session *s, struct imap_call *c, const char *text);
/// The same, but expunges wait: for FETCH, STORE and SEARCH by message numbers.
int imap_ok_keeping_numbers(struct imap_session *s, struct imap_call *c, const char *text);
/// As imap_ok, with [HIGHESTMODSEQ n] for who resynchronizes by it (RFC 7162 3.2.7, 3.2.8).
int imap_ok_modseq(struct imap_session *s, struct imap_call *c, const char *text);
/// "tag NO text"
int imap_no(struct imap_session *s, struct imap_call *c, const char *text);
/// "tag BAD text": too many in a row, and the other end is no IMAP client: RT_CLOSE.
int imap_bad(struct imap_session *s, struct imap_call *c, const char *text);
/// BAD with the verb's usage.
int imap_bad_syntax(struct imap_session *s, struct imap_call *c);
/// The NO for what the store answered, STORE_NOT_FOUND and the like, or a failure of the world,
/// which is logged as `what`.
int imap_no_store(struct imap_session *s, struct imap_call *c, const char *what, int answer);
/// Is -errno that of the connection: reset, too slow, or closed by us? Nobody hears an answer then,
/// and nothing is wrong here.
bool imap_is_gone(int r);
/// "* BYE text"; RT_CLOSE.
int imap_bye(struct imap_session *s, const char *text);
/// [await] Sends on what was collected in c->out; with `all` false only when it is a piece.
int imap_put_out(struct imap_session *s, struct imap_call *c, bool all);

// ---- arguments, argument.c

/// Names are UTF-8 as they are, not modified UTF-7.
static inline bool imap_speaks_utf8(const struct imap_session *s)
{
    return (s->enabled & (IMAP_UTF8 | IMAP_REV2)) != 0;
}

enum imap_name_answer { IMAP_NAME_OK, IMAP_NAME_SYNTAX, IMAP_NAME_INVALID };
/// SP mailbox
enum imap_name_answer imap_scan_name(struct imap_call *c, struct str *out);
/// A name that was scanned already, as bytes of the wire.
enum imap_name_answer imap_decode_name(struct imap_call *c, struct str wire, struct str *out);
/// [await] Which mailbox that name means for who has signed in: one of theirs, or one that was
/// shared with them; out->account_id is the owner. It exists and they have all those rights
/// (access/access.h; none asked for: any) there. 0, or the answer was given: *out_r is what the
/// verb returns. NONEXISTENT for what they may not even look up; NOPERM.
int imap_lookup_mailbox(struct imap_session *s, struct imap_call *c, struct str name,
                        unsigned rights, struct store_mailbox *out, int *out_r);
/// SP mailbox, and then the same.
int imap_find_mailbox(struct imap_session *s, struct imap_call *c, unsigned rights,
                      struct store_mailbox *out, int *out_r);
int imap_refuse_name(struct imap_session *s, struct imap_call *c, enum imap_name_answer answer);
/// [await] The mailbox at that place, if there is one, and what who has signed in may do with it,
/// which may be nothing: for verbs that must know more than imap_lookup_mailbox tells. 0,
/// STORE_NOT_FOUND or -errno.
int imap_mailbox_at(struct imap_session *s, const struct access_place *place,
                    struct store_mailbox *out, unsigned *out_rights);
/// [await] The nearest mailbox above that place. STORE_NOT_FOUND: none; then who has signed in has
/// all rights there or none.
int imap_parent_of(struct imap_session *s, const struct access_place *place,
                   struct store_mailbox *out, unsigned *out_rights);
/// [await] Is there anything below that place that who has signed in may look up?
int imap_visible_below(struct imap_session *s, const struct access_place *place, bool *out);
/// The messages a set means, as indexes into the view: ascending ranges, last included.
struct imap_selection {
    struct imap_range *ranges; // of indexes
    size_t count;
    size_t messages;
};
/// SP sequence-set, or "$" (RFC 5182), which may be nothing. False: it is none, or names a message
/// number that does not exist.
bool imap_scan_selection(struct imap_session *s, struct imap_call *c, struct imap_selection *out);
/// The uids of a selection, for the store; in the arena.
struct store_uids imap_selection_uids(struct imap_session *s, struct imap_call *c,
                                      const struct imap_selection *selection);

// ---- bounds of one command, limit.c

/// More than one command may take (RFC 9738)? Then this is the answer of one that does all or
/// nothing.
bool imap_is_over_limit(const struct imap_session *s, size_t messages);
int imap_no_over_limit(struct imap_session *s, struct imap_call *c);
/// Leaves the newest messages, as many as one command may take; the OK will say so.
void imap_limit(struct imap_session *s, struct imap_call *c, struct imap_selection *selection);
/// [await] To be called between whole answers while a command works: tells the client now and then
/// how far it has come (RFC 9585). Nothing to a call without a tag.
int imap_tell_progress(struct imap_session *s, struct imap_call *c, size_t done, size_t all,
                       const char *what);

// ---- capabilities, capability.c

/// "IMAP4rev1 ...", what holds in this state.
void imap_put_capabilities(struct imap_session *s, struct buf *out);

/// For CLEANUP.
static inline void imap_change_drop(struct store_change **change)
{
    store_change_free(*change);
}

// ---- signing in, authenticate.c

/// [await] Answers to what account/auth.h said.
int imap_signed_in(struct imap_session *s, struct imap_call *c, int answer,
                   const struct account_identity *who);

// ---- moving on

/// [await] Expunges what has \Deleted, of a selection or (NULL) of the whole mailbox; without
/// telling. *out_modseq (may be NULL): at which, 0 when there was nothing. 0, a store_answer or
/// -errno.
int imap_expunge_deleted(struct imap_session *s, struct imap_call *c,
                         const struct imap_selection *selection, uint64_t *out_modseq);

/// Gives back all that belongs to whoever has signed in; the session is as after the greeting. For
/// UNAUTHENTICATE and the end. No waiting.
void imap_session_forget(struct imap_session *s);
/// Forgets the selected mailbox, if any. No waiting.
void imap_deselect(struct imap_session *s);

// ---- verbs; [await], each in the file of its name

int imap_on_append(struct imap_session *s, struct imap_call *c);
int imap_on_authenticate(struct imap_session *s, struct imap_call *c);
int imap_on_cancelupdate(struct imap_session *s, struct imap_call *c); // context.c
int imap_on_capability(struct imap_session *s, struct imap_call *c);
int imap_on_check(struct imap_session *s, struct imap_call *c); // noop.c
int imap_on_close(struct imap_session *s, struct imap_call *c);
int imap_on_compress(struct imap_session *s, struct imap_call *c);
int imap_on_copy(struct imap_session *s, struct imap_call *c);
int imap_on_create(struct imap_session *s, struct imap_call *c);
int imap_on_delete(struct imap_session *s, struct imap_call *c);
int imap_on_deleteacl(struct imap_session *s, struct imap_call *c);
int imap_on_enable(struct imap_session *s, struct imap_call *c);
int imap_on_esearch(struct imap_session *s, struct imap_call *c); // multisearch.c
int imap_on_examine(struct imap_session *s, struct imap_call *c); // select.c
int imap_on_expunge(struct imap_session *s, struct imap_call *c);
int imap_on_fetch(struct imap_session *s, struct imap_call *c);
int imap_on_getacl(struct imap_session *s, struct imap_call *c);
int imap_on_getjmapaccess(struct imap_session *s, struct imap_call *c); // jmapaccess.c
int imap_on_getmetadata(struct imap_session *s, struct imap_call *c);
int imap_on_getquota(struct imap_session *s, struct imap_call *c);
int imap_on_getquotaroot(struct imap_session *s, struct imap_call *c);
int imap_on_genurlauth(struct imap_session *s, struct imap_call *c);
int imap_on_id(struct imap_session *s, struct imap_call *c);
int imap_on_idle(struct imap_session *s, struct imap_call *c);
int imap_on_list(struct imap_session *s, struct imap_call *c);
int imap_on_listrights(struct imap_session *s, struct imap_call *c);
int imap_on_login(struct imap_session *s, struct imap_call *c);
int imap_on_logout(struct imap_session *s, struct imap_call *c);
int imap_on_lsub(struct imap_session *s, struct imap_call *c);
int imap_on_move(struct imap_session *s, struct imap_call *c); // copy.c
int imap_on_myrights(struct imap_session *s, struct imap_call *c);
int imap_on_namespace(struct imap_session *s, struct imap_call *c);
int imap_on_notify(struct imap_session *s, struct imap_call *c);
int imap_on_noop(struct imap_session *s, struct imap_call *c);
int imap_on_rename(struct imap_session *s, struct imap_call *c);
int imap_on_replace(struct imap_session *s, struct imap_call *c);
int imap_on_resetkey(struct imap_session *s, struct imap_call *c);
int imap_on_search(struct imap_session *s, struct imap_call *c);
int imap_on_select(struct imap_session *s, struct imap_call *c);
int imap_on_setacl(struct imap_session *s, struct imap_call *c);
int imap_on_setmetadata(struct imap_session *s, struct imap_call *c);
int imap_on_setquota(struct imap_session *s, struct imap_call *c);
int imap_on_sort(struct imap_session *s, struct imap_call *c);
int imap_on_starttls(struct imap_session *s, struct imap_call *c);
int imap_on_status(struct imap_session *s, struct imap_call *c);
int imap_on_store(struct imap_session *s, struct imap_call *c);
int imap_on_subscribe(struct imap_session *s, struct imap_call *c);
int imap_on_uidbatches(struct imap_session *s, struct imap_call *c);
int imap_on_unauthenticate(struct imap_session *s, struct imap_call *c);
int imap_on_thread(struct imap_session *s, struct imap_call *c);
int imap_on_unselect(struct imap_session *s, struct imap_call *c); // close.c
int imap_on_urlfetch(struct imap_session *s, struct imap_call *c);
int imap_on_unsubscribe(struct imap_session *s, struct imap_call *c); // subscribe.c

/// A mailbox's name as this client reads it: modified UTF-7 or UTF-8.
void imap_put_name(const struct imap_session *s, struct str name, struct buf *out);
/// The same of a mailbox, which may be somebody else's.
void imap_put_name_of(const struct imap_session *s, const struct store_mailbox *mailbox,
                      struct buf *out);
/// `* LIST () "/" name`, without being asked (RFC 9051 6.3.2, 6.3.4, 6.3.6), with OLDNAME when
/// `old_name` is not the same. Nothing for a client that did not enable IMAP4rev2.
void imap_put_list_news(const struct imap_session *s, struct str name, struct str old_name,
                        struct buf *out);
/// [await] "* STATUS name (items)" of a mailbox as it was read; `items`: imap_status_item.
int imap_put_status(struct imap_session *s, const struct store_mailbox *mailbox, unsigned items,
                    struct buf *out);
/// [await] A line while IDLE runs.
int imap_idle_line(struct imap_session *s);
