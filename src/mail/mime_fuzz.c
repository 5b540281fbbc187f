// SPDX-License-Identifier: ISC
//
// Messages of any bytes: structure whole and in pieces, its IMAP forms, sections, text.
// First two bytes: how the message is cut.
#include "base/cleanup.h"
#include "mail/charset.h"
#include "mail/mime.h"
#include "mail/mime_invariants.h"
#include "mail/structure.h"
#include "mail/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Parentheses outside strings must match, literals be as long as they say, and no NUL come out.
static void check_imap_list(struct str s)
{
    int depth = 0;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];

        CHECK(c != '\0' && (unsigned char)c < 128);
        depth += (c == '(') - (c == ')');
        CHECK(depth > 0 || i + 1 == s.len);
        if (c == '"') {
            for (i++; s.ptr[i] != '"'; i++) {
                CHECK(i + 1 < s.len && s.ptr[i] != '\r' && s.ptr[i] != '\n');
                i += s.ptr[i] == '\\';
            }
        } else if (c == '{') {
            uint64_t len;
            ptrdiff_t end = str_find(str_skip(s, i), '}');

            CHECK(end > 0 &&
                  str_to_u64(str_head(str_skip(s, i + 1), (size_t)end - 1), s.len, &len));
            CHECK(str_starts(str_skip(s, i + (size_t)end), STR("}\r\n")));
            i += (size_t)end + 2 + len;
            CHECK(i < s.len);
        }
    }
    CHECK(depth == 0);
}

static void check_structure(const struct mime *m, struct str message)
{
    CLEANUP(buf_drop) struct buf out = {0};

    buf_init(&out, 1 << 28);
    structure_put_body(&out, m, message, false);
    CHECK(buf_ok(&out));
    check_imap_list(buf_str(&out));
    buf_clear(&out);
    structure_put_body(&out, m, message, true);
    check_imap_list(buf_str(&out));
}

// Every leaf can be named by a path, and the path finds it.
static void check_section(const struct mime *m, const struct section *s, size_t message_len)
{
    static const enum section_text texts[] = {SECTION_ALL, SECTION_HEADER, SECTION_TEXT,
                                              SECTION_MIME};
    struct section with = *s;
    struct byte_range range;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        with.text = texts[i];
        if (section_find(m, &with, &range))
            CHECK(range.from <= range.to && range.to <= message_len);
    }
}

static void check_sections(const struct mime *m, struct str message)
{
    size_t message_len = message.len;
    struct section s = {0};

    for (size_t len = 0; len < 24 && len < message_len; len++) {
        if (section_parse(str_head(message, len), &s))
            check_section(m, &s, message_len);
    }
    s = (struct section){0};

    check_section(m, &s, message_len);
    for (unsigned first = 1; first < 4; first++) {
        for (unsigned second = 0; second < 4; second++) {
            s.path[0] = first;
            s.path[1] = second;
            s.depth = second ? 2 : 1;
            check_section(m, &s, message_len);
        }
    }
}

static void check_text(const struct mime *m, struct str message)
{
    CLEANUP(buf_drop) struct buf text = {0}, folded = {0};

    buf_init(&text, 4096);
    text_put_body(&text, m, message);
    CHECK(buf_ok(&text) && charset_is_utf8(buf_str(&text)));
    buf_init(&folded, 1 << 20);
    charset_put_folded(&folded, buf_str(&text));
    text_message_has(m, message, STR("needle"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(mime_drop) struct mime whole = {0}, pieces = {0};
    struct str message;

    if (size < 2)
        return 0;
    message = str_of(data + 2, size - 2);
    mime_parse(&whole, message);
    check_mime(&whole, message);
    mime_parse_pieces(&pieces, message, data[0], (size_t)data[1] + 1);
    check_same_mime(&whole, &pieces);
    check_structure(&whole, message);
    check_sections(&whole, message);
    check_text(&whole, message);
    return 0;
}
