// SPDX-License-Identifier: ISC
#include "proto/imap/sequence.h"

#include "proto/imap/scan.h"

/// seq-number = nz-number / "*"
static bool scan_end(struct scan *in, uint32_t *out)
{
    if (scan_char(in, '*')) {
        *out = IMAP_STAR;
        return true;
    }
    return imap_scan_nz_number(in, out);
}

static bool scan_range(struct scan *in, struct imap_range *out)
{
    if (!scan_end(in, &out->first))
        return false;
    out->last = out->first;
    return !scan_char(in, ':') || scan_end(in, &out->last);
}

static bool is_set_char(char c)
{
    return char_is_digit(c) || c == ',' || c == ':' || c == '*';
}

bool imap_scan_sequence(struct scan *in, struct arena *arena, struct imap_sequence *out)
{
    struct scan at = *in;
    struct str text;
    struct imap_range *ranges;
    size_t count = 1, n = 0;

    if (!scan_while(&at, is_set_char, (size_t)(in->end - in->at), &text))
        return false;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == ',';
    at = scan_of(text);
    ranges = ARENA_ARRAY(arena, struct imap_range, count);
    do {
        if (!scan_range(&at, &ranges[n++]))
            return false;
    } while (scan_char(&at, ','));
    if (!scan_is_end(&at))
        return false;
    in->at = at.end;
    *out = (struct imap_sequence){ranges, n};
    return true;
}

static int by_first(const void *a, const void *b)
{
    const struct imap_range *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

struct imap_sequence imap_sequence_resolve(struct imap_sequence set, uint32_t star,
                                           struct arena *arena)
{
    struct imap_range *out = ARENA_ARRAY(arena, struct imap_range, set.count ? set.count : 1);
    size_t count = 0, kept = 0;

    for (size_t i = 0; i < set.count; i++) {
        uint32_t a = set.ranges[i].first == IMAP_STAR ? star : set.ranges[i].first;
        uint32_t b = set.ranges[i].last == IMAP_STAR ? star : set.ranges[i].last;

        if (a == 0 || b == 0)
            continue;
        out[count++] = a <= b ? (struct imap_range){a, b} : (struct imap_range){b, a};
    }
    qsort(out, count, sizeof(*out), by_first);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && out[i].first <= (uint64_t)out[kept - 1].last + 1) {
            if (out[i].last > out[kept - 1].last)
                out[kept - 1].last = out[i].last;
        } else {
            out[kept++] = out[i];
        }
    }
    return (struct imap_sequence){out, kept};
}

bool imap_sequence_has(struct imap_sequence resolved, uint32_t number)
{
    size_t low = 0, high = resolved.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (resolved.ranges[middle].last < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < resolved.count && resolved.ranges[low].first <= number;
}

static void put_range(struct imap_set_putter *set)
{
    if (set->has_some)
        buf_put_char(set->out, ',');
    set->has_some = true;
    buf_put_u64(set->out, set->first);
    if (set->last != set->first) {
        buf_put_char(set->out, ':');
        buf_put_u64(set->out, set->last);
    }
}

void imap_set_put_range(struct imap_set_putter *set, uint32_t first, uint32_t last)
{
    if (set->first != 0 && first == set->last + 1) {
        set->last = last;
        return;
    }
    if (set->first != 0)
        put_range(set);
    set->first = first;
    set->last = last;
}

void imap_set_put(struct imap_set_putter *set, uint32_t number)
{
    imap_set_put_range(set, number, number);
}

void imap_set_end(struct imap_set_putter *set)
{
    if (set->first != 0)
        put_range(set);
    set->first = set->last = 0;
}
