// SPDX-License-Identifier: ISC
#include "serve/imap/search_judge.h"

#include "base/check.h"
#include "mail/charset.h"
#include "mail/date.h"
#include "mail/header.h"
#include "serve/imap/message.h"
#include "serve/imap/objectid.h"
#include "serve/imap/saved.h"

#include <errno.h>

enum { HEADER_MAX = 1 << 20 }; // bytes of a header that are looked at

static enum imap_price price_of(enum imap_search_op op)
{
    switch (op) {
    case IMAP_SEARCH_AND:
    case IMAP_SEARCH_OR:
    case IMAP_SEARCH_NOT:
        return IMAP_OPERATOR;
    case IMAP_SEARCH_BEFORE:
    case IMAP_SEARCH_ON:
    case IMAP_SEARCH_SINCE:
    case IMAP_SEARCH_SAVED_BEFORE:
    case IMAP_SEARCH_SAVED_ON:
    case IMAP_SEARCH_SAVED_SINCE:
    case IMAP_SEARCH_OLDER:
    case IMAP_SEARCH_YOUNGER:
    case IMAP_SEARCH_LARGER:
    case IMAP_SEARCH_SMALLER:
    case IMAP_SEARCH_EMAILID:
        return IMAP_ENTRY;
    case IMAP_SEARCH_SENT_BEFORE:
    case IMAP_SEARCH_SENT_ON:
    case IMAP_SEARCH_SENT_SINCE:
    case IMAP_SEARCH_THREADID:
        return IMAP_SUMMARY;
    case IMAP_SEARCH_HEADER:
        return IMAP_HEADER;
    case IMAP_SEARCH_BODY:
    case IMAP_SEARCH_TEXT:
        return IMAP_WHOLE;
    default:
        return IMAP_FREE;
    }
}

// ---- what the program needs once

static void sort_by_price(struct imap_judge *j, struct arena *arena)
{
    for (int price = 0; price < IMAP_PRICES; price++)
        j->of_price[price] = ARENA_ARRAY(arena, uint32_t, j->what->count);
    for (uint32_t i = 0; i < j->what->count; i++) {
        enum imap_price price = price_of(j->what->nodes[i].op);

        j->of_price[price][j->price_count[price]++] = i;
    }
}

static void prepare_node(struct imap_judge *j, uint32_t i, struct arena *arena)
{
    const struct imap_search_node *node = &j->what->nodes[i];

    switch (node->op) {
    case IMAP_SEARCH_NUMBERS:
        j->sets[i] = imap_sequence_resolve(node->numbers, (uint32_t)j->view->count, arena);
        break;
    case IMAP_SEARCH_UIDS:
        j->sets[i] = imap_sequence_resolve(node->numbers, imap_view_last_uid(j->view), arena);
        break;
    case IMAP_SEARCH_RESULT:
        j->sets[i] = imap_saved_uids(j->s);
        break;
    case IMAP_SEARCH_KEYWORD:
        (void)imap_view_keyword_bits(j->view, &node->name, 1, &j->keywords[i]);
        break;
    case IMAP_SEARCH_EMAILID:
        (void)imap_parse_emailid(node->name, &j->message_ids[i]);
        break;
    default:
        break;
    }
}

/// A set that every match must be in spares all messages before and behind it.
static void narrow(struct imap_judge *j, uint32_t node)
{
    struct imap_sequence set = j->sets[node];
    uint32_t first, end;

    if (set.count == 0) {
        j->end = j->first;
        return;
    }
    first = set.ranges[0].first;
    end = set.ranges[set.count - 1].last;
    if (j->what->nodes[node].op == IMAP_SEARCH_NUMBERS) {
        first--;
    } else {
        first = (uint32_t)imap_view_index(j->view, first);
        end = end == UINT32_MAX ? (uint32_t)j->view->count
                                : (uint32_t)imap_view_index(j->view, end + 1);
    }
    j->first = first > j->first ? first : j->first;
    j->end = end < j->end ? end : j->end;
}

/// From the last node down: what stands below ANDs only must hold in each match.
static void find_bounds(struct imap_judge *j)
{
    const struct imap_search *what = j->what;

    memset(j->values, 0, what->count);
    j->values[what->count - 1] = 1;
    for (size_t i = what->count; i-- > 0;) {
        enum imap_search_op op = what->nodes[i].op;

        if (!j->values[i])
            continue;
        if (op == IMAP_SEARCH_AND)
            j->values[what->nodes[i].left] = j->values[what->nodes[i].right] = 1;
        else if (op == IMAP_SEARCH_NUMBERS || op == IMAP_SEARCH_UIDS || op == IMAP_SEARCH_RESULT)
            narrow(j, (uint32_t)i);
    }
}

