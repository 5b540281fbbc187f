// SPDX-License-Identifier: ISC
#include "proto/imap/response.h"

#include "proto/imap/flag.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void check_str(struct str got, const char *want, const char *what)
{
    if (!str_eq(got, str_from(want)))
        fail_msg("%s: got <%.*s>, want <%s>", what, STR_ARG(got), want);
}

static void conditions(void **state)
{
    static const struct {
        const char *line;
        bool is_good;
        enum imap_response_kind kind;
        enum imap_condition condition;
        const char *code, *text;
    } rows[] = {
        {"* OK ready", true, IMAP_SAYS_CONDITION, IMAP_OK, "", "ready"},
        {"* OK [UIDVALIDITY 7] ok", true, IMAP_SAYS_CONDITION, IMAP_OK, "UIDVALIDITY 7", "ok"},
        {"* bye [ALERT] gone ]", true, IMAP_SAYS_CONDITION, IMAP_BYE, "ALERT", "gone ]"},
        {"* PREAUTH", true, IMAP_SAYS_CONDITION, IMAP_PREAUTH, "", ""},
        {"a1 OK done", true, IMAP_SAYS_TAGGED, IMAP_OK, "", "done"},
        {"a1 NO [AUTHENTICATIONFAILED] no", true, IMAP_SAYS_TAGGED, IMAP_NO, "AUTHENTICATIONFAILED",
         "no"},
        {"a1 BAD", true, IMAP_SAYS_TAGGED, IMAP_BAD, "", ""},
        {"+ go", true, IMAP_SAYS_GO_ON, IMAP_OK, "", "go"},
        {"+", true, IMAP_SAYS_GO_ON, IMAP_OK, "", ""},
        {"* CAPABILITY IMAP4rev1 A=B", true, IMAP_SAYS_CAPABILITY, IMAP_OK, "", "IMAP4rev1 A=B"},
        {"* OK [unclosed", true, IMAP_SAYS_CONDITION, IMAP_OK, "", "[unclosed"},
        {"* X-WHAT 1 2", true, IMAP_SAYS_OTHER, IMAP_OK, "", ""},
        {"*", true, IMAP_SAYS_OTHER, IMAP_OK, "", ""},
        {"a1 MAYBE", false, 0, 0, "", ""},
        {"", false, 0, 0, "", ""},
        {" x", false, 0, 0, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct imap_response r;
        struct arena arena;

        arena_init(&arena, 1 << 16);
        assert_int_equal(imap_response_parse(str_from(rows[i].line), &arena, &r), rows[i].is_good);
        if (rows[i].is_good) {
            assert_int_equal(r.kind, rows[i].kind);
            assert_int_equal(r.condition, rows[i].condition);
            check_str(r.code, rows[i].code, rows[i].line);
            check_str(r.text, rows[i].text, rows[i].line);
        }
        arena_done(&arena);
    }
}

static void lists(void **state)
{
    static const struct {
        const char *line;
        enum imap_response_kind kind;
        unsigned attributes;
        char separator;
        const char *name;
    } rows[] = {
        {"* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent Items\"", IMAP_SAYS_LIST, IMAP_SENT, '/',
         "Sent Items"},
        {"* LIST () NIL INBOX", IMAP_SAYS_LIST, 0, '\0', "INBOX"},
        {"* LSUB (\\NOSELECT) \".\" a.b&c", IMAP_SAYS_LIST, IMAP_NOSELECT, '.', "a.b&c"},
        {"* LIST () \"\\\\\" {3}\r\na\"b", IMAP_SAYS_LIST, 0, '\\', "a\"b"},
        {"* LIST () \"/\" [Gmail]/x", IMAP_SAYS_LIST, 0, '/', "[Gmail]/x"},
        {"* LIST (\\A \"/\" x", IMAP_SAYS_OTHER, 0, '\0', ""},
        {"* LIST () \"/\"", IMAP_SAYS_OTHER, 0, '\0', ""},
        {"* NAMESPACE ((\"INBOX.\" \".\")) NIL NIL", IMAP_SAYS_NAMESPACE, 0, '.', "INBOX."},
        {"* NAMESPACE NIL NIL NIL", IMAP_SAYS_OTHER, 0, '\0', ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct imap_response r;
        struct arena arena;

        arena_init(&arena, 1 << 16);
        assert_true(imap_response_parse(str_from(rows[i].line), &arena, &r));
        if (r.kind != rows[i].kind || r.attributes != rows[i].attributes ||
            r.separator != rows[i].separator)
            fail_msg("%s", rows[i].line);
        check_str(r.name, rows[i].name, rows[i].line);
        arena_done(&arena);
    }
}

static void fetches(void **state)
{
    static const struct {
        const char *line;
        bool is_good;
        uint32_t uid;
        unsigned flags;
        const char *keyword;
        int64_t seconds;
        uint64_t size;
        const char *body; // NULL: none told, or taken out
    } rows[] = {
        {"* 3 FETCH (UID 7 FLAGS (\\Seen $Label1 \\Foo) INTERNALDATE \"17-Jul-1996 02:44:25 "
         "-0700\" "
         "RFC822.SIZE 99)",
         true, 7, IMAP_SEEN, "$Label1", 837596665, 99, NULL},
        {"* 3 FETCH (BODY[] NIL UID 7)", true, 7, 0, NULL, 0, 0, NULL},
        {"* 3 FETCH (BODY[] \"a\\\"b\" UID 7)", true, 7, 0, NULL, 0, 0, "a\"b"},
        {"* 3 FETCH (BODY[] {2}\r\n)( UID 7)", true, 7, 0, NULL, 0, 0, ")("},
        {"* 3 FETCH (ENVELOPE (NIL (\"a (\" b) ((()))) UID 8 MODSEQ (12))", true, 8, 0, NULL, 0, 0,
         NULL},
        {"* 3 FETCH (BODY[HEADER.FIELDS (A B)]<0> \"x\" UID 9)", true, 9, 0, NULL, 0, 0, NULL},
        {"* 3 FETCH (FLAGS () UID 9 )", true, 9, 0, NULL, 0, 0, NULL},
        {"* 3 FETCH (FLAGS (a] b)  UID 9)", true, 9, 0, "a]", 0, 0, NULL},
        {"* 3 FETCH (UID x)", false, 0, 0, NULL, 0, 0, NULL},
        {"* 3 FETCH (UID 7", false, 0, 0, NULL, 0, 0, NULL},
        {"* 3 FETCH (UID 99999999999)", false, 0, 0, NULL, 0, 0, NULL},
        {"* 3 FETCH UID 7", false, 0, 0, NULL, 0, 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct imap_response r;
        struct arena arena;

        arena_init(&arena, 1 << 16);
        assert_true(imap_response_parse(str_from(rows[i].line), &arena, &r));
        if ((r.kind == IMAP_SAYS_FETCH) != rows[i].is_good || r.uid != rows[i].uid ||
            r.flags != rows[i].flags || r.date.seconds != rows[i].seconds || r.size != rows[i].size)
            fail_msg("%s", rows[i].line);
        if (rows[i].keyword)
            check_str(r.keywords[0], rows[i].keyword, rows[i].line);
        assert_int_equal(r.body.ptr != NULL, rows[i].body != NULL);
        if (rows[i].body)
            check_str(r.body, rows[i].body, rows[i].line);
        arena_done(&arena);
    }
}

static void bodies_are_known_by_their_place(void **state)
{
    static const struct {
        const char *head;
        bool is_body;
    } rows[] = {
        {"* 1 FETCH (BODY[] ", true},
        {"* 1 FETCH (UID 3 body[] ", true},
        {"* 1 FETCH (RFC822 ", true},
        {"* 1 FETCH (BODY[1] ", false},
        {"* 1 FETCH (BODY[HEADER] ", false},
        {"* LIST () \"/\" ", false},
        {"a1 OK BODY[] ", false},
        {"BODY[] ", false},
        {"* 1 FETCH (XBODY[] ", false},
    };
    uint32_t n = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (imap_response_has_body(str_from(rows[i].head)) != rows[i].is_body)
            fail_msg("%s", rows[i].head);
    assert_true(imap_response_code_number(STR("UIDVALIDITY 77"), STR("UIDVALIDITY"), &n));
    assert_int_equal(n, 77);
    assert_false(imap_response_code_number(STR("UIDNEXT 77"), STR("UIDVALIDITY"), &n));
    assert_false(imap_response_code_number(STR("UIDVALIDITY x"), STR("UIDVALIDITY"), &n));
    assert_true(imap_response_has_word(STR("IMAP4rev1 starttls"), STR("STARTTLS")));
    assert_false(imap_response_has_word(STR("IMAP4rev1 STARTTLSX"), STR("STARTTLS")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions),
        cmocka_unit_test(lists),
        cmocka_unit_test(fetches),
        cmocka_unit_test(bodies_are_known_by_their_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
