// SPDX-License-Identifier: ISC
#include "route/tls.h"

#include "base/cleanup.h"

static const struct outcome use = {DONE, 250, {"2.0.0", 5}, {"", 0}};

static struct outcome leave(struct str text)
{
    return (struct outcome){LATER, 451, STR("4.7.5"), text};
}

static void add_name(struct route_host *host, struct str name)
{
    if (name.len == 0 || host->name_count == sizeof host->names / sizeof host->names[0])
        return;
    for (size_t i = 0; i < host->name_count; i++)
        if (str_case_eq(host->names[i], name))
            return;
    host->names[host->name_count++] = name;
}

static void set(struct route_host *host, enum route_tls tls, enum rt_verify verify, struct str why)
{
    host->tls = tls;
    host->verify = verify;
    host->tls_why = why;
}

static void verify_name(struct route_host *host, struct str name, struct str why)
{
    host->name_count = 0;
    host->allow_wildcards = true;
    add_name(host, name);
    set(host, ROUTE_TLS_MUST, RT_VERIFY_PKIX, why);
}

// ---- DANE

/// RFC 7672 3.2.2: with an authority of its own the certificate names the TLSA base, or the domain;
/// 3.2.3: or all names below one.
static void use_records(const struct tls_facts *f, const struct dns_tlsa *records, size_t count,
                        struct arena *arena, struct route_host *host)
{
    CLEANUP(buf_drop) struct buf why = {.max = 512};
    struct dns_tlsa *kept = ARENA_ARRAY(arena, struct dns_tlsa, count);

    memcpy(kept, records, count * sizeof *kept);
    host->tlsa = kept;
    host->tlsa_count = count;
    host->name_count = 0;
    host->allow_wildcards = true;
    add_name(host, f->tlsa_base);
    add_name(host, f->host);
    add_name(host, f->domain);
    add_name(host, f->canonical);
    buf_putf(&why, "DANE: %zu TLSA record%s of %.*s, signed", count, count == 1 ? "" : "s",
             STR_ARG(f->tlsa_base));
    set(host, ROUTE_TLS_MUST, RT_VERIFY_DANE, arena_str(arena, buf_str(&why)));
}

/// True when DANE decides; then *out says whether the host can be used.
static bool by_dane(const struct tls_facts *f, struct arena *arena, struct route_host *host,
                    struct outcome *out)
{
    struct dns_tlsa records[DANE_RECORDS_MAX];
    size_t count;

    if (!f->tlsa)
        return false;
    *out = use;
    switch (dane_judge(f->tlsa, records, &count)) {
    case DANE_NONE:
        return false;
    case DANE_USABLE:
        use_records(f, records, count, arena, host);
        return true;
    case DANE_UNUSABLE:
        host->tls_failure = STR("tlsa-invalid");
        set(host, ROUTE_TLS_MUST, RT_VERIFY_NONE,
            STR("DANE: its TLSA records are signed, but none can be used: TLS with any "
                "certificate"));
        return true;
    case DANE_FAILED:
        host->tls_failure = STR("dnssec-invalid");
        *out = leave(f->tlsa->status == DNS_BOGUS
                         ? STR("its TLSA records are not what their zone signed")
                         : STR("its TLSA records cannot be asked for, though its zone is signed"));
        return true;
    }
    return false;
}

// ---- MTA-STS

static bool by_sts(const struct tls_facts *f, struct route_host *host, struct outcome *out)
{
    bool is_named;

    if (!f->sts || f->sts->mode == MTA_STS_NONE)
        return false;
    *out = use;
    is_named = mta_sts_has(f->sts, f->host);
    host->tls_failure = is_named ? STR("") : STR("validation-failure");
    if (f->sts->mode == MTA_STS_TESTING) {
        host->is_testing = host->allow_wildcards = true;
        set(host, f->is_must ? ROUTE_TLS_MUST : ROUTE_TLS_MAY, RT_VERIFY_NONE,
            is_named ? STR("MTA-STS: testing, the host is in the policy")
                     : STR("MTA-STS: testing, the host is not in the policy"));
        return true;
    }
    if (!is_named) {
        *out = leave(STR("MTA-STS: enforce, and the policy does not name this host"));
        return true;
    }
    verify_name(host, f->host, STR("MTA-STS: enforce, the host is in the policy"));
    return true;
}

