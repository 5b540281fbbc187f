// SPDX-License-Identifier: ISC
#include "base/cleanup.h"
#include "proto/dns/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))
#define ROW(cond, text)                                                                            \
    do {                                                                                           \
        if (!(cond))                                                                               \
            fail_msg("%s: %.*s", #cond, STR_ARG(text));                                            \
    } while (0)

static void data_becomes_values(void **state)
{
    static const struct {
        enum dns_type type;
        struct str data, text, name, address, txt;
        unsigned preference;
    } ROWS[] = {
        {DNS_A, STR("\xc0\x00\x02\x01"), STR("192.0.2.1"), STR(""), STR("192.0.2.1"), STR(""), 0},
        {DNS_AAAA, STR("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"), STR("2001:db8::1"), STR(""),
         STR("2001:db8::1"), STR(""), 0},
        {DNS_MX,
         STR("\0\x0a\x02MX\x07"
             "Example\x03org\0"),
         STR("10 mx.example.org"), STR("mx.example.org"), STR(""), STR(""), 10},
        {DNS_MX, STR("\xff\xff\0"), STR("65535 ."), STR(""), STR(""), STR(""), 65535},
        {DNS_NS, STR("\x02ns\x01x\0"), STR("ns.x"), STR("ns.x"), STR(""), STR(""), 0},
        {DNS_CNAME, STR("\0"), STR("."), STR(""), STR(""), STR(""), 0},
        {DNS_PTR,
         STR("\x03"
             "a.b\x02 \x80\0"),
         STR("a\\.b.\\032\\128"), STR("a\\.b.\\032\\128"), STR(""), STR(""), 0},
        {DNS_TXT, STR("\x07v=spf1 \x04-all"), STR("\"v=spf1 \" \"-all\""), STR(""), STR(""),
         STR("v=spf1 -all"), 0},
        {DNS_TXT, STR("\x05\"\\\r\n\xe9"), STR("\"\\\"\\\\\\013\\010\\233\""), STR(""), STR(""),
         STR("\"\\\r\n\xe9"), 0},
        {DNS_TXT, STR("\0"), STR("\"\""), STR(""), STR(""), STR(""), 0},
        {DNS_SOA, STR("\x01m\0\x01r\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\xff\xff\xff\xff"),
         STR("m r 1 2 3 4 4294967295"), STR(""), STR(""), STR(""), 0},
        {DNS_DS, STR("\x4f\x66\x08\x02\xab\xcd"), STR("20326 8 2 ABCD"), STR(""), STR(""), STR(""),
         0},
        {DNS_DNSKEY, STR("\x01\x01\x03\x08Man"), STR("257 3 8 TWFu"), STR(""), STR(""), STR(""), 0},
        {DNS_CAA, STR("\x80\x05issueca.test"), STR("128 issue \"ca.test\""), STR(""), STR(""),
         STR(""), 0},
    };
    struct arena arena;
    (void)state;

    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        struct dns_record record;

        ROW(dns_record_parse(ROWS[i].type, ROWS[i].data, &arena, &record), ROWS[i].text);
        ROW(str_eq(record.text, ROWS[i].text), record.text);
        ROW(str_eq(record.name, ROWS[i].name), record.name);
        ROW(str_eq(record.address, ROWS[i].address), ROWS[i].text);
        ROW(str_eq(record.txt, ROWS[i].txt), ROWS[i].text);
        ROW(record.preference == ROWS[i].preference, ROWS[i].text);
    }
    arena_done(&arena);
}

static void tlsa_has_numbers_and_bytes(void **state)
{
    struct dns_record record;
    struct arena arena;
    (void)state;

    arena_init(&arena, 1 << 16);
    assert_true(dns_record_parse(DNS_TLSA, STR("\x03\x01\x02\xde\xad\0"), &arena, &record));
    assert_int_equal(record.tlsa.usage, 3);
    assert_int_equal(record.tlsa.selector, 1);
    assert_int_equal(record.tlsa.matching, 2);
    assert_true(str_eq(record.tlsa.data, STR("\xde\xad\0")));
    assert_true(str_eq(record.text, STR("3 1 2 DEAD00")));
    arena_done(&arena);
}