bool imap_search_has_numbers(const struct imap_search *what)
{
    for (size_t i = 0; i < what->count; i++)
        if (what->nodes[i].op == IMAP_SEARCH_NUMBERS)
            return true;
    return false;
}

int imap_judge_init(struct imap_judge *j, struct imap_session *s, const struct imap_view *view,
                    struct arena *arena, const struct imap_search *what)
{
    size_t count = what->count;

    *j = (struct imap_judge){.s = s, .view = view, .what = what};
    if (what->charset.ptr && !charset_is_known(what->charset))
        return IMAP_JUDGE_CHARSET;
    if ((s->enabled & IMAP_UIDONLY) && imap_search_has_numbers(what))
        return IMAP_JUDGE_NUMBERS;
    j->now_s = rt_wall_s();
    j->end = (uint32_t)view->count;
    j->values = ARENA_ARRAY(arena, unsigned char, count);
    j->results = ARENA_ARRAY(arena, unsigned char, IMAP_JUDGE_BATCH_MAX);
    j->entries = ARENA_ARRAY(arena, const struct store_entry *, IMAP_JUDGE_BATCH_MAX);
    j->seed[0] = rt_random();
    j->seed[1] = rt_random();
    j->sets = ARENA_ARRAY(arena, struct imap_sequence, count);
    j->keywords = ARENA_ARRAY(arena, uint64_t, count);
    j->message_ids = ARENA_ARRAY(arena, uint64_t, count);
    sort_by_price(j, arena);
    for (uint32_t i = 0; i < count; i++)
        prepare_node(j, i, arena);
    find_bounds(j);
    return imap_text_keys_init(&j->texts, what, j->values, arena) ? 0 : IMAP_JUDGE_LIMIT;
}

void imap_judge_done(struct imap_judge *j)
{
    imap_ahead_free(j->ahead);
    imap_text_keys_done(&j->texts);
}

bool imap_judge_limit(struct imap_judge *j)
{
    if (j->end <= j->first || !imap_is_over_limit(j->s, j->end - j->first))
        return true;
    j->first = j->end - (uint32_t)j->s->config.message_limit;
    return false;
}

int imap_refuse_search(struct imap_session *s, struct imap_call *c, int answer)
{
    switch (answer) {
    case IMAP_JUDGE_CHARSET:
        return imap_no(s, c, "[BADCHARSET (UTF-8 US-ASCII)] That charset is unknown here");
    case IMAP_JUDGE_NUMBERS:
        return imap_bad(s, c, "[UIDREQUIRED] You asked for UIDs only");
    case IMAP_JUDGE_OVER_LIMIT:
        return imap_no_over_limit(s, c);
    default:
        return imap_no(s, c, "[LIMIT] Nobody looks for so long a text");
    }
}

// ---- keys

static bool compare_day(enum imap_search_op op, int64_t day, int64_t with)
{
    switch (op) {
    case IMAP_SEARCH_BEFORE:
    case IMAP_SEARCH_SENT_BEFORE:
    case IMAP_SEARCH_SAVED_BEFORE:
        return day < with;
    case IMAP_SEARCH_ON:
    case IMAP_SEARCH_SENT_ON:
    case IMAP_SEARCH_SAVED_ON:
        return day == with;
    default:
        return day >= with;
    }
}

static bool is_free_key(const struct imap_judge *j, uint32_t i, uint32_t index,
                        const struct imap_view_entry *entry)
{
    const struct imap_search_node *node = &j->what->nodes[i];

    switch (node->op) {
    case IMAP_SEARCH_FLAG:
        return (entry->flags & node->set) == node->set && !(entry->flags & node->unset);
    case IMAP_SEARCH_KEYWORD:
        return (entry->keywords & j->keywords[i]) != 0;
    case IMAP_SEARCH_NUMBERS:
        return imap_sequence_has(j->sets[i], index + 1);
    case IMAP_SEARCH_UIDS:
    case IMAP_SEARCH_RESULT:
        return imap_sequence_has(j->sets[i], entry->uid);
    case IMAP_SEARCH_MODSEQ:
        return entry->modseq >= node->modseq;
    default:
        return true; // ALL
    }
}

static bool is_entry_key(const struct imap_judge *j, uint32_t i, const struct store_entry *entry)
{
    const struct imap_search_node *node = &j->what->nodes[i];
    struct date came = {entry->internal_date, entry->zone_minutes, false};
    struct date saved = {entry->save_date, entry->zone_minutes, false};

    switch (node->op) {
    case IMAP_SEARCH_LARGER:
        return entry->body.size > node->size;
    case IMAP_SEARCH_SMALLER:
        return entry->body.size < node->size;
    case IMAP_SEARCH_OLDER:
        return entry->internal_date <= j->now_s - node->seconds;
    case IMAP_SEARCH_YOUNGER:
        return entry->internal_date >= j->now_s - node->seconds;
    case IMAP_SEARCH_EMAILID:
        return entry->body.message_id == j->message_ids[i];
    case IMAP_SEARCH_SAVED_BEFORE:
    case IMAP_SEARCH_SAVED_ON:
    case IMAP_SEARCH_SAVED_SINCE:
        return compare_day(node->op, date_day(saved), node->day);
    default:
        return compare_day(node->op, date_day(came), node->day);
    }
}

