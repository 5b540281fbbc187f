// SPDX-License-Identifier: ISC
//
// Domains, for the command line.
#include "app/operation.h"

static json_t *domain_json(const struct account_domain *domain)
{
    return json_pack("{s:o, s:o, s:I, s:I, s:I}", "name", operation_json(domain->name), "catch_all",
                     operation_json(domain->catch_all), "accounts",
                     (json_int_t)domain->account_count, "aliases", (json_int_t)domain->alias_count,
                     "lists", (json_int_t)domain->list_count);
}

static int not_found(struct operation *op, struct str name)
{
    struct account_domain *all;
    size_t count;

    account_domain_all(op->site->accounts, &op->arena, &all, &count);
    buf_putf(op->why, "%.*s is not a domain of this server", STR_ARG(name));
    for (size_t i = 0; i < count && i < 5; i++)
        buf_putf(op->why, "%s %.*s", i ? "," : "; it has", STR_ARG(all[i].name));
    return EX_NOHOST;
}

int operate_domain_add(struct operation *op)
{
    struct account_domain domain = {.name = operation_text(op, "name"),
                                    .catch_all = operation_text(op, "catch_all")};
    int r = account_domain_add(op->site->accounts, &domain, op->why);

    return r == ACCOUNT_OK ? operate_domain_show(op) : operation_account_answer(op, r);
}

int operate_domain_set(struct operation *op)
{
    struct account_domain domain;
    struct str name = operation_text(op, "name"), catch_all = operation_text(op, "catch_all");
    int r;

    if (account_domain_get(op->site->accounts, name, &op->arena, &domain) != ACCOUNT_OK)
        return not_found(op, name);
    if (catch_all.ptr)
        domain.catch_all = catch_all;
    r = account_domain_set(op->site->accounts, &domain, op->why);
    return r == ACCOUNT_OK ? operate_domain_show(op) : operation_account_answer(op, r);
}

int operate_domain_show(struct operation *op)
{
    struct str name = operation_text(op, "name");
    struct account_domain domain;

    if (account_domain_get(op->site->accounts, name, &op->arena, &domain) != ACCOUNT_OK)
        return not_found(op, name);
    operation_put(op, "domain", domain_json(&domain));
    return EX_OK;
}

int operate_domain_list(struct operation *op)
{
    struct account_domain *all;
    json_t *list = json_array();
    size_t count;

    account_domain_all(op->site->accounts, &op->arena, &all, &count);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, domain_json(&all[i]));
    operation_put(op, "domains", list);
    return EX_OK;
}

int operate_domain_remove(struct operation *op)
{
    struct str name = operation_text(op, "name");
    struct account_domain domain;

    if (account_domain_get(op->site->accounts, name, &op->arena, &domain) != ACCOUNT_OK)
        return not_found(op, name);
    return operation_account_answer(op, account_domain_remove(op->site->accounts, name, op->why));
}
