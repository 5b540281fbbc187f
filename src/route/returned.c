// SPDX-License-Identifier: ISC
#include "route/returned.h"

#include "base/cleanup.h"
#include "mail/return_path.h"
#include "rt/rt.h"

static struct outcome never(struct str enhanced, struct str text)
{
    return (struct outcome){NEVER, 550, enhanced, text};
}

/// Mail for the list's owner: he gets what its members' hosts have to say.
static bool find_owner(const struct route *route, struct str list, struct arena *arena,
                       struct str *out)
{
    CLEANUP(buf_drop) struct buf postmaster = {0};
    struct account_alias found;

    if (account_alias_get(route->accounts, list, true, arena, &found) != 0)
        return false;
    *out = found.owner;
    if (out->len > 0)
        return true;
    buf_init(&postmaster, ADDRESS_PATH_MAX);
    buf_putf(&postmaster, "postmaster@%.*s",
             STR_ARG(str_skip(list, (size_t)str_find_last(list, '@') + 1)));
    *out = arena_str(arena, buf_str(&postmaster));
    return true;
}

static struct outcome accept_return(const struct envelope *e, struct str where,
                                    struct route_returned *out)
{
    if (e->sender.len > 0)
        return never(STR("5.7.1"), STR("only reports are taken at this address, from <>"));
    if (!address_parse(where, ADDRESS_UTF8 | ADDRESS_LONG_LOCAL, &out->to))
        return never(STR("5.1.1"), STR("that return path leads nowhere any more"));
    out->is_return = true;
    return (struct outcome){.verdict = DONE};
}

struct outcome route_take_apart(const struct route *route, const struct envelope *e,
                                const struct address *to, struct arena *arena,
                                struct route_returned *out)
{
    CLEANUP(buf_drop) struct buf domain = {0}, found = {0};
    struct str where;

    *out = (struct route_returned){.to = *to};
    buf_init(&domain, ADDRESS_PATH_MAX);
    buf_init(&found, 2 * ADDRESS_PATH_MAX);
    if (route->secret.len == 0 || to->is_quoted || to->domain.len == 0 ||
        !address_put_domain(&domain, to->domain) ||
        !account_domain_is_local(route->accounts, buf_str(&domain)))
        return (struct outcome){.verdict = DONE};
    switch (return_path_parse(to->local, buf_str(&domain), route->secret, rt_wall_s() / 86400,
                              &found, &out->about_id)) {
    case RETURN_PATH_NONE:
        break;
    case RETURN_PATH_INVALID:
        return never(STR("5.1.1"), STR("that return path was not made here, or is too old"));
    case RETURN_PATH_LIST:
        if (!find_owner(route, buf_str(&found), arena, &where))
            return never(STR("5.1.1"), STR("that list is no more"));
        return accept_return(e, where, out);
    case RETURN_PATH_FORWARD:
        return accept_return(e, arena_str(arena, buf_str(&found)), out);
    }
    return (struct outcome){.verdict = DONE};
}
