// SPDX-License-Identifier: ISC
#include "account/record.h"

#include "base/check.h"
#include "base/cleanup.h"

#include "account/name.h"

#include <errno.h>
#include <jansson.h>
#include <sodium.h>

enum { RECORD_BYTES_MAX = 16 << 20 };

static const char *const type_names[] = {
    [ACCOUNT_RECORD_DOMAIN] = "domain",
    [ACCOUNT_RECORD_ACCOUNT] = "account",
    [ACCOUNT_RECORD_ALIAS] = "alias",
    [ACCOUNT_RECORD_LIST] = "list",
};

static void json_drop(json_t **j)
{
    json_decref(*j);
}

const char *account_record_kind(enum account_record_type type)
{
    return type == ACCOUNT_RECORD_DOMAIN ? "domain" : "address";
}

// ---- value to JSON

static void set_str(json_t *object, const char *key, struct str s)
{
    CHECK(json_object_set_new(object, key, json_stringn(s.ptr ? s.ptr : "", s.len)) == 0);
}

static void set_count(json_t *object, const char *key, uint64_t value)
{
    CHECK(json_object_set_new(object, key, json_integer((json_int_t)value)) == 0);
}

static void set_bytes(json_t *object, const char *key, const uint8_t *bytes, size_t len)
{
    char text[sodium_base64_ENCODED_LEN(ACCOUNT_KEY_LEN, sodium_base64_VARIANT_ORIGINAL)];

    CHECK(len <= ACCOUNT_KEY_LEN);
    sodium_bin2base64(text, sizeof(text), bytes, len, sodium_base64_VARIANT_ORIGINAL);
    set_str(object, key, str_from(text));
}

static json_t *secret_to_json(const struct account_secret *secret)
{
    json_t *object = json_object();

    if (secret->argon2id.len > 0)
        set_str(object, "argon2id", secret->argon2id);
    if (secret->name.len > 0)
        set_str(object, "name", secret->name);
    set_count(object, "created", (uint64_t)secret->created);
    set_bytes(object, "stored", secret->keys.stored, ACCOUNT_KEY_LEN);
    set_bytes(object, "server", secret->keys.server, ACCOUNT_KEY_LEN);
    return object;
}

static void account_to_json(json_t *root, const struct account_record *r)
{
    CLEANUP(json_drop) json_t *delegates = json_array();
    json_t *quota = json_object(), *apps = json_array();

    set_count(root, "id", r->id);
    set_str(root, "name", r->name);
    json_object_set_new(root, "enabled", json_boolean(r->is_enabled));
    set_count(root, "created", (uint64_t)r->created);
    set_count(quota, "bytes", r->quota_bytes);
    set_count(quota, "messages", r->quota_messages);
    json_object_set_new(root, "quota", quota);
    set_bytes(root, "salt", r->salt, ACCOUNT_SALT_LEN);
    set_count(root, "iterations", r->iterations);
    if (r->has_password)
        json_object_set_new(root, "password", secret_to_json(&r->password));
    for (size_t i = 0; i < r->app_password_count; i++)
        json_array_append_new(apps, secret_to_json(&r->app_passwords[i]));
    json_object_set_new(root, "app_passwords", apps);
    if (r->delegate_count == 0)
        return;
    for (size_t i = 0; i < r->delegate_count; i++)
        json_array_append_new(delegates, json_integer((json_int_t)r->delegates[i]));
    json_object_set(root, "delegates", delegates);
}

static void alias_to_json(json_t *root, const struct account_record *r)
{
    json_t *targets = json_array();

    for (size_t i = 0; i < r->target_count; i++)
        json_array_append_new(targets, json_stringn(r->targets[i].ptr, r->targets[i].len));
    json_object_set_new(root, "targets", targets);
    if (r->type != ACCOUNT_RECORD_LIST)
        return;
    set_str(root, "name", r->name);
    set_str(root, "owner", r->owner);
}

