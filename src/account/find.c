// SPDX-License-Identifier: ISC
//
// What the changing files share: finding records by what an administrator typed, and saying what
// is wrong with it.
#include "base/cleanup.h"

#include "account/name.h"
#include "account/state.h"

static const char *const nouns[] = {
    [ACCOUNT_RECORD_DOMAIN] = "domain",
    [ACCOUNT_RECORD_ACCOUNT] = "account",
    [ACCOUNT_RECORD_ALIAS] = "alias",
    [ACCOUNT_RECORD_LIST] = "list",
};

bool account_text_is_valid(struct str text)
{
    if (text.len > ACCOUNT_NAME_MAX || !address_is_utf8(text))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 32 || text.ptr[i] == 127)
            return false;
    return true;
}

int account_invalid(struct buf *why, const char *what, struct str value)
{
    buf_putf(why, "\"%.*s\" is no %s.", STR_ARG(str_head(value, 256)), what);
    return ACCOUNT_INVALID;
}

static int not_found(struct buf *why, const char *noun, struct str name)
{
    buf_putf(why, "There is no %s %.*s.", noun, STR_ARG(name));
    return ACCOUNT_NOT_FOUND;
}

int account_find(const struct account_directory *d, struct str address,
                 enum account_record_type type, struct account_record **out, struct buf *why)
{
    CLEANUP(buf_drop) struct buf name = {0};
    bool ok;

    buf_init(&name, ACCOUNT_ADDRESS_MAX);
    ok = type == ACCOUNT_RECORD_DOMAIN ? account_name_parse_domain(address, &name)
                                       : account_name_parse(address, &name);
    if (!ok)
        return account_invalid(why, type == ACCOUNT_RECORD_DOMAIN ? "domain" : "address", address);
    *out = account_directory_get(d, buf_str(&name));
    if (!*out || (*out)->type != type)
        return not_found(why, nouns[type], buf_str(&name));
    return 0;
}

int account_find_free(const struct account_directory *d, struct str address, struct buf *name,
                      struct buf *why)
{
    const struct account_record *there, *domain;
    struct address parts;

    if (!account_name_parse(address, name))
        return account_invalid(why, "address that can be used here", address);
    parts = account_name_split(buf_str(name));
    if (parts.is_quoted)
        return account_invalid(why, "address that can be used here", address);
    domain = account_directory_get(d, parts.domain);
    if (!domain || domain->type != ACCOUNT_RECORD_DOMAIN)
        return not_found(why, "domain", parts.domain);
    there = account_directory_get(d, buf_str(name));
    if (there) {
        buf_putf(why, "%.*s exists already, as %s %s.", STR_ARG(there->key),
                 there->type == ACCOUNT_RECORD_LIST ? "a" : "an", nouns[there->type]);
        return ACCOUNT_EXISTS;
    }
    return 0;
}
