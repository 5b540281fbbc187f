// SPDX-License-Identifier: ISC
//
// VRFY and EXPN (RFC 5321 3.5): what a mailbox is called, and who is behind a list.
#include "base/cleanup.h"

#include "account/resolve.h"
#include "route/route.h"

enum {
    EXPN_LINES_MAX = 1000,
    DOMAINS_MAX = 1000, // among which a bare local part is looked for
    SCRATCH_BYTES_MAX = 16 << 20,
    LINE_BYTES_MAX = 512,
};

static const struct outcome found = {DONE, 250, {"2.1.5", 5}, {"", 0}};

static struct outcome no_user(void)
{
    return (struct outcome){NEVER, 550, STR("5.1.1"), STR("no such user here")};
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] > 126)
            return false;
    return true;
}

/// The names of people are UTF-8, which a client that did not ask for it must not get (RFC 6531
/// 3.7.4.2).
static void put_line(struct buf *out, struct str name, struct str address)
{
    if (name.len > 0 && is_ascii(name)) {
        for (size_t i = 0; i < name.len; i++)
            if (str_find(STR("<>\"\\"), name.ptr[i]) < 0)
                buf_put_char(out, name.ptr[i]);
        buf_put_char(out, ' ');
    }
    buf_put_char(out, '<');
    buf_put(out, address);
    buf_put_char(out, '>');
}

static bool add_line(struct route_lines *lines, struct arena *arena, struct str name,
                     struct str address)
{
    CLEANUP(buf_drop) struct buf line = {0};

    buf_init(&line, LINE_BYTES_MAX);
    put_line(&line, name, address);
    if (!buf_ok(&line) || !arena_has_room(arena, line.len + 64))
        return false;
    lines->items[lines->count++] = arena_str(arena, buf_str(&line));
    return true;
}

static struct str strip(struct str text)
{
    text = str_trim(text);
    if (text.len >= 2 && text.ptr[0] == '<' && text.ptr[text.len - 1] == '>')
        text = str_of(text.ptr + 1, text.len - 2);
    return text;
}

static bool has_mailbox(const struct route *route, const struct address *a)
{
    CLEANUP(arena_done) struct arena scratch = {0};
    struct account_resolved resolved;

    arena_init(&scratch, SCRATCH_BYTES_MAX);
    account_resolve(route->accounts, a, &scratch, &resolved);
    return resolved.kind == ACCOUNT_KIND_LOCAL || resolved.kind == ACCOUNT_KIND_ALIAS ||
           resolved.kind == ACCOUNT_KIND_LIST;
}

/// In how many domains (2: several) there is such a local part; `*out` is one of them. Of more
/// domains than DOMAINS_MAX nobody expects a bare local part to mean one, and a stranger must not
/// make us look through all of them.
static size_t find_domains(const struct route *route, struct str local, struct arena *scratch,
                           struct address *out)
{
    CLEANUP(buf_drop) struct buf name = {.max = ACCOUNT_ADDRESS_MAX};
    size_t hits = 0;

    for (size_t i = 0; hits < 2 && account_domain_at(route->accounts, i, &name); i++) {
        struct address a = {.local = local, .domain = buf_str(&name)};

        if (i == DOMAINS_MAX)
            return 2;
        if (has_mailbox(route, &a)) {
            *out = a;
            out->domain = arena_str(scratch, a.domain);
            hits++;
        }
        buf_clear(&name);
    }
    return hits;
}

/// An address, or a local part that only one domain has.
static struct outcome find_address(const struct route *route, struct str text,
                                   struct arena *scratch, struct address *out)
{
    CLEANUP(buf_drop) struct buf probe = {0};
    struct address a;

    text = strip(text);
    if (address_parse(text, ADDRESS_UTF8, out))
        return found;
    buf_init(&probe, ADDRESS_PATH_MAX);
    buf_put(&probe, text);
    buf_put(&probe, STR("@x"));
    if (!buf_ok(&probe) || !address_parse(buf_str(&probe), ADDRESS_UTF8, &a))
        return (struct outcome){NEVER, 553, STR("5.1.3"), STR("that is no address")};
    switch (find_domains(route, arena_str(scratch, a.local), scratch, out)) {
    case 0:
        return no_user();
    case 1:
        return found;
    default:
        return (struct outcome){NEVER, 553, STR("5.1.4"), STR("several are called so")};
    }
}

struct outcome route_vrfy(const struct route *route, struct str text, struct arena *arena,
                          struct route_lines *out)
{
    CLEANUP(arena_done) struct arena scratch = {0};
    CLEANUP(buf_drop) struct buf whole = {0};
    struct account_resolved resolved;
    struct address address;
    struct outcome o;

    arena_init(&scratch, SCRATCH_BYTES_MAX);
    *out = (struct route_lines){.items = ARENA_ARRAY(arena, struct str, 1)};
    o = find_address(route, text, &scratch, &address);
    if (o.verdict != DONE)
        return o;
    account_resolve(route->accounts, &address, &scratch, &resolved);
    buf_init(&whole, LINE_BYTES_MAX);
    address_put(&whole, &address);
    switch (resolved.kind) {
    case ACCOUNT_KIND_NOT_LOCAL:
        return (struct outcome){DONE, 252, STR("2.5.2"), STR("cannot tell; try RCPT")};
    case ACCOUNT_KIND_LOCAL:
        if (resolved.targets[0].detail.len == 0) {
            add_line(out, arena, resolved.name, resolved.targets[0].address);
            return found;
        }
        __attribute__((fallthrough));
    case ACCOUNT_KIND_ALIAS:
    case ACCOUNT_KIND_LIST:
        add_line(out, arena, resolved.name, buf_str(&whole));
        return found;
    default:
        return no_user();
    }
}

struct outcome route_expn(const struct route *route, struct str text, struct arena *arena,
                          struct route_lines *out)
{
    CLEANUP(arena_done) struct arena scratch = {0};
    CLEANUP(buf_drop) struct buf whole = {0};
    struct account_alias list;
    struct address address;
    struct outcome o;
    size_t count;

    arena_init(&scratch, SCRATCH_BYTES_MAX);
    *out = (struct route_lines){0};
    o = find_address(route, text, &scratch, &address);
    if (o.verdict != DONE)
        return o;
    buf_init(&whole, LINE_BYTES_MAX);
    address_put(&whole, &address);
    if (!arena_has_room(&scratch, SCRATCH_BYTES_MAX / 2) ||
        account_alias_get(route->accounts, buf_str(&whole), true, &scratch, &list) != 0)
        return (struct outcome){NEVER, 550, STR("5.1.1"), STR("no such list here")};
    count = list.target_count < EXPN_LINES_MAX ? list.target_count : EXPN_LINES_MAX;
    if (!arena_has_room(arena, count * sizeof(struct str) + 64))
        return (struct outcome){LATER, 452, STR("4.3.1"), STR("too much to tell now")};
    out->items = ARENA_ARRAY(arena, struct str, count);
    for (size_t i = 0; i < count && add_line(out, arena, STR(""), list.targets[i]); i++)
        ;
    return found;
}
