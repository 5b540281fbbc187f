// SPDX-License-Identifier: ISC
//
// Our own address literals (RFC 5321 4.1.3, 4.5.1): "postmaster@[192.0.2.1]" from who connected to
// 192.0.2.1 is meant for us. Any other literal is another host, and treated as one.
#include "account/resolve.h"
#include "receive/smtp/session.h"

#include <arpa/inet.h>

enum { DOMAINS_MAX = 100 }; // in which a user is looked for

/// "[192.0.2.1]" or "[IPv6:2001:db8::1]" as sixteen bytes.
static bool literal_bytes(struct str domain, unsigned char out[16])
{
    struct network n;
    struct str inside = str_of(domain.ptr + 1, domain.len - 2);

    if (str_case_starts(inside, STR("IPv6:"))) {
        inside = str_skip(inside, strlen("IPv6:"));
        if (str_find(inside, ':') < 0)
            return false;
    }
    if (str_find(inside, '/') >= 0 || !network_parse(inside, &n))
        return false;
    memcpy(out, n.bytes, sizeof n.bytes);
    return true;
}

static bool is_our_literal(struct receive_session *s, const struct address *to)
{
    unsigned char bytes[16];
    struct network ours;

    return to->is_literal && to->domain.len > 2 && literal_bytes(to->domain, bytes) &&
           network_parse(rt_conn_local(s->conn), &ours) && ours.bits == 128 &&
           memcmp(bytes, ours.bytes, sizeof bytes) == 0;
}

static bool is_user(struct receive_session *s, const struct address *address)
{
    struct account_resolved found;
    struct arena scratch;
    bool is;

    arena_init(&scratch, 16 << 20);
    account_resolve(s->receive->doors.accounts, address, &scratch, &found);
    is = found.kind == ACCOUNT_KIND_LOCAL || found.kind == ACCOUNT_KIND_ALIAS ||
         found.kind == ACCOUNT_KIND_LIST;
    arena_done(&scratch);
    return is;
}

/// The one domain of ours that has such a user; not when several have.
static bool find_domain(struct receive_session *s, struct address *to, struct arena *command)
{
    CLEANUP(buf_drop) struct buf name = {.max = ACCOUNT_ADDRESS_MAX};
    struct address found = {0};
    unsigned hits = 0;

    for (size_t i = 0;
         i < DOMAINS_MAX && hits < 2 && account_domain_at(s->receive->doors.accounts, i, &name);
         i++) {
        struct address a = {
            .local = to->local, .domain = buf_str(&name), .is_quoted = to->is_quoted};

        if (is_user(s, &a)) {
            found = a;
            found.domain = arena_str(command, a.domain);
            hits++;
        }
        buf_clear(&name);
    }
    if (hits == 1)
        *to = found;
    return hits == 1;
}

bool receive_literal(struct receive_session *s, struct address *to, struct arena *command)
{
    if (!s->limits->config.literals || !is_our_literal(s, to))
        return true;
    if (str_case_eq(to->local, STR("postmaster"))) {
        *to = (struct address){.local = to->local, .domain = STR("")};
        return true;
    }
    return find_domain(s, to, command);
}
