// SPDX-License-Identifier: ISC
//
// Tokens: the good ones of three kinds, and every way we know in which one can be bad.
#include "trust/jwt.h"
#include "trust/jwt_for_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct jwt_issuer issuer, stranger;
static struct jwt_keys *keys;

#define ISSUER "\"iss\":\"https://login.example.test\""
#define AUDIENCE "\"aud\":\"mail\""
#define TIMES "\"exp\":2000,\"nbf\":1000,\"iat\":1000"
#define WHO "\"email\":\"ana@example.test\""
#define GOOD "{" ISSUER "," AUDIENCE "," TIMES "," WHO "}"
#define RS "{\"alg\":\"RS256\",\"kid\":\"r\"}"
#define ES "{\"alg\":\"ES256\",\"kid\":\"e\"}"
#define ED "{\"alg\":\"EdDSA\",\"kid\":\"d\"}"

static const struct jwt_wish wish = {
    .issuer = STR("https://login.example.test"),
    .audience = STR("mail"),
    .claim = STR("email"),
    .now_s = 1500,
    .skew_s = 60,
};

static enum jwt_verdict verify(struct str token, const struct jwt_wish *by)
{
    struct buf address = {.max = 400};
    enum jwt_verdict verdict;
    const char *why = NULL;

    verdict = jwt_verify(token, keys, by, &address, &why);
    assert_non_null(why);
    assert_int_equal(address.len > 0, verdict == JWT_GOOD);
    if (verdict == JWT_GOOD)
        assert_true(str_eq(buf_str(&address), STR("ana@example.test")));
    buf_done(&address);
    return verdict;
}

static enum jwt_verdict verdict_of(const char *header, const char *claims, EVP_PKEY *key)
{
    struct buf token = {.max = 16384};
    enum jwt_verdict verdict;

    jwt_put(&token, header, claims, key);
    verdict = verify(buf_str(&token), &wish);
    buf_done(&token);
    return verdict;
}

static void good_ones_of_three_kinds(void **state)
{
    (void)state;
    assert_int_equal(jwt_keys_count(keys), 3);
    assert_int_equal(verdict_of(RS, GOOD, issuer.rsa), JWT_GOOD);
    assert_int_equal(verdict_of(ES, GOOD, issuer.ec), JWT_GOOD);
    assert_int_equal(verdict_of(ED, GOOD, issuer.ed), JWT_GOOD);
    assert_int_equal(verdict_of("{\"alg\":\"ES256\"}", GOOD, issuer.ec), JWT_GOOD);
    assert_int_equal(verdict_of("{\"typ\":\"at+jwt\",\"alg\":\"EdDSA\"}", GOOD, issuer.ed),
                     JWT_GOOD);
}

