// SPDX-License-Identifier: ISC
//
// Envelope addresses, address lists and dates of any bytes. First byte: flags of the parser.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/address.h"
#include "mail/address_list.h"
#include "mail/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plain_form(const struct address *a)
{
    CLEANUP(buf_drop) struct buf plain = {0}, again = {0}, value = {0};
    struct address back;

    buf_init(&plain, 4096);
    buf_init(&again, 4096);
    buf_init(&value, 4096);
    address_put(&plain, a);
    if (plain.len > ADDRESS_PATH_MAX - 2)
        return;
    CHECK(address_parse(buf_str(&plain), ADDRESS_UTF8 | ADDRESS_LONG_LOCAL, &back));
    CHECK(address_eq(a, &back));
    address_put(&again, &back);
    CHECK(str_eq(buf_str(&plain), buf_str(&again)));
    address_put_local_value(&value, a->local);
    CHECK(value.len <= a->local.len);
}

static void check_domain(struct str domain)
{
    CLEANUP(buf_drop) struct buf once = {0}, twice = {0};
    unsigned char ip[16];

    buf_init(&once, 4096);
    buf_init(&twice, 4096);
    address_literal_ip(domain, ip);
    address_domain_is_valid(domain, ADDRESS_UTF8);
    if (!address_put_domain(&once, domain))
        return;
    CHECK(once.len <= ADDRESS_DOMAIN_MAX);
    if (once.len && once.ptr[once.len - 1] != '.')
        CHECK(address_put_domain(&twice, buf_str(&once)) &&
              str_eq(buf_str(&once), buf_str(&twice)));
}

static void check_address(struct str text, unsigned flags)
{
    struct scan in = scan_of(text);
    struct address a;

    if (!address_scan(&in, flags, &a)) {
        CHECK(in.at == text.ptr);
        return;
    }
    CHECK(a.local.len && a.domain.len && a.local.ptr == text.ptr);
    CHECK(a.domain.ptr == a.local.ptr + a.local.len + 1);
    CHECK(in.at == a.domain.ptr + a.domain.len && in.at <= text.ptr + text.len);
    CHECK(flags & ADDRESS_LONG_LOCAL || a.local.len <= ADDRESS_LOCAL_MAX);
    CHECK(flags & ADDRESS_UTF8 || !a.is_utf8);
    check_plain_form(&a);
    check_domain(a.domain);
}

static void check_list(struct str text)
{
    struct arena arena;
    struct address_list list;
    struct address_entry e;
    size_t bytes = 0;
    bool in_group = false;

    arena_init(&arena, 1 << 24);
    address_list_begin(&list, &arena, text);
    while (address_list_next(&list, &e)) {
        bool is_start = e.mailbox.ptr && !e.host.ptr, is_end = !e.mailbox.ptr;

        CHECK(!is_start || !in_group);
        CHECK(!is_end || in_group);
        CHECK(!is_end || !e.host.ptr);
        in_group = is_start || (in_group && !is_end);
        bytes += e.name.len + e.adl.len + e.mailbox.len + e.host.len;
    }
    CHECK(!in_group && bytes <= 2 * text.len);
    arena_done(&arena);
}

static void check_date(struct str text)
{
    CLEANUP(buf_drop) struct buf out = {0};
    struct date d, back;
    int64_t days;

    buf_init(&out, 256);
    date_parse_imap_day(text, &days);
    if (date_parse_imap(text, &d)) {
        date_put_imap(&out, d);
        CHECK(date_parse_imap(buf_str(&out), &back) && back.seconds == d.seconds);
        buf_clear(&out);
    }
    if (!date_parse(text, &d))
        return;
    date_put(&out, d);
    if (date_day(d) > date_days_from_civil(1000, 1, 1) &&
        date_day(d) < date_days_from_civil(9999, 1, 1))
        CHECK(date_parse(buf_str(&out), &back) && back.seconds == d.seconds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text;

    if (size < 1)
        return 0;
    text = str_of(data + 1, size - 1);
    check_address(text, data[0] & 3);
    check_domain(text);
    check_list(text);
    check_date(text);
    return 0;
}