static bool is_words_key(const struct imap_judge *j, uint32_t i, const struct store_entry *entry,
                         const struct imap_judge_words *words)
{
    const struct imap_search_node *node = &j->what->nodes[i];
    struct date came = {entry->internal_date, entry->zone_minutes, false};

    if (node->op == IMAP_SEARCH_THREADID)
        return words->thread == str_hash(node->name, j->seed);
    // RFC 3501 6.4.4: disregarding time and time zone. Without a date the mail was sent when it
    // came
    return compare_day(node->op, words->has_date ? words->sent_day : date_day(came), node->day);
}

// ---- the program

/// Works the operators out; the last node's value is the result.
static unsigned char result(struct imap_judge *j)
{
    unsigned char *v = j->values;

    for (size_t k = 0; k < j->price_count[IMAP_OPERATOR]; k++) {
        uint32_t i = j->of_price[IMAP_OPERATOR][k];
        const struct imap_search_node *node = &j->what->nodes[i];
        unsigned char a = v[node->left], b = v[node->right];

        if (node->op == IMAP_SEARCH_AND)
            v[i] = a == IMAP_NO || b == IMAP_NO     ? IMAP_NO
                   : a == IMAP_YES && b == IMAP_YES ? IMAP_YES
                                                    : IMAP_UNKNOWN;
        else if (node->op == IMAP_SEARCH_OR)
            v[i] = a == IMAP_YES || b == IMAP_YES ? IMAP_YES
                   : a == IMAP_NO && b == IMAP_NO ? IMAP_NO
                                                  : IMAP_UNKNOWN;
        else
            v[i] = a == IMAP_UNKNOWN ? IMAP_UNKNOWN : a == IMAP_YES ? IMAP_NO : IMAP_YES;
    }
    return v[j->what->count - 1];
}

unsigned char imap_judge_free(struct imap_judge *j, uint32_t index)
{
    struct imap_view_entry entry = imap_view_at(j->view, index);

    memset(j->values, IMAP_UNKNOWN, j->what->count);
    for (size_t k = 0; k < j->price_count[IMAP_FREE]; k++) {
        uint32_t i = j->of_price[IMAP_FREE][k];

        j->values[i] = is_free_key(j, i, index, &entry) ? IMAP_YES : IMAP_NO;
    }
    return result(j);
}

unsigned char imap_judge_entry(struct imap_judge *j, uint32_t index,
                               const struct store_entry *entry)
{
    (void)imap_judge_free(j, index);
    for (size_t k = 0; k < j->price_count[IMAP_ENTRY]; k++) {
        uint32_t i = j->of_price[IMAP_ENTRY][k];

        j->values[i] = is_entry_key(j, i, entry) ? IMAP_YES : IMAP_NO;
    }
    imap_text_keys_known(&j->texts, entry->uid, entry->body.message_id);
    return result(j);
}

static unsigned char judge_words(struct imap_judge *j, uint32_t index,
                                 const struct store_entry *entry,
                                 const struct imap_judge_words *words)
{
    (void)imap_judge_entry(j, index, entry);
    for (size_t k = 0; words && k < j->price_count[IMAP_SUMMARY]; k++) {
        uint32_t i = j->of_price[IMAP_SUMMARY][k];

        j->values[i] = is_words_key(j, i, entry, words) ? IMAP_YES : IMAP_NO;
    }
    return result(j);
}

/// [await] HEADER keys.
static int judge_header(struct imap_judge *j, struct imap_message *m)
{
    struct str header;
    int r = imap_message_header(m, &header);

    if (r == 0)
        r = imap_text_keys_header(&j->texts, j->s, str_head(header, HEADER_MAX));
    return r < 0 ? r : result(j);
}

int imap_judge_message(struct imap_judge *j, uint32_t index, const struct store_entry *entry,
                       const struct imap_judge_words *words, struct imap_message *m)
{
    int value = judge_words(j, index, entry, words);

    if (value == IMAP_UNKNOWN && j->price_count[IMAP_HEADER] > 0)
        value = judge_header(j, m);
    if (value != IMAP_UNKNOWN)
        return value;
    value = imap_text_keys_whole(&j->texts, j->s, m);
    return value < 0 ? value : result(j);
}
