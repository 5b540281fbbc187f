// SPDX-License-Identifier: ISC
//
// One document of the directory: a domain, an account, an alias or a list, as a value and as the
// JSON kept in the store. Kind and key in the store: "domain" by its name, "address" by the
// address, so that two things with one address cannot be made, not even at once.
//
//     {"type":"account", "id":7, "name":"Ana", "enabled":true, "created":1700000000,
//      "quota":{"bytes":0, "messages":0}, "salt":BASE64, "iterations":10000,
//      "password":{"argon2id":"$argon2id$...", "stored":BASE64, "server":BASE64},
//      "app_passwords":[{"name":"phone", "created":..., "stored":BASE64, "server":BASE64}],
//      "delegates":[9]}
//     {"type":"alias", "targets":["ana@example.test"]}
//     {"type":"list", "name":"Crew", "owner":"ana@example.test", "targets":[...]}
//     {"type":"domain", "catch_all":""}
//
// All passwords of an account share one salt and one count of iterations, because in SCRAM the
// server must name them before it can know which password the client will use (RFC 5802 5.1).
#pragma once

#include "account/account.h"

enum account_record_type {
    ACCOUNT_RECORD_DOMAIN,
    ACCOUNT_RECORD_ACCOUNT,
    ACCOUNT_RECORD_ALIAS,
    ACCOUNT_RECORD_LIST,
};

enum { ACCOUNT_KEY_LEN = 32, ACCOUNT_SALT_LEN = 16, ACCOUNT_ITERATIONS_MAX = 1000000 };

/// RFC 5802 3: from these nobody can make the password.
struct account_scram_keys {
    uint8_t stored[ACCOUNT_KEY_LEN];
    uint8_t server[ACCOUNT_KEY_LEN];
};

struct account_secret {
    struct str name;     // of an app password; the account's own has ""
    struct str argon2id; // of the account's own: NUL-terminated. App passwords have none: they are
                         // random and long, so their StoredKey is a hash strong enough
    int64_t created;
    struct account_scram_keys keys;
};

struct account_record {
    struct arena arena;
    enum account_record_type type;
    struct str key;      // address or domain, in its one form
    struct str document; // as it stands in the store
    uint64_t version;    // differs between any two records of this process
    struct str name;

    uint64_t id; // accounts
    bool is_enabled;
    int64_t created;
    uint64_t quota_bytes, quota_messages;
    uint8_t salt[ACCOUNT_SALT_LEN];
    uint32_t iterations;
    bool has_password;
    struct account_secret password;
    struct account_secret *app_passwords;
    size_t app_password_count;
    uint64_t *delegates; // ids of accounts that may act for this one
    size_t delegate_count;

    struct str *targets; // aliases and lists
    size_t target_count;
    struct str owner;

    struct str catch_all; // domains
};

/// The kind under which a record of this type is kept.
const char *account_record_kind(enum account_record_type type);
/// Appends the JSON of the record.
void account_record_put(struct buf *out, const struct account_record *record);
/// 0 or -EBADMSG. Any bytes may be given.
int account_record_parse(struct str key, struct str document, struct account_record **out);
/// NULL is fine. Secrets are wiped.
void account_record_free(struct account_record *record);