static void what_it_says_is_judged(void **state)
{
    static const struct {
        const char *claims;
        enum jwt_verdict verdict;
    } cases[] = {
        {"{\"iss\":\"https://evil.test\"," AUDIENCE "," TIMES "," WHO "}", JWT_WRONG},
        {"{\"iss\":\"https://login.example.test/\"," AUDIENCE "," TIMES "," WHO "}", JWT_WRONG},
        {"{\"iss\":[\"https://login.example.test\"]," AUDIENCE "," TIMES "," WHO "}", JWT_WRONG},
        {"{" AUDIENCE "," TIMES "," WHO "}", JWT_WRONG},
        {"{" ISSUER ",\"aud\":\"web\"," TIMES "," WHO "}", JWT_WRONG},
        {"{" ISSUER ",\"aud\":[\"web\",5,\"mail\"]," TIMES "," WHO "}", JWT_GOOD},
        {"{" ISSUER ",\"aud\":[\"web\"]," TIMES "," WHO "}", JWT_WRONG},
        {"{" ISSUER ",\"aud\":[]," TIMES "," WHO "}", JWT_WRONG},
        {"{" ISSUER "," TIMES "," WHO "}", JWT_WRONG},
        {"{" ISSUER "," AUDIENCE "," WHO "}", JWT_BROKEN},
        {"{" ISSUER "," AUDIENCE ",\"exp\":\"2000\"," WHO "}", JWT_BROKEN},
        {"{" ISSUER "," AUDIENCE ",\"exp\":null," WHO "}", JWT_BROKEN},
        {"{" ISSUER "," AUDIENCE ",\"exp\":1441," WHO "}", JWT_GOOD}, // within the skew
        {"{" ISSUER "," AUDIENCE ",\"exp\":1440," WHO "}", JWT_EXPIRED},
        {"{" ISSUER "," AUDIENCE ",\"exp\":-1e300," WHO "}", JWT_EXPIRED},
        {"{" ISSUER "," AUDIENCE ",\"exp\":1e300," WHO "}", JWT_GOOD},
        {"{" ISSUER "," AUDIENCE ",\"exp\":2000,\"nbf\":1560," WHO "}", JWT_GOOD},
        {"{" ISSUER "," AUDIENCE ",\"exp\":2000,\"nbf\":1561," WHO "}", JWT_EXPIRED},
        {"{" ISSUER "," AUDIENCE ",\"exp\":2000,\"nbf\":\"x\"," WHO "}", JWT_BROKEN},
        {"{" ISSUER "," AUDIENCE ",\"exp\":2000,\"iat\":1561," WHO "}", JWT_EXPIRED},
        {"{" ISSUER "," AUDIENCE "," TIMES "}", JWT_WRONG},
        {"{" ISSUER "," AUDIENCE "," TIMES ",\"email\":\"\"}", JWT_WRONG},
        {"{" ISSUER "," AUDIENCE "," TIMES ",\"email\":5}", JWT_WRONG},
        {"{" ISSUER "," AUDIENCE "," TIMES "," WHO ",\"email_verified\":true}", JWT_GOOD},
        {"{" ISSUER "," AUDIENCE "," TIMES "," WHO ",\"email_verified\":false}", JWT_WRONG},
        {"{" ISSUER "," AUDIENCE "," TIMES "," WHO "," WHO "}", JWT_BROKEN}, // twice
        {"[]", JWT_BROKEN},
        {"", JWT_BROKEN},
        {"{" ISSUER "," AUDIENCE "," TIMES "," WHO, JWT_BROKEN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (verdict_of(ED, cases[i].claims, issuer.ed) != cases[i].verdict)
            print_error("%s\n", cases[i].claims);
        assert_int_equal(verdict_of(ED, cases[i].claims, issuer.ed), cases[i].verdict);
    }
}

/// Whatever the header says, and whoever signed.
static void algorithms_cannot_be_confused(void **state)
{
    static const char *const headers[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\",\"kid\":\"r\"}",
        "{\"alg\":\"HS256\",\"kid\":\"r\"}",
        "{\"alg\":\"HS256\",\"kid\":\"h\"}",
        "{\"alg\":\"RS384\",\"kid\":\"r\"}",
        "{\"alg\":\"rs256\",\"kid\":\"r\"}",
        "{\"alg\":[\"RS256\"],\"kid\":\"r\"}",
        "{\"kid\":\"r\"}",
        "{\"alg\":\"RS256\",\"kid\":\"r\",\"crit\":[\"b64\"],\"b64\":false}",
        "{\"alg\":\"RS256\",\"alg\":\"none\",\"kid\":\"r\"}",
        "[\"RS256\"]",
        "{}",
        "",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
        assert_int_equal(verdict_of(headers[i], GOOD, issuer.rsa), JWT_BROKEN);
    assert_int_equal(verdict_of("{\"alg\":\"RS256\",\"kid\":\"e\"}", GOOD, issuer.rsa),
                     JWT_UNKNOWN_KEY);
    assert_int_equal(verdict_of("{\"alg\":\"ES256\",\"kid\":\"r\"}", GOOD, issuer.ec),
                     JWT_UNKNOWN_KEY);
    assert_int_equal(verdict_of("{\"alg\":\"RS256\",\"kid\":\"x\"}", GOOD, issuer.rsa),
                     JWT_UNKNOWN_KEY);
    assert_int_equal(verdict_of(RS, GOOD, stranger.rsa), JWT_FORGED);
    assert_int_equal(verdict_of(ES, GOOD, stranger.ec), JWT_FORGED);
    assert_int_equal(verdict_of(ED, GOOD, stranger.ed), JWT_FORGED);
    assert_int_equal(verdict_of(ES, GOOD, issuer.rsa), JWT_FORGED);
    assert_int_equal(verdict_of(ED, GOOD, issuer.ec), JWT_FORGED);
}

/// RFC 8725 2.1: a MAC made with the public key as its secret, which everybody knows.
static void the_public_key_is_no_secret(void **state)
{
    struct buf token = {.max = 8192}, secret = {.max = 8192};
    unsigned char mac[32];
    unsigned len;

    (void)state;
    jwt_put_rsa(&secret, issuer.rsa, "");
    jwt_put_unsigned(&token, "{\"alg\":\"HS256\",\"kid\":\"r\"}", GOOD);
    HMAC(EVP_sha256(), secret.ptr, (int)secret.len, (const unsigned char *)token.ptr, token.len,
         mac, &len);
    buf_put_char(&token, '.');
    jwt_put_base64(&token, str_of(mac, len));
    assert_int_equal(verify(buf_str(&token), &wish), JWT_BROKEN);
    buf_done(&token);
    buf_done(&secret);
}

static void every_bit_counts(void **state)
{
    EVP_PKEY *const all[] = {issuer.rsa, issuer.ec, issuer.ed};
    static const char *const headers[] = {RS, ES, ED};

    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct buf token = {.max = 8192};

        jwt_put(&token, headers[k], GOOD, all[k]);
        for (size_t i = 0; i < token.len; i++) {
            token.ptr[i] ^= 1;
            assert_int_not_equal(verify(buf_str(&token), &wish), JWT_GOOD);
            token.ptr[i] ^= 1;
            assert_int_not_equal(verify(str_head(buf_str(&token), i), &wish), JWT_GOOD);
        }
        assert_int_equal(verify(buf_str(&token), &wish), JWT_GOOD);
        buf_put(&token, STR("=="));
        assert_int_equal(verify(buf_str(&token), &wish), JWT_BROKEN);
        buf_put(&token, STR(".x"));
        assert_int_equal(verify(buf_str(&token), &wish), JWT_BROKEN);
        buf_done(&token);
    }
}

static void garbage_is_no_token(void **state)
{
    struct buf text = {.max = 1 << 16}, token = {.max = 1 << 16};

    (void)state;
    for (int i = 0; i < 6000; i++)
        buf_put_char(&text, '[');
    jwt_put(&token, buf_cstr(&text), GOOD, issuer.rsa);
    assert_int_equal(verify(buf_str(&token), &wish), JWT_BROKEN);
    assert_int_equal(verify(STR(""), &wish), JWT_BROKEN);
    assert_int_equal(verify(STR(".."), &wish), JWT_BROKEN);
    assert_int_equal(verify(STR("...."), &wish), JWT_BROKEN);
    assert_int_equal(verify(STR("a.b.c"), &wish), JWT_BROKEN);
    buf_done(&text);
    buf_done(&token);
}

static void key_sets(void **state)
{
    static const struct {
        const char *text;
        int count; // -1: no set
    } cases[] = {
        {"", -1},
        {"[]", -1},
        {"{}", -1},
        {"{\"keys\":{}}", -1},
        {"{\"keys\":[]}", 0},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", 0}, // 17 bits
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}", 0},
        // not on the curve
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
         "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}",
         0},
        // RFC 8037 A.2
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
         "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
         1},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"enc\","
         "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}",
         0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *why = NULL;
        struct jwt_keys *set = jwt_keys_parse(str_from(cases[i].text), &why);

        assert_int_equal(set ? (int)jwt_keys_count(set) : -1, cases[i].count);
        assert_int_equal(why != NULL, !set);
        jwt_keys_free(set);
    }
}

