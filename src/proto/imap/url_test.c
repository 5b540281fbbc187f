// SPDX-License-Identifier: ISC
#include "proto/imap/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 16 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static bool same(struct str a, const char *b)
{
    return b ? a.ptr && str_eq(a, str_from(b)) : !a.ptr;
}

static void messages(void **state)
{
    static const struct {
        const char *url, *mailbox;
        uint32_t uidvalidity, uid;
        size_t parts;
        enum imap_section_text text;
        uint32_t offset, len;
    } cases[] = {
        {"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER", "Drafts", 385759045, 20, 0,
         IMAP_SECTION_HEADER, 0, 0},
        {"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME", "Drafts", 385759045, 20, 1,
         IMAP_SECTION_MIME, 0, 0},
        {"/Drafts/;UID=3002", "Drafts", 0, 3002, 0, IMAP_SECTION_WHOLE, 0, 0},
        {"Drafts/;uid=7", "Drafts", 0, 7, 0, IMAP_SECTION_WHOLE, 0, 0},
        {";UID=7", NULL, 0, 7, 0, IMAP_SECTION_WHOLE, 0, 0},
        {"/inbox/;UID=1/;SECTION=1.5.9/;PARTIAL=10.20", "INBOX", 0, 1, 3, IMAP_SECTION_WHOLE, 10,
         20},
        {"/a/b%20c/%C3%A1&/;UID=1/;PARTIAL=5", "a/b c/\xc3\xa1&", 0, 1, 0, IMAP_SECTION_WHOLE, 5,
         0},
        {"/x/;UID=1/;SECTION=2.HEADER.FIELDS%20(to%20cc)", "x", 0, 1, 1, IMAP_SECTION_HEADER_FIELDS,
         0, 0},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct imap_url url;

        assert_true(imap_url_parse(str_from(cases[i].url), &arena, &url));
        assert_false(url.is_absolute);
        assert_true(same(url.mailbox, cases[i].mailbox));
        assert_int_equal(url.uidvalidity, cases[i].uidvalidity);
        assert_int_equal(url.uid, cases[i].uid);
        assert_int_equal(url.section.part_count, cases[i].parts);
        assert_int_equal(url.section.text, cases[i].text);
        assert_int_equal(url.partial_offset, cases[i].offset);
        assert_int_equal(url.partial_len, cases[i].len);
        assert_int_equal(url.access, IMAP_URL_NO_ACCESS);
    }
}

static void authorized(void **state)
{
    static const struct {
        const char *url, *user, *rump;
        enum imap_url_access access;
        const char *access_user, *mechanism, *token;
        int64_t expire;
    } cases[] = {
        {"imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred:internal:91354a",
         "joe", "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred",
         IMAP_URL_SUBMIT, "fred", "internal", "91354a", 0},
        {"imap://joe%40x.test;AUTH=*@h:143/INBOX/;uid=20;EXPIRE=2026-01-02T03:04:05.5+01:00;"
         "URLAUTH=user+b%40x",
         "joe@x.test",
         "imap://joe%40x.test;AUTH=*@h:143/INBOX/;uid=20;EXPIRE=2026-01-02T03:04:05.5+01:00;"
         "URLAUTH=user+b%40x",
         IMAP_URL_USER, "b@x", NULL, NULL, 1767319445},
        {"imap://h/INBOX/;uid=20;URLAUTH=authuser", NULL, "imap://h/INBOX/;uid=20;URLAUTH=authuser",
         IMAP_URL_AUTHUSER, NULL, NULL, NULL, 0},
        {"imap://j@h/INBOX/;uid=20;EXPIRE=1970-01-01T00:00:01Z;URLAUTH=anonymous:X-1.2:", "j",
         "imap://j@h/INBOX/;uid=20;EXPIRE=1970-01-01T00:00:01Z;URLAUTH=anonymous",
         IMAP_URL_ANONYMOUS, NULL, "X-1.2", "", 1},
    };
    (void)state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct imap_url url;

        assert_true(imap_url_parse(str_from(cases[i].url), &arena, &url));
        assert_true(url.is_absolute);
        assert_true(same(url.user, cases[i].user));
        assert_true(same(url.rump, cases[i].rump));
        assert_int_equal(url.access, cases[i].access);
        assert_true(same(url.access_user, cases[i].access_user));
        assert_true(same(url.mechanism, cases[i].mechanism));
        assert_true(same(url.token, cases[i].token));
        assert_int_equal(url.has_expire, cases[i].expire != 0);
        assert_int_equal(url.expire, cases[i].expire);
    }
}

static void what_is_none(void **state)
{
    static const char *const urls[] = {
        "",
        "/",
        "/INBOX",
        "/INBOX/",
        "/INBOX;UIDVALIDITY=1",
        "/INBOX;UIDVALIDITY=0/;UID=1",
        "/INBOX;UID=1",
        "/INBOX/;UID=0",
        "/INBOX/;UID=4294967296",
        "/INBOX/;UID=1x",
        "/INBOX/;UID=1/",
        "/INBOX/;UID=1/;SECTION=",
        "/INBOX/;UID=1/;SECTION=MIME",
        "/INBOX/;UID=1/;SECTION=1.",
        "/INBOX/;UID=1/;PARTIAL=",
        "/INBOX/;UID=1/;PARTIAL=0.0",
        "/INBOX?SUBJECT%20x",
        "/%/;UID=1",
        "/%4/;UID=1",
        "/%zz/;UID=1",
        "/a%00b/;UID=1",
        "/a%0Ab/;UID=1",
        "/%FF/;UID=1",
        "/a b/;UID=1",
        "/\xc3\xa1/;UID=1",
        ";UIDVALIDITY=1/;UID=1",
        "http://x/INBOX/;UID=1",
        "imap://x",
        "imap:///INBOX/;UID=1",
        "imap://@x/INBOX/;UID=1",
        "imap://x/;UID=1",
        "imap://j@x/INBOX/;UID=1;URLAUTH=",
        "imap://j@x/INBOX/;UID=1;URLAUTH=nobody",
        "imap://j@x/INBOX/;UID=1;URLAUTH=user+",
        "imap://j@x/INBOX/;UID=1;URLAUTH=authuser:internal",
        "imap://j@x/INBOX/;UID=1;URLAUTH=authuser;EXPIRE=2026-01-01T00:00:00Z",
        "imap://j@x/INBOX/;UID=1;EXPIRE=2026-02-30T00:00:00Z;URLAUTH=authuser",
        "imap://j@x/INBOX/;UID=1;EXPIRE=2026-01-01T00:00:00;URLAUTH=authuser",
        "imap://j@x/INBOX/;UID=1;EXPIRE=soon;URLAUTH=authuser",
    };
    (void)state;

    for (size_t i = 0; i < COUNT(urls); i++) {
        struct imap_url url;

        if (imap_url_parse(str_from(urls[i]), &arena, &url))
            fail_msg("%s was taken", urls[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),
        cmocka_unit_test(authorized),
        cmocka_unit_test(what_is_none),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
