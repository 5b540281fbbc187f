// SPDX-License-Identifier: ISC
//
// What can be done to a site from outside: one operation per request, a JSON object that names it
// in "op". The very same code answers a command in its own process and the control socket of the
// running server, so it makes no difference which of them did it.
#pragma once

#include "base/arena.h"
#include "rt/conn.h"

#include "app/site.h"

#include <jansson.h>

struct operation {
    struct site *site;
    struct rt_conn *conn; // of the control socket, for those that talk on; NULL: there is none
    json_t *request;      // borrowed
    json_t *result;       // an object to fill
    struct buf *why;      // a sentence, when it fails
    struct arena arena;   // for as long as the operation runs
    /// [await] Tells how far it is; `total` 0: unknown.
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    void *progress_arg;
};

/// [await] An exit code of sysexits.h. `conn`: the control connection that asked, or NULL.
int operation_run(struct site *site, struct rt_conn *conn, json_t *request, json_t *result,
                  struct buf *why, void (*progress)(void *arg, uint64_t done, uint64_t total),
                  void *progress_arg);

/// Does it go on talking on the connection? Then nothing else follows on it.
bool operation_is_talk(const json_t *request);

// ---- for the operations

/// The request's text, or STR_NONE when it is not there.
struct str operation_text(const struct operation *op, const char *name);
/// The request's text as the name of a mailbox, composed (NFC) as those of IMAP clients are, and
/// INBOX in capitals; in the arena. STR_NONE when it is not there.
struct str operation_mailbox_name(struct operation *op, const char *name);
/// False when it is not there.
bool operation_number(const struct operation *op, const char *name, uint64_t *out);
/// A text of up to 16 hex digits; 0 when it is not there or no such number.
uint64_t operation_hex(const struct operation *op, const char *name);
bool operation_bool(const struct operation *op, const char *name, bool *out);
/// Texts of a list; in the arena.
struct str *operation_list(struct operation *op, const char *name, size_t *count);
/// Puts a member into the result.
void operation_put(struct operation *op, const char *name, json_t *value);
/// The exit code for an account_answer or -errno; completes *why.
int operation_account_answer(struct operation *op, int answer);
json_t *operation_json(struct str text);

// ---- the operations, by file

int operate_account_add(struct operation *op);
int operate_account_set(struct operation *op);
int operate_account_list(struct operation *op);
int operate_account_show(struct operation *op);
int operate_account_remove(struct operation *op);
int operate_account_delegate(struct operation *op);
int operate_account_undelegate(struct operation *op);
int operate_app_password_add(struct operation *op);
int operate_app_password_remove(struct operation *op);

int operate_domain_add(struct operation *op);
int operate_domain_set(struct operation *op);
int operate_domain_list(struct operation *op);
int operate_domain_show(struct operation *op);
int operate_domain_remove(struct operation *op);

int operate_alias_add(struct operation *op);
int operate_alias_set(struct operation *op);
int operate_alias_list(struct operation *op);
int operate_alias_show(struct operation *op);
int operate_alias_remove(struct operation *op);

int operate_mailbox_list(struct operation *op);
int operate_mailbox_show(struct operation *op);
int operate_mailbox_create(struct operation *op);
int operate_mailbox_remove(struct operation *op);
int operate_mailbox_rename(struct operation *op);
int operate_mailbox_share(struct operation *op);
int operate_mailbox_shares(struct operation *op);
int operate_mailbox_unshare(struct operation *op);

int operate_mailbox_search(struct operation *op);
int operate_mailbox_index(struct operation *op);
int operate_mailbox_reindex(struct operation *op);

int operate_import(struct operation *op);
int operate_export(struct operation *op);

int operate_status(struct operation *op);
int operate_reload(struct operation *op);
int operate_backup(struct operation *op);
int operate_trace(struct operation *op);

int operate_suppress_list(struct operation *op);
int operate_suppress_remove(struct operation *op);

int operate_queue_list(struct operation *op);
int operate_queue_summary(struct operation *op);
int operate_queue_do(struct operation *op);
int operate_dns_route(struct operation *op);
int operate_dns_check(struct operation *op);
int operate_dns_report(struct operation *op);
