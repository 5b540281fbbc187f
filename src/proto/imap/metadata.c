// SPDX-License-Identifier: ISC
#include "proto/imap/metadata.h"

#include "proto/imap/scan.h"

/// RFC 5464 2: "/private/..." or "/shared/...", ASCII, no "*", "%", control character, empty part.
static bool is_entry(struct str name)
{
    if (name.len == 0 || name.len > IMAP_ENTRY_LEN_MAX || name.ptr[name.len - 1] == '/')
        return false;
    if (!str_starts(name, STR("/private/")) && !str_starts(name, STR("/shared/")))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (c < 0x20 || c == 0x7f || c == '*' || c == '%')
            return false;
        if (c == '/' && i + 1 < name.len && name.ptr[i + 1] == '/')
            return false;
    }
    return true;
}

static bool scan_entry(struct scan *in, struct arena *arena, struct str *out)
{
    struct str name;
    char *lower;

    if (!imap_scan_astring(in, arena, &name))
        return false;
    lower = arena_alloc(arena, name.len + 1);
    for (size_t i = 0; i < name.len; i++)
        lower[i] = char_lower(name.ptr[i]);
    *out = str_of(lower, name.len);
    return is_entry(*out);
}

bool imap_scan_entries(struct scan *in, struct arena *arena, struct str **out, size_t *out_count)
{
    bool is_many = scan_char(in, '(');
    size_t count = 0;

    *out = ARENA_ARRAY(arena, struct str, IMAP_ENTRIES_MAX);
    do {
        if (count == IMAP_ENTRIES_MAX || !scan_entry(in, arena, &(*out)[count++]))
            return false;
    } while (is_many && imap_scan_sp(in));
    *out_count = count;
    return !is_many || scan_char(in, ')');
}

static bool scan_depth(struct scan *in, unsigned *out)
{
    struct str word;

    if (!imap_scan_sp(in) || !imap_scan_atom(in, &word))
        return false;
    if (str_eq(word, STR("0")) || str_eq(word, STR("1")))
        *out = word.ptr[0] == '1';
    else if (str_case_eq(word, STR("INFINITY")))
        *out = IMAP_DEPTH_INFINITE;
    else
        return false;
    return true;
}

/// "(" option *(SP option) ")": MAXSIZE number, DEPTH depth.
static bool scan_options(struct scan *in, struct imap_metadata_get *out)
{
    if (!scan_char(in, '('))
        return false;
    do {
        if (imap_scan_word(in, STR("MAXSIZE"))) {
            out->has_size_max = true;
            if (!imap_scan_sp(in) || !imap_scan_number(in, &out->size_max))
                return false;
        } else if (!imap_scan_word(in, STR("DEPTH")) || !scan_depth(in, &out->depth)) {
            return false;
        }
    } while (imap_scan_sp(in));
    return scan_char(in, ')');
}

/// Options behind the mailbox and a list of entries both begin with "(".
static bool scan_late_options(struct scan *in, struct imap_metadata_get *out)
{
    struct scan at = *in;
    struct imap_metadata_get with = *out;

    if (!imap_scan_sp(&at) || !scan_options(&at, &with) || scan_is_end(&at))
        return false;
    *in = at;
    *out = with;
    return true;
}

bool imap_metadata_get_parse(struct scan *in, struct arena *arena, struct imap_metadata_get *out)
{
    struct imap_metadata_get get = {0};

    if (!imap_scan_sp(in))
        return false;
    if (scan_peek(in) == '(' && (!scan_options(in, &get) || !imap_scan_sp(in)))
        return false;
    if (!imap_scan_astring(in, arena, &get.mailbox))
        return false;
    (void)scan_late_options(in, &get);
    if (!imap_scan_sp(in) || !imap_scan_entries(in, arena, &get.entries, &get.count) ||
        !scan_is_end(in))
        return false;
    *out = get;
    return true;
}

bool imap_metadata_set_parse(struct scan *in, struct arena *arena, struct imap_metadata_set *out)
{
    struct imap_metadata_set set = {
        .values = ARENA_ARRAY(arena, struct imap_metadata_value, IMAP_ENTRIES_MAX)};

    if (!imap_scan_sp(in) || !imap_scan_astring(in, arena, &set.mailbox) || !imap_scan_sp(in) ||
        !scan_char(in, '('))
        return false;
    do {
        struct imap_metadata_value *value = &set.values[set.count];

        if (set.count++ == IMAP_ENTRIES_MAX || !scan_entry(in, arena, &value->entry) ||
            !imap_scan_sp(in))
            return false;
        if (!imap_scan_literal8(in, &value->value) && !imap_scan_nstring(in, arena, &value->value))
            return false;
    } while (imap_scan_sp(in));
    if (!scan_char(in, ')') || !scan_is_end(in))
        return false;
    *out = set;
    return true;
}
