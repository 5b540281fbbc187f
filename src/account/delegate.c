// SPDX-License-Identifier: ISC
//
// Delegates: accounts that an account lets act for it. They sign in with their own password and
// name the other by the authorization identity of SASL (RFC 4422 3.4.1).
#include "base/cleanup.h"

#include "account/login.h"
#include "account/name.h"
#include "account/state.h"

static bool has_delegate(const struct account_record *owner, uint64_t id)
{
    for (size_t i = 0; i < owner->delegate_count; i++)
        if (owner->delegates[i] == id)
            return true;
    return false;
}

// ---- changing

/// `*to` has room for one more. An account_answer.
static int edit(const struct account_record *owner, const struct account_record *who, bool on,
                uint64_t *to, size_t *out_count, struct buf *why)
{
    size_t count = 0;

    if (on == has_delegate(owner, who->id)) {
        buf_putf(why, on ? "%.*s is a delegate of it already." : "%.*s is no delegate of it.",
                 STR_ARG(who->key));
        return on ? ACCOUNT_EXISTS : ACCOUNT_NOT_FOUND;
    }
    for (size_t i = 0; i < owner->delegate_count; i++)
        if (owner->delegates[i] != who->id)
            to[count++] = owner->delegates[i];
    if (on && count == ACCOUNT_DELEGATES_MAX) {
        buf_putf(why, "An account has at most %d delegates.", ACCOUNT_DELEGATES_MAX);
        return ACCOUNT_LIMIT;
    }
    if (on)
        to[count++] = who->id;
    *out_count = count;
    return ACCOUNT_OK;
}

static int set(struct accounts *a, struct str address, struct str delegate, bool on,
               struct buf *why)
{
    const struct account_directory *d = account_turn_directory(a);
    uint64_t ids[ACCOUNT_DELEGATES_MAX + 1];
    struct account_record *owner, *who, draft;
    struct store_change *change;
    int r = account_find(d, address, ACCOUNT_RECORD_ACCOUNT, &owner, why);

    if (r == 0)
        r = account_find(d, delegate, ACCOUNT_RECORD_ACCOUNT, &who, why);
    if (r != 0)
        return r;
    if (owner == who) {
        buf_put(why, STR("An account needs no leave to act for itself."));
        return ACCOUNT_INVALID;
    }
    draft = *owner;
    draft.delegates = ids;
    r = edit(owner, who, on, ids, &draft.delegate_count, why);
    if (r == 0)
        r = store_change_new(a->store, &change);
    return r == 0 ? account_apply(a, change, owner, &draft, why) : r;
}

int account_delegate_set(struct accounts *a, struct str address, struct str delegate, bool on,
                         struct buf *why)
{
    int r;

    account_turn_take(a);
    r = set(a, address, delegate, on, why);
    account_turn_give(a);
    return r;
}

// ---- asking

static bool may_act(const struct account_directory *d, uint64_t actor_id,
                    const struct account_record *owner)
{
    const struct account_record *actor = account_directory_get_id(d, actor_id);

    return owner && owner->type == ACCOUNT_RECORD_ACCOUNT && owner->is_enabled && actor &&
           actor->is_enabled && (owner == actor || has_delegate(owner, actor_id));
}

bool account_is_welcome(struct accounts *a, uint64_t id, uint64_t actor_id)
{
    const struct account_directory *d;
    unsigned phase;
    bool is;

    d = account_enter(a, &phase);
    is = may_act(d, actor_id ? actor_id : id, account_directory_get_id(d, id));
    account_leave(a, phase);
    return is;
}

bool account_is_delegate(struct accounts *a, uint64_t actor_id, uint64_t id)
{
    return actor_id != id && account_is_welcome(a, id, actor_id);
}

bool account_find_principal(struct accounts *a, struct str authzid, uint64_t actor_id,
                            struct account_identity *out)
{
    CLEANUP(buf_drop) struct buf name = {0};
    const struct account_directory *d;
    const struct account_record *owner;
    unsigned phase;
    bool is;

    buf_init(&name, ACCOUNT_ADDRESS_MAX);
    d = account_enter(a, &phase);
    account_user_put(d, authzid, &name);
    owner = account_directory_get(d, buf_str(&name));
    is = may_act(d, actor_id, owner);
    if (is) {
        out->account_id = owner->id;
        out->actor_id = actor_id;
        memcpy(out->address, owner->key.ptr, owner->key.len);
        out->address[owner->key.len] = '\0';
    }
    account_leave(a, phase);
    return is;
}