static void what_is_no_record_is_refused(void **state)
{
    static const struct {
        enum dns_type type;
        struct str data;
    } ROWS[] = {
        {DNS_A, STR("")},
        {DNS_A, STR("\1\2\3")},
        {DNS_A, STR("\1\2\3\4\5")},
        {DNS_AAAA, STR("\1\2\3\4")},
        {DNS_MX, STR("")},
        {DNS_MX, STR("\0\x0a")},           // no name
        {DNS_MX, STR("\0\x0a\x02mx")},     // not ended
        {DNS_MX, STR("\0\x0a\x05mx\0")},   // longer than it is
        {DNS_MX, STR("\0\x0a\x02mx\0\0")}, // something behind it
        {DNS_NS, STR("\xc0\x0c")},         // compressed
        {DNS_NS, STR("\x40"
                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0")},
        {DNS_TXT, STR("")},
        {DNS_TXT, STR("\x05"
                      "abcd")},
        {DNS_TXT, STR("\x01"
                      "ab")},
        {DNS_TLSA, STR("\3\1\1")}, // no data
        {DNS_TLSA, STR("\3\1")},
        {DNS_SOA, STR("\x01m\0\x01r\0\0\0\0\x01")},
        {DNS_DS, STR("\1\2\3\4")},
        {DNS_CAA, STR("\0\0x")}, // no tag
        {DNS_CAA, STR("\0\x03"
                      "a b"
                      "c")},
        {(enum dns_type)99, STR("x")},
    };
    struct dns_record record;
    struct arena arena;
    (void)state;

    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        if (dns_record_parse(ROWS[i].type, ROWS[i].data, &arena, &record))
            fail_msg("row %zu: %.*s", i, STR_ARG(record.text));
    }
    arena_done(&arena);
}

static void names_go_to_bytes(void **state)
{
    static const struct {
        struct str name, wire; // wire empty: it is none
    } ROWS[] = {
        {STR(""), STR("\0")},
        {STR("."), STR("\0")},
        {STR("a"), STR("\x01"
                       "a\0")},
        {STR("a."), STR("\x01"
                        "a\0")},
        {STR("mx.Example.org"), STR("\x02mx\x07"
                                    "Example\x03org\0")},
        {STR("_25._tcp.mx"), STR("\x03_25\x04_tcp\x02mx\0")},
        {STR("a\\.b\\032\\\\"), STR("\x05"
                                    "a.b \\\0")},
        {STR(".."), STR("")},
        {STR(".a"), STR("")},
        {STR("a..b"), STR("")},
        {STR("a b"), STR("")},
        {STR("a\0b"), STR("")},
        {STR("\xc3\xa3"), STR("")},
        {STR("a\\"), STR("")},
        {STR("a\\25"), STR("")},
        {STR("a\\256"), STR("")},
        {STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), STR("")}, // 64
    };
    (void)state;

    for (size_t i = 0; i < COUNT(ROWS); i++) {
        CLEANUP(buf_drop) struct buf wire = {0};
        bool is;

        buf_init(&wire, 300);
        is = dns_name_put(&wire, ROWS[i].name);
        ROW(is == (ROWS[i].wire.len > 0), ROWS[i].name);
        ROW(str_eq(buf_str(&wire), ROWS[i].wire) || !is, ROWS[i].name);
    }
}

