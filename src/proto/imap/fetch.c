// SPDX-License-Identifier: ISC
#include "proto/imap/fetch.h"

#include "proto/imap/reply.h"
#include "proto/imap/scan.h"

/// Longer names before those they begin with. `text` is the section of the RFC822 items.
static const struct {
    struct str name;
    enum imap_fetch_kind kind;
    enum imap_section_text text;
    bool is_peek;
} names[] = {
    {STR("UID"), IMAP_FETCH_UID, 0, true},
    {STR("FLAGS"), IMAP_FETCH_FLAGS, 0, true},
    {STR("INTERNALDATE"), IMAP_FETCH_INTERNALDATE, 0, true},
    {STR("ENVELOPE"), IMAP_FETCH_ENVELOPE, 0, true},
    {STR("BODYSTRUCTURE"), IMAP_FETCH_BODYSTRUCTURE, 0, true},
    {STR("BODY"), IMAP_FETCH_BODY, 0, true},
    {STR("RFC822.SIZE"), IMAP_FETCH_SIZE, 0, true},
    {STR("RFC822.HEADER"), IMAP_FETCH_RFC822_HEADER, IMAP_SECTION_HEADER, true},
    {STR("RFC822.TEXT"), IMAP_FETCH_RFC822_TEXT, IMAP_SECTION_TEXT, false},
    {STR("RFC822"), IMAP_FETCH_RFC822, IMAP_SECTION_WHOLE, false},
    {STR("BINARY.SIZE"), IMAP_FETCH_BINARY_SIZE, 0, true},
    {STR("BINARY"), IMAP_FETCH_BINARY, 0, false},
    {STR("PREVIEW"), IMAP_FETCH_PREVIEW, 0, true},
    {STR("SAVEDATE"), IMAP_FETCH_SAVEDATE, 0, true},
    {STR("EMAILID"), IMAP_FETCH_EMAILID, 0, true},
    {STR("THREADID"), IMAP_FETCH_THREADID, 0, true},
    {STR("MODSEQ"), IMAP_FETCH_MODSEQ, 0, true},
};
enum { NAME_COUNT = sizeof(names) / sizeof(names[0]) };

/// "<" number "." nz-number ">"
static bool scan_partial(struct scan *in, struct imap_fetch_item *item)
{
    if (scan_peek(in) != '<')
        return true;
    item->is_partial = true;
    return scan_char(in, '<') && imap_scan_number(in, &item->partial_offset) &&
           scan_char(in, '.') && imap_scan_nz_number(in, &item->partial_len) && scan_char(in, '>');
}

/// BODY alone asks for the structure, with a section for bytes.
static bool scan_body(struct scan *in, struct arena *arena, struct imap_fetch_item *item)
{
    bool is_peek = scan_case_word(in, STR(".PEEK"));

    if (scan_peek(in) != '[')
        return !is_peek;
    item->kind = IMAP_FETCH_SECTION;
    item->is_peek = is_peek;
    return imap_scan_section(in, arena, &item->section) && scan_partial(in, item);
}

static bool scan_binary(struct scan *in, struct arena *arena, struct imap_fetch_item *item)
{
    item->is_peek = scan_case_word(in, STR(".PEEK"));
    return imap_scan_section_binary(in, arena, &item->section) && scan_partial(in, item);
}

/// [SP "(" "LAZY" *(SP "LAZY") ")"]; what follows a space otherwise is the next item.
static bool scan_preview(struct scan *in, struct imap_fetch_item *item)
{
    struct scan at = *in;

    if (!imap_scan_sp(&at) || !scan_char(&at, '('))
        return true;
    do {
        if (!imap_scan_word(&at, STR("LAZY")))
            return false;
    } while (imap_scan_sp(&at));
    item->is_lazy = true;
    *in = at;
    return scan_char(in, ')');
}

static bool scan_item(struct scan *in, struct arena *arena, struct imap_fetch_item *item)
{
    size_t i = 0;

    while (i < NAME_COUNT && !scan_case_word(in, names[i].name))
        i++;
    if (i == NAME_COUNT)
        return false;
    *item = (struct imap_fetch_item){
        .kind = names[i].kind, .section.text = names[i].text, .is_peek = names[i].is_peek};
    switch (item->kind) {
    case IMAP_FETCH_BODY:
        return scan_body(in, arena, item);
    case IMAP_FETCH_BINARY:
        return scan_binary(in, arena, item);
    case IMAP_FETCH_BINARY_SIZE:
        return imap_scan_section_binary(in, arena, &item->section);
    case IMAP_FETCH_PREVIEW:
        return scan_preview(in, item);
    default:
        return true;
    }
}

static void add_macro(struct imap_fetch *out, size_t count)
{
    static const enum imap_fetch_kind kinds[] = {IMAP_FETCH_FLAGS, IMAP_FETCH_INTERNALDATE,
                                                 IMAP_FETCH_SIZE, IMAP_FETCH_ENVELOPE,
                                                 IMAP_FETCH_BODY};

    for (size_t i = 0; i < count; i++)
        out->items[out->count++] = (struct imap_fetch_item){.kind = kinds[i], .is_peek = true};
}

static bool scan_macro(struct scan *in, struct imap_fetch *out)
{
    if (imap_scan_word(in, STR("FAST")))
        add_macro(out, 3);
    else if (imap_scan_word(in, STR("ALL")))
        add_macro(out, 4);
    else if (imap_scan_word(in, STR("FULL")))
        add_macro(out, 5);
    return out->count > 0;
}

static bool has_section(enum imap_fetch_kind kind)
{
    return kind == IMAP_FETCH_SECTION || kind == IMAP_FETCH_BINARY ||
           kind == IMAP_FETCH_BINARY_SIZE;
}

/// Asking twice for the same thing without a section gets one answer.
static bool is_repeated(const struct imap_fetch *fetch, const struct imap_fetch_item *item)
{
    for (size_t i = 0; i < fetch->count; i++)
        if (fetch->items[i].kind == item->kind && !has_section(item->kind))
            return true;
    return false;
}

bool imap_scan_fetch(struct scan *in, struct arena *arena, struct imap_fetch *out)
{
    struct imap_fetch fetch = {
        .items = ARENA_ARRAY(arena, struct imap_fetch_item, IMAP_FETCH_ITEMS_MAX)};
    struct scan at = *in;
    bool in_list = scan_char(&at, '(');

    if (in_list || !scan_macro(&at, &fetch)) {
        do {
            struct imap_fetch_item item;

            if (fetch.count == IMAP_FETCH_ITEMS_MAX || !scan_item(&at, arena, &item))
                return false;
            if (!is_repeated(&fetch, &item))
                fetch.items[fetch.count++] = item;
        } while (in_list && imap_scan_sp(&at));
        if (in_list && !scan_char(&at, ')'))
            return false;
    }
    *in = at;
    *out = fetch;
    return true;
}

void imap_fetch_item_put(struct buf *out, const struct imap_fetch_item *item)
{
    if (item->kind == IMAP_FETCH_SECTION)
        buf_put(out, STR("BODY"));
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (names[i].kind == item->kind)
            buf_put(out, names[i].name);
    if (!has_section(item->kind))
        return;
    imap_section_put(out, &item->section);
    if (item->is_partial) {
        buf_put_char(out, '<');
        buf_put_u64(out, item->partial_offset);
        buf_put_char(out, '>');
    }
}
