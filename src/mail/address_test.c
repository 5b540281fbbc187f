// SPDX-License-Identifier: ISC
#include "mail/address.h"
#include "mail/address_list.h"
#include "mail/test.h"

static void mailboxes_as_rfc_5321_wants_them(void **state)
{
    static const struct {
        const char *text;
        unsigned flags;
        bool is_good;
        const char *plain; // address_put, when good
    } rows[] = {
        {"ana@example.test", 0, true, "ana@example.test"},
        {"Ana.Silva+x@Example.TEST", 0, true, "Ana.Silva+x@Example.TEST"},
        {"a@b", 0, true, "a@b"},
        {"!#$%&'*+-/=?^_`{|}~@b", 0, true, "!#$%&'*+-/=?^_`{|}~@b"},
        {"\"ana\"@b", 0, true, "ana@b"},
        {"\"a\\na\"@b", 0, true, "ana@b"},
        {"\"a b\"@b", 0, true, "\"a b\"@b"},
        {"\"a@b\"@c", 0, true, "\"a@b\"@c"},
        {"\"a\\\"b\"@c", 0, true, "\"a\\\"b\"@c"},
        {"\"a\\\\b\"@c", 0, true, "\"a\\\\b\"@c"},
        {"\"\"@c", 0, true, "\"\"@c"},
        {"\"a..b\"@c", 0, true, "\"a..b\"@c"},
        {"\"a>b\"@c", 0, true, "\"a>b\"@c"},
        {"a@my_host.example", 0, true, "a@my_host.example"},
        {"a@[192.0.2.1]", 0, true, "a@[192.0.2.1]"},
        {"a@[IPv6:2001:db8::1]", 0, true, "a@[IPv6:2001:db8::1]"},
        {"a@[ipv6:::ffff:192.0.2.1]", 0, true, "a@[ipv6:::ffff:192.0.2.1]"},
        {"a@[X-tag:any!thing]", 0, true, "a@[X-tag:any!thing]"},
        {"jos\xc3\xa9@example.test", ADDRESS_UTF8, true, "jos\xc3\xa9@example.test"},
        {"a@b\xc3\xbc"
         "cher.example",
         ADDRESS_UTF8, true,
         "a@b\xc3\xbc"
         "cher.example"},
        {"\"jos\xc3\xa9 x\"@example.test", ADDRESS_UTF8, true, "\"jos\xc3\xa9 x\"@example.test"},

        {"", 0, false, NULL},
        {"@", 0, false, NULL},
        {"ana", 0, false, NULL},
        {"ana@", 0, false, NULL},
        {"@b", 0, false, NULL},
        {".a@b", 0, false, NULL},
        {"a.@b", 0, false, NULL},
        {"a..b@c", 0, false, NULL},
        {"a b@c", 0, false, NULL},
        {"a@b c", 0, false, NULL},
        {"a@b.", 0, false, NULL},
        {"a@.b", 0, false, NULL},
        {"a@b..c", 0, false, NULL},
        {"a@-b", 0, false, NULL},
        {"a@b-", 0, false, NULL},
        {"a@b-.c", 0, false, NULL},
        {"a@b@c", 0, false, NULL},
        {"a@b>", 0, false, NULL},
        {"a@[192.0.2.256]", 0, false, NULL},
        {"a@[192.0.2.1", 0, false, NULL},
        {"a@192.0.2.1]", 0, false, NULL},
        {"a@[IPv6:2001:db8:::1]", 0, false, NULL},
        {"a@[IPv6:192.0.2.1]", 0, false, NULL},
        {"a@[]", 0, false, NULL},
        {"a@[tag:]", 0, false, NULL},
        {"a@[-:x]", 0, false, NULL},
        {"\"ab@c", 0, false, NULL},
        {"\"a\"b@c", 0, false, NULL},
        {"\"a\x01\"@c", 0, false, NULL},
        {"\"a\\\r\"@c", 0, false, NULL},
        {"\"a\rb\"@c", 0, false, NULL},
        {"jos\xc3\xa9@example.test", 0, false, NULL},
        {"a@b\xc3\xbc.example", 0, false, NULL},
        {"jos\xe9@example.test", ADDRESS_UTF8, false, NULL},
        {"a@b\xe9.example", ADDRESS_UTF8, false, NULL},
        {"a@\xef\xbf\xbd.example", ADDRESS_UTF8, false, NULL},
        {"jos\xed\xa0\x80@example.test", ADDRESS_UTF8, false, NULL}, // a surrogate
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();
        struct address a;
        bool is_good = address_parse(str_from(rows[i].text), rows[i].flags, &a);

        if (is_good != rows[i].is_good)
            fail_msg("%s: got %d", rows[i].text, is_good);
        if (!is_good)
            continue;
        address_put(&out, &a);
        ASSERT_STR(buf_str(&out), str_from(rows[i].plain), rows[i].text);
    }
}

