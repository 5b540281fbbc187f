// SPDX-License-Identifier: ISC
//
// Any bytes as a key set or as a token. First byte: 0, the rest is a key set; 1, a token; 2, the
// first line is a header and the second the claims, encoded and given a signature of zeros here; 3,
// the same, properly signed, so that the claims are reached.
#include "trust/jwt.h"
#include "trust/jwt_for_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct jwt_issuer issuer;
static struct jwt_keys *keys;

static void make_issuer(void)
{
    struct buf text = {.max = 1 << 16};
    const char *why;

    jwt_issuer_init(&issuer);
    jwt_put_keys(&text, &issuer);
    keys = jwt_keys_parse(buf_str(&text), &why);
    CHECK(keys);
    buf_done(&text);
}

static void try_token(struct str token, bool may_be_good)
{
    struct jwt_wish wish = {
        .issuer = STR("i"), .audience = STR("a"), .claim = STR("sub"), .now_s = 1000, .skew_s = 10};
    struct buf address = {.max = 400};
    const char *why = NULL;
    enum jwt_verdict verdict = jwt_verify(token, keys, &wish, &address, &why);

    CHECK(why && (verdict == JWT_GOOD) == (address.len > 0));
    CHECK(may_be_good || verdict != JWT_GOOD);
    buf_done(&address);
}

static void try_parts(struct str text, bool is_signed)
{
    struct buf token = {.max = 1 << 17};
    struct str header,
        zeros = STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                    "AAAAAAAAAAAAAAAAAAAA");

    if (!str_split(&text, '\n', &header))
        return;
    jwt_put_base64(&token, header);
    buf_put_char(&token, '.');
    jwt_put_base64(&token, text);
    if (is_signed) {
        jwt_sign(&token, issuer.ed);
    } else {
        buf_put_char(&token, '.');
        buf_put(&token, zeros);
    }
    try_token(buf_str(&token), is_signed);
    buf_done(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_of(data + 1, size - 1);
    const char *why = NULL;

    if (size == 0 || size > 65536)
        return 0;
    if (!keys)
        make_issuer();
    if (data[0] % 4 == 0) {
        struct jwt_keys *set = jwt_keys_parse(rest, &why);

        CHECK(!set != !why);
        jwt_keys_free(set);
    } else if (data[0] % 4 == 1) {
        try_token(rest, false);
    } else {
        try_parts(rest, data[0] % 4 == 3);
    }
    return 0;
}
