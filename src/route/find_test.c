// SPDX-License-Identifier: ISC
//
// From a lane to its hosts, over a table of DNS answers: MX by RFC 5321 5.1, null MX, DANE,
// MTA-STS, REQUIRETLS, and the ways of the configuration.
#include "base/check.h"
#include "base/cleanup.h"

#include "route/find.h"
#include "route/story.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define EE "3 1 1 0000000000000000000000000000000000000000000000000000000000000000"

/// What DNS knows. "s": signed; "!": SERVFAIL; "b": bogus; data parted by "|", none: no data. A
/// name that is not there at all does not exist.
static const struct zone {
    const char *name, *type, *how, *data;
    const char *canonical;
} zones[] = {
    {"plain.test", "MX", "", "20 mx2.plain.test.|10 mx1.plain.test.", NULL},
    {"mx1.plain.test", "A", "", "192.0.2.1|192.0.2.2", NULL},
    {"mx1.plain.test", "AAAA", "", "2001:db8::1", NULL},
    {"mx2.plain.test", "A", "", "192.0.2.9", NULL},
    {"implicit.test", "MX", "", "", NULL},
    {"implicit.test", "A", "", "192.0.2.3", NULL},
    {"null.test", "MX", "", "0 .", NULL},
    {"nullplus.test", "MX", "", "0 .|10 mx2.plain.test.", NULL},
    {"fail.test", "MX", "!", "", NULL},
    {"bogus.test", "MX", "b", "", NULL},
    {"dead.test", "MX", "", "10 nowhere.test.", NULL},
    {"halfdead.test", "MX", "", "10 nowhere.test.|20 mx2.plain.test.", NULL},
    {"slow.test", "MX", "", "10 nowhere.test.|20 slowhost.test.", NULL},
    {"slowhost.test", "A", "!", "", NULL},
    {"slowhost.test", "AAAA", "!", "", NULL},
    {"v4slow.test", "MX", "", "10 v6only.test.", NULL},
    {"v6only.test", "A", "!", "", NULL},
    {"v6only.test", "AAAA", "", "2001:db8::6", NULL},
    {"noaddress.test", "MX", "", "", NULL},
    {"cname.test", "MX", "", "10 alias.test.", "real.test"},
    {"alias.test", "A", "", "192.0.2.7", "target.test"},
    {"ours.test", "MX", "", "10 mx1.plain.test.|20 US.test.|20 mx2.plain.test.|30 mx3.test.", NULL},
    {"ourbest.test", "MX", "", "10 us.test.|20 mx2.plain.test.", NULL},
    {"ouraddress.test", "MX", "", "10 mx2.plain.test.|20 other.test.|30 mx1.plain.test.", NULL},
    {"ouronly.test", "MX", "", "10 other.test.", NULL},
    {"other.test", "A", "", "198.51.100.1", NULL},
    {"loop.test", "MX", "", "10 localhost.loop.test.", NULL},
    {"localhost.loop.test", "A", "", "127.0.0.1", NULL},
    {"localhost.loop.test", "AAAA", "", "::1", NULL},
    {"odd.test", "MX", "", "10 odd.host.test.", NULL},
    {"odd.host.test", "A", "", "0.0.0.0|255.255.255.255|224.0.0.1|192.0.2.8", NULL},
    {"odd.host.test", "AAAA", "", "::|ff02::1|fe80::1|::ffff:127.0.0.1", NULL},
    // DANE
    {"dane.test", "MX", "s", "10 mx.dane.test.", NULL},
    {"mx.dane.test", "A", "s", "192.0.2.10", NULL},
    {"mx.dane.test", "AAAA", "s", "", NULL},
    {"_25._tcp.mx.dane.test", "TLSA", "s", EE "|" EE, NULL},
    {"unusable.test", "MX", "s", "10 mx.unusable.test.", NULL},
    {"mx.unusable.test", "A", "s", "192.0.2.11", NULL},
    {"mx.unusable.test", "AAAA", "s", "", NULL},
    {"_25._tcp.mx.unusable.test", "TLSA", "s", "1 1 1 00|3 1 1 00|3 9 1 00", NULL},
    {"danefail.test", "MX", "s", "10 mx.danefail.test.|20 mx.dane.test.", NULL},
    {"mx.danefail.test", "A", "s", "192.0.2.12", NULL},
    {"mx.danefail.test", "AAAA", "s", "", NULL},
    {"_25._tcp.mx.danefail.test", "TLSA", "!", "", NULL},
    {"danebogus.test", "MX", "s", "10 mx.danebogus.test.", NULL},
    {"mx.danebogus.test", "A", "s", "192.0.2.13", NULL},
    {"mx.danebogus.test", "AAAA", "s", "", NULL},
    {"_25._tcp.mx.danebogus.test", "TLSA", "b", "", NULL},
    {"nodane.test", "MX", "s", "10 mx.nodane.test.", NULL},
    {"mx.nodane.test", "A", "s", "192.0.2.14", NULL},
    {"mx.nodane.test", "AAAA", "s", "", NULL},
    {"_25._tcp.mx.nodane.test", "TLSA", "s", "", NULL},
    {"unsignedmx.test", "MX", "", "10 mx.dane.test.", NULL},
    {"unsignedhost.test", "MX", "s", "10 mx.unsignedhost.test.", NULL},
    {"mx.unsignedhost.test", "A", "", "192.0.2.15", NULL},
    {"_25._tcp.mx.unsignedhost.test", "TLSA", "", EE, NULL},
    {"unsignedtlsa.test", "MX", "s", "10 mx.unsignedtlsa.test.", NULL},
    {"mx.unsignedtlsa.test", "A", "s", "192.0.2.16", NULL},
    {"mx.unsignedtlsa.test", "AAAA", "s", "", NULL},
    {"_25._tcp.mx.unsignedtlsa.test", "TLSA", "", EE, NULL},
    {"danealias.test", "MX", "s", "10 alias.danealias.test.", NULL},
    {"alias.danealias.test", "A", "s", "192.0.2.10", "mx.dane.test"},
    {"alias.danealias.test", "AAAA", "s", "", "mx.dane.test"},
    {"danev6.test", "MX", "s", "10 mx.danev6.test.", NULL},
    {"mx.danev6.test", "A", "s", "192.0.2.10", NULL},
    {"mx.danev6.test", "AAAA", "!", "", NULL},
    {"_25._tcp.mx.danev6.test", "TLSA", "s", EE, NULL},
    {"danev4.test", "MX", "s", "10 mx.danev4.test.", NULL},
    {"mx.danev4.test", "A", "b", "", NULL},
    {"mx.danev4.test", "AAAA", "s", "2001:db8::10", NULL},
    {"_25._tcp.mx.danev4.test", "TLSA", "s", EE, NULL},
    {"daneown.test", "MX", "s", "10 alias.daneown.test.", NULL},
    {"alias.daneown.test", "A", "s", "192.0.2.16", "mx.unsignedtlsa.test"},
    {"alias.daneown.test", "AAAA", "s", "", "mx.unsignedtlsa.test"},
    {"_25._tcp.alias.daneown.test", "TLSA", "s", EE, NULL},
    {"aliasout.test", "MX", "s", "10 alias.aliasout.test.", NULL},
    {"alias.aliasout.test", "A", "", "192.0.2.15", "mx.unsignedhost.test"},
    {"alias.aliasout.test", "AAAA", "", "", "mx.unsignedhost.test"},
    {"alias.aliasout.test", "CNAME", "s", "mx.unsignedhost.test.", NULL},
    {"_25._tcp.alias.aliasout.test", "TLSA", "s", EE, NULL},
    {"forgedalias.test", "MX", "s", "10 alias.forgedalias.test.", NULL},
    {"alias.forgedalias.test", "A", "", "192.0.2.15", "mx.unsignedhost.test"},
    {"alias.forgedalias.test", "CNAME", "", "mx.unsignedhost.test.", NULL},
    {"_25._tcp.alias.forgedalias.test", "TLSA", "", EE, NULL},
    // MTA-STS
    {"stsunusable.test", "MX", "s", "10 mx.unusable.test.|20 mx.dane.test.", NULL},
    {"stsother.test", "MX", "s", "10 mx.unusable.test.", NULL},
    {"sts.test", "MX", "", "10 mx.sts.test.", NULL},
    {"mx.sts.test", "A", "", "192.0.2.20", NULL},
    {"stswrong.test", "MX", "", "10 mx.sts.test.|20 mx2.plain.test.", NULL},
    {"ststest.test", "MX", "", "10 mx2.plain.test.", NULL},
    {"stsdane.test", "MX", "s", "10 mx.dane.test.|20 mx.nodane.test.", NULL},
    // ways of the configuration
    {"smart.test", "A", "", "192.0.2.30", NULL},
};

