// SPDX-License-Identifier: ISC
#include "base/cleanup.h"

#include "trust/tlsrpt.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <jansson.h>

static const struct {
    const char *txt, *uris; // parted by blanks
} records[] = {
    {"v=TLSRPTv1; rua=mailto:a@example.org", "mailto:a@example.org"},
    {"v=TLSRPTv1;rua=mailto:a@example.org , https://b.example/x?y=1;ext=z",
     "mailto:a@example.org https://b.example/x?y=1"},
    {"v=TLSRPTv1; rua=http://b.example/", ""},
    {"v=TLSRPTv1; rua=mailto:a@example.org\r\nBcc: x@y", ""},
    {"v=TLSRPTv1", ""},
    {"v=TLSRPTv2; rua=mailto:a@example.org", ""},
    {"rua=mailto:a@example.org; v=TLSRPTv1", ""},
    {"", ""},
};

static void test_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        CLEANUP(buf_drop) struct buf got = {.max = 4096};
        struct str uris[TLSRPT_RUA_MAX];
        size_t n = tlsrpt_record_parse(str_from(records[i].txt), uris);

        for (size_t k = 0; k < n; k++)
            buf_putf(&got, "%s%.*s", k ? " " : "", STR_ARG(uris[k]));
        if (!str_eq(buf_str(&got), str_from(records[i].uris)))
            fail_msg("%s: %s", records[i].txt, buf_cstr(&got));
    }
}

static void test_counts(void **state)
{
    static struct tlsrpt_count counts[TLSRPT_COUNTS_MAX];
    const char *text = "sts\tmx.a\t192.0.2.1\t\t3\nsts\tmx.a\t192.0.2.1\tcertificate-expired\t2\n"
                       "broken\nsts\tmx.a\t192.0.2.1\t\tx\n";
    CLEANUP(buf_drop) struct buf out = {.max = 4096};
    size_t n = 0;

    (void)state;
    tlsrpt_counts_parse(str_from(text), counts, &n);
    tlsrpt_counts_parse(str_from(text), counts, &n);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++)
        tlsrpt_count_put(&out, &counts[i]);
    assert_string_equal(buf_cstr(&out), "sts\tmx.a\t192.0.2.1\t\t6\n"
                                        "sts\tmx.a\t192.0.2.1\tcertificate-expired\t4\n");
    buf_clear(&out);
    tlsrpt_count_put(&out, &(struct tlsrpt_count){.host = STR("a\tb\nc"), .count = 1});
    assert_string_equal(buf_cstr(&out), "\ta?b?c\t\t\t1\n");
    for (uint64_t i = 0; n < TLSRPT_COUNTS_MAX; i++) {
        char *name = malloc(16);

        snprintf(name, 16, "h%llu", (unsigned long long)i);
        assert_true(tlsrpt_counts_add(counts, &n, &(struct tlsrpt_count){.host = str_from(name)}));
    }
    assert_false(tlsrpt_counts_add(counts, &n, &(struct tlsrpt_count){.host = STR("more")}));
    for (size_t i = 2; i < n; i++)
        free((char *)(uintptr_t)counts[i].host.ptr);
}

static void test_json(void **state)
{
    static const struct tlsrpt_count counts[] = {
        {STR("sts"), STR("mx1.example.org"), STR("192.0.2.1"), STR(""), 10},
        {STR("sts"), STR("mx2.example.org"), STR("192.0.2.2"), STR("certificate-expired"), 2},
        {STR("tlsa"), STR("mx1.example.org"), STR("192.0.2.1"), STR(""), 1},
    };
    const struct tlsrpt_report report = {.domain = STR("example.org"),
                                         .organization = STR("mx.example.test"),
                                         .contact = STR("postmaster@example.test"),
                                         .id = STR("1"),
                                         .begin_s = 951782400, // 2000-02-29
                                         .end_s = 951868799,
                                         .counts = counts,
                                         .count = 3,
                                         .sts = STR("version: STSv1\r\nmode: enforce\r\n"
                                                    "mx: *.example.org\r\nmx : mx3.example.net\r\n"
                                                    "mxy: no\r\n")};
    CLEANUP(buf_drop) struct buf out = {.max = TLSRPT_JSON_MAX};
    const char *begin, *end, *type;
    json_int_t good, bad, failed;
    json_t *json, *first;

    (void)state;
    assert_true(tlsrpt_put_json(&out, &report));
    json = json_loadb(out.ptr, out.len, 0, NULL);
    assert_int_equal(json_unpack(json, "{s:{s:s, s:s}}", "date-range", "start-datetime", &begin,
                                 "end-datetime", &end),
                     0);
    assert_string_equal(begin, "2000-02-29T00:00:00Z");
    assert_string_equal(end, "2000-02-29T23:59:59Z");
    assert_int_equal(json_array_size(json_object_get(json, "policies")), 2);
    first = json_array_get(json_object_get(json, "policies"), 0);
    assert_int_equal(json_unpack(first, "{s:{s:I, s:I}, s:[{s:s, s:I}]}", "summary",
                                 "total-successful-session-count", &good,
                                 "total-failure-session-count", &bad, "failure-details",
                                 "result-type", &type, "failed-session-count", &failed),
                     0);
    assert_int_equal(good, 10);
    assert_int_equal(bad, 2);
    assert_int_equal(failed, 2);
    assert_string_equal(type, "certificate-expired");
    // the policy's patterns, not the hosts that were met
    assert_int_equal(json_unpack(first, "{s:{s:[s, s!], s:[s, s, s, s, s!]}}", "policy", "mx-host",
                                 &begin, &end, "policy-string", &type, &type, &type, &type, &type),
                     0);
    assert_string_equal(begin, "*.example.org");
    assert_string_equal(end, "mx3.example.net");
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