static bool parses(size_t local, size_t domain_labels, unsigned flags)
{
    CLEANUP(buf_drop) struct buf b = test_buf();
    struct address a;

    for (size_t i = 0; i < local; i++)
        buf_put_char(&b, 'x');
    buf_put(&b, STR("@d"));
    for (size_t i = 0; i < domain_labels; i++)
        buf_put(&b, STR(".123456789"));
    return address_parse(buf_str(&b), flags, &a);
}

static void limits_hold(void **state)
{
    struct address a;
    char label[66] = "a@";
    (void)state;

    assert_true(parses(64, 1, 0));
    assert_false(parses(65, 1, 0));
    assert_true(parses(65, 1, ADDRESS_LONG_LOCAL));
    assert_true(parses(200, 1, ADDRESS_LONG_LOCAL));
    assert_false(parses(250, 1, ADDRESS_LONG_LOCAL));
    assert_true(parses(2, 25, 0)); // 2 + 1 + 251 = 254
    assert_false(parses(3, 25, 0));
    assert_false(parses(1, 26, 0));
    memset(label + 2, 'x', 63);
    assert_true(address_parse(str_of(label, 65), 0, &a));
    label[65] = 'x';
    assert_false(address_parse(str_of(label, 66), 0, &a));
}

static void a_scan_stops_behind_the_mailbox(void **state)
{
    struct scan in = scan_of(STR("\"a>\"@b> SIZE=1"));
    struct address a;
    (void)state;

    assert_true(address_scan(&in, 0, &a));
    ASSERT_STR(scan_rest(&in), STR("> SIZE=1"), "rest");
    assert_true(a.is_quoted && !a.is_literal && !a.is_utf8);
    assert_false(address_scan(&in, 0, &a));
    ASSERT_STR(scan_rest(&in), STR("> SIZE=1"), "nothing eaten");
}

static void equal_addresses(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_equal;
    } rows[] = {
        {"ana@example.test", "ana@EXAMPLE.test", true},
        {"ana@b", "Ana@b", false},
        {"\"ana\"@b", "ana@b", true},
        {"\"a\\na\"@b", "ana@b", true},
        {"\"an\"@b", "ana@b", false},
        {"ana@b", "ana@c", false},
        {"\"a b\"@b", "\"a\\ b\"@b", true},
    };
    struct address a, b;
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(address_parse(str_from(rows[i].a), 0, &a));
        assert_true(address_parse(str_from(rows[i].b), 0, &b));
        assert_int_equal(address_eq(&a, &b), rows[i].is_equal);
        assert_int_equal(address_eq(&b, &a), rows[i].is_equal);
    }
}