static const struct policy {
    const char *domain, *body;
} policies[] = {
    {"sts.test", "version: STSv1\nmode: enforce\nmx: *.sts.test\nmax_age: 86400\n"},
    {"stswrong.test", "version: STSv1\nmode: enforce\nmx: mx2.plain.test\nmax_age: 86400\n"},
    {"ststest.test", "version: STSv1\nmode: testing\nmx: other.test\nmax_age: 86400\n"},
    {"stsdane.test", "version: STSv1\nmode: enforce\nmx: other.test\nmax_age: 86400\n"},
    {"stsunusable.test", "version: STSv1\nmode: enforce\nmx: *.unusable.test\nmax_age: 86400\n"},
    {"stsother.test", "version: STSv1\nmode: enforce\nmx: other.test\nmax_age: 86400\n"},
};

// ---- the world of the tables

static void fill(const struct zone *z, enum dns_type type, struct arena *arena,
                 struct dns_answer *out)
{
    struct str rest = str_from(z->data), text;

    out->is_secure = z->how[0] == 's';
    out->canonical = z->canonical ? str_from(z->canonical) : str_from(z->name);
    out->ttl = 600;
    out->status = z->how[0] == '!' ? DNS_FAILED : z->how[0] == 'b' ? DNS_BOGUS : DNS_NO_DATA;
    out->records = ARENA_ARRAY(arena, struct dns_record, 8);
    while (z->data[0] && str_split(&rest, '|', &text)) {
        CLEANUP(buf_drop) struct buf data = {.max = 1024};

        CHECK(dns_data_put(&data, type, text));
        CHECK(dns_record_parse(type, buf_str(&data), arena, &out->records[out->count]));
        out->count++;
        out->status = DNS_FOUND;
    }
}

