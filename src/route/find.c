// SPDX-License-Identifier: ISC
#include "route/find.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "mail/address.h"

#include "route/mx.h"
#include "route/story.h"
#include "route/tls.h"

#include <arpa/inet.h>

enum {
    SMTP_PORT_SUBMISSION = 587,
    SMTP_PORT_SUBMISSIONS = 465,
    SMTP_PORT = 25,
    TTL_MAX = 3600, // seconds: what was found is looked at again at least so often
    TTL_ABSENT_MAX = 300,
    TTL_MIN = 30,
    OUT_BYTES_MAX = 256 << 10, // of the caller's arena
    NOTES_MAX = 8,
};

struct candidate {
    struct mx_target target;
    const struct dns_answer *v6, *v4, *tlsa;
    struct str tlsa_base;
    bool is_secure;          // its addresses
    bool is_alias_secure;    // its name is a signed CNAME, wherever that leads
    enum mx_address trouble; // of the address that was left out last
    bool is_ours;
    struct route_host host;
    struct outcome outcome; // DONE: it can be used
};

struct finding {
    const struct route *route;
    const struct route_config *config;
    const struct find_world *world;
    enum route_care care;
    struct arena *scratch;
    struct buf story;
    uint32_t ttl;
    struct str domain;    // of the recipient, or the host of a way of ours
    struct str canonical; // where its CNAMEs lead
    bool is_ours_to_say;  // the administrator named the host: no loop is suspected
    bool is_secure;       // so far: the MX answer
    uint16_t port;
    struct candidate *items;
    size_t count;
    struct find_sts sts;
    struct route_tls_result notes[NOTES_MAX];
    size_t note_count;
    enum tls_rule rule;
    struct str policy;
};

static const struct outcome found = {DONE, 250, {"2.0.0", 5}, {"", 0}};

static struct outcome refuse(enum verdict verdict, unsigned code, struct str enhanced,
                             struct str text)
{
    return (struct outcome){verdict, code, enhanced, text};
}

// ---- asking

/// What is not there now may be there soon, and what fails sooner still.
static uint32_t ttl_of(const struct dns_answer *answer)
{
    switch (answer->status) {
    case DNS_FOUND:
        return answer->ttl;
    case DNS_NO_DATA:
    case DNS_NO_NAME:
        return TTL_ABSENT_MAX;
    default:
        return TTL_MIN;
    }
}

static void ask_all(struct finding *f, struct find_question *questions, size_t count)
{
    for (size_t at = 0; at < count; at += FIND_ASK_AT_ONCE) {
        size_t n = count - at < FIND_ASK_AT_ONCE ? count - at : FIND_ASK_AT_ONCE;

        if (arena_has_room(f->scratch, n * FIND_ANSWER_MAX)) {
            f->world->ask(f->world->arg, questions + at, n, f->scratch);
            continue;
        }
        for (size_t i = at; i < at + n; i++)
            questions[i].answer = (struct dns_answer){
                .status = DNS_FAILED, .why = STR("the answers before it were too large")};
    }
    for (size_t i = 0; i < count; i++) {
        story_put_answer(&f->story, &questions[i]);
        if (ttl_of(&questions[i].answer) < f->ttl)
            f->ttl = ttl_of(&questions[i].answer);
    }
}

// ---- which hosts

static struct outcome by_mx(struct finding *f)
{
    struct find_question *q = ARENA_NEW(f->scratch, struct find_question);
    struct mx_plan plan;

    *q = (struct find_question){.name = f->domain, .type = DNS_MX};
    ask_all(f, q, 1);
    mx_plan(&q->answer, f->domain, f->route->host_name, f->world->random, f->world->arg, f->scratch,
            &plan);
    f->is_secure = q->answer.is_secure;
    f->canonical = q->answer.canonical.len ? q->answer.canonical : f->domain;
    if (plan.is_implicit && plan.outcome.verdict == DONE)
        story_putf(&f->story, "no MX: the domain's own addresses are tried");
    if (plan.has_us)
        story_putf(&f->story, "we are among its MX: only better ones are tried");
    if (plan.outcome.verdict != DONE)
        return plan.outcome;
    f->items = ARENA_ARRAY(f->scratch, struct candidate, plan.count);
    f->count = plan.count;
    for (size_t i = 0; i < plan.count; i++)
        f->items[i].target = plan.items[i];
    return found;
}

static void one_host(struct finding *f, struct str name)
{
    f->items = ARENA_ARRAY(f->scratch, struct candidate, 1);
    f->count = 1;
    f->items[0].target = (struct mx_target){name, 0};
}

