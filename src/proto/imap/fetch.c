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
};
enum { NAME_COUNT = sizeof(names) / sizeof(names[0]) };

static const struct {
    struct str name;
    enum imap_section_text text;
} texts[] = {
    {STR("HEADER.FIELDS.NOT"), IMAP_SECTION_HEADER_FIELDS_NOT},
    {STR("HEADER.FIELDS"), IMAP_SECTION_HEADER_FIELDS},
    {STR("HEADER"), IMAP_SECTION_HEADER},
    {STR("TEXT"), IMAP_SECTION_TEXT},
    {STR("MIME"), IMAP_SECTION_MIME},
};
enum { TEXT_COUNT = sizeof(texts) / sizeof(texts[0]) };

static bool scan_text(struct scan *in, enum imap_section_text *out)
{
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (scan_case_word(in, texts[i].name)) {
            *out = texts[i].text;
            return true;
        }
    }
    return false;
}

/// SP "(" astring *(SP astring) ")"
static bool scan_fields(struct scan *in, struct arena *arena, struct imap_section *out)
{
    struct scan counted;
    struct str field;
    size_t count = 0;

    if (!imap_scan_sp(in) || !scan_char(in, '('))
        return false;
    counted = *in;
    do {
        if (!imap_scan_astring(&counted, arena, &field))
            return false;
        count++;
    } while (imap_scan_sp(&counted));
    out->fields = ARENA_ARRAY(arena, struct str, count);
    do {
        (void)imap_scan_astring(in, arena, &out->fields[out->field_count++]);
    } while (imap_scan_sp(in));
    return scan_char(in, ')');
}

/// "[" [section-part ["." section-text] / section-msgtext] "]"
static bool scan_section(struct scan *in, struct arena *arena, struct imap_section *out)
{
    bool has_dot = true;

    if (!scan_char(in, '['))
        return false;
    if (char_is_digit((char)scan_peek(in)))
        out->parts = ARENA_ARRAY(arena, uint32_t, IMAP_SECTION_DEPTH_MAX);
    while (has_dot && scan_peek(in) >= 0 && char_is_digit(*in->at)) {
        if (out->part_count == IMAP_SECTION_DEPTH_MAX ||
            !imap_scan_nz_number(in, &out->parts[out->part_count++]))
            return false;
        has_dot = scan_char(in, '.');
    }
    if (has_dot && !scan_text(in, &out->text) && out->part_count > 0)
        return false;
    if (out->text == IMAP_SECTION_MIME && out->part_count == 0)
        return false;
    if ((out->text == IMAP_SECTION_HEADER_FIELDS || out->text == IMAP_SECTION_HEADER_FIELDS_NOT) &&
        !scan_fields(in, arena, out))
        return false;
    return scan_char(in, ']');
}

/// "<" number "." nz-number ">"
static bool scan_partial(struct scan *in, struct imap_fetch_item *item)
{
    if (scan_peek(in) != '<')
        return true;
    item->is_partial = true;
    return scan_char(in, '<') && imap_scan_number(in, &item->partial_offset) &&
           scan_char(in, '.') && imap_scan_nz_number(in, &item->partial_len) && scan_char(in, '>');
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
    if (item->kind == IMAP_FETCH_BODY) {
        bool is_peek = scan_case_word(in, STR(".PEEK"));

        if (scan_peek(in) != '[')
            return !is_peek;
        item->kind = IMAP_FETCH_SECTION;
        item->is_peek = is_peek;
        return scan_section(in, arena, &item->section) && scan_partial(in, item);
    }
    return true;
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

/// Asking twice for the same thing without a section gets one answer.
static bool is_repeated(const struct imap_fetch *fetch, const struct imap_fetch_item *item)
{
    for (size_t i = 0; i < fetch->count; i++)
        if (fetch->items[i].kind == item->kind && item->kind != IMAP_FETCH_SECTION)
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

static void put_section(struct buf *out, const struct imap_section *section)
{
    buf_put_char(out, '[');
    for (size_t i = 0; i < section->part_count; i++) {
        if (i > 0)
            buf_put_char(out, '.');
        buf_put_u64(out, section->parts[i]);
    }
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (texts[i].text != section->text)
            continue;
        if (section->part_count > 0)
            buf_put_char(out, '.');
        buf_put(out, texts[i].name);
    }
    for (size_t i = 0; i < section->field_count; i++) {
        buf_put(out, i == 0 ? STR(" (") : STR(" "));
        imap_put_astring(out, section->fields[i]);
    }
    buf_put(out, section->field_count > 0 ? STR(")]") : STR("]"));
}

void imap_fetch_item_put(struct buf *out, const struct imap_fetch_item *item)
{
    if (item->kind != IMAP_FETCH_SECTION) {
        for (size_t i = 0; i < NAME_COUNT; i++)
            if (names[i].kind == item->kind)
                buf_put(out, names[i].name);
        return;
    }
    buf_put(out, STR("BODY"));
    put_section(out, &item->section);
    if (item->is_partial) {
        buf_put_char(out, '<');
        buf_put_u64(out, item->partial_offset);
        buf_put_char(out, '>');
    }
}