static void ask_one(struct find_question *q, struct arena *arena)
{
    bool is_known = false;

    q->answer = (struct dns_answer){.status = DNS_NO_NAME, .ttl = 600, .canonical = q->name};
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        if (!str_case_eq(str_from(zones[i].name), q->name))
            continue;
        is_known = true;
        if (dns_type_parse(str_from(zones[i].type)) == q->type) {
            fill(&zones[i], q->type, arena, &q->answer);
            return;
        }
    }
    if (is_known)
        q->answer.status = DNS_NO_DATA;
}

static void ask(void *arg, struct find_question *questions, size_t count, struct arena *arena)
{
    (void)arg;
    assert_true(count <= FIND_ASK_AT_ONCE);
    for (size_t i = 0; i < count; i++)
        ask_one(&questions[i], arena);
}

static void sts(void *arg, struct str domain, struct arena *arena, struct find_sts *out)
{
    const char *why;

    (void)arg;
    *out = (struct find_sts){0};
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++)
        if (str_eq(domain, str_from(policies[i].domain)))
            out->has_policy = mta_sts_parse(str_from(policies[i].body), arena, &out->policy, &why);
}

static bool password(void *arg, struct str login, struct arena *arena, struct str *out,
                     struct buf *why)
{
    (void)arg;
    (void)arena;
    if (!str_eq(login, STR("ana@x@smart.test"))) {
        buf_put(why, STR("unknown"));
        return false;
    }
    *out = STR("secret");
    return true;
}