/// Both kinds of all hosts, side by side.
static void ask_addresses(struct finding *f)
{
    struct find_question *q = ARENA_ARRAY(f->scratch, struct find_question, 2 * f->count);

    for (size_t i = 0; i < f->count; i++) {
        q[2 * i] = (struct find_question){.name = f->items[i].target.name, .type = DNS_AAAA};
        q[2 * i + 1] = (struct find_question){.name = f->items[i].target.name, .type = DNS_A};
        f->items[i].v6 = &q[2 * i].answer;
        f->items[i].v4 = &q[2 * i + 1].answer;
    }
    ask_all(f, q, 2 * f->count);
}

// ---- which addresses

/// Those that are fit, in the order they came.
static size_t pick(struct finding *f, struct candidate *c, const struct dns_answer *answer,
                   struct str *out)
{
    size_t own_count = f->is_ours_to_say ? 0 : f->route->own_address_count, n = 0;

    for (size_t i = 0; answer->status == DNS_FOUND && i < answer->count; i++) {
        struct str ip = answer->records[i].address;
        enum mx_address is = mx_address_judge(ip, f->config->allow_loopback || f->is_ours_to_say,
                                              f->route->own_addresses, own_count);

        if (is != MX_ADDRESS_FINE) {
            c->trouble = is;
            c->is_ours = c->is_ours || is == MX_ADDRESS_OURS;
            story_putf(&f->story, "%.*s: %.*s is left out: %s", STR_ARG(c->target.name),
                       STR_ARG(ip), mx_address_word(is));
        } else if (n < ROUTE_ADDRESSES_MAX) {
            out[n++] = ip;
        }
    }
    return n;
}

static bool is_trouble(const struct dns_answer *answer, enum dns_status status)
{
    return answer->status == status;
}

/// Why a host without addresses has none.
static struct outcome no_address(const struct candidate *c)
{
    if (is_trouble(c->v6, DNS_BOGUS) || is_trouble(c->v4, DNS_BOGUS))
        return refuse(LATER, 451, STR("4.7.5"),
                      STR("the DNS answer for its host is not what its zone signed (DNSSEC)"));
    if (is_trouble(c->v6, DNS_FAILED) || is_trouble(c->v4, DNS_FAILED))
        return refuse(LATER, 451, STR("4.4.3"), STR("DNS does not answer for its host"));
    if (c->is_ours || c->trouble == MX_ADDRESS_LOOPBACK)
        return refuse(NEVER, 554, STR("5.4.6"), STR("its host leads back to this server"));
    return refuse(NEVER, 550, STR("5.4.4"), STR("its host has no address"));
}

/// RFC 7672 2.2.2: what counts is that the addresses we use were signed. Whoever holds back one of
/// two answers, or spoils it, must not take away DANE with it.
static bool is_signed(const struct dns_answer *answer)
{
    return answer->status != DNS_FOUND || answer->is_secure;
}

static void judge_addresses(struct finding *f, struct candidate *c)
{
    struct str six[ROUTE_ADDRESSES_MAX], four[ROUTE_ADDRESSES_MAX];
    size_t six_count = pick(f, c, c->v6, six), four_count = pick(f, c, c->v4, four);

    c->host.name = c->target.name;
    c->host.preference = c->target.preference;
    c->host.port = f->port;
    c->host.address_count = mx_addresses_order(six, six_count, four, four_count, f->config->prefer,
                                               c->host.addresses, ROUTE_ADDRESSES_MAX);
    c->is_secure = is_signed(c->v6) && is_signed(c->v4);
    c->outcome = c->host.address_count ? found : no_address(c);
}

/// A host at our own address is we ourselves under another name (RFC 5321 5.1).
static void drop_us(struct finding *f)
{
    unsigned best = UINT32_MAX;

    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].is_ours && f->items[i].target.preference < best)
            best = f->items[i].target.preference;
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].target.preference >= best)
            f->items[i].outcome =
                refuse(NEVER, 554, STR("5.4.6"),
                       STR("by its MX records this server is to take that domain's mail, but it "
                           "does not know the domain"));
}

// ---- TLS

/// RFC 7672 2.2.2: where the host is a CNAME, first where that leads, then its own name.
static struct str canonical_of(const struct candidate *c)
{
    struct str name = c->v4->status == DNS_FOUND ? c->v4->canonical : c->v6->canonical;

    return name.len ? name : c->target.name;
}

