// SPDX-License-Identifier: ISC
//
// Who exists: domains, accounts with their passwords, aliases, mailing lists. Kept as documents in
// the store and, whole, in memory as an immutable directory that is replaced at each change, so
// looking up never waits and never sees half a change. Signing in is account/auth.h; where the mail
// for an address goes is account/resolve.h.
//
// Every function here may be called from any loop. Addresses are given as people write them
// ("Ana@Example.TEST"); they are kept and given back in one form: local part in NFC and lower case,
// domain lower case with A-labels. Local parts of ours are compared without regard to case: RFC
// 5321 2.4 lets the receiving host decide, and two people who differ by a capital letter only would
// read each other's mail.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/setting.h"
#include "store/store.h"

struct accounts;

enum {
    ACCOUNT_ADDRESS_MAX = 320,   // bytes: local part, "@", domain
    ACCOUNT_NAME_MAX = 128,      // bytes of a person's or a list's name, of an app password's too
    ACCOUNT_PASSWORD_MIN = 8,    // characters
    ACCOUNT_PASSWORD_MAX = 1024, // bytes
    ACCOUNT_APP_PASSWORDS_MAX = 32,
    ACCOUNT_MEMBERS_MAX = 10000, // targets of one alias, members of one list
    ACCOUNT_DELEGATES_MAX = 32,
    ACCOUNT_NESTING_MAX = 16, // aliases and lists within each other
};

/// The room's part of the configuration, title "account".
struct account_config {
    struct str subaddress;        // "+": what follows it in a local part is the detail; "": off
    struct str postmaster;        // who gets mail for postmaster; "": the oldest account
    struct str password_cost;     // "interactive", "moderate", "minimal" (for tests)
    uint64_t scram_iterations;    // RFC 7677: at least 4096
    uint64_t password_threads;    // that hash at once; each takes 64 MiB at "interactive"
    uint64_t password_queue;      // log-ins that wait for them
    uint64_t password_cache;      // verified passwords remembered, so that reconnecting is cheap
    uint64_t login_failures_max;  // of one account from one peer until it has to wait
    uint64_t login_delay_max;     // milliseconds: the answer to a failure comes so late at most
    bool plaintext_login;         // passwords without TLS: never on a real network
    uint64_t expansion_max;       // places one recipient may be expanded to
    struct str oauth_issuer;      // whose bearer tokens are taken, as they name it; "": no tokens
    struct str oauth_audience;    // whom they are for
    struct str oauth_jwks;        // its keys: "https://..." or a path
    struct str oauth_claim;       // that names the address
    struct str oauth_authorities; // PEM file for that URL; "": the system's
    uint64_t oauth_skew;          // milliseconds its clock may be wrong
};
extern const struct settings account_settings;

/// Is what it says of tokens possible? Else false, and *why says what is wrong.
bool account_config_is_valid(const struct account_config *config, struct buf *why);

/// Positive answers. Those marked * put a sentence for the administrator into *why.
enum account_answer {
    ACCOUNT_OK = 0,
    ACCOUNT_NOT_FOUND = 1, // *
    ACCOUNT_EXISTS = 2,    // * the address is taken, by an account, alias or list
    ACCOUNT_INVALID = 3,   // * a value that cannot be
    ACCOUNT_IN_USE = 4,    // * a domain that still has accounts, aliases or lists
    ACCOUNT_LIMIT = 5,     // * a limit of this header
    ACCOUNT_CONFLICT = 6,  // * somebody else changed it in the same moment; try again
};

/// [await] Loads all documents. `config` and `store` are borrowed and must outlive the handle.
int account_open(struct store *store, const struct account_config *config, struct accounts **out);
/// Nobody may be inside any more. Outside of tasks (it waits for the hashing pool).
void account_close(struct accounts *accounts);
/// New settings after a reload; those of the hashing pool keep their old value. Any thread.
void account_reconfigure(struct accounts *accounts, const struct account_config *config);

// ---- accounts

enum account_change_what {
    ACCOUNT_SET_NAME = 1,
    ACCOUNT_SET_PASSWORD = 2,
    ACCOUNT_SET_ENABLED = 4,
    ACCOUNT_SET_QUOTA = 8,
};

struct account_change {
    unsigned what; // which of the following count; the others keep their value or default
    struct str name;
    struct str password;
    bool is_enabled; // default: true. A disabled account gets mail but nobody can sign in
    uint64_t quota_bytes, quota_messages; // 0: no limit
};

struct account_app_password {
    struct str name;
    int64_t created; // seconds since 1970
};

struct account_info {
    uint64_t id;
    struct str address;
    struct str name;
    bool is_enabled;
    bool has_password;
    int64_t created;
    uint64_t quota_bytes, quota_messages;
    struct account_app_password *app_passwords;
    size_t app_password_count;
    struct str *delegates; // their addresses
    size_t delegate_count;
};

