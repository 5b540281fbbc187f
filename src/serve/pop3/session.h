// SPDX-License-Identifier: ISC
//
// One POP3 session, for the files of this room only. A verb answers, changes the session, and says
// whether the talk goes on: RT_NEXT, RT_CLOSE or -errno.
#pragma once

#include "proto/pop3/command.h"
#include "account/auth.h"
#include "serve/pop3/phrase.h"
#include "serve/pop3/pop3.h"

enum pop3_state {
    POP3_AUTHORIZATION = 1,
    POP3_TRANSACTION = 2,
};

/// One message of the maildrop. Its number is its index and one.
struct pop3_mail {
    uint32_t uid;
    bool is_deleted; // by DELE, not yet from the store
    bool is_read;    // by RETR
    struct store_body_ref body;
};

struct pop3_session {
    struct pop3 *pop3;
    struct rt_conn *conn;
    struct pop3_config config;
    enum pop3_state state;
    enum pop3_language language;
    bool is_utf8; // the client said UTF8
    unsigned login_failures;
    unsigned bad_commands;
    struct buf user; // what USER gave; once signed in, the account's address

    uint64_t actor_id;   // who signed in for it, a delegate; else 0 or the same
    uint64_t account_id; // whose lock this session holds, or 0
    uint64_t mailbox_id; // 0: there is no INBOX
    uint32_t uidvalidity;
    struct pop3_mail *mails; // by uid
    size_t count;
};

// ---- answers

/// -ERR and the phrase. RT_NEXT or -errno.
int pop3_refuse(struct pop3_session *s, enum pop3_phrase phrase);
/// The same for a line that is no command here. Too many of them, and the other end is no POP3
/// client: RT_CLOSE.
int pop3_refuse_bad(struct pop3_session *s, enum pop3_phrase phrase);
/// The message of that number, not deleted; NULL when there is none (then *out_r is the refusal's
/// result).
struct pop3_mail *pop3_mail_of(struct pop3_session *s, const struct pop3_command *c, int *out_r);
static inline uint32_t pop3_number_of(const struct pop3_session *s, const struct pop3_mail *mail)
{
    return (uint32_t)(mail - s->mails) + 1;
}

// ---- the maildrop, maildrop.c

/// False when another session of this process has it.
bool pop3_lock_take(struct pop3 *pop3, uint64_t account_id);
void pop3_lock_give(struct pop3 *pop3, uint64_t account_id);
/// Did that account sign in less than so long ago? Else this counts as its log-in.
bool pop3_is_too_soon(struct pop3 *pop3, uint64_t account_id, uint64_t delay_ms);
/// [await] Whoever signed in gets the maildrop and its lock, and the answer to PASS or AUTH.
int pop3_enter(struct pop3_session *s, const struct account_identity *who);
/// [await] Removes what is marked and sets \Seen. 0, a store_answer or -errno: nothing was changed.
int pop3_update(struct pop3_session *s);
/// Gives the lock and the memory back. No waiting.
void pop3_leave(struct pop3_session *s);

struct store *pop3_store(struct pop3 *pop3);
struct accounts *pop3_accounts(struct pop3 *pop3);
struct rt_tls *pop3_tls(struct pop3 *pop3);
void pop3_config_get(struct pop3 *pop3, struct pop3_config *out);

/// Is there an address in UTF-8 in the header that this begins with? utf8.c
bool pop3_needs_utf8(struct str beginning);

// ---- signing in, auth.c

/// The other end, for account/auth.h; anew for each call.
struct account_peer pop3_peer_of(struct pop3_session *s);
/// [await] Answers to what account/auth.h said; with ACCOUNT_AUTH_OK enters the maildrop.
int pop3_signed_in(struct pop3_session *s, int answer, const struct account_identity *who);

// ---- verbs; [await], each in the file of its name

int pop3_on_auth(struct pop3_session *s, const struct pop3_command *c);
int pop3_on_capa(struct pop3_session *s, const struct pop3_command *c);
int pop3_on_dele(struct pop3_session *s, const struct pop3_command *c);
int pop3_on_lang(struct pop3_session *s, const struct pop3_command *c);
int pop3_on_list(struct pop3_session *s, const struct pop3_command *c);
int pop3_on_noop(struct pop3_session *s, const struct pop3_command *c); // dele.c
int pop3_on_pass(struct pop3_session *s, const struct pop3_command *c); // user.c
int pop3_on_quit(struct pop3_session *s, const struct pop3_command *c);
int pop3_on_retr(struct pop3_session *s, const struct pop3_command *c);
int pop3_on_rset(struct pop3_session *s, const struct pop3_command *c); // dele.c
int pop3_on_stat(struct pop3_session *s, const struct pop3_command *c); // list.c
int pop3_on_stls(struct pop3_session *s, const struct pop3_command *c);
int pop3_on_top(struct pop3_session *s, const struct pop3_command *c); // retr.c
int pop3_on_uidl(struct pop3_session *s, const struct pop3_command *c);
int pop3_on_user(struct pop3_session *s, const struct pop3_command *c);
int pop3_on_utf8(struct pop3_session *s, const struct pop3_command *c);
