// SPDX-License-Identifier: ISC
//
// The first test cases of RFC 4231.
#include "crypto/hmac.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
    const char *key, *text, *hex;
} cases[] = {
    {"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"Jefe", "what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
};

static void rfc_4231(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t out[HMAC_BYTES];

        hmac_sha256(str_from(cases[i].key), str_from(cases[i].text), out);
        for (size_t k = 0; k < HMAC_BYTES; k++)
            assert_int_equal(out[k], char_hex(cases[i].hex[2 * k]) << 4 |
                                         char_hex(cases[i].hex[2 * k + 1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rfc_4231)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
