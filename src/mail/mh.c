// SPDX-License-Identifier: ISC
#include "mail/mh.h"

#include "base/scan.h"

#include <stdlib.h>

static int by_first(const void *a, const void *b)
{
    const struct mh_range *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

/// Sorted, with those that overlap or touch made one.
static size_t tidy(struct mh_range *ranges, size_t count)
{
    size_t kept = 0;

    qsort(ranges, count, sizeof *ranges, by_first);
    for (size_t i = 0; i < count; i++) {
        struct mh_range *last = kept ? &ranges[kept - 1] : NULL;

        if (last && ranges[i].first <= last->last + 1)
            last->last = ranges[i].last > last->last ? ranges[i].last : last->last;
        else
            ranges[kept++] = ranges[i];
    }
    return kept;
}

/// "7" or "3-9"
static bool scan_range(struct str word, struct mh_range *out)
{
    struct scan in = scan_of(word);
    uint64_t first, last;

    if (!scan_u64(&in, MH_NUMBER_MAX, &first) || first == 0)
        return false;
    last = first;
    if (scan_char(&in, '-') && !scan_u64(&in, MH_NUMBER_MAX, &last))
        return false;
    *out = (struct mh_range){(uint32_t)first, (uint32_t)last};
    return scan_is_end(&in) && last >= first;
}

/// A line with those that continue it, which begin with a blank.
static bool next_entry(struct str *rest, struct str *out)
{
    const char *begin = rest->ptr;
    struct str line;

    if (!str_split(rest, '\n', &line))
        return false;
    while (rest->ptr && rest->len && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
        str_split(rest, '\n', &line);
    *out = str_of(begin, (size_t)(line.ptr + line.len - begin));
    return true;
}

static size_t count_words(struct str text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == ' ' || text.ptr[i] == '\t' || text.ptr[i] == '\n';
    return count;
}

static bool next_word(struct str *rest, struct str *out)
{
    size_t i = 0;

    while (rest->len && strchr(" \t\r\n", rest->ptr[0]) && rest->ptr[0])
        *rest = str_skip(*rest, 1);
    while (i < rest->len && !(rest->ptr[i] && strchr(" \t\r\n", rest->ptr[i])))
        i++;
    *out = str_head(*rest, i);
    *rest = str_skip(*rest, i);
    return i > 0;
}

static void parse_entry(struct str name, struct str words, struct arena *arena, size_t *left,
                        struct mh_sequences *out)
{
    size_t room = count_words(words), count = 0;
    struct mh_range *ranges;
    struct str word;

    if (room > *left)
        room = *left;
    *left -= room;
    ranges = ARENA_ARRAY(arena, struct mh_range, room + 1);
    while (count < room && next_word(&words, &word))
        count += scan_range(word, &ranges[count]);
    out->items[out->count++] =
        (struct mh_sequence){.name = name, .ranges = ranges, .count = tidy(ranges, count)};
}

void mh_sequences_parse(struct str text, struct arena *arena, struct mh_sequences *out)
{
    size_t left = MH_RANGES_MAX;
    struct str entry, name;

    out->count = 0;
    while (out->count < MH_SEQUENCES_MAX && next_entry(&text, &entry)) {
        if (str_find(entry, ':') < 0)
            continue;
        str_split(&entry, ':', &name);
        name = str_trim(name);
        if (name.len)
            parse_entry(name, entry, arena, &left, out);
    }
}

bool mh_sequence_has(const struct mh_sequence *sequence, uint32_t number)
{
    size_t low = 0, high = sequence->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sequence->ranges[middle].last < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sequence->count && sequence->ranges[low].first <= number;
}

uint32_t mh_number(struct str file)
{
    uint64_t n;

    return str_to_u64(file, MH_NUMBER_MAX, &n) ? (uint32_t)n : 0;
}