/// RFC 7672 2.2.2: a signed name that leads into an unsigned zone has its TLSA records itself.
static void ask_aliases(struct finding *f)
{
    struct find_question *q = ARENA_ARRAY(f->scratch, struct find_question, f->count);
    struct candidate **who = ARENA_ARRAY(f->scratch, struct candidate *, f->count);
    size_t n = 0;

    for (size_t i = 0; i < f->count; i++) {
        struct candidate *c = &f->items[i];

        if (c->outcome.verdict != DONE || !f->is_secure || c->is_secure ||
            str_case_eq(canonical_of(c), c->target.name))
            continue;
        who[n] = c;
        q[n++] = (struct find_question){.name = c->target.name, .type = DNS_CNAME};
    }
    ask_all(f, q, n);
    for (size_t i = 0; i < n; i++)
        who[i]->is_alias_secure = q[i].answer.is_secure;
}

static void ask_tlsa_of(struct finding *f, bool by_canonical)
{
    struct find_question *q = ARENA_ARRAY(f->scratch, struct find_question, f->count);
    size_t n = 0;

    for (size_t i = 0; i < f->count; i++) {
        struct candidate *c = &f->items[i];
        struct str base = by_canonical ? canonical_of(c) : c->target.name;

        if (c->outcome.verdict != DONE || !f->is_secure ||
            !(c->is_secure || (c->is_alias_secure && !by_canonical)) ||
            (by_canonical && str_case_eq(base, c->target.name)) || (c->tlsa && dane_holds(c->tlsa)))
            continue;
        c->tlsa_base = base;
        c->tlsa = &q[n].answer;
        q[n++] =
            (struct find_question){.name = dane_name(f->scratch, f->port, base), .type = DNS_TLSA};
    }
    ask_all(f, q, n);
}

static void note(struct finding *f, struct str policy, struct str host, struct str failure)
{
    if (failure.len && f->note_count < NOTES_MAX)
        f->notes[f->note_count++] = (struct route_tls_result){
            .domain = f->domain, .policy = policy, .host = host, .failure = failure};
}

static void decide_tls(struct finding *f, struct candidate *c)
{
    struct tls_facts facts = {
        .rule = f->rule,
        .is_must = str_eq(f->config->tls, STR("must")),
        .care = f->care,
        .is_secure = f->is_secure,
        .host = c->target.name,
        .domain = f->domain,
        .canonical = f->canonical,
        .tlsa_base = c->tlsa_base,
        .tlsa = c->tlsa,
        .sts = f->sts.has_policy ? &f->sts.policy : NULL,
    };
    struct str policy;

    c->outcome = tls_decide(&facts, f->scratch, &c->host, &policy);
    if (f->policy.len == 0 || str_eq(f->policy, STR("no-policy-found")))
        f->policy = policy;
    if (c->outcome.verdict == DONE)
        return;
    note(f, policy, c->target.name, c->host.tls_failure);
    story_putf(&f->story, "%.*s is left out: %.*s", STR_ARG(c->target.name),
               STR_ARG(c->outcome.text));
}

static void ask_sts(struct finding *f)
{
    if (!f->config->sts || !f->world->sts || f->rule != TLS_RULE_NONE)
        return;
    f->world->sts(f->world->arg, f->domain, f->scratch, &f->sts);
    note(f, STR("sts"), STR(""), f->sts.failure);
    if (f->sts.failure.len && f->ttl > TTL_ABSENT_MAX)
        f->ttl = TTL_ABSENT_MAX;
    if (f->sts.why.len)
        story_putf(&f->story, "MTA-STS: %.*s", STR_ARG(f->sts.why));
}

// ---- what comes out

/// Of all that were left out, the most hopeful reason.
static struct outcome no_host(const struct finding *f)
{
    struct outcome worst = refuse(NEVER, 550, STR("5.4.4"), STR("it has no host that takes mail"));

    for (size_t i = 0; i < f->count; i++) {
        if (f->items[i].outcome.verdict == LATER)
            return f->items[i].outcome;
        if (i == 0 || f->items[i].is_ours)
            worst = f->items[i].outcome;
    }
    return worst;
}

static size_t bytes_of(const struct route_host *h)
{
    size_t bytes = sizeof *h + 2048;

    for (size_t i = 0; i < h->tlsa_count; i++)
        bytes += sizeof *h->tlsa + h->tlsa[i].data.len + 32;
    return bytes;
}

