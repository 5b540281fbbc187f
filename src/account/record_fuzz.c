// SPDX-License-Identifier: ISC
//
// Any bytes as a document of the directory: read or refused; what was read is written again and
// read as the same. The first line of the input is the key.
#include "base/check.h"

#include "account/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str document = str_of(data, size), key;
    struct account_record *r, *again;
    struct buf out, second;

    if (!str_split(&document, '\n', &key) || account_record_parse(key, document, &r) < 0)
        return 0;
    CHECK(str_eq(r->key, key) && str_eq(r->document, document));
    buf_init(&out, STORE_DOC_MAX * 2);
    buf_init(&second, STORE_DOC_MAX * 2);
    account_record_put(&out, r);
    CHECK(buf_ok(&out));
    if (out.len <= STORE_DOC_MAX) {
        CHECK(account_record_parse(key, buf_str(&out), &again) == 0);
        CHECK(again->type == r->type && again->id == r->id && again->version > r->version);
        account_record_put(&second, again);
        CHECK(str_eq(buf_str(&out), buf_str(&second)));
        account_record_free(again);
    }
    account_record_free(r);
    buf_done(&out);
    buf_done(&second);
    return 0;
}