/// [await] Makes the account with INBOX, Drafts, Sent, Archive, Junk and Trash, subscribed. Its
/// domain must exist. Without ACCOUNT_SET_PASSWORD nobody can sign in yet.
int account_add(struct accounts *accounts, struct str address, const struct account_change *change,
                uint64_t *out_id, struct buf *why);
/// [await]
int account_set(struct accounts *accounts, struct str address, const struct account_change *change,
                struct buf *why);
/// [await] With all its mail. The id is never used again.
int account_remove(struct accounts *accounts, struct str address, struct buf *why);
/// No waiting. 0 or ACCOUNT_NOT_FOUND. What *out points to lies in `arena`.
int account_get(struct accounts *accounts, struct str address, struct arena *arena,
                struct account_info *out);
/// No waiting. Is there (still) an account with that id?
bool account_exists(struct accounts *accounts, uint64_t id);
/// No waiting. The same, and it has not been disabled: whoever is signed in may go on.
bool account_is_enabled(struct accounts *accounts, uint64_t id);
/// No waiting. The id of the account with that address, 0 when there is none: an alias is none.
uint64_t account_id_of(struct accounts *accounts, struct str address);
/// No waiting. Appends its address; false: there is no such account.
bool account_address_of(struct accounts *accounts, uint64_t id, struct buf *out);
/// No waiting. Do both have their addresses in one domain?
bool account_share_domain(struct accounts *accounts, uint64_t id, uint64_t other_id);
/// No waiting. All of `domain` (STR_NONE: of every domain), by address.
void account_all(struct accounts *accounts, struct str domain, struct arena *arena,
                 struct account_info **out, size_t *out_count);

/// [await] A password of 24 characters made here, put into *password: it is never shown again.
int account_app_password_add(struct accounts *accounts, struct str address, struct str name,
                             struct buf *password, struct buf *why);
/// [await]
int account_app_password_remove(struct accounts *accounts, struct str address, struct str name,
                                struct buf *why);

// ---- delegates: accounts that may act for another, delegate.c

/// [await] `on`: from now on `delegate` may sign in for the account and send as it; else no more.
int account_delegate_set(struct accounts *accounts, struct str address, struct str delegate,
                         bool on, struct buf *why);
/// No waiting. May `actor_id` (0: the account itself) be signed in as that account: both are there
/// and enabled, and it is itself or its delegate?
bool account_is_welcome(struct accounts *accounts, uint64_t id, uint64_t actor_id);
/// No waiting. Is `actor_id` somebody else, and welcome as that account?
bool account_is_delegate(struct accounts *accounts, uint64_t actor_id, uint64_t id);

// ---- domains

struct account_domain {
    struct str name;
    struct str catch_all; // an address that gets what nobody else gets; "": unknown users are
                          // refused
    size_t account_count, alias_count, list_count; // given back only
};
/// [await]
int account_domain_add(struct accounts *accounts, const struct account_domain *domain,
                       struct buf *why);
int account_domain_set(struct accounts *accounts, const struct account_domain *domain,
                       struct buf *why);
/// [await] ACCOUNT_IN_USE while anything is in it.
int account_domain_remove(struct accounts *accounts, struct str name, struct buf *why);
/// No waiting, as for accounts.
int account_domain_get(struct accounts *accounts, struct str name, struct arena *arena,
                       struct account_domain *out);
void account_domain_all(struct accounts *accounts, struct arena *arena, struct account_domain **out,
                        size_t *out_count);
/// No waiting. Appends the name of the i-th domain, by name; false: there are not so many. For who
/// must not copy them all: a stranger's question has no memory for that.
bool account_domain_at(struct accounts *accounts, size_t i, struct buf *name);
/// Is mail for this domain ours? No waiting.
bool account_domain_is_local(struct accounts *accounts, struct str name);

// ---- aliases (another name for one or many) and mailing lists (bounces go to the owner)

struct account_alias {
    struct str address;
    const struct str *targets; // addresses, ours or not; of a list: its members
    size_t target_count;
    bool is_list;
    struct str owner; // lists: who gets the bounces (RFC 5321 3.9.2); "": postmaster of the domain
    struct str name;  // lists: shown by EXPN and `list show`
};
/// [await] `is_list` decides what it is; its domain must exist.
int account_alias_add(struct accounts *accounts, const struct account_alias *alias,
                      struct buf *why);
/// [await] All of it is replaced.
int account_alias_set(struct accounts *accounts, const struct account_alias *alias,
                      struct buf *why);
/// [await] An alias or, with is_list, a list.
int account_alias_remove(struct accounts *accounts, struct str address, bool is_list,
                         struct buf *why);
/// No waiting, as for accounts.
int account_alias_get(struct accounts *accounts, struct str address, bool is_list,
                      struct arena *arena, struct account_alias *out);
void account_alias_all(struct accounts *accounts, bool is_list, struct str domain,
                       struct arena *arena, struct account_alias **out, size_t *out_count);
