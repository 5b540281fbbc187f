// SPDX-License-Identifier: ISC
//
// dns.check: what the records of a domain should be for this server, and what they are.
#include "base/check.h"
#include "base/cleanup.h"
#include "trust/mta_sts.h"
#include "route/dane.h"
#include "route/network.h"

#include "app/certificates.h"
#include "app/operation.h"
#include "app/way.h"

#include <arpa/inet.h>
#include <errno.h>

enum { CHECK_ARENA_MAX = 16 << 20, ADDRESSES_SHOWN = 16 };

enum state { OK, WRONG, MISSING };

struct checking {
    struct operation *op;
    const struct route *route;
    struct arena arena;
    struct str domain, host;
    struct str addresses[ADDRESSES_SHOWN]; // of the host
    size_t address_count;
    bool is_ours, has_mx;
    json_t *findings;
    unsigned problems;
};

/// `record`: what to put into the zone; "" nothing. `is_needed`: without it mail does not flow.
static void found(struct checking *c, enum state state, bool is_needed, const char *about,
                  struct str what, struct str record)
{
    static const char *const words[] = {"ok", "wrong", "missing"};

    json_array_append_new(c->findings,
                          json_pack("{s:s, s:s, s:o, s:o, s:b}", "about", about, "state",
                                    words[state], "what", operation_json(what), "record",
                                    operation_json(record), "needed", is_needed));
    c->problems += state != OK && is_needed;
}

