// SPDX-License-Identifier: ISC
#include "proto/imap/flag.h"

#include "proto/imap/scan.h"

static const struct {
    struct str name;
    unsigned bit;
} system_flags[] = {
    {STR("\\Answered"), IMAP_ANSWERED}, {STR("\\Flagged"), IMAP_FLAGGED},
    {STR("\\Deleted"), IMAP_DELETED},   {STR("\\Seen"), IMAP_SEEN},
    {STR("\\Draft"), IMAP_DRAFT},       {STR("\\Recent"), IMAP_RECENT},
};
enum { SYSTEM_FLAG_COUNT = sizeof(system_flags) / sizeof(system_flags[0]) };

static unsigned system_bit(struct str flag)
{
    for (size_t i = 0; i < SYSTEM_FLAG_COUNT; i++)
        if (str_case_eq(flag, system_flags[i].name))
            return system_flags[i].bit;
    return 0;
}

static bool has_keyword(const struct imap_flags *flags, struct str name)
{
    for (size_t i = 0; i < flags->keyword_count; i++)
        if (str_case_eq(flags->keywords[i], name))
            return true;
    return false;
}

/// flag = "\" atom / atom
static bool scan_flag(struct scan *in, struct imap_flags *out)
{
    const char *start = in->at;
    bool is_system = scan_char(in, '\\');
    struct str name;

    if (!imap_scan_atom(in, &name))
        return false;
    if (is_system) {
        unsigned bit = system_bit(str_of(start, name.len + 1));

        out->bits |= bit & IMAP_FLAGS_SETTABLE;
        out->has_unknown |= bit == 0;
    } else if (out->keyword_count >= IMAP_KEYWORDS_MAX) {
        return false;
    } else if (!has_keyword(out, name)) {
        out->keywords[out->keyword_count++] = name;
    }
    return true;
}

static bool scan_flags(struct scan *in, struct imap_flags *out)
{
    do {
        if (!scan_flag(in, out))
            return false;
    } while (imap_scan_sp(in));
    return true;
}

bool imap_scan_flag_list(struct scan *in, struct arena *arena, struct imap_flags *out)
{
    struct imap_flags flags = {.keywords = ARENA_ARRAY(arena, struct str, IMAP_KEYWORDS_MAX)};
    struct scan at = *in;

    if (!scan_char(&at, '('))
        return false;
    if (!scan_char(&at, ')') && (!scan_flags(&at, &flags) || !scan_char(&at, ')')))
        return false;
    *in = at;
    *out = flags;
    return true;
}

bool imap_scan_store_flags(struct scan *in, struct arena *arena, struct imap_flags *out)
{
    struct imap_flags flags = {0};
    struct scan at = *in;

    if (scan_peek(in) == '(')
        return imap_scan_flag_list(in, arena, out);
    flags.keywords = ARENA_ARRAY(arena, struct str, IMAP_KEYWORDS_MAX);
    if (!scan_flags(&at, &flags))
        return false;
    *in = at;
    *out = flags;
    return true;
}

void imap_flags_put(struct buf *out, unsigned bits, uint64_t keyword_bits,
                    const struct str *keywords, size_t keyword_count)
{
    bool has_some = false;

    for (size_t i = 0; i < SYSTEM_FLAG_COUNT; i++) {
        if (!(bits & system_flags[i].bit))
            continue;
        if (has_some)
            buf_put_char(out, ' ');
        buf_put(out, system_flags[i].name);
        has_some = true;
    }
    for (size_t i = 0; keyword_bits != 0 && i < keyword_count; i++, keyword_bits >>= 1) {
        if (!(keyword_bits & 1))
            continue;
        if (has_some)
            buf_put_char(out, ' ');
        buf_put(out, keywords[i]);
        has_some = true;
    }
}
