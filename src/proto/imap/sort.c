// SPDX-License-Identifier: ISC
#include "proto/imap/sort.h"

#include "proto/imap/scan.h"

static const struct {
    struct str name;
    enum imap_sort_by by;
} names[] = {
    {STR("ARRIVAL"), IMAP_SORT_ARRIVAL},
    {STR("CC"), IMAP_SORT_CC},
    {STR("DATE"), IMAP_SORT_DATE},
    {STR("DISPLAYFROM"), IMAP_SORT_DISPLAY_FROM},
    {STR("DISPLAYTO"), IMAP_SORT_DISPLAY_TO},
    {STR("FROM"), IMAP_SORT_FROM},
    {STR("RELEVANCY"), IMAP_SORT_RELEVANCY},
    {STR("SIZE"), IMAP_SORT_SIZE},
    {STR("SUBJECT"), IMAP_SORT_SUBJECT},
    {STR("TO"), IMAP_SORT_TO},
};

/// sort-criterion = ["REVERSE" SP] sort-key
static bool scan_key(struct scan *in, struct imap_sort *out)
{
    size_t i = 0;

    if (out->count == IMAP_SORT_KEYS_MAX)
        return false;
    out->keys[out->count].is_reverse = imap_scan_word(in, STR("REVERSE"));
    if (out->keys[out->count].is_reverse && !imap_scan_sp(in))
        return false;
    while (i < sizeof(names) / sizeof(*names) && !imap_scan_word(in, names[i].name))
        i++;
    if (i == sizeof(names) / sizeof(*names))
        return false;
    out->keys[out->count++].by = names[i].by;
    return true;
}

/// SP charset SP keys
static bool parse_program(struct scan *in, struct arena *arena, struct imap_search *out)
{
    struct str charset;

    return imap_scan_sp(in) && imap_scan_astring(in, arena, &charset) &&
           imap_search_parse_keys(in, arena, charset, out);
}

bool imap_sort_parse(struct scan *in, struct arena *arena, struct imap_sort *out,
                     struct imap_search *out_search)
{
    struct imap_sort sort = {0};

    if (!scan_word(in, STR(" (")))
        return false;
    do {
        if (!scan_key(in, &sort))
            return false;
    } while (imap_scan_sp(in));
    if (!scan_char(in, ')') || !parse_program(in, arena, out_search))
        return false;
    *out = sort;
    return true;
}

bool imap_thread_parse(struct scan *in, struct arena *arena, struct str *out_algorithm,
                       struct imap_search *out_search)
{
    return imap_scan_sp(in) && imap_scan_atom(in, out_algorithm) &&
           parse_program(in, arena, out_search);
}