/// RFC 7515 A.3 and RFC 8037 A.4: signatures that others made.
static void signatures_of_the_standards(void **state)
{
    static const char ec[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
                             "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                             "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
    static const char token[] =
        "eyJhbGciOiJFUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        "cnVlfQ."
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    struct buf address = {.max = 400};
    const char *why;
    struct jwt_keys *set = jwt_keys_parse(str_from(ec), &why);
    struct jwt_wish joe = wish;

    (void)state;
    assert_non_null(set);
    joe.issuer = STR("joe");
    // it has no audience: past the signature, past the issuer
    assert_int_equal(jwt_verify(str_from(token), set, &joe, &address, &why), JWT_WRONG);
    assert_string_equal(why, "for another audience");
    jwt_keys_free(set);
    buf_done(&address);
}

static int make_keys(void **state)
{
    struct buf text = {.max = 1 << 16};
    const char *why;

    (void)state;
    jwt_issuer_init(&issuer);
    jwt_issuer_init(&stranger);
    jwt_put_keys(&text, &issuer);
    keys = jwt_keys_parse(buf_str(&text), &why);
    buf_done(&text);
    return keys ? 0 : -1;
}

static int drop_keys(void **state)
{
    (void)state;
    jwt_keys_free(keys);
    jwt_issuer_done(&issuer);
    jwt_issuer_done(&stranger);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_of_three_kinds),
        cmocka_unit_test(what_it_says_is_judged),
        cmocka_unit_test(algorithms_cannot_be_confused),
        cmocka_unit_test(the_public_key_is_no_secret),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(garbage_is_no_token),
        cmocka_unit_test(key_sets),
        cmocka_unit_test(signatures_of_the_standards),
    };

    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
