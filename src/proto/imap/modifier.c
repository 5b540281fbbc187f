// SPDX-License-Identifier: ISC
#include "proto/imap/modifier.h"

#include "proto/imap/scan.h"

/// mod-sequence-valzer: 0 to 2^63 - 1
static bool scan_modseq(struct scan *in, uint64_t *out)
{
    struct str digits;

    return scan_while(in, char_is_digit, 19, &digits) && str_to_u64(digits, INT64_MAX, out);
}

/// Sets of known things: numbers only, as "*" means nothing to the client's memory.
static bool scan_known(struct scan *in, struct arena *arena, struct imap_sequence *out)
{
    if (!imap_scan_sequence(in, arena, out))
        return false;
    for (size_t i = 0; i < out->count; i++)
        if (out->ranges[i].first == IMAP_STAR || out->ranges[i].last == IMAP_STAR)
            return false;
    *out = imap_sequence_resolve(*out, 0, arena);
    return true;
}

static uint64_t size_of(struct imap_sequence set)
{
    uint64_t size = 0;

    for (size_t i = 0; i < set.count; i++)
        size += (uint64_t)set.ranges[i].last - set.ranges[i].first + 1;
    return size;
}

/// SP "(" known-sequence-set SP known-uid-set ")"
static bool scan_match(struct scan *in, struct arena *arena, struct imap_select_modifiers *out)
{
    return imap_scan_sp(in) && scan_char(in, '(') && scan_known(in, arena, &out->match_numbers) &&
           imap_scan_sp(in) && scan_known(in, arena, &out->match_uids) && scan_char(in, ')') &&
           size_of(out->match_numbers) == size_of(out->match_uids);
}

/// SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"
static bool scan_qresync(struct scan *in, struct arena *arena, struct imap_select_modifiers *out)
{
    struct scan at;

    if (!imap_scan_sp(in) || !scan_char(in, '(') || !imap_scan_nz_number(in, &out->uidvalidity) ||
        !imap_scan_sp(in) || !scan_modseq(in, &out->modseq) || out->modseq == 0)
        return false;
    at = *in;
    if (imap_scan_sp(&at) && scan_known(&at, arena, &out->known))
        *in = at;
    if (scan_char(in, ')'))
        return true;
    return scan_match(in, arena, out) && scan_char(in, ')');
}

bool imap_scan_select_modifiers(struct scan *in, struct arena *arena,
                                struct imap_select_modifiers *out)
{
    *out = (struct imap_select_modifiers){0};
    if (scan_is_end(in))
        return true;
    if (!imap_scan_sp(in) || !scan_char(in, '('))
        return false;
    do {
        if (!out->condstore && imap_scan_word(in, STR("CONDSTORE")))
            out->condstore = true;
        else if (!out->qresync && imap_scan_word(in, STR("QRESYNC")))
            out->qresync = true;
        else
            return false;
        if (out->qresync && out->modseq == 0 && !scan_qresync(in, arena, out))
            return false;
    } while (imap_scan_sp(in));
    return scan_char(in, ')');
}

/// SP ["-"] nz-number ":" ["-"] nz-number, both with the sign or none (RFC 9394 3.4)
static bool scan_partial(struct scan *in, struct imap_fetch_modifiers *out)
{
    uint32_t a, b;

    if (!imap_scan_sp(in))
        return false;
    out->from_end = scan_char(in, '-');
    if (!imap_scan_nz_number(in, &a) || !scan_char(in, ':') ||
        scan_char(in, '-') != out->from_end || !imap_scan_nz_number(in, &b))
        return false;
    out->partial_first = a < b ? a : b;
    out->partial_last = a < b ? b : a;
    out->has_partial = true;
    return true;
}

static bool scan_fetch_modifier(struct scan *in, struct imap_fetch_modifiers *out)
{
    if (!out->has_since && imap_scan_word(in, STR("CHANGEDSINCE"))) {
        out->has_since = true;
        return imap_scan_sp(in) && scan_modseq(in, &out->changed_since);
    }
    if (!out->has_vanished && imap_scan_word(in, STR("VANISHED"))) {
        out->has_vanished = true;
        return true;
    }
    return !out->has_partial && imap_scan_word(in, STR("PARTIAL")) && scan_partial(in, out);
}

bool imap_scan_fetch_modifiers(struct scan *in, struct imap_fetch_modifiers *out)
{
    *out = (struct imap_fetch_modifiers){0};
    if (scan_is_end(in))
        return true;
    if (!imap_scan_sp(in) || !scan_char(in, '('))
        return false;
    do {
        if (!scan_fetch_modifier(in, out))
            return false;
    } while (imap_scan_sp(in));
    return scan_char(in, ')');
}

bool imap_scan_store_modifiers(struct scan *in, uint64_t *out_unchanged_since)
{
    struct scan at = *in;
    uint64_t since;

    *out_unchanged_since = UINT64_MAX;
    if (!imap_scan_sp(&at) || !scan_char(&at, '('))
        return true; // the flags' own parentheses come later
    if (!imap_scan_word(&at, STR("UNCHANGEDSINCE")) || !imap_scan_sp(&at) ||
        !scan_modseq(&at, &since) || !scan_char(&at, ')'))
        return false;
    *in = at;
    *out_unchanged_since = since;
    return true;
}
