// SPDX-License-Identifier: ISC
//
// Domains: made, changed, removed, looked at.
#include "base/cleanup.h"

#include "account/name.h"
#include "account/state.h"

/// The catch-all address in its one form, "" when there is none.
static int put_catch_all(struct account_record *draft, struct str catch_all, struct buf *form,
                         struct buf *why)
{
    draft->catch_all = STR("");
    if (catch_all.len == 0)
        return 0;
    if (!account_name_parse_foreign(catch_all, form))
        return account_invalid(why, "address", catch_all);
    draft->catch_all = buf_str(form);
    return 0;
}

static int put(struct accounts *a, const struct account_domain *domain, bool is_new,
               struct buf *why)
{
    CLEANUP(buf_drop) struct buf name = {0}, catch_all = {0};
    struct account_record draft = {.type = ACCOUNT_RECORD_DOMAIN}, *old;
    struct store_change *change;
    int r;

    buf_init(&name, ACCOUNT_ADDRESS_MAX);
    buf_init(&catch_all, ACCOUNT_ADDRESS_MAX);
    if (!account_name_parse_domain(domain->name, &name))
        return account_invalid(why, "domain", domain->name);
    old = account_directory_get(account_turn_directory(a), buf_str(&name));
    if (is_new && old) {
        buf_putf(why, "The domain %.*s exists already.", STR_ARG(old->key));
        return ACCOUNT_EXISTS;
    }
    if (!is_new && !old) {
        buf_putf(why, "There is no domain %.*s.", STR_ARG(buf_str(&name)));
        return ACCOUNT_NOT_FOUND;
    }
    draft.key = buf_str(&name);
    r = put_catch_all(&draft, domain->catch_all, &catch_all, why);
    if (r != 0)
        return r;
    r = store_change_new(a->store, &change);
    if (r < 0)
        return r;
    return account_apply(a, change, old, &draft, why);
}

int account_domain_add(struct accounts *a, const struct account_domain *domain, struct buf *why)
{
    int r;

    account_turn_take(a);
    r = put(a, domain, true, why);
    account_turn_give(a);
    return r;
}

int account_domain_set(struct accounts *a, const struct account_domain *domain, struct buf *why)
{
    int r;

    account_turn_take(a);
    r = put(a, domain, false, why);
    account_turn_give(a);
    return r;
}

static void count(const struct account_directory *d, struct account_domain *domains, size_t n)
{
    const struct account_record *r;
    size_t slice = 0, at = 0;

    while ((r = account_directory_next(d, &slice, &at))) {
        struct str name = account_name_split(r->key).domain;

        for (size_t i = 0; r->type != ACCOUNT_RECORD_DOMAIN && i < n; i++)
            if (str_eq(domains[i].name, name)) {
                domains[i].account_count += r->type == ACCOUNT_RECORD_ACCOUNT;
                domains[i].alias_count += r->type == ACCOUNT_RECORD_ALIAS;
                domains[i].list_count += r->type == ACCOUNT_RECORD_LIST;
                break;
            }
    }
}

static int remove_record(struct accounts *a, struct str name, struct buf *why)
{
    const struct account_directory *d = account_turn_directory(a);
    struct account_domain found = {0};
    struct store_change *change;
    struct account_record *old;
    int r;

    r = account_find(d, name, ACCOUNT_RECORD_DOMAIN, &old, why);
    if (r != 0)
        return r;
    found.name = old->key;
    count(d, &found, 1);
    if (found.account_count + found.alias_count + found.list_count > 0) {
        buf_putf(why, "%.*s still has %zu accounts, %zu aliases and %zu lists: remove them first.",
                 STR_ARG(old->key), found.account_count, found.alias_count, found.list_count);
        return ACCOUNT_IN_USE;
    }
    r = store_change_new(a->store, &change);
    if (r < 0)
        return r;
    return account_apply(a, change, old, NULL, why);
}

int account_domain_remove(struct accounts *a, struct str name, struct buf *why)
{
    int r;

    account_turn_take(a);
    r = remove_record(a, name, why);
    account_turn_give(a);
    return r;
}

static void describe(const struct account_record *r, struct arena *arena,
                     struct account_domain *out)
{
    *out = (struct account_domain){
        .name = arena_str(arena, r->key),
        .catch_all = arena_str(arena, r->catch_all),
    };
}

int account_domain_get(struct accounts *a, struct str name, struct arena *arena,
                       struct account_domain *out)
{
    CLEANUP(buf_drop) struct buf nothing = {0};
    const struct account_directory *d;
    struct account_record *record;
    unsigned phase;
    int r;

    buf_init(&nothing, 1024);
    d = account_enter(a, &phase);
    r = account_find(d, name, ACCOUNT_RECORD_DOMAIN, &record, &nothing);
    if (r == 0) {
        describe(record, arena, out);
        count(d, out, 1);
    }
    account_leave(a, phase);
    return r == 0 ? 0 : ACCOUNT_NOT_FOUND;
}

void account_domain_all(struct accounts *a, struct arena *arena, struct account_domain **out,
                        size_t *out_count)
{
    const struct account_directory *d;
    unsigned phase;

    d = account_enter(a, &phase);
    *out_count = d->domain_count;
    *out = ARENA_ARRAY(arena, struct account_domain, d->domain_count);
    for (size_t i = 0; i < d->domain_count; i++)
        describe(d->domains[i], arena, &(*out)[i]);
    count(d, *out, *out_count);
    account_leave(a, phase);
}

bool account_domain_at(struct accounts *a, size_t i, struct buf *name)
{
    const struct account_directory *d;
    unsigned phase;
    bool is_there;

    d = account_enter(a, &phase);
    is_there = i < d->domain_count;
    if (is_there)
        buf_put(name, d->domains[i]->key);
    account_leave(a, phase);
    return is_there;
}

bool account_domain_is_local(struct accounts *a, struct str name)
{
    CLEANUP(buf_drop) struct buf form = {0};
    const struct account_record *r;
    unsigned phase;

    buf_init(&form, ACCOUNT_ADDRESS_MAX);
    if (!account_name_parse_domain(name, &form))
        return false;
    r = account_directory_get(account_enter(a, &phase), buf_str(&form));
    account_leave(a, phase);
    return r != NULL;
}
