// SPDX-License-Identifier: ISC
//
// Header fields of any bytes, what is decoded from their values, and the envelope.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/charset.h"
#include "mail/header.h"
#include "mail/param.h"
#include "mail/structure.h"
#include "mail/word.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct arena *a, struct str value)
{
    CLEANUP(buf_drop) struct buf unfolded = {0}, decoded = {0}, put = {0};
    struct header_iter it;
    struct header_field f;

    buf_init(&unfolded, value.len);
    header_put_unfolded(&unfolded, value);
    CHECK(buf_ok(&unfolded));
    CHECK(str_eq(buf_str(&unfolded), header_unfold(a, value)));
    CHECK(str_find(buf_str(&unfolded), '\n') < 0);

    buf_init(&decoded, 16 * value.len + 64);
    word_put_decoded(&decoded, value);
    CHECK(buf_ok(&decoded) && charset_is_utf8(buf_str(&decoded)));
    CHECK(str_find(buf_str(&decoded), '\n') < 0 && str_find(buf_str(&decoded), '\r') < 0);

    buf_init(&put, 8 * value.len + 64);
    header_put(&put, STR("N"), value);
    it = header_iter_of(buf_str(&put));
    CHECK(buf_ok(&put) && header_next(&it, &f) && str_eq(f.name, STR("N")));
    CHECK(!header_next(&it, &f) && it.left.len == 0);
}

static void check_words(struct str utf8)
{
    CLEANUP(buf_drop) struct buf coded = {0}, back = {0};

    if (!charset_is_utf8(utf8))
        return;
    for (size_t i = 0; i < utf8.len; i++) {
        if ((unsigned char)utf8.ptr[i] < 32)
            return;
    }
    if (str_trim(utf8).len != utf8.len)
        return;
    buf_init(&coded, utf8.len * 16 + 64);
    buf_init(&back, utf8.len * 16 + 64);
    word_put(&coded, utf8);
    word_put_decoded(&back, buf_str(&coded));
    CHECK(str_eq(buf_str(&back), utf8));
    buf_clear(&coded);
    word_put_phrase(&coded, utf8);
}

static void check_params(struct arena *a, struct str value)
{
    CLEANUP(buf_drop) struct buf out = {0};
    struct param_list list;
    struct str type = STR(""), subtype = STR("");

    buf_init(&out, 1 << 20);
    param_parse(a, value, &type, &subtype, &list);
    CHECK(list.count <= PARAM_COUNT_MAX);
    for (size_t i = 0; i < list.count; i++) {
        struct str name = list.params[i].name;
        ptrdiff_t star = str_find(name, '*');

        param_put_decoded(&out, &list, star > 0 ? str_head(name, (size_t)star) : name);
    }
    CHECK(charset_is_utf8(buf_str(&out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buf_drop) struct buf envelope = {0};
    struct str header = str_of(data, size);
    struct header_iter it = header_iter_of(header);
    struct header_field f;
    struct arena a;
    size_t at = 0;

    arena_init(&a, 1 << 26);
    while (header_next(&it, &f)) {
        CHECK(f.offset == at && f.raw.ptr == header.ptr + at && f.raw.len);
        CHECK(f.value.ptr >= f.raw.ptr && f.value.ptr + f.value.len <= f.raw.ptr + f.raw.len);
        at += f.raw.len;
        check_value(&a, f.value);
        check_words(f.value);
        check_params(&a, f.value);
        arena_reset(&a);
    }
    CHECK(it.offset == at && header_len(header) >= at && header_len(header) <= at + 2);
    buf_init(&envelope, 64 * size + 4096);
    structure_put_envelope(&envelope, header);
    CHECK(buf_ok(&envelope) && !memchr(envelope.ptr, '\0', envelope.len));
    arena_done(&a);
    return 0;
}