static struct str text(struct checking *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct str text(struct checking *c, const char *format, ...)
{
    CLEANUP(buf_drop) struct buf b = {.max = 8192};
    va_list args;

    va_start(args, format);
    buf_vputf(&b, format, args);
    va_end(args);
    return arena_str(&c->arena, buf_str(&b));
}

static const struct dns_answer *ask(struct checking *c, struct str name, enum dns_type type)
{
    struct dns_answer *answer = ARENA_NEW(&c->arena, struct dns_answer);

    *answer = (struct dns_answer){.status = DNS_FAILED, .why = STR("too much was answered")};
    if (arena_has_room(&c->arena, 1 << 20))
        rt_resolve(c->route->resolver, name, type, &c->arena, answer);
    return answer;
}

/// Nobody can tell: said once for each thing that was asked.
static bool is_unknown(struct checking *c, bool is_needed, const char *about,
                       const struct dns_answer *answer)
{
    if (answer->status != DNS_FAILED && answer->status != DNS_BOGUS)
        return false;
    found(c, WRONG, is_needed, about,
          text(c, "%s%s%.*s",
               answer->status == DNS_BOGUS ? "bogus: the answer is not what the zone signed"
                                           : "DNS does not answer",
               answer->why.len ? ": " : "", STR_ARG(answer->why)),
          STR(""));
    return true;
}

// ---- where mail comes in

static struct str names_of(struct checking *c, const struct dns_answer *answer)
{
    CLEANUP(buf_drop) struct buf list = {.max = 4096};

    for (size_t i = 0; i < answer->count && i < 10; i++)
        buf_putf(&list, "%s%.*s", i ? ", " : "", STR_ARG(answer->records[i].text));
    return arena_str(&c->arena, buf_str(&list));
}

static bool is_null_mx(const struct dns_answer *mx)
{
    return mx->status == DNS_FOUND && mx->count == 1 && mx->records[0].name.len == 0;
}

static void check_no_mail(struct checking *c, const struct dns_answer *mx)
{
    if (is_null_mx(mx))
        found(c, OK, false, "MX", STR("null MX: the domain takes no mail, and says so"), STR(""));
    else if (mx->status == DNS_FOUND)
        found(c, WRONG, false, "MX",
              text(c,
                   "%.*s: but the domain is none of this server's; `carteiro domain add` makes "
                   "it one",
                   STR_ARG(names_of(c, mx))),
              STR(""));
    else
        found(c, MISSING, false, "MX",
              STR("the domain is none of ours; if it takes no mail at "
                  "all, say so (RFC 7505)"),
              text(c, "%.*s. IN MX 0 .", STR_ARG(c->domain)));
}

static void check_mx(struct checking *c)
{
    const struct dns_answer *mx = ask(c, c->domain, DNS_MX);
    struct str record = text(c, "%.*s. IN MX 10 %.*s.", STR_ARG(c->domain), STR_ARG(c->host));

    if (is_unknown(c, true, "MX", mx))
        return;
    found(c, mx->is_secure ? OK : MISSING, false, "DNSSEC",
          mx->is_secure ? STR("the zone is signed")
                        : STR("the zone is not signed: nobody can check its answers, and DANE "
                              "cannot be"),
          STR(""));
    for (size_t i = 0; i < mx->count; i++)
        c->has_mx = c->has_mx || str_case_eq(mx->records[i].name, c->host);
    if (c->has_mx)
        found(c, OK, true, "MX", names_of(c, mx), STR(""));
    else if (!c->is_ours)
        check_no_mail(c, mx);
    else if (mx->status == DNS_FOUND)
        found(c, WRONG, true, "MX",
              text(c, "%.*s: this server (%.*s) is not among them", STR_ARG(names_of(c, mx)),
                   STR_ARG(c->host)),
              record);
    else
        found(c, MISSING, true, "MX", STR("none"), record);
}

/// "1.2.0.192.in-addr.arpa" (RFC 1035 3.5), or the nibbles of RFC 3596 2.5.
static bool put_reverse(struct buf *out, struct str ip)
{
    unsigned char bytes[16];
    char cstr[INET6_ADDRSTRLEN];

    if (ip.len >= sizeof cstr)
        return false;
    memcpy(cstr, ip.ptr, ip.len);
    cstr[ip.len] = 0;
    if (inet_pton(AF_INET, cstr, bytes) == 1) {
        buf_putf(out, "%u.%u.%u.%u.in-addr.arpa", bytes[3], bytes[2], bytes[1], bytes[0]);
        return true;
    }
    if (inet_pton(AF_INET6, cstr, bytes) != 1)
        return false;
    for (int i = 15; i >= 0; i--)
        buf_putf(out, "%x.%x.", bytes[i] & 15u, bytes[i] >> 4);
    buf_put(out, STR("ip6.arpa"));
    return true;
}

static void check_reverse(struct checking *c, struct str ip)
{
    CLEANUP(buf_drop) struct buf name = {.max = 256};
    const struct dns_answer *ptr;

    if (!put_reverse(&name, ip))
        return;
    ptr = ask(c, arena_str(&c->arena, buf_str(&name)), DNS_PTR);
    if (is_unknown(c, true, "PTR", ptr))
        return;
    for (size_t i = 0; i < ptr->count; i++)
        if (str_case_eq(ptr->records[i].name, c->host)) {
            found(c, OK, true, "PTR", text(c, "%.*s is called %.*s", STR_ARG(ip), STR_ARG(c->host)),
                  STR(""));
            return;
        }
    found(c, ptr->count ? WRONG : MISSING, true, "PTR",
          text(c,
               "%.*s is %s%.*s: large providers refuse its mail; whoever lent you the address "
               "sets this",
               STR_ARG(ip), ptr->count ? "called " : "called nothing",
               STR_ARG(ptr->count ? ptr->records[0].name : STR(""))),
          text(c, "%.*s. IN PTR %.*s.", STR_ARG(buf_str(&name)), STR_ARG(c->host)));
}

static void take_addresses(struct checking *c, const struct dns_answer *answer)
{
    for (size_t i = 0; i < answer->count && c->address_count < ADDRESSES_SHOWN; i++)
        c->addresses[c->address_count++] = answer->records[i].address;
}

static void check_addresses(struct checking *c)
{
    const struct dns_answer *v4 = ask(c, c->host, DNS_A), *v6 = ask(c, c->host, DNS_AAAA);

    if (is_unknown(c, true, "A", v4) || is_unknown(c, true, "AAAA", v6))
        return;
    take_addresses(c, v4);
    take_addresses(c, v6);
    if (c->address_count == 0) {
        found(c, MISSING, true, "A", text(c, "%.*s has no address", STR_ARG(c->host)),
              text(c, "%.*s. IN A (the address of this server)", STR_ARG(c->host)));
        return;
    }
    found(c, OK, true, "A",
          text(c, "%.*s has %zu address%s", STR_ARG(c->host), c->address_count,
               c->address_count == 1 ? "" : "es"),
          STR(""));
    for (size_t i = 0; i < c->address_count; i++)
        check_reverse(c, c->addresses[i]);
}

// ---- where it goes out

/// The one TXT record at `name` that is_one knows; NULL: none, or several (then *out_count > 1).
static const struct dns_record *find_txt(const struct dns_answer *answer,
                                         bool (*is_one)(struct str txt), size_t *out_count)
{
    const struct dns_record *one = NULL;

    *out_count = 0;
    for (size_t i = 0; i < answer->count; i++)
        if (is_one(answer->records[i].txt)) {
            one = &answer->records[i];
            ++*out_count;
        }
    return *out_count == 1 ? one : NULL;
}

static bool is_spf(struct str txt)
{
    return str_case_eq(str_head(txt, 6), STR("v=spf1")) && (txt.len == 6 || txt.ptr[6] == ' ');
}

static bool is_dmarc(struct str txt)
{
    return str_case_starts(txt, STR("v=DMARC1"));
}

static bool is_tlsrpt(struct str txt)
{
    return str_starts(txt, STR("v=TLSRPTv1"));
}

/// What can be told of an SPF record without following others; -1: what it includes decides.
static int spf_allows(const struct checking *c, struct str spf, struct str ip)
{
    struct str term;
    struct network net;
    int answer = 0;

    while (str_split(&spf, ' ', &term)) {
        if (term.len && str_find(STR("+?"), term.ptr[0]) >= 0)
            term = str_skip(term, 1);
        if ((str_case_eq(term, STR("mx")) && c->has_mx) || str_case_eq(term, STR("all")) ||
            (str_case_starts(term, STR("a:")) && str_case_eq(str_skip(term, 2), c->host)) ||
            (str_case_eq(term, STR("a")) && str_case_eq(c->domain, c->host)))
            return 1;
        if ((str_case_starts(term, STR("ip4:")) || str_case_starts(term, STR("ip6:"))) &&
            network_parse(str_skip(term, 4), &net) && network_has(&net, ip))
            return 1;
        if (str_case_starts(term, STR("include:")) || str_case_starts(term, STR("redirect=")) ||
            str_case_starts(term, STR("exists:")) || str_case_starts(term, STR("mx")) ||
            str_case_starts(term, STR("a:")))
            answer = -1;
    }
    return answer;
}

static void check_spf(struct checking *c)
{
    const struct dns_answer *answer = ask(c, c->domain, DNS_TXT);
    struct str record = text(c, "%.*s. IN TXT \"%s\"", STR_ARG(c->domain),
                             c->is_ours ? "v=spf1 mx -all" : "v=spf1 -all");
    const struct dns_record *spf;
    int allows = 1;
    size_t count;

    if (is_unknown(c, true, "SPF", answer))
        return;
    spf = find_txt(answer, is_spf, &count);
    for (size_t i = 0; spf && c->is_ours && i < c->address_count && allows == 1; i++)
        allows = spf_allows(c, spf->txt, c->addresses[i]);
    if (!spf)
        found(c, count ? WRONG : MISSING, c->is_ours, "SPF",
              count ? STR("there are several, which is as good as none") : STR("none"), record);
    else if (allows == 0)
        found(c, WRONG, true, "SPF",
              text(c, "\"%.*s\" does not let this server send", STR_ARG(spf->txt)), record);
    else
        found(c, OK, true, "SPF",
              text(c, "\"%.*s\"%s", STR_ARG(spf->txt),
                   allows < 0 ? " (what it includes was not looked at)" : ""),
              STR(""));
}

/// A TXT record at a name of its own: there, or what to put.
static void check_txt(struct checking *c, const char *about, const char *prefix,
                      bool (*is_one)(struct str txt), struct str value)
{
    struct str name = text(c, "%s.%.*s", prefix, STR_ARG(c->domain));
    const struct dns_answer *answer = ask(c, name, DNS_TXT);
    const struct dns_record *r;
    size_t count;

    if (is_unknown(c, false, about, answer))
        return;
    r = find_txt(answer, is_one, &count);
    if (r)
        found(c, OK, false, about, text(c, "\"%.*s\"", STR_ARG(r->txt)), STR(""));
    else
        found(c, count ? WRONG : MISSING, false, about,
              count ? STR("there are several, which is as good as none") : STR("none"),
              text(c, "%.*s. IN TXT \"%.*s\"", STR_ARG(name), STR_ARG(value)));
}

// ---- TLS

struct reading {
    const char *path;
    uint8_t digest[32];
};

static int read_digest(void *arg)
{
    struct reading *r = arg;

    return certificate_digest(r->path, r->digest) ? 0 : -ENOENT;
}

/// "3 1 1" of the first certificate: its public key, which may stay the same when it is renewed.
static bool present_certificate(struct checking *c, uint8_t digest[32])
{
    CLEANUP(buf_drop) struct buf why = {.max = 1024};
    struct reading reading = {0};
    struct rt_tls_config tls;

    if (certificates_of(site_config_now(c->op->site), &c->arena, &tls, &why) < 0 || tls.count == 0)
        return false;
    reading.path = tls.certificates[0].chain_path;
    if (rt_call(c->op->site->pool, read_digest, &reading) < 0)
        return false;
    memcpy(digest, reading.digest, 32);
    return true;
}

static bool has_digest(const struct dns_answer *tlsa, const uint8_t digest[32])
{
    for (size_t i = 0; i < tlsa->count; i++) {
        const struct dns_tlsa *r = &tlsa->records[i].tlsa;

        if (r->usage == 3 && r->selector == 1 && r->matching == 1 && r->data.len == 32 &&
            memcmp(r->data.ptr, digest, 32) == 0)
            return true;
    }
    return false;
}

static void check_tlsa(struct checking *c)
{
    CLEANUP(buf_drop) struct buf record = {.max = 512};
    struct str name = dane_name(&c->arena, 25, c->host);
    const struct dns_answer *tlsa = ask(c, name, DNS_TLSA);
    uint8_t digest[32];

    if (is_unknown(c, false, "TLSA", tlsa))
        return;
    if (!present_certificate(c, digest)) {
        found(c, tlsa->count ? WRONG : MISSING, tlsa->count > 0, "TLSA",
              STR("there is no certificate it could be for"), STR(""));
        return;
    }
    buf_putf(&record, "%.*s. IN TLSA 3 1 1 ", STR_ARG(name));
    for (size_t i = 0; i < 32; i++)
        buf_putf(&record, "%02x", digest[i]);
    if (has_digest(tlsa, digest))
        found(c, OK, false, "TLSA",
              tlsa->is_secure ? STR("it is for the present certificate, and signed")
                              : STR("it is for the present certificate, but its zone is not "
                                    "signed, so it helps nobody"),
              STR(""));
    else
        found(c, tlsa->count ? WRONG : MISSING, tlsa->count > 0 && tlsa->is_secure, "TLSA",
              tlsa->count ? STR("none of them with 3 1 1 is for the present certificate: who "
                                "checks DANE may refuse to send here")
                          : STR("none; it helps only where the zone is signed"),
              buf_str(&record));
}

// ---- all of it

static void check_all(struct checking *c)
{
    check_mx(c);
    if (c->is_ours)
        check_addresses(c);
    check_spf(c);
    check_txt(c, "DMARC", "_dmarc", is_dmarc,
              c->is_ours
                  ? text(c, "v=DMARC1; p=none; rua=mailto:postmaster@%.*s", STR_ARG(c->domain))
                  : STR("v=DMARC1; p=reject"));
    if (!c->is_ours)
        return;
    check_tlsa(c);
    check_txt(c, "MTA-STS", "_mta-sts", mta_sts_is_record,
              text(c, "v=STSv1; id=%lld", (long long)rt_wall_s()));
    check_txt(c, "TLSRPT", "_smtp._tls", is_tlsrpt,
              text(c, "v=TLSRPTv1; rua=mailto:postmaster@%.*s", STR_ARG(c->domain)));
}

static int check(struct operation *op, const struct route *route)
{
    CLEANUP(buf_drop) struct buf domain = {.max = ADDRESS_DOMAIN_MAX};
    struct checking c = {.op = op, .route = route, .host = route->host_name};
    struct str what = operation_text(op, "what");

    if (!address_domain_is_valid(what, ADDRESS_UTF8) || str_starts(what, STR("[")) ||
        !address_put_domain(&domain, what)) {
        buf_putf(op->why, "%.*s is no domain", STR_ARG(what));
        return EX_DATAERR;
    }
    c.domain = buf_str(&domain);
    c.is_ours = account_domain_is_local(op->site->accounts, c.domain);
    c.findings = json_array();
    arena_init(&c.arena, CHECK_ARENA_MAX);
    check_all(&c);
    arena_done(&c.arena);
    operation_put(op, "domain", operation_json(c.domain));
    operation_put(op, "local", json_boolean(c.is_ours));
    operation_put(op, "findings", c.findings);
    operation_put(op, "problems", json_integer(c.problems));
    return EX_OK;
}

int operate_dns_check(struct operation *op)
{
    const struct route *route = way_of(op->site, op->why);

    return route ? check(op, route) : EX_CONFIG;
}
