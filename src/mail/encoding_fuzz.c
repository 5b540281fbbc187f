// SPDX-License-Identifier: ISC
//
// Transfer encodings, charsets, modified UTF-7 and HTML of any bytes. First byte: where the input
// is cut; second: the charset.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/charset.h"
#include "mail/encoding.h"
#include "mail/text.h"
#include "mail/utf7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_decoder(enum encoding encoding, struct str text, size_t cut)
{
    CLEANUP(buf_drop) struct buf whole = {0}, pieces = {0};
    struct decoder d;

    buf_init(&whole, text.len + 256);
    buf_init(&pieces, text.len + 256);
    encoding_decode(&whole, encoding, text);
    decoder_init(&d, encoding);
    decoder_feed(&d, str_head(text, cut), &pieces);
    for (struct str rest = str_skip(text, cut); rest.len; rest = str_skip(rest, cut + 1))
        decoder_feed(&d, str_head(rest, cut + 1), &pieces);
    decoder_end(&d, &pieces);
    CHECK(buf_ok(&whole) && whole.len <= text.len + 1);
    CHECK(str_eq(buf_str(&whole), buf_str(&pieces)));
}

static void check_base64(struct str bytes)
{
    CLEANUP(buf_drop) struct buf coded = {0}, back = {0};

    buf_init(&coded, bytes.len * 2 + 64);
    buf_init(&back, bytes.len + 64);
    encoding_put_base64(&coded, bytes);
    CHECK(encoding_decode_base64(&back, buf_str(&coded)));
    CHECK(str_eq(buf_str(&back), bytes));
    buf_clear(&back);
    if (encoding_decode_base64(&back, bytes)) {
        buf_clear(&coded);
        encoding_put_base64(&coded, buf_str(&back));
        CHECK(str_eq(buf_str(&coded), bytes));
    }
    buf_clear(&coded);
    buf_clear(&back);
    encoding_put_base64_lines(&coded, bytes);
    encoding_decode(&back, ENCODING_BASE64, buf_str(&coded));
    CHECK(str_eq(buf_str(&back), bytes));
}

// Comes back with each lone LF as CRLF.
static void check_quoted_printable(struct str text)
{
    CLEANUP(buf_drop) struct buf coded = {0}, back = {0}, want = {0};
    struct str rest, line;

    buf_init(&coded, text.len * 8 + 64);
    buf_init(&back, text.len * 8 + 256);
    buf_init(&want, text.len * 2);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n' && (i == 0 || text.ptr[i - 1] != '\r'))
            buf_put_char(&want, '\r');
        buf_put_char(&want, text.ptr[i]);
    }
    encoding_put_quoted_printable(&coded, text);
    encoding_decode(&back, ENCODING_QUOTED_PRINTABLE, buf_str(&coded));
    CHECK(str_eq(buf_str(&back), buf_str(&want)));
    rest = buf_str(&coded);
    while (str_split(&rest, '\n', &line))
        CHECK(line.len <= 77);
}

static void check_charset(struct str bytes, unsigned which)
{
    static const struct str names[] = {STR("utf-8"),       STR("us-ascii"), STR("iso-8859-1"),
                                       STR("iso-2022-jp"), STR("utf-7"),    STR("gb2312"),
                                       STR("shift_jis"),   STR("utf-16"),   STR("nobody"),
                                       STR("big5"),        STR("koi8-r"),   STR("euc-kr")};
    CLEANUP(buf_drop) struct buf utf8 = {0}, folded = {0}, valid = {0}, stripped = {0};

    buf_init(&utf8, bytes.len * 8 + 64);
    charset_put_utf8(&utf8, names[which % (sizeof(names) / sizeof(names[0]))], bytes);
    CHECK(buf_ok(&utf8) && charset_is_utf8(buf_str(&utf8)));
    buf_init(&valid, utf8.len);
    charset_put_valid(&valid, buf_str(&utf8));
    CHECK(str_eq(buf_str(&valid), buf_str(&utf8)));
    buf_init(&folded, utf8.len * 18 + 64);
    charset_put_folded(&folded, buf_str(&utf8));
    CHECK(buf_ok(&folded) && charset_is_utf8(buf_str(&folded)));
    buf_init(&stripped, utf8.len * 2 + 64);
    text_put_stripped_html(&stripped, buf_str(&utf8));
    CHECK(buf_ok(&stripped) && charset_is_utf8(buf_str(&stripped)));
}

static void check_utf7(struct str name)
{
    CLEANUP(buf_drop) struct buf utf8 = {0}, back = {0};

    buf_init(&utf8, name.len * 8 + 64);
    buf_init(&back, name.len * 8 + 64);
    if (utf7_put_decoded(&utf8, name)) {
        CHECK(charset_is_utf8(buf_str(&utf8)));
        CHECK(utf7_put(&back, buf_str(&utf8)));
        CHECK(str_eq(buf_str(&back), name));
    }
    buf_clear(&utf8);
    buf_clear(&back);
    if (utf7_put(&back, name)) {
        CHECK(utf7_put_decoded(&utf8, buf_str(&back)));
        CHECK(str_eq(buf_str(&utf8), name));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text;

    if (size < 2)
        return 0;
    text = str_of(data + 2, size - 2);
    check_decoder(ENCODING_BASE64, text, data[0]);
    check_decoder(ENCODING_QUOTED_PRINTABLE, text, data[0]);
    check_base64(text);
    check_quoted_printable(text);
    check_charset(text, data[1]);
    check_utf7(text);
    return 0;
}