// RFC 1035 2.3.4: 255 bytes on the wire are 253 as text.
static void the_longest_name_fits(void **state)
{
    CLEANUP(buf_drop) struct buf wire = {0};
    char text[256];
    struct dns_record record;
    struct arena arena;
    (void)state;

    arena_init(&arena, 1 << 16);
    buf_init(&wire, 1024);
    memset(text, 'a', sizeof(text));
    for (size_t i = 63; i < 253; i += 64)
        text[i] = '.';
    assert_true(dns_name_put(&wire, str_of(text, 253)));
    assert_int_equal(wire.len, 255);
    assert_true(dns_record_parse(DNS_NS, buf_str(&wire), &arena, &record));
    assert_true(str_eq(record.name, str_of(text, 253)));
    assert_false(dns_name_put(&wire, str_of(text, 254)));
    // 254 bytes on the wire, whose text is longer than it may be: not a name for us
    buf_clear(&wire);
    for (int i = 0; i < 63; i++)
        buf_put(&wire, STR("\x03\x01\x01\x01"));
    buf_put_char(&wire, '\0');
    assert_false(dns_record_parse(DNS_NS, buf_str(&wire), &arena, &record));
    arena_done(&arena);
}

static void zone_text_means_the_record(void **state)
{
    static const struct {
        enum dns_type type;
        struct str text, again; // again empty: the text is refused
    } ROWS[] = {
        {DNS_A, STR("192.0.2.1"), STR("192.0.2.1")},
        {DNS_A, STR("192.0.2"), STR("")},
        {DNS_A, STR("192.0.2.1 x"), STR("")},
        {DNS_AAAA, STR("2001:DB8::1"), STR("2001:db8::1")},
        {DNS_MX, STR("10 mx.example.org."), STR("10 mx.example.org")},
        {DNS_MX, STR(" 0  . "), STR("0 .")},
        {DNS_MX, STR("65536 a."), STR("")},
        {DNS_MX, STR("mx.example.org."), STR("")},
        {DNS_CNAME, STR("b."), STR("b")},
        {DNS_TXT, STR("v=spf1"), STR("\"v=spf1\"")},
        {DNS_TXT, STR("\"a b\"\t\"c\\\"\\009\""), STR("\"a b\" \"c\\\"\\009\"")},
        {DNS_TXT, STR("\"a"), STR("")},
        {DNS_TXT, STR("\"a\\"), STR("")},
        {DNS_TLSA, STR("3 1 1 deadBEEF"), STR("3 1 1 DEADBEEF")},
        {DNS_TLSA, STR("3 1 1 dea"), STR("")},
        {DNS_TLSA, STR("3 1 256 de"), STR("")},
        {DNS_SOA, STR("a. b. 1 2 3 4 5"), STR("")},
    };
    struct arena arena;
    (void)state;

    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        CLEANUP(buf_drop) struct buf data = {0};
        struct dns_record record;
        bool is;

        buf_init(&data, 4096);
        is = dns_data_put(&data, ROWS[i].type, ROWS[i].text);
        ROW(is == (ROWS[i].again.len > 0), ROWS[i].text);
        if (!is)
            continue;
        ROW(dns_record_parse(ROWS[i].type, buf_str(&data), &arena, &record), ROWS[i].text);
        ROW(str_eq(record.text, ROWS[i].again), record.text);
    }
    arena_done(&arena);
}

static void types_have_names(void **state)
{
    (void)state;
    assert_int_equal(dns_type_parse(STR("tlsa")), DNS_TLSA);
    assert_int_equal(dns_type_parse(STR("MX")), DNS_MX);
    assert_int_equal(dns_type_parse(STR("ANY")), 0);
    assert_string_equal(dns_type_name(DNS_AAAA), "AAAA");
    assert_string_equal(dns_type_name((enum dns_type)9), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_becomes_values),
        cmocka_unit_test(tlsa_has_numbers_and_bytes),
        cmocka_unit_test(what_is_no_record_is_refused),
        cmocka_unit_test(names_go_to_bytes),
        cmocka_unit_test(the_longest_name_fits),
        cmocka_unit_test(zone_text_means_the_record),
        cmocka_unit_test(types_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
