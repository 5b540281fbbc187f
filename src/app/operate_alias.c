// SPDX-License-Identifier: ISC
//
// Aliases and mailing lists ("list": true in the request), for the command line.
#include "app/operation.h"

static bool wants_list(const struct operation *op)
{
    bool is_list = false;

    return operation_bool(op, "list", &is_list) && is_list;
}

static json_t *alias_json(const struct account_alias *alias)
{
    json_t *targets = json_array(), *object;

    for (size_t i = 0; i < alias->target_count; i++)
        json_array_append_new(targets, operation_json(alias->targets[i]));
    object = json_pack("{s:o, s:o}", "address", operation_json(alias->address),
                       alias->is_list ? "members" : "targets", targets);
    if (alias->is_list) {
        json_object_set_new(object, "name", operation_json(alias->name));
        json_object_set_new(object, "owner", operation_json(alias->owner));
    }
    return object;
}

static int not_found(struct operation *op, struct str address)
{
    buf_putf(op->why, "there is no %s %.*s", wants_list(op) ? "list" : "alias", STR_ARG(address));
    return EX_NOUSER;
}

int operate_alias_add(struct operation *op)
{
    struct account_alias alias = {.address = operation_text(op, "address"),
                                  .is_list = wants_list(op),
                                  .owner = operation_text(op, "owner"),
                                  .name = operation_text(op, "name")};
    int r;

    alias.targets = operation_list(op, "targets", &alias.target_count);
    r = account_alias_add(op->site->accounts, &alias, op->why);
    return r == ACCOUNT_OK ? operate_alias_show(op) : operation_account_answer(op, r);
}

static bool contains(const struct str *items, size_t count, struct str wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (str_case_eq(items[i], wanted))
            return true;
    }
    return false;
}

/// The targets as the request wants them: "targets" replaces all, "add" and "remove" change some.
static void change_targets(struct operation *op, struct account_alias *alias)
{
    size_t add_count, remove_count, all_count, count = 0;
    struct str *add = operation_list(op, "add", &add_count);
    struct str *gone = operation_list(op, "remove", &remove_count);
    struct str *all = operation_list(op, "targets", &all_count);
    struct str *targets =
        ARENA_ARRAY(&op->arena, struct str, alias->target_count + add_count + all_count + 1);

    for (size_t i = 0; all_count == 0 && i < alias->target_count; i++) {
        if (!contains(gone, remove_count, alias->targets[i]))
            targets[count++] = alias->targets[i];
    }
    for (size_t i = 0; i < all_count; i++)
        targets[count++] = all[i];
    for (size_t i = 0; i < add_count; i++) {
        if (!contains(targets, count, add[i]))
            targets[count++] = add[i];
    }
    alias->targets = targets;
    alias->target_count = count;
}

int operate_alias_set(struct operation *op)
{
    struct str address = operation_text(op, "address");
    struct account_alias alias;
    int r;

    if (account_alias_get(op->site->accounts, address, wants_list(op), &op->arena, &alias) !=
        ACCOUNT_OK)
        return not_found(op, address);
    change_targets(op, &alias);
    if (operation_text(op, "owner").ptr)
        alias.owner = operation_text(op, "owner");
    if (operation_text(op, "name").ptr)
        alias.name = operation_text(op, "name");
    r = account_alias_set(op->site->accounts, &alias, op->why);
    return r == ACCOUNT_OK ? operate_alias_show(op) : operation_account_answer(op, r);
}

int operate_alias_show(struct operation *op)
{
    struct str address = operation_text(op, "address");
    struct account_alias alias;

    if (account_alias_get(op->site->accounts, address, wants_list(op), &op->arena, &alias) !=
        ACCOUNT_OK)
        return not_found(op, address);
    operation_put(op, wants_list(op) ? "list" : "alias", alias_json(&alias));
    return EX_OK;
}

int operate_alias_list(struct operation *op)
{
    struct account_alias *all;
    json_t *list = json_array();
    size_t count;

    account_alias_all(op->site->accounts, wants_list(op), operation_text(op, "domain"), &op->arena,
                      &all, &count);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, alias_json(&all[i]));
    operation_put(op, wants_list(op) ? "lists" : "aliases", list);
    return EX_OK;
}

int operate_alias_remove(struct operation *op)
{
    struct str address = operation_text(op, "address");
    struct account_alias alias;

    if (account_alias_get(op->site->accounts, address, wants_list(op), &op->arena, &alias) !=
        ACCOUNT_OK)
        return not_found(op, address);
    return operation_account_answer(
        op, account_alias_remove(op->site->accounts, address, wants_list(op), op->why));
}