/// Deep into the caller's arena.
static void copy_host(const struct route_host *from, struct arena *arena, struct route_host *to)
{
    struct dns_tlsa *tlsa = ARENA_ARRAY(arena, struct dns_tlsa, from->tlsa_count + 1);

    *to = *from;
    to->name = arena_str(arena, from->name);
    for (size_t i = 0; i < from->address_count; i++)
        to->addresses[i] = arena_str(arena, from->addresses[i]);
    for (size_t i = 0; i < from->name_count; i++)
        to->names[i] = arena_str(arena, from->names[i]);
    for (size_t i = 0; i < from->tlsa_count; i++) {
        tlsa[i] = from->tlsa[i];
        tlsa[i].data = arena_str(arena, from->tlsa[i].data);
    }
    to->tlsa = tlsa;
    to->tls_why = arena_str(arena, from->tls_why);
    to->user = arena_str(arena, from->user);
    to->password = arena_str(arena, from->password);
}

static void give_notes(const struct finding *f, struct arena *arena, struct route_hosts *out)
{
    struct route_tls_result *notes = ARENA_ARRAY(arena, struct route_tls_result, f->note_count + 1);

    for (size_t i = 0; i < f->note_count; i++) {
        notes[i] = f->notes[i];
        notes[i].domain = arena_str(arena, f->notes[i].domain);
        notes[i].host = arena_str(arena, f->notes[i].host);
    }
    out->notes = notes;
    out->note_count = f->note_count;
}

static void give(struct finding *f, struct outcome o, struct arena *arena, struct route_hosts *out)
{
    size_t used = 0;

    *out = (struct route_hosts){.items = ARENA_ARRAY(arena, struct route_host, f->count + 1)};
    for (size_t i = 0; o.verdict == DONE && i < f->count; i++) {
        struct candidate *c = &f->items[i];

        used += bytes_of(&c->host);
        if (c->outcome.verdict != DONE || used > OUT_BYTES_MAX)
            continue;
        copy_host(&c->host, arena, &out->items[out->count++]);
        story_put_host(&f->story, &c->host);
    }
    if (o.verdict == DONE && out->count == 0)
        o = no_host(f);
    if (o.verdict != DONE)
        story_putf(&f->story, "%u %.*s %.*s", o.code, STR_ARG(o.enhanced), STR_ARG(o.text));
    out->outcome =
        (struct outcome){o.verdict, o.code, arena_str(arena, o.enhanced), arena_str(arena, o.text)};
    give_notes(f, arena, out);
    out->policy = f->policy.len ? f->policy : STR("no-policy-found");
    out->story = arena_str(arena, str_head(buf_str(&f->story), FIND_STORY_MAX));
    out->ttl = f->ttl < TTL_MIN ? TTL_MIN : f->ttl;
}

// ---- the ways

/// From names to hosts that can be tried; `f->items` have their targets.
static struct outcome look_up(struct finding *f)
{
    ask_addresses(f);
    for (size_t i = 0; i < f->count; i++)
        judge_addresses(f, &f->items[i]);
    drop_us(f);
    if (f->rule == TLS_RULE_NONE || f->rule == TLS_RULE_DANE) {
        ask_aliases(f);
        ask_tlsa_of(f, true);
        ask_tlsa_of(f, false);
    }
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].outcome.verdict == DONE)
            decide_tls(f, &f->items[i]);
    return found;
}

static struct outcome by_domain(struct finding *f)
{
    struct outcome o;

    if (!address_domain_is_valid(f->domain, ADDRESS_STRICT))
        return refuse(NEVER, 550, STR("5.1.2"), STR("that is no domain DNS could know"));
    o = by_mx(f);
    if (o.verdict != DONE)
        return o;
    ask_sts(f);
    return look_up(f);
}

/// A host that was given as an address: nothing to look up, and no name to verify.
static struct outcome by_address(struct finding *f, struct str ip)
{
    struct dns_record *r = ARENA_NEW(f->scratch, struct dns_record);
    struct dns_answer *is = ARENA_NEW(f->scratch, struct dns_answer);
    struct dns_answer *none = ARENA_NEW(f->scratch, struct dns_answer);

    one_host(f, f->domain);
    r->address = ip;
    *is = (struct dns_answer){.status = DNS_FOUND, .records = r, .count = 1};
    *none = (struct dns_answer){.status = DNS_NO_DATA};
    f->items[0].v6 = is;
    f->items[0].v4 = none;
    judge_addresses(f, &f->items[0]);
    if (f->items[0].outcome.verdict == DONE)
        decide_tls(f, &f->items[0]);
    return found;
}

/// RFC 5321 4.1.3
static struct outcome by_literal(struct finding *f)
{
    unsigned char ip[16];
    char text[INET6_ADDRSTRLEN];
    size_t len = address_literal_ip(f->domain, ip);

    if (len == 0)
        return refuse(NEVER, 550, STR("5.1.2"), STR("that is no address of a host"));
    CHECK(inet_ntop(len == 4 ? AF_INET : AF_INET6, ip, text, sizeof text));
    return by_address(f, arena_str(f->scratch, str_from(text)));
}

