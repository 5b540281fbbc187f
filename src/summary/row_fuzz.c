// SPDX-License-Identifier: ISC
//
// Any message gives a summary whose row reads back the same; any bytes as a row are refused or
// consistent.
#include "base/check.h"
#include "mail/charset.h"
#include "summary/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str message = str_of(data, size);
    struct summary made, read;
    struct buf row;

    buf_init(&row, 64 << 20);
    summary_make(message, &made);
    CHECK(charset_is_utf8(made.preview) && charset_is_utf8(made.base_subject));
    CHECK(made.header_size <= size && made.references.len <= SUMMARY_REFERENCES_MAX);
    summary_row_put(&row, 7, size, &made);
    CHECK(summary_row_parse(buf_str(&row), 7, size, &read));
    for (unsigned i = 0; i < SUMMARY_TEXTS; i++)
        CHECK(str_eq(*summary_text(&made, i), *summary_text(&read, i)));
    summary_done(&read);
    if (summary_row_parse(message, 7, size, &read))
        summary_done(&read);
    summary_done(&made);
    buf_done(&row);
    return 0;
}
