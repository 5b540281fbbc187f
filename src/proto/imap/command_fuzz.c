// SPDX-License-Identifier: ISC
//
// Any bytes as a command: every scan of the room is tried on its arguments, none may read outside
// them, and what was read must keep the promises of the headers.
#include "base/check.h"
#include "proto/imap/command.h"
#include "proto/imap/fetch.h"
#include "proto/imap/flag.h"
#include "proto/imap/list.h"
#include "proto/imap/mailbox_name.h"
#include "proto/imap/pattern.h"
#include "proto/imap/reply.h"
#include "proto/imap/scan.h"
#include "proto/imap/modifier.h"
#include "proto/imap/notify.h"
#include "proto/imap/sequence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/// What is put must be read back as the same bytes.
static void check_string(struct arena *arena, struct str s)
{
    struct buf out;
    struct scan in;
    struct str back;

    buf_init(&out, 1 << 20);
    imap_put_astring(&out, s);
    in = scan_of(buf_str(&out));
    if (!memchr(s.ptr ? s.ptr : "", 0, s.len)) {
        CHECK(imap_scan_astring(&in, arena, &back));
        CHECK(scan_is_end(&in) && str_eq(back, s));
    }
    buf_done(&out);
}

static void check_name(struct arena *arena, struct str wire)
{
    struct str name, again;
    struct buf out;
    struct scan in;

    if (!imap_name_decode(wire, arena, &name) || !imap_name_is_valid(name))
        return;
    buf_init(&out, 1 << 20);
    imap_put_mailbox(&out, name);
    in = scan_of(buf_str(&out));
    CHECK(imap_scan_astring(&in, arena, &again));
    CHECK(imap_name_decode(again, arena, &again) && str_eq(again, name));
    (void)imap_pattern_matches(wire, name);
    buf_done(&out);
}

static void check_sequence(struct arena *arena, struct scan in)
{
    struct imap_sequence set;

    (void)imap_scan_sp(&in);
    if (!imap_scan_sequence(&in, arena, &set))
        return;
    set = imap_sequence_resolve(set, 1000, arena);
    for (size_t i = 0; i < set.count; i++) {
        CHECK(set.ranges[i].first >= 1 && set.ranges[i].first <= set.ranges[i].last);
        CHECK(i == 0 || set.ranges[i].first > (uint64_t)set.ranges[i - 1].last + 1);
        CHECK(imap_sequence_has(set, set.ranges[i].first));
    }
}

/// They take what they understand, and never more than there is.
static void check_modifiers(struct arena *arena, struct scan in)
{
    struct imap_select_modifiers select;
    struct imap_fetch_modifiers fetch;
    struct imap_notify_args notify;
    uint64_t since;
    struct scan at = in;

    if (imap_scan_select_modifiers(&at, arena, &select))
        CHECK(!select.qresync || (select.uidvalidity > 0 && select.modseq > 0));
    at = in;
    if (imap_scan_fetch_modifiers(&at, &fetch))
        CHECK(!fetch.has_partial ||
              (fetch.partial_first > 0 && fetch.partial_first <= fetch.partial_last));
    at = in;
    if (imap_scan_store_modifiers(&at, &since))
        CHECK(since == UINT64_MAX || since <= INT64_MAX);
    at = in;
    if (imap_scan_notify(&at, arena, &notify) == IMAP_NOTIFY_OK)
        CHECK(scan_is_end(&at) && notify.count <= IMAP_NOTIFY_GROUPS_MAX);
}

static void check_fetch(struct arena *arena, struct scan in)
{
    struct imap_fetch fetch;
    struct buf out;

    (void)imap_scan_sp(&in);
    if (!imap_scan_fetch(&in, arena, &fetch))
        return;
    CHECK(fetch.count > 0);
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < fetch.count; i++) {
        struct imap_fetch again;
        struct scan back;

        buf_clear(&out);
        imap_fetch_item_put(&out, &fetch.items[i]);
        back = scan_of(buf_str(&out));
        CHECK(fetch.items[i].is_partial || imap_scan_fetch(&back, arena, &again));
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of(data, size > 65536 ? 65536 : size), string;
    struct imap_command command;
    struct imap_literal literal;
    struct imap_flags flags;
    struct imap_list list;
    struct arena arena;
    struct scan in;

    arena_init(&arena, 64 << 20);
    (void)imap_line_literal(text, &literal);
    (void)imap_command_parse(text, &command);
    check_fetch(&arena, command.arguments);
    check_sequence(&arena, command.arguments);
    check_modifiers(&arena, command.arguments);
    in = command.arguments;
    (void)imap_list_parse(&in, &arena, &list);
    in = command.arguments;
    (void)imap_lsub_parse(&in, &arena, &list);
    in = command.arguments;
    (void)imap_scan_sp(&in);
    (void)imap_scan_store_flags(&in, &arena, &flags);
    in = command.arguments;
    while (imap_scan_sp(&in) && imap_scan_astring(&in, &arena, &string)) {
        check_string(&arena, string);
        check_name(&arena, string);
    }
    arena_done(&arena);
    return 0;
}