static void domains_have_one_form(void **state)
{
    static const struct {
        const char *domain, *want; // NULL: refused
    } rows[] = {
        {"Example.TEST", "example.test"},
        {"example.test.", "example.test"},
        {"B\xc3\x9c"
         "CHER.example",
         "xn--bcher-kva.example"},
        {"xn--bcher-kva.EXAMPLE", "xn--bcher-kva.example"},
        {"[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"},
        {"", NULL},
        {".", NULL},
        {"\xff.example", NULL},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();
        bool is_good = address_put_domain(&out, str_from(rows[i].domain));

        assert_int_equal(is_good, rows[i].want != NULL);
        ASSERT_STR(buf_str(&out), rows[i].want ? str_from(rows[i].want) : STR(""), rows[i].domain);
    }
    assert_true(address_domain_is_valid(STR("[192.0.2.1]"), 0));
    assert_true(address_domain_is_valid(STR("client.example"), 0));
    assert_false(address_domain_is_valid(STR("client example"), 0));
    assert_false(address_domain_is_valid(STR(""), 0));
}

static void literals_give_their_ip(void **state)
{
    unsigned char ip[16];
    (void)state;

    assert_int_equal(address_literal_ip(STR("[192.0.2.1]"), ip), 4);
    assert_memory_equal(ip, "\xc0\x00\x02\x01", 4);
    assert_int_equal(address_literal_ip(STR("[IPv6:::1]"), ip), 16);
    assert_int_equal(ip[15], 1);
    assert_int_equal(address_literal_ip(STR("example.test"), ip), 0);
    assert_int_equal(address_literal_ip(STR("[tag:x]"), ip), 0);
}

static void put_or_nil(struct buf *out, struct str s)
{
    buf_put(out, s.ptr ? s : STR("NIL"));
}

// "name|adl|mailbox|host" per entry, with " ; " between
static void show_list(struct buf *out, struct str value)
{
    struct arena arena;
    struct address_list list;
    struct address_entry e;

    arena_init(&arena, 1 << 20);
    address_list_begin(&list, &arena, value);
    while (address_list_next(&list, &e)) {
        if (out->len)
            buf_put(out, STR(" ; "));
        put_or_nil(out, e.name);
        buf_put_char(out, '|');
        put_or_nil(out, e.adl);
        buf_put_char(out, '|');
        put_or_nil(out, e.mailbox);
        buf_put_char(out, '|');
        put_or_nil(out, e.host);
    }
    arena_done(&arena);
}

