// SPDX-License-Identifier: ISC
#include "proto/imap/list.h"

#include "proto/imap/metadata.h"
#include "proto/imap/scan.h"

struct word_bit {
    struct str word;
    unsigned bit;
};

static const struct word_bit status_words[] = {
    {STR("MESSAGES"), IMAP_STATUS_MESSAGES},
    {STR("RECENT"), IMAP_STATUS_RECENT},
    {STR("UIDNEXT"), IMAP_STATUS_UIDNEXT},
    {STR("UIDVALIDITY"), IMAP_STATUS_UIDVALIDITY},
    {STR("UNSEEN"), IMAP_STATUS_UNSEEN},
    {STR("DELETED"), IMAP_STATUS_DELETED},
    {STR("SIZE"), IMAP_STATUS_SIZE},
    {STR("HIGHESTMODSEQ"), IMAP_STATUS_HIGHESTMODSEQ},
    {STR("MAILBOXID"), IMAP_STATUS_MAILBOXID},
    {STR("APPENDLIMIT"), IMAP_STATUS_APPENDLIMIT},
    {STR("DELETED-STORAGE"), IMAP_STATUS_DELETED_STORAGE},
    {STR_NONE, 0},
};

static const struct word_bit select_words[] = {
    {STR("SUBSCRIBED"), IMAP_LIST_SUBSCRIBED},
    {STR("REMOTE"), IMAP_LIST_REMOTE},
    {STR("RECURSIVEMATCH"), IMAP_LIST_RECURSIVE_MATCH},
    {STR("SPECIAL-USE"), IMAP_LIST_SPECIAL_USE},
    {STR_NONE, 0},
};

static const struct word_bit return_words[] = {
    {STR("SUBSCRIBED"), IMAP_LIST_SUBSCRIBED},
    {STR("CHILDREN"), IMAP_LIST_CHILDREN},
    {STR("SPECIAL-USE"), IMAP_LIST_SPECIAL_USE},
    {STR("STATUS"), IMAP_LIST_STATUS},
    {STR("METADATA"), IMAP_LIST_METADATA},
    {STR("MYRIGHTS"), IMAP_LIST_MYRIGHTS},
    {STR_NONE, 0},
};

static bool scan_bit(struct scan *in, const struct word_bit *words, unsigned *out)
{
    for (; words->word.ptr; words++) {
        if (imap_scan_word(in, words->word)) {
            *out = words->bit;
            return true;
        }
    }
    return false;
}

bool imap_scan_status_items(struct scan *in, unsigned *out)
{
    struct scan at = *in;
    unsigned items = 0, bit;

    if (!scan_char(&at, '('))
        return false;
    do {
        if (!scan_bit(&at, status_words, &bit))
            return false;
        items |= bit;
    } while (imap_scan_sp(&at));
    if (!scan_char(&at, ')'))
        return false;
    *in = at;
    *out = items;
    return true;
}

/// What stands behind the word of some options.
static bool scan_details(struct scan *in, struct arena *arena, unsigned option,
                         struct imap_list *list)
{
    if (option == IMAP_LIST_STATUS)
        return imap_scan_sp(in) && imap_scan_status_items(in, &list->status_items);
    if (option == IMAP_LIST_METADATA)
        return imap_scan_sp(in) && imap_scan_entries(in, arena, &list->entries, &list->entry_count);
    return true;
}

/// "(" [option *(SP option)] ")"
static bool scan_options(struct scan *in, struct arena *arena, const struct word_bit *words,
                         struct imap_list *list, unsigned *out)
{
    unsigned bit;

    if (!scan_char(in, '('))
        return false;
    if (scan_char(in, ')'))
        return true;
    do {
        if (!scan_bit(in, words, &bit))
            return false;
        *out |= bit;
        if (!scan_details(in, arena, bit, list))
            return false;
    } while (imap_scan_sp(in));
    return scan_char(in, ')');
}

/// mbox-or-pat = list-mailbox / "(" list-mailbox *(SP list-mailbox) ")"
static bool scan_patterns(struct scan *in, struct arena *arena, struct imap_list *out)
{
    out->patterns = ARENA_ARRAY(arena, struct str, IMAP_LIST_PATTERNS_MAX);
    if (!scan_char(in, '(')) {
        out->pattern_count = 1;
        return imap_scan_pattern(in, arena, &out->patterns[0]);
    }
    out->is_extended = true;
    do {
        if (out->pattern_count == IMAP_LIST_PATTERNS_MAX ||
            !imap_scan_pattern(in, arena, &out->patterns[out->pattern_count++]))
            return false;
    } while (imap_scan_sp(in));
    return scan_char(in, ')');
}

/// RFC 5258 3.1: RECURSIVEMATCH asks for something to match recursively.
static bool makes_sense(const struct imap_list *list)
{
    return !(list->selects & IMAP_LIST_RECURSIVE_MATCH) ||
           (list->selects & (IMAP_LIST_SUBSCRIBED | IMAP_LIST_SPECIAL_USE));
}

bool imap_list_parse(struct scan *in, struct arena *arena, struct imap_list *out)
{
    struct imap_list list = {0};

    if (!imap_scan_sp(in))
        return false;
    if (scan_peek(in) == '(') {
        list.is_extended = true;
        if (!scan_options(in, arena, select_words, &list, &list.selects) || !imap_scan_sp(in))
            return false;
    }
    if (!imap_scan_astring(in, arena, &list.reference) || !imap_scan_sp(in) ||
        !scan_patterns(in, arena, &list))
        return false;
    if (scan_case_word(in, STR(" RETURN "))) {
        list.is_extended = true;
        if (!scan_options(in, arena, return_words, &list, &list.returns))
            return false;
    }
    if (!scan_is_end(in) || !makes_sense(&list))
        return false;
    *out = list;
    return true;
}

bool imap_lsub_parse(struct scan *in, struct arena *arena, struct imap_list *out)
{
    struct imap_list list = {.patterns = ARENA_NEW(arena, struct str), .pattern_count = 1};

    if (!imap_scan_sp(in) || !imap_scan_astring(in, arena, &list.reference) || !imap_scan_sp(in) ||
        !imap_scan_pattern(in, arena, &list.patterns[0]) || !scan_is_end(in))
        return false;
    *out = list;
    return true;
}
