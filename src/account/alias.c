// SPDX-License-Identifier: ISC
//
// Aliases and mailing lists: made, changed, removed, looked at.
#include "base/cleanup.h"

#include "account/name.h"
#include "account/state.h"

enum { DRAFT_BYTES_MAX = 8 << 20 };

static enum account_record_type type_of(bool is_list)
{
    return is_list ? ACCOUNT_RECORD_LIST : ACCOUNT_RECORD_ALIAS;
}

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/// In their one form, sorted, each once.
static int put_targets(struct account_record *draft, const struct account_alias *alias,
                       struct arena *arena, struct buf *why)
{
    CLEANUP(buf_drop) struct buf form = {0};
    size_t n = 0;

    buf_init(&form, ACCOUNT_ADDRESS_MAX);
    if (alias->target_count > ACCOUNT_MEMBERS_MAX) {
        buf_putf(why, "That are more than %d addresses.", ACCOUNT_MEMBERS_MAX);
        return ACCOUNT_LIMIT;
    }
    if (alias->target_count == 0 && !alias->is_list) {
        buf_put(why, STR("An alias needs at least one address it leads to."));
        return ACCOUNT_INVALID;
    }
    draft->targets = ARENA_ARRAY(arena, struct str, alias->target_count);
    for (size_t i = 0; i < alias->target_count; i++) {
        if (!account_name_parse_foreign(alias->targets[i], &form))
            return account_invalid(why, "address", alias->targets[i]);
        draft->targets[i] = arena_str(arena, buf_str(&form));
    }
    if (alias->target_count > 1)
        qsort(draft->targets, alias->target_count, sizeof(struct str), by_bytes);
    for (size_t i = 0; i < alias->target_count; i++)
        if (n == 0 || !str_eq(draft->targets[n - 1], draft->targets[i]))
            draft->targets[n++] = draft->targets[i];
    draft->target_count = n;
    return 0;
}

static int put_draft(struct account_record *draft, const struct account_alias *alias,
                     struct arena *arena, struct buf *why)
{
    CLEANUP(buf_drop) struct buf form = {0};

    buf_init(&form, ACCOUNT_ADDRESS_MAX);
    draft->type = type_of(alias->is_list);
    if (alias->is_list && !account_text_is_valid(alias->name))
        return account_invalid(why, "name", alias->name);
    draft->name = alias->is_list ? alias->name : STR("");
    draft->owner = STR("");
    if (alias->is_list && alias->owner.len > 0) {
        if (!account_name_parse_foreign(alias->owner, &form))
            return account_invalid(why, "address", alias->owner);
        draft->owner = arena_str(arena, buf_str(&form));
    }
    return put_targets(draft, alias, arena, why);
}

static int put(struct accounts *a, const struct account_alias *alias, bool is_new,
               struct arena *arena, struct buf *why)
{
    const struct account_directory *d = account_turn_directory(a);
    CLEANUP(buf_drop) struct buf name = {0};
    struct account_record draft = {0}, *old = NULL;
    struct store_change *change;
    int r;

    buf_init(&name, ACCOUNT_ADDRESS_MAX);
    if (is_new)
        r = account_find_free(d, alias->address, &name, why);
    else
        r = account_find(d, alias->address, type_of(alias->is_list), &old, why);
    if (r != 0)
        return r;
    draft.key = old ? old->key : buf_str(&name);
    r = put_draft(&draft, alias, arena, why);
    if (r != 0)
        return r;
    r = store_change_new(a->store, &change);
    if (r < 0)
        return r;
    return account_apply(a, change, old, &draft, why);
}

static int put_in_turn(struct accounts *a, const struct account_alias *alias, bool is_new,
                       struct buf *why)
{
    CLEANUP(arena_done) struct arena arena = {0};
    int r;

    arena_init(&arena, DRAFT_BYTES_MAX);
    account_turn_take(a);
    r = put(a, alias, is_new, &arena, why);
    account_turn_give(a);
    return r;
}

int account_alias_add(struct accounts *a, const struct account_alias *alias, struct buf *why)
{
    return put_in_turn(a, alias, true, why);
}

int account_alias_set(struct accounts *a, const struct account_alias *alias, struct buf *why)
{
    return put_in_turn(a, alias, false, why);
}

static int remove_record(struct accounts *a, struct str address, bool is_list, struct buf *why)
{
    struct store_change *change;
    struct account_record *old;
    int r;

    r = account_find(account_turn_directory(a), address, type_of(is_list), &old, why);
    if (r != 0)
        return r;
    r = store_change_new(a->store, &change);
    if (r < 0)
        return r;
    return account_apply(a, change, old, NULL, why);
}

int account_alias_remove(struct accounts *a, struct str address, bool is_list, struct buf *why)
{
    int r;

    account_turn_take(a);
    r = remove_record(a, address, is_list, why);
    account_turn_give(a);
    return r;
}

static void describe(const struct account_record *r, struct arena *arena, struct account_alias *out)
{
    struct str *targets = ARENA_ARRAY(arena, struct str, r->target_count);

    for (size_t i = 0; i < r->target_count; i++)
        targets[i] = arena_str(arena, r->targets[i]);
    *out = (struct account_alias){
        .address = arena_str(arena, r->key),
        .targets = targets,
        .target_count = r->target_count,
        .is_list = r->type == ACCOUNT_RECORD_LIST,
        .owner = arena_str(arena, r->owner),
        .name = arena_str(arena, r->name),
    };
}

int account_alias_get(struct accounts *a, struct str address, bool is_list, struct arena *arena,
                      struct account_alias *out)
{
    CLEANUP(buf_drop) struct buf nothing = {0};
    struct account_record *record;
    unsigned phase;
    int r;

    buf_init(&nothing, 1024);
    r = account_find(account_enter(a, &phase), address, type_of(is_list), &record, &nothing);
    if (r == 0)
        describe(record, arena, out);
    account_leave(a, phase);
    return r == 0 ? 0 : ACCOUNT_NOT_FOUND;
}

static int by_address(const void *a, const void *b)
{
    return str_cmp(((const struct account_alias *)a)->address,
                   ((const struct account_alias *)b)->address);
}

static bool is_wanted(const struct account_record *r, bool is_list, struct str domain)
{
    return r->type == type_of(is_list) &&
           (!domain.ptr || str_case_eq(account_name_split(r->key).domain, domain));
}

void account_alias_all(struct accounts *a, bool is_list, struct str domain, struct arena *arena,
                       struct account_alias **out, size_t *out_count)
{
    const struct account_directory *d;
    const struct account_record *r;
    size_t slice = 0, at = 0, n = 0;
    unsigned phase;

    d = account_enter(a, &phase);
    while ((r = account_directory_next(d, &slice, &at)))
        n += is_wanted(r, is_list, domain);
    *out = ARENA_ARRAY(arena, struct account_alias, n);
    n = slice = at = 0;
    while ((r = account_directory_next(d, &slice, &at)))
        if (is_wanted(r, is_list, domain))
            describe(r, arena, &(*out)[n++]);
    account_leave(a, phase);
    if (n > 0)
        qsort(*out, n, sizeof(**out), by_address);
    *out_count = n;
}