/// RFC 8461 2 lets no policy override DANE that fails; where DANE vouches for no certificate, the
/// policy still does.
static bool is_enforced(const struct tls_facts *f)
{
    return f->sts && f->sts->mode == MTA_STS_ENFORCE;
}

// ---- all of them

static struct outcome by_rule(const struct tls_facts *f, struct arena *arena,
                              struct route_host *host, struct str *policy)
{
    struct outcome o;

    switch (f->rule) {
    case TLS_RULE_NONE:
        break;
    case TLS_RULE_NEVER:
        set(host, ROUTE_TLS_NEVER, RT_VERIFY_NONE, STR("tls_policies: never"));
        return use;
    case TLS_RULE_MAY:
        set(host, ROUTE_TLS_MAY, RT_VERIFY_NONE, STR("tls_policies: may"));
        return use;
    case TLS_RULE_MUST:
        set(host, ROUTE_TLS_MUST, RT_VERIFY_NONE, STR("tls_policies: must"));
        return use;
    case TLS_RULE_VERIFY:
        verify_name(host, f->host, STR("tls_policies: verify"));
        return use;
    case TLS_RULE_DANE:
        *policy = STR("tlsa");
        if (!by_dane(f, arena, host, &o))
            host->tls_failure = STR("dane-required");
        else if (o.verdict != DONE || host->verify == RT_VERIFY_DANE)
            return o;
        return leave(STR("tls_policies: dane, but it has no signed TLSA records that can be "
                         "used"));
    }
    if (f->care == ROUTE_CARE_NONE) {
        set(host, f->is_must ? ROUTE_TLS_MUST : ROUTE_TLS_MAY, RT_VERIFY_NONE,
            STR("TLS-Required: No, so their policies do not count"));
        return use;
    }
    if (by_dane(f, arena, host, &o)) {
        *policy = STR("tlsa");
        if (o.verdict != DONE || host->verify == RT_VERIFY_DANE || !is_enforced(f))
            return o;
    }
    if (by_sts(f, host, &o)) {
        *policy = STR("sts");
        return o;
    }
    set(host, f->is_must ? ROUTE_TLS_MUST : ROUTE_TLS_MAY, RT_VERIFY_NONE,
        f->is_must ? STR("no policy of theirs; must, by our configuration")
                   : STR("no policy of theirs; when it is offered"));
    return use;
}

/// RFC 8689 4.2.1: a verified certificate for a name that was itself come by safely; at which
/// address it was shown is no matter.
static struct outcome require(const struct tls_facts *f, struct route_host *host)
{
    if (host->tls != ROUTE_TLS_MAY && host->tls != ROUTE_TLS_NEVER &&
        host->verify != RT_VERIFY_NONE)
        return use;
    if (!f->is_secure || host->tls == ROUTE_TLS_NEVER)
        return (struct outcome){NEVER, 550, STR("5.7.30"),
                                STR("REQUIRETLS: neither DANE nor MTA-STS nor DNSSEC vouches for "
                                    "that host")};
    verify_name(host, f->host, STR("REQUIRETLS: nobody can have forged its name"));
    return use;
}

struct outcome tls_decide(const struct tls_facts *facts, struct arena *arena,
                          struct route_host *host, struct str *policy)
{
    struct outcome o;

    host->name_count = 0;
    host->tls_failure = STR("");
    add_name(host, facts->host);
    *policy = STR("no-policy-found");
    o = by_rule(facts, arena, host, policy);
    return o.verdict == DONE && facts->care == ROUTE_CARE_TLS ? require(facts, host) : o;
}
