// SPDX-License-Identifier: ISC
//
// Accounts and their passwords, for the command line.
#include "base/cleanup.h"

#include "app/operation.h"

static json_t *account_json(const struct account_info *info)
{
    json_t *passwords = json_array(), *delegates = json_array();

    for (size_t i = 0; i < info->app_password_count; i++)
        json_array_append_new(
            passwords, json_pack("{s:o, s:I}", "name", operation_json(info->app_passwords[i].name),
                                 "created", (json_int_t)info->app_passwords[i].created));
    for (size_t i = 0; i < info->delegate_count; i++)
        json_array_append_new(delegates, operation_json(info->delegates[i]));
    return json_pack("{s:o, s:o, s:I, s:b, s:b, s:I, s:I, s:I, s:o, s:o}", "address",
                     operation_json(info->address), "name", operation_json(info->name), "id",
                     (json_int_t)info->id, "enabled", info->is_enabled, "has_password",
                     info->has_password, "created", (json_int_t)info->created, "quota_bytes",
                     (json_int_t)info->quota_bytes, "quota_messages",
                     (json_int_t)info->quota_messages, "app_passwords", passwords, "delegates",
                     delegates);
}

static struct account_change change_of(const struct operation *op)
{
    struct account_change change = {.is_enabled = true};

    change.name = operation_text(op, "name");
    if (change.name.ptr)
        change.what |= ACCOUNT_SET_NAME;
    change.password = operation_text(op, "password");
    if (change.password.ptr)
        change.what |= ACCOUNT_SET_PASSWORD;
    if (operation_bool(op, "enabled", &change.is_enabled))
        change.what |= ACCOUNT_SET_ENABLED;
    if (operation_number(op, "quota_bytes", &change.quota_bytes))
        change.what |= ACCOUNT_SET_QUOTA;
    if (operation_number(op, "quota_messages", &change.quota_messages))
        change.what |= ACCOUNT_SET_QUOTA;
    return change;
}

/// The first account comes with its domain.
static int make_domain(struct operation *op)
{
    struct account_domain domain = {.name = operation_text(op, "make_domain")};
    int r = domain.name.ptr ? account_domain_add(op->site->accounts, &domain, op->why) : 0;

    if (r == ACCOUNT_EXISTS) {
        buf_clear(op->why);
        r = ACCOUNT_OK;
    }
    return r;
}

int operate_account_add(struct operation *op)
{
    struct account_change change = change_of(op);
    uint64_t id = 0;
    int r = make_domain(op);

    if (r == ACCOUNT_OK)
        r = account_add(op->site->accounts, operation_text(op, "address"), &change, &id, op->why);

    if (r != ACCOUNT_OK)
        return operation_account_answer(op, r);
    return operate_account_show(op);
}

int operate_account_set(struct operation *op)
{
    struct account_change change = change_of(op);
    struct account_info now;
    struct str address = operation_text(op, "address");
    int r;

    // Both quotas are one value to the room; the one that was not named keeps what it is.
    if ((change.what & ACCOUNT_SET_QUOTA) &&
        account_get(op->site->accounts, address, &op->arena, &now) == ACCOUNT_OK) {
        if (!json_object_get(op->request, "quota_bytes"))
            change.quota_bytes = now.quota_bytes;
        if (!json_object_get(op->request, "quota_messages"))
            change.quota_messages = now.quota_messages;
    }
    r = account_set(op->site->accounts, address, &change, op->why);
    if (r != ACCOUNT_OK)
        return operation_account_answer(op, r);
    return operate_account_show(op);
}

static int not_found(struct operation *op, struct str address)
{
    struct account_info *all;
    size_t count, best = address.len / 3 + 2;
    struct str nearest = STR_NONE;

    account_all(op->site->accounts, STR_NONE, &op->arena, &all, &count);
    for (size_t i = 0; i < count; i++) {
        size_t distance = str_distance(address, all[i].address);

        if (distance < best) {
            best = distance;
            nearest = all[i].address;
        }
    }
    buf_putf(op->why, "there is no account %.*s", STR_ARG(address));
    if (nearest.len)
        buf_putf(op->why, "; did you mean %.*s?", STR_ARG(nearest));
    return EX_NOUSER;
}

int operate_account_show(struct operation *op)
{
    struct str address = operation_text(op, "address");
    struct account_info info;
    struct store_quota quota;
    json_t *account;

    if (account_get(op->site->accounts, address, &op->arena, &info) != ACCOUNT_OK)
        return not_found(op, address);
    account = account_json(&info);
    if (store_quota_get(op->site->store, info.id, &quota) == 0) {
        json_object_set_new(account, "bytes", json_integer((json_int_t)quota.bytes));
        json_object_set_new(account, "messages", json_integer((json_int_t)quota.messages));
    }
    operation_put(op, "account", account);
    return EX_OK;
}

int operate_account_list(struct operation *op)
{
    struct account_info *all;
    json_t *list = json_array();
    size_t count;

    account_all(op->site->accounts, operation_text(op, "domain"), &op->arena, &all, &count);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, account_json(&all[i]));
    operation_put(op, "accounts", list);
    return EX_OK;
}

int operate_account_remove(struct operation *op)
{
    struct str address = operation_text(op, "address");
    struct account_info info;

    if (account_get(op->site->accounts, address, &op->arena, &info) != ACCOUNT_OK)
        return not_found(op, address);
    return operation_account_answer(op, account_remove(op->site->accounts, address, op->why));
}

int operate_app_password_add(struct operation *op)
{
    CLEANUP(buf_drop) struct buf password = {0};
    int r;

    buf_init(&password, 256);
    r = account_app_password_add(op->site->accounts, operation_text(op, "address"),
                                 operation_text(op, "name"), &password, op->why);
    if (r == ACCOUNT_OK) {
        operation_put(op, "password", operation_json(buf_str(&password)));
        explicit_bzero(password.ptr, password.len);
    }
    return operation_account_answer(op, r);
}

int operate_app_password_remove(struct operation *op)
{
    return operation_account_answer(
        op, account_app_password_remove(op->site->accounts, operation_text(op, "address"),
                                        operation_text(op, "name"), op->why));
}

static int set_delegate(struct operation *op, bool on)
{
    int r = account_delegate_set(op->site->accounts, operation_text(op, "address"),
                                 operation_text(op, "delegate"), on, op->why);

    return r == ACCOUNT_OK ? operate_account_show(op) : operation_account_answer(op, r);
}

int operate_account_delegate(struct operation *op)
{
    return set_delegate(op, true);
}

int operate_account_undelegate(struct operation *op)
{
    return set_delegate(op, false);
}
