// SPDX-License-Identifier: ISC
//
// A type (two bytes), then data of that type: no crash; text without control bytes; names within
// their limit that go back to bytes and come out the same; and for the types a zone file can give,
// the text means the same record again.
#include "base/check.h"
#include "base/cleanup.h"
#include "proto/dns/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        CHECK(text.ptr[i] >= ' ' && text.ptr[i] <= '~');
}

static void check_name(struct str name, struct arena *arena)
{
    CLEANUP(buf_drop) struct buf wire = {0};
    struct dns_record again;

    CHECK(name.len <= DNS_NAME_MAX);
    buf_init(&wire, 256);
    CHECK(dns_name_put(&wire, name));
    CHECK(dns_record_parse(DNS_NS, buf_str(&wire), arena, &again));
    CHECK(str_eq(again.name, name));
}

static void check_again(enum dns_type type, const struct dns_record *record, struct arena *arena)
{
    CLEANUP(buf_drop) struct buf bytes = {0};
    struct dns_record again;

    buf_init(&bytes, 65535);
    if (!dns_data_put(&bytes, type, record->text))
        return;
    CHECK(dns_record_parse(type, buf_str(&bytes), arena, &again));
    CHECK(str_eq(again.text, record->text) && str_eq(again.txt, record->txt));
    CHECK(again.preference == record->preference && str_eq(again.name, record->name));
    CHECK(str_eq(again.tlsa.data, record->tlsa.data) && str_eq(again.address, record->address));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_record record;
    struct arena arena;
    enum dns_type type;

    if (size < 2)
        return 0;
    arena_init(&arena, 8 << 20);
    type = (enum dns_type)(data[0] << 8 | data[1]);
    if (dns_record_parse(type, str_of(data + 2, size - 2), &arena, &record)) {
        check_text(record.text);
        if (type == DNS_MX || type == DNS_NS)
            check_name(record.name, &arena);
        check_again(type, &record, &arena);
    }
    check_text(str_from(dns_type_name(type)));
    arena_done(&arena);
    return 0;
}