static uint64_t draw(void *arg)
{
    return ++*(uint64_t *)arg;
}

static struct str transports[] = {
    {"a.test smtp://smart.test:2525", 29},       {"b.test submission://ana@x@smart.test", 36},
    {"c.test submissions://bob@smart.test", 35}, {"d.test lmtp:///run/lmtp", 23},
    {"e.test error:5.7.1 closed", 25},           {"f.test smtp://[2001:db8::5]", 27},
    {"g.test lmtp://127.0.0.1:24", 26},
};
static struct str own[] = {{"198.51.100.1", 12}};
static struct str tls_policies[] = {
    {"never.test never", 16},
    {"sts.verify.test verify", 22},
};

/// "host@address,address level; ..." or "code enhanced".
static void put_result(struct buf *out, const struct route_hosts *hosts)
{
    if (hosts->outcome.verdict != DONE) {
        assert_int_equal(hosts->count, 0);
        buf_putf(out, "%s%u %.*s", hosts->outcome.verdict == LATER ? "later " : "",
                 hosts->outcome.code, STR_ARG(hosts->outcome.enhanced));
        return;
    }
    for (size_t i = 0; i < hosts->count; i++) {
        const struct route_host *h = &hosts->items[i];

        buf_putf(out, "%s%.*s@", i ? "; " : "", STR_ARG(h->name));
        for (size_t k = 0; k < h->address_count; k++)
            buf_putf(out, "%s%.*s", k ? "," : "", STR_ARG(h->addresses[k]));
        if (h->port != 25)
            buf_putf(out, ":%u", h->port);
        buf_put_char(out, ' ');
        story_put_tls(out, h);
    }
}

