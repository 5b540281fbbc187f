// SPDX-License-Identifier: ISC
//
// The keys as a table: what each asks, and what stands behind its name.
#include "proto/imap/search_key.h"

#include "mail/date.h"
#include "proto/imap/flag.h"
#include "proto/imap/scan.h"

enum argument {
    NONE,
    TEXT,
    DAY,
    SIZE,
    SECONDS,
    KEYWORD,
    HEADER,
    UIDS,
    FIELD,
    MODSEQ,
    AFTER,
    BEFORE
};

static const struct key {
    struct str name;
    enum imap_search_op op;
    enum argument argument;
    unsigned set, unset; // of IMAP_SEARCH_FLAG
    bool is_not;
} keys[] = {
    // clang-format off
    {STR("ALL"),               IMAP_SEARCH_ALL,          NONE,    0, 0, false},
    {STR("ANSWERED"),          IMAP_SEARCH_FLAG,         NONE,    IMAP_ANSWERED, 0, false},
    {STR("BCC"),               IMAP_SEARCH_HEADER,       FIELD,   0, 0, false},
    {STR("BEFORE"),            IMAP_SEARCH_BEFORE,       DAY,     0, 0, false},
    {STR("BODY"),              IMAP_SEARCH_BODY,         TEXT,    0, 0, false},
    {STR("CC"),                IMAP_SEARCH_HEADER,       FIELD,   0, 0, false},
    {STR("DELETED"),           IMAP_SEARCH_FLAG,         NONE,    IMAP_DELETED, 0, false},
    {STR("DRAFT"),             IMAP_SEARCH_FLAG,         NONE,    IMAP_DRAFT, 0, false},
    {STR("EMAILID"),           IMAP_SEARCH_EMAILID,      KEYWORD, 0, 0, false},
    {STR("FLAGGED"),           IMAP_SEARCH_FLAG,         NONE,    IMAP_FLAGGED, 0, false},
    {STR("FROM"),              IMAP_SEARCH_HEADER,       FIELD,   0, 0, false},
    {STR("HEADER"),            IMAP_SEARCH_HEADER,       HEADER,  0, 0, false},
    {STR("KEYWORD"),           IMAP_SEARCH_KEYWORD,      KEYWORD, 0, 0, false},
    {STR("LARGER"),            IMAP_SEARCH_LARGER,       SIZE,    0, 0, false},
    {STR("MODSEQ"),            IMAP_SEARCH_MODSEQ,       MODSEQ,  0, 0, false},
    {STR("NEW"),               IMAP_SEARCH_FLAG,         NONE,    IMAP_RECENT, IMAP_SEEN, false},
    {STR("OLD"),               IMAP_SEARCH_FLAG,         NONE,    0, IMAP_RECENT, false},
    {STR("OLDER"),             IMAP_SEARCH_OLDER,        SECONDS, 0, 0, false},
    {STR("ON"),                IMAP_SEARCH_ON,           DAY,     0, 0, false},
    {STR("RECENT"),            IMAP_SEARCH_FLAG,         NONE,    IMAP_RECENT, 0, false},
    {STR("SAVEDATESUPPORTED"), IMAP_SEARCH_ALL,          NONE,    0, 0, false},
    {STR("SAVEDBEFORE"),       IMAP_SEARCH_SAVED_BEFORE, DAY,     0, 0, false},
    {STR("SAVEDON"),           IMAP_SEARCH_SAVED_ON,     DAY,     0, 0, false},
    {STR("SAVEDSINCE"),        IMAP_SEARCH_SAVED_SINCE,  DAY,     0, 0, false},
    {STR("SEEN"),              IMAP_SEARCH_FLAG,         NONE,    IMAP_SEEN, 0, false},
    {STR("SENTBEFORE"),        IMAP_SEARCH_SENT_BEFORE,  DAY,     0, 0, false},
    {STR("SENTON"),            IMAP_SEARCH_SENT_ON,      DAY,     0, 0, false},
    {STR("SENTSINCE"),         IMAP_SEARCH_SENT_SINCE,   DAY,     0, 0, false},
    {STR("SINCE"),             IMAP_SEARCH_SINCE,        DAY,     0, 0, false},
    {STR("SMALLER"),           IMAP_SEARCH_SMALLER,      SIZE,    0, 0, false},
    {STR("SUBJECT"),           IMAP_SEARCH_HEADER,       FIELD,   0, 0, false},
    {STR("TEXT"),              IMAP_SEARCH_TEXT,         TEXT,    0, 0, false},
    {STR("THREADID"),          IMAP_SEARCH_THREADID,     KEYWORD, 0, 0, false},
    {STR("TO"),                IMAP_SEARCH_HEADER,       FIELD,   0, 0, false},
    {STR("UID"),               IMAP_SEARCH_UIDS,         UIDS,    0, 0, false},
    {STR("UIDAFTER"),          IMAP_SEARCH_UIDS,         AFTER,   0, 0, false},
    {STR("UIDBEFORE"),         IMAP_SEARCH_UIDS,         BEFORE,  0, 0, false},
    {STR("UNANSWERED"),        IMAP_SEARCH_FLAG,         NONE,    0, IMAP_ANSWERED, false},
    {STR("UNDELETED"),         IMAP_SEARCH_FLAG,         NONE,    0, IMAP_DELETED, false},
    {STR("UNDRAFT"),           IMAP_SEARCH_FLAG,         NONE,    0, IMAP_DRAFT, false},
    {STR("UNFLAGGED"),         IMAP_SEARCH_FLAG,         NONE,    0, IMAP_FLAGGED, false},
    {STR("UNKEYWORD"),         IMAP_SEARCH_KEYWORD,      KEYWORD, 0, 0, true},
    {STR("UNSEEN"),            IMAP_SEARCH_FLAG,         NONE,    0, IMAP_SEEN, false},
    {STR("YOUNGER"),           IMAP_SEARCH_YOUNGER,      SECONDS, 0, 0, false},
    // clang-format on
};
enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]) };