void account_record_put(struct buf *out, const struct account_record *r)
{
    CLEANUP(json_drop) json_t *root = json_object();
    CLEANUP(free_drop) char *text = NULL;

    set_str(root, "type", str_from(type_names[r->type]));
    switch (r->type) {
    case ACCOUNT_RECORD_DOMAIN:
        set_str(root, "catch_all", r->catch_all);
        break;
    case ACCOUNT_RECORD_ACCOUNT:
        account_to_json(root, r);
        break;
    case ACCOUNT_RECORD_ALIAS:
    case ACCOUNT_RECORD_LIST:
        alias_to_json(root, r);
        break;
    }
    text = json_dumps(root, JSON_COMPACT);
    CHECK(text);
    buf_put(out, str_from(text));
    sodium_memzero(text, strlen(text));
}

// ---- JSON to value; a member that is missing has its zero, one of the wrong type is an error

static bool get_str(struct arena *arena, const json_t *object, const char *key, size_t max,
                    struct str *out)
{
    json_t *value = json_object_get(object, key);

    *out = STR("");
    if (!value)
        return true;
    if (!json_is_string(value) || json_string_length(value) > max)
        return false;
    *out = arena_str(arena, str_of(json_string_value(value), json_string_length(value)));
    return true;
}

static bool get_count(const json_t *object, const char *key, uint64_t max, uint64_t *out)
{
    json_t *value = json_object_get(object, key);

    *out = 0;
    if (!value)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > max)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool get_bytes(const json_t *object, const char *key, uint8_t *to, size_t len)
{
    const json_t *value = json_object_get(object, key);
    size_t got = 0;

    return json_is_string(value) &&
           sodium_base642bin(to, len, json_string_value(value), json_string_length(value), NULL,
                             &got, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
           got == len;
}

static bool parse_secret(struct arena *arena, const json_t *object, struct account_secret *out)
{
    uint64_t created;

    if (!json_is_object(object) ||
        !get_str(arena, object, "argon2id", crypto_pwhash_STRBYTES - 1, &out->argon2id) ||
        !get_str(arena, object, "name", ACCOUNT_NAME_MAX, &out->name) ||
        !get_count(object, "created", INT64_MAX, &created) ||
        !get_bytes(object, "stored", out->keys.stored, ACCOUNT_KEY_LEN) ||
        !get_bytes(object, "server", out->keys.server, ACCOUNT_KEY_LEN))
        return false;
    out->created = (int64_t)created;
    return memchr(out->argon2id.ptr, 0, out->argon2id.len) == NULL;
}

static bool parse_app_passwords(struct account_record *r, const json_t *root)
{
    json_t *list = json_object_get(root, "app_passwords");

    if (!list)
        return true;
    if (!json_is_array(list) || json_array_size(list) > ACCOUNT_APP_PASSWORDS_MAX)
        return false;
    r->app_password_count = json_array_size(list);
    r->app_passwords = ARENA_ARRAY(&r->arena, struct account_secret, r->app_password_count);
    for (size_t i = 0; i < r->app_password_count; i++) {
        struct account_secret *secret = &r->app_passwords[i];

        if (!parse_secret(&r->arena, json_array_get(list, i), secret) || secret->name.len == 0 ||
            secret->argon2id.len > 0)
            return false;
    }
    return true;
}

static bool parse_delegates(struct account_record *r, const json_t *root)
{
    json_t *list = json_object_get(root, "delegates");

    if (!list)
        return true;
    if (!json_is_array(list) || json_array_size(list) > ACCOUNT_DELEGATES_MAX)
        return false;
    r->delegate_count = json_array_size(list);
    r->delegates = ARENA_ARRAY(&r->arena, uint64_t, r->delegate_count);
    for (size_t i = 0; i < r->delegate_count; i++) {
        const json_t *id = json_array_get(list, i);

        if (!json_is_integer(id) || json_integer_value(id) <= 0)
            return false;
        r->delegates[i] = (uint64_t)json_integer_value(id);
    }
    return true;
}

static bool parse_account(struct account_record *r, const json_t *root)
{
    json_t *quota = json_object_get(root, "quota"), *password = json_object_get(root, "password");
    uint64_t created, iterations;

    if (!get_count(root, "id", INT64_MAX, &r->id) || r->id == 0 ||
        !get_str(&r->arena, root, "name", ACCOUNT_NAME_MAX, &r->name) ||
        !json_is_boolean(json_object_get(root, "enabled")) ||
        !get_count(root, "created", INT64_MAX, &created) || (quota && !json_is_object(quota)) ||
        !get_count(quota, "bytes", INT64_MAX, &r->quota_bytes) ||
        !get_count(quota, "messages", INT64_MAX, &r->quota_messages) ||
        !get_bytes(root, "salt", r->salt, ACCOUNT_SALT_LEN) ||
        !get_count(root, "iterations", ACCOUNT_ITERATIONS_MAX, &iterations) || iterations < 4096)
        return false;
    r->is_enabled = json_is_true(json_object_get(root, "enabled"));
    r->created = (int64_t)created;
    r->iterations = (uint32_t)iterations;
    r->has_password = password != NULL;
    if (password &&
        (!parse_secret(&r->arena, password, &r->password) || r->password.argon2id.len == 0))
        return false;
    return parse_app_passwords(r, root) && parse_delegates(r, root);
}

static bool parse_alias(struct account_record *r, const json_t *root)
{
    json_t *targets = json_object_get(root, "targets");

    if (!json_is_array(targets) || json_array_size(targets) > ACCOUNT_MEMBERS_MAX)
        return false;
    r->target_count = json_array_size(targets);
    r->targets = ARENA_ARRAY(&r->arena, struct str, r->target_count);
    for (size_t i = 0; i < r->target_count; i++) {
        json_t *target = json_array_get(targets, i);

        if (!json_is_string(target) || json_string_length(target) > ACCOUNT_ADDRESS_MAX)
            return false;
        r->targets[i] =
            arena_str(&r->arena, str_of(json_string_value(target), json_string_length(target)));
    }
    return get_str(&r->arena, root, "name", ACCOUNT_NAME_MAX, &r->name) &&
           get_str(&r->arena, root, "owner", ACCOUNT_ADDRESS_MAX, &r->owner);
}

static bool parse_type(const json_t *root, enum account_record_type *out)
{
    const char *name = json_string_value(json_object_get(root, "type"));

    for (size_t i = 0; name && i < sizeof(type_names) / sizeof(type_names[0]); i++)
        if (str_eq(str_from(name), str_from(type_names[i]))) {
            *out = (enum account_record_type)i;
            return true;
        }
    return false;
}

static bool parse_key(struct account_record *r, struct str key)
{
    CLEANUP(buf_drop) struct buf name = {0};
    bool ok;

    buf_init(&name, ACCOUNT_ADDRESS_MAX);
    ok = r->type == ACCOUNT_RECORD_DOMAIN ? account_name_parse_domain(key, &name)
                                          : account_name_parse(key, &name);
    if (!ok || !str_eq(buf_str(&name), key))
        return false;
    r->key = arena_str(&r->arena, key);
    return true;
}

static bool parse_root(struct account_record *r, struct str key, const json_t *root)
{
    if (!parse_type(root, &r->type) || !parse_key(r, key))
        return false;
    switch (r->type) {
    case ACCOUNT_RECORD_DOMAIN:
        return get_str(&r->arena, root, "catch_all", ACCOUNT_ADDRESS_MAX, &r->catch_all);
    case ACCOUNT_RECORD_ACCOUNT:
        return parse_account(r, root);
    case ACCOUNT_RECORD_ALIAS:
    case ACCOUNT_RECORD_LIST:
        return parse_alias(r, root);
    }
    return false;
}

int account_record_parse(struct str key, struct str document, struct account_record **out)
{
    static _Atomic uint64_t versions;
    CLEANUP(json_drop) json_t *root = NULL;
    struct account_record *r;

    if (document.len > STORE_DOC_MAX)
        return -EBADMSG;
    root = json_loadb(document.ptr ? document.ptr : "", document.len, 0, NULL);
    if (!json_is_object(root))
        return -EBADMSG;
    r = calloc(1, sizeof(*r));
    CHECK(r);
    arena_init(&r->arena, RECORD_BYTES_MAX);
    if (!parse_root(r, key, root)) {
        account_record_free(r);
        return -EBADMSG;
    }
    r->document = arena_str(&r->arena, document);
    r->version = ++versions;
    *out = r;
    return 0;
}

void account_record_free(struct account_record *r)
{
    if (!r)
        return;
    sodium_memzero(r->salt, sizeof(r->salt));
    sodium_memzero(&r->password.keys, sizeof(r->password.keys));
    for (size_t i = 0; i < r->app_password_count; i++)
        sodium_memzero(&r->app_passwords[i].keys, sizeof(r->app_passwords[i].keys));
    arena_done(&r->arena);
    free(r);
}