static void address_lists_of_header_fields(void **state)
{
    static const struct {
        const char *value, *want;
    } rows[] = {
        {"ana@a.example", "NIL|NIL|ana|a.example"},
        {"Ana Silva <ana@a.example>", "Ana Silva|NIL|ana|a.example"},
        {"\"Silva, Ana\" <ana@a.example>, b@c", "Silva, Ana|NIL|ana|a.example ; NIL|NIL|b|c"},
        {"ana@a.example (Ana Silva)", "Ana Silva|NIL|ana|a.example"},
        {"John Q. Public <j@x>", "John Q. Public|NIL|j|x"},
        {"\"a\\\"b\" <j@x>", "a\"b|NIL|j|x"},
        {"<j@x>", "NIL|NIL|j|x"},
        {"<>", "NIL|NIL||"},
        {"Bounce <>", "Bounce|NIL||"},
        {"<@a,@b:c@d>", "NIL|@a,@b|c|d"},
        {"< @a , @b : c @ d >", "NIL|@a,@b|c|d"},
        {"first . last @ a . example", "NIL|NIL|first.last|a.example"},
        {"\"a b\"@c", "NIL|NIL|a b|c"},
        {"\"x\".\"y\"@c", "NIL|NIL|x.y|c"},
        {"a@[192.0.2.1]", "NIL|NIL|a|[192.0.2.1]"},
        {"(c1) Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
         "Pete|NIL|pete|silly.test"},
        {"A Group:Ed Jones <joe@a.test>,joe@where.test,John <jdoe@one.test>;",
         "NIL|NIL|A Group|NIL ; Ed Jones|NIL|joe|a.test ; NIL|NIL|joe|where.test ; "
         "John|NIL|jdoe|one.test ; NIL|NIL|NIL|NIL"},
        {"Undisclosed recipients:;", "NIL|NIL|Undisclosed recipients|NIL ; NIL|NIL|NIL|NIL"},
        {"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
         "NIL|NIL|Hidden recipients|NIL ; NIL|NIL|NIL|NIL"},
        {"g: a@b; c@d", "NIL|NIL|g|NIL ; NIL|NIL|a|b ; NIL|NIL|NIL|NIL ; NIL|NIL|c|d"},
        {"g: a@b", "NIL|NIL|g|NIL ; NIL|NIL|a|b ; NIL|NIL|NIL|NIL"},
        {"a@b,, ,c@d,", "NIL|NIL|a|b ; NIL|NIL|c|d"},
        {"a@b; c@d", "NIL|NIL|a|b ; NIL|NIL|c|d"},
        {"Ana\r\n Silva\r\n <ana@a.example>", "Ana Silva|NIL|ana|a.example"},
        {"=?utf-8?Q?Jos=C3=A9?= <j@x>", "=?utf-8?Q?Jos=C3=A9?=|NIL|j|x"},
        {"ana@a.example <ana@a.example>", "ana@a.example|NIL|ana|a.example"},
        {"Ana Silva ana@a.example", "Ana Silva|NIL|ana|a.example"},
        {"ana", "NIL|NIL|ana|"},
        {"ana silva", "NIL|NIL|ana silva|"},
        {"<ana>", "NIL|NIL|ana|"},
        {"<ana@a.example", "NIL|NIL|ana|a.example"},
        {"<ana@a.example, b@c", "NIL|NIL|ana|a.example ; NIL|NIL|b|c"},
        {"\"unclosed <a@b>", "NIL|NIL|unclosed <a@b>|"},
        {"a@b (unclosed, c@d", "unclosed, c@d|NIL|a|b"},
        {"@b", "NIL|NIL||b"},
        {"(front) a@b", "NIL|NIL|a|b"},
        {"MAILER-DAEMON (Mail System)", "Mail System|NIL|MAILER-DAEMON|"},
        {" a@b <c@d>", "a@b|NIL|c|d"},
        {"a@", "NIL|NIL|a|"},
        {"a@b@c", "NIL|NIL|a|b"},
        {"a@b>", "NIL|NIL|a|b"},
        {":;,;:", ""},
        {"", ""},
        {"  \r\n ", ""},
        {"(only a comment)", ""},
        {"\\", "NIL|NIL|\\|"},
        {"a@[1.2", "NIL|NIL|a|[1.2"},
        {"jos\xe9 <j@x>", "jos\xe9|NIL|j|x"},
        {"a:b:c@d;", "NIL|NIL|a|NIL ; NIL|NIL|bc|d ; NIL|NIL|NIL|NIL"},
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(buf_drop) struct buf out = test_buf();

        show_list(&out, str_from(rows[i].value));
        ASSERT_STR(buf_str(&out), str_from(rows[i].want), rows[i].value);
    }
}

static void deep_comments_and_long_lists_end(void **state)
{
    CLEANUP(buf_drop) struct buf text = test_buf(), out = test_buf();
    (void)state;

    for (int i = 0; i < 100000; i++)
        buf_put_char(&text, '(');
    buf_put(&text, STR("a@b"));
    show_list(&out, buf_str(&text));
    ASSERT_STR(buf_str(&out), STR(""), "open comments");
    buf_clear(&text);
    buf_put(&text, STR("g:"));
    for (int i = 0; i < 20000; i++)
        buf_put(&text, STR("a@b,"));
    show_list(&out, buf_str(&text));
    assert_true(str_starts(buf_str(&out), STR("NIL|NIL|g|NIL")));
    assert_true(str_ends(buf_str(&out), STR(" ; NIL|NIL|NIL|NIL")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mailboxes_as_rfc_5321_wants_them),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(a_scan_stops_behind_the_mailbox),
        cmocka_unit_test(equal_addresses),
        cmocka_unit_test(domains_have_one_form),
        cmocka_unit_test(literals_give_their_ip),
        cmocka_unit_test(address_lists_of_header_fields),
        cmocka_unit_test(deep_comments_and_long_lists_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