/// date = date-text / `"` date-text `"`
static bool scan_day(struct scan *in, struct arena *arena, int64_t *out)
{
    struct str text;

    return imap_scan_astring(in, arena, &text) && date_parse_imap_day(text, out);
}

/// RFC 7162 3.1.5: [SP entry-name SP entry-type-req] SP mod-sequence-valzer, behind the first SP.
/// Which flag changed last is not kept: an entry's name narrows nothing.
static bool scan_modseq(struct scan *in, struct arena *arena, uint64_t *out)
{
    struct str entry;

    if (scan_peek(in) == '"' &&
        (!imap_scan_string(in, arena, &entry) || !str_case_starts(entry, STR("/flags/")) ||
         !imap_scan_sp(in) ||
         (!imap_scan_word(in, STR("ALL")) && !imap_scan_word(in, STR("PRIV")) &&
          !imap_scan_word(in, STR("SHARED"))) ||
         !imap_scan_sp(in)))
        return false;
    return scan_u64(in, INT64_MAX, out);
}

/// RFC 9738 3.2: uniqueid; the uids above or below it, without itself. No "*" in it, which would
/// always mean somebody.
static bool scan_uids_beside(struct scan *in, struct arena *arena, bool is_after,
                             struct imap_sequence *out)
{
    struct imap_range *range = ARENA_ARRAY(arena, struct imap_range, 1);
    uint32_t uid;

    if (!imap_scan_nz_number(in, &uid))
        return false;
    if (is_after && uid < UINT32_MAX)
        *range = (struct imap_range){uid + 1, UINT32_MAX};
    else if (!is_after && uid > 1)
        *range = (struct imap_range){1, uid - 1};
    else
        *range = (struct imap_range){0};
    *out = (struct imap_sequence){range, range->first > 0};
    return true;
}

static bool scan_argument(struct scan *in, struct arena *arena, const struct key *key,
                          struct imap_search_node *node)
{
    if (key->argument != NONE && !imap_scan_sp(in))
        return false;
    switch (key->argument) {
    case NONE:
        node->set = key->set;
        node->unset = key->unset;
        return true;
    case KEYWORD:
        return imap_scan_atom(in, &node->name);
    case DAY:
        return scan_day(in, arena, &node->day);
    case SIZE:
        return scan_u64(in, INT64_MAX, &node->size);
    case SECONDS:
        return imap_scan_nz_number(in, &node->seconds);
    case MODSEQ:
        return scan_modseq(in, arena, &node->modseq);
    case UIDS:
        if (scan_char(in, '$')) {
            node->op = IMAP_SEARCH_RESULT;
            return true;
        }
        return imap_scan_sequence(in, arena, &node->numbers);
    case AFTER:
    case BEFORE:
        return scan_uids_beside(in, arena, key->argument == AFTER, &node->numbers);
    case HEADER:
        if (!imap_scan_astring(in, arena, &node->name) || !imap_scan_sp(in))
            return false;
        break;
    case FIELD:
        node->name = key->name;
        break;
    case TEXT:
        break;
    }
    return imap_scan_astring(in, arena, &node->text);
}

bool imap_search_scan_key(struct scan *in, struct arena *arena, struct imap_search_node *out,
                          bool *out_is_not)
{
    struct imap_search_node node = {0};
    struct str word;
    size_t i = 0;

    if (char_is_digit((char)scan_peek(in)) || scan_peek(in) == '*') {
        *out = (struct imap_search_node){.op = IMAP_SEARCH_NUMBERS};
        return imap_scan_sequence(in, arena, &out->numbers);
    }
    if (!imap_scan_atom(in, &word))
        return false;
    if (str_eq(word, STR("$"))) {
        *out = (struct imap_search_node){.op = IMAP_SEARCH_RESULT};
        return true;
    }
    while (i < KEY_COUNT && !str_case_eq(keys[i].name, word))
        i++;
    if (i == KEY_COUNT)
        return false;
    node.op = keys[i].op;
    if (!scan_argument(in, arena, &keys[i], &node))
        return false;
    *out = node;
    *out_is_not = keys[i].is_not;
    return true;
}
