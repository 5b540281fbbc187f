// SPDX-License-Identifier: ISC
//
// Of any message: each word of one to three characters that stands in one of its texts is one of
// its grams, and each gram stands in a text.
#include "base/check.h"
#include "mail/text.h"
#include "search/grams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_gram(struct str list, char place, struct str word)
{
    struct str gram;

    while (grams_next(&list, &gram)) {
        if (gram.ptr[0] == place && str_eq(str_skip(gram, 1), word))
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str message = str_of(data, size), list, gram;
    struct grams g = {0};
    struct mime m;
    struct buf out;

    buf_init(&out, (GRAMS_MAX + 1000) * (GRAM_BYTES_MAX + 1));
    if (size < 4096 && grams_put(&g, message, &out)) {
        mime_parse(&m, message);
        list = buf_str(&out);
        for (int i = 0; i < 50 && grams_next(&list, &gram); i++) {
            if (gram.ptr[0] == 'B')
                CHECK(text_body_has(&m, message, str_skip(gram, 1)));
            else
                CHECK(text_message_has(&m, message, str_skip(gram, 1)));
        }
        CHECK(text_body_has(&m, message, STR("e")) == has_gram(buf_str(&out), 'B', STR("e")));
        CHECK(text_header_has(mime_header_of(message, &m.parts[0]), STR("Subject"), STR("a b")) ==
              has_gram(buf_str(&out), 's', STR("a b")));
        mime_done(&m);
    }
    grams_done(&g);
    buf_done(&out);
    return 0;
}