static bool is_numeric(struct str host)
{
    struct in6_addr ip;
    char text[INET6_ADDRSTRLEN];

    if (host.len >= sizeof text)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = 0;
    return inet_pton(AF_INET, text, &ip) == 1 || inet_pton(AF_INET6, text, &ip) == 1;
}

static struct outcome by_socket(struct finding *f, struct str path)
{
    one_host(f, STR("localhost"));
    f->items[0].host = (struct route_host){
        .name = STR("localhost"),
        .addresses = {path},
        .address_count = 1,
        .is_lmtp = true,
        .tls = ROUTE_TLS_NEVER,
        .tls_why = STR("a socket of this machine"),
    };
    f->items[0].outcome = found;
    return found;
}

static struct outcome sign_in(struct finding *f, const struct transport *t, struct candidate *c)
{
    CLEANUP(buf_drop) struct buf login = {.max = 1024};
    CLEANUP(buf_drop) struct buf why = {.max = 512};
    struct str password;

    buf_putf(&login, "%.*s@%.*s", STR_ARG(t->user), STR_ARG(t->host));
    if (!f->world->password ||
        !f->world->password(f->world->arg, buf_str(&login), f->scratch, &password, &why))
        return refuse(LATER, 454, STR("4.7.0"),
                      why.len ? arena_str(f->scratch, buf_str(&why))
                              : STR("there is no password for the smart host"));
    c->host.user = t->user;
    c->host.password = password;
    c->host.tls = t->kind == TRANSPORT_SUBMISSIONS ? ROUTE_TLS_IMPLICIT : ROUTE_TLS_MUST;
    if (c->host.verify != RT_VERIFY_DANE) {
        c->host.verify = RT_VERIFY_PKIX;
        c->host.allow_wildcards = true;
        c->host.tls_why = STR("a smart host that is signed in to: its certificate is verified");
    }
    return found;
}

static uint16_t port_of(const struct transport *t, const struct route_config *config)
{
    if (t->port)
        return t->port;
    switch (t->kind) {
    case TRANSPORT_SUBMISSION:
        return SMTP_PORT_SUBMISSION;
    case TRANSPORT_SUBMISSIONS:
        return SMTP_PORT_SUBMISSIONS;
    default:
        return config->smtp_port ? (uint16_t)config->smtp_port : SMTP_PORT;
    }
}

static struct outcome by_transport(struct finding *f, struct str lane)
{
    struct transport t;
    struct outcome o = route_lane_outcome(lane);

    if (o.verdict != DONE)
        return o;
    if (!route_lane_is_known(f->route, lane) || !transport_parse(str_skip(lane, 1), &t, NULL))
        return refuse(LATER, 451, STR("4.3.5"),
                      STR("that way is not in the configuration any more"));
    f->is_ours_to_say = true;
    f->is_secure = true; // it comes from the configuration, not from DNS
    f->domain = f->canonical = t.host;
    f->port = port_of(&t, f->config);
    f->rule = tls_rule_find(&f->config->tls_policies, f->domain);
    if (str_starts(t.host, STR("/")))
        return by_socket(f, t.host);
    one_host(f, t.host);
    o = is_numeric(t.host) ? by_address(f, t.host) : look_up(f);
    f->items[0].host.is_lmtp = t.kind == TRANSPORT_LMTP;
    if (o.verdict == DONE && f->items[0].outcome.verdict == DONE && t.user.len)
        f->items[0].outcome = sign_in(f, &t, &f->items[0]);
    return o;
}

void find_hosts(const struct route *route, const struct find_world *world, struct str lane,
                enum route_care care, struct arena *arena, struct route_hosts *out)
{
    CLEANUP(arena_done) struct arena scratch = {0};
    struct finding f = {
        .route = route,
        .config = __atomic_load_n(&route->config, __ATOMIC_ACQUIRE),
        .world = world,
        .care = care,
        .scratch = &scratch,
        .ttl = TTL_MAX,
        .domain = lane,
        .canonical = lane,
    };
    struct outcome o;

    arena_init(&scratch, FIND_SCRATCH_MAX);
    buf_init(&f.story, 64 << 10);
    f.port = f.config->smtp_port ? (uint16_t)f.config->smtp_port : SMTP_PORT;
    f.rule = tls_rule_find(&f.config->tls_policies, lane);
    if (str_starts(lane, STR("=")))
        o = by_transport(&f, lane);
    else if (str_starts(lane, STR("[")))
        o = by_literal(&f);
    else
        o = by_domain(&f);
    give(&f, o, arena, out);
    buf_done(&f.story);
}