static const struct {
    const char *lane;
    enum route_care care;
    const char *result;
} cases[] = {
    // RFC 5321 5.1
    {"plain.test", ROUTE_CARE_USUAL,
     "mx1.plain.test@2001:db8::1,192.0.2.1,192.0.2.2 may; mx2.plain.test@192.0.2.9 may"},
    {"implicit.test", ROUTE_CARE_USUAL, "implicit.test@192.0.2.3 may"},
    {"null.test", ROUTE_CARE_USUAL, "556 5.1.10"},
    {"nullplus.test", ROUTE_CARE_USUAL, "mx2.plain.test@192.0.2.9 may"},
    {"missing.test", ROUTE_CARE_USUAL, "550 5.1.2"},
    {"fail.test", ROUTE_CARE_USUAL, "later 451 4.4.3"},
    {"bogus.test", ROUTE_CARE_USUAL, "later 451 4.7.5"},
    {"dead.test", ROUTE_CARE_USUAL, "550 5.4.4"},
    {"halfdead.test", ROUTE_CARE_USUAL, "mx2.plain.test@192.0.2.9 may"},
    {"slow.test", ROUTE_CARE_USUAL, "later 451 4.4.3"},
    {"v4slow.test", ROUTE_CARE_USUAL, "v6only.test@2001:db8::6 may"},
    {"noaddress.test", ROUTE_CARE_USUAL, "550 5.4.4"},
    {"cname.test", ROUTE_CARE_USUAL, "alias.test@192.0.2.7 may"},
    {"ours.test", ROUTE_CARE_USUAL, "mx1.plain.test@2001:db8::1,192.0.2.1,192.0.2.2 may"},
    {"ourbest.test", ROUTE_CARE_USUAL, "554 5.4.6"},
    {"ouraddress.test", ROUTE_CARE_USUAL, "mx2.plain.test@192.0.2.9 may"},
    {"ouronly.test", ROUTE_CARE_USUAL, "554 5.4.6"},
    {"loop.test", ROUTE_CARE_USUAL, "554 5.4.6"},
    {"odd.test", ROUTE_CARE_USUAL, "odd.host.test@192.0.2.8 may"},
    {"us.test", ROUTE_CARE_USUAL, "550 5.1.2"},
    {"nicht gut", ROUTE_CARE_USUAL, "550 5.1.2"},
    // RFC 5321 4.1.3
    {"[192.0.2.77]", ROUTE_CARE_USUAL, "[192.0.2.77]@192.0.2.77 may"},
    {"[ipv6:2001:db8::77]", ROUTE_CARE_USUAL, "[ipv6:2001:db8::77]@2001:db8::77 may"},
    {"[127.0.0.1]", ROUTE_CARE_USUAL, "554 5.4.6"},
    {"[198.51.100.1]", ROUTE_CARE_USUAL, "554 5.4.6"},
    {"[224.0.0.1]", ROUTE_CARE_USUAL, "550 5.4.4"},
    {"[x]", ROUTE_CARE_USUAL, "550 5.1.2"},
    // RFC 7672
    {"dane.test", ROUTE_CARE_USUAL, "mx.dane.test@192.0.2.10 must, verified by DANE"},
    {"unusable.test", ROUTE_CARE_USUAL, "mx.unusable.test@192.0.2.11 must"},
    {"danefail.test", ROUTE_CARE_USUAL, "mx.dane.test@192.0.2.10 must, verified by DANE"},
    {"danebogus.test", ROUTE_CARE_USUAL, "later 451 4.7.5"},
    {"nodane.test", ROUTE_CARE_USUAL, "mx.nodane.test@192.0.2.14 may"},
    {"unsignedmx.test", ROUTE_CARE_USUAL, "mx.dane.test@192.0.2.10 may"},
    {"unsignedhost.test", ROUTE_CARE_USUAL, "mx.unsignedhost.test@192.0.2.15 may"},
    {"unsignedtlsa.test", ROUTE_CARE_USUAL, "mx.unsignedtlsa.test@192.0.2.16 may"},
    {"danealias.test", ROUTE_CARE_USUAL, "alias.danealias.test@192.0.2.10 must, verified by DANE"},
    {"danev6.test", ROUTE_CARE_USUAL, "mx.danev6.test@192.0.2.10 must, verified by DANE"},
    {"danev4.test", ROUTE_CARE_USUAL, "mx.danev4.test@2001:db8::10 must, verified by DANE"},
    {"daneown.test", ROUTE_CARE_USUAL, "alias.daneown.test@192.0.2.16 must, verified by DANE"},
    {"aliasout.test", ROUTE_CARE_USUAL, "alias.aliasout.test@192.0.2.15 must, verified by DANE"},
    {"forgedalias.test", ROUTE_CARE_USUAL, "alias.forgedalias.test@192.0.2.15 may"},
    // RFC 8461
    {"stsunusable.test", ROUTE_CARE_USUAL,
     "mx.unusable.test@192.0.2.11 must, certificate verified; "
     "mx.dane.test@192.0.2.10 must, verified by DANE"},
    {"stsother.test", ROUTE_CARE_USUAL, "later 451 4.7.5"},
    {"sts.test", ROUTE_CARE_USUAL, "mx.sts.test@192.0.2.20 must, certificate verified"},
    {"stswrong.test", ROUTE_CARE_USUAL, "mx2.plain.test@192.0.2.9 must, certificate verified"},
    {"ststest.test", ROUTE_CARE_USUAL, "mx2.plain.test@192.0.2.9 may"},
    {"stsdane.test", ROUTE_CARE_USUAL, "mx.dane.test@192.0.2.10 must, verified by DANE"},
    // RFC 8689
    {"plain.test", ROUTE_CARE_TLS, "550 5.7.30"},
    {"dane.test", ROUTE_CARE_TLS, "mx.dane.test@192.0.2.10 must, verified by DANE"},
    {"unusable.test", ROUTE_CARE_TLS, "mx.unusable.test@192.0.2.11 must, certificate verified"},
    {"nodane.test", ROUTE_CARE_TLS, "mx.nodane.test@192.0.2.14 must, certificate verified"},
    {"sts.test", ROUTE_CARE_TLS, "mx.sts.test@192.0.2.20 must, certificate verified"},
    {"ststest.test", ROUTE_CARE_TLS, "550 5.7.30"},
    {"unsignedhost.test", ROUTE_CARE_TLS,
     "mx.unsignedhost.test@192.0.2.15 must, certificate verified"},
    {"=smtp://smart.test:2525", ROUTE_CARE_TLS,
     "smart.test@192.0.2.30:2525 must, certificate verified"},
    {"=submission://ana@x@smart.test", ROUTE_CARE_TLS,
     "smart.test@192.0.2.30:587 must, certificate verified"},
    {"[192.0.2.77]", ROUTE_CARE_TLS, "550 5.7.30"},
    {"plain.test", ROUTE_CARE_NONE,
     "mx1.plain.test@2001:db8::1,192.0.2.1,192.0.2.2 may; mx2.plain.test@192.0.2.9 may"},
    {"dane.test", ROUTE_CARE_NONE, "mx.dane.test@192.0.2.10 may"},
    {"sts.test", ROUTE_CARE_NONE, "mx.sts.test@192.0.2.20 may"},
    {"stsother.test", ROUTE_CARE_NONE, "mx.unusable.test@192.0.2.11 may"},
    {"bogus.test", ROUTE_CARE_NONE, "later 451 4.7.5"},
    // ways of the configuration
    {"=smtp://smart.test:2525", ROUTE_CARE_USUAL, "smart.test@192.0.2.30:2525 may"},
    {"=submission://ana@x@smart.test", ROUTE_CARE_USUAL,
     "smart.test@192.0.2.30:587 must, certificate verified"},
    {"=submissions://bob@smart.test", ROUTE_CARE_USUAL, "later 454 4.7.0"},
    {"=lmtp:///run/lmtp", ROUTE_CARE_USUAL, "localhost@/run/lmtp:0 never"},
    {"=error:5.7.1 closed", ROUTE_CARE_USUAL, "550 5.7.1"},
    {"=smtp://[2001:db8::5]", ROUTE_CARE_USUAL, "2001:db8::5@2001:db8::5 may"},
    {"=lmtp://127.0.0.1:24", ROUTE_CARE_USUAL, "127.0.0.1@127.0.0.1:24 may"},
    {"=smtp://gone.test", ROUTE_CARE_USUAL, "later 451 4.3.5"},
};

static void test_find(void **state)
{
    struct route_config config = {.smtp_port = 25,
                                  .tls = STR("may"),
                                  .prefer = STR("race"),
                                  .sts = true,
                                  .transports = {transports, 7},
                                  .tls_policies = {tls_policies, 2}};
    struct route route = {.config = &config,
                          .host_name = STR("us.test"),
                          .own_addresses = own,
                          .own_address_count = 1};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CLEANUP(buf_drop) struct buf result = {.max = 4096};
        CLEANUP(arena_done) struct arena arena = {0};
        uint64_t seed = i;
        const struct find_world world = {
            .ask = ask, .sts = sts, .password = password, .random = draw, .arg = &seed};
        struct route_hosts hosts;

        arena_init(&arena, 1 << 20);
        find_hosts(&route, &world, str_from(cases[i].lane), cases[i].care, &arena, &hosts);
        put_result(&result, &hosts);
        if (!str_eq(buf_str(&result), str_from(cases[i].result)))
            fail_msg("%s: %s\n%.*s", cases[i].lane, buf_cstr(&result), STR_ARG(hosts.story));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
