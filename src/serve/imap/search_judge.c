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

enum {
    BATCH = 256,          // messages whose entries are read at once when bodies may be read
    BATCH_MAX = 4096,     // when entries are enough
    HEADER_MAX = 1 << 20, // bytes of a header that are looked at
    WORK_MAX = 4096,      // keys worked out between two looks at the clock
    TELL_US = 10000000,   // RFC 9585 4: not more often than every ten seconds
};

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
    j->told_us = rt_now_us();
    j->end = (uint32_t)view->count;
    j->values = ARENA_ARRAY(arena, unsigned char, count);
    j->results = ARENA_ARRAY(arena, unsigned char, BATCH_MAX);
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
    imap_text_keys_done(&j->texts);
}

int imap_refuse_search(struct imap_session *s, struct imap_call *c, int answer)
{
    switch (answer) {
    case IMAP_JUDGE_CHARSET:
        return imap_no(s, c, "[BADCHARSET (UTF-8 US-ASCII)] That charset is unknown here");
    case IMAP_JUDGE_NUMBERS:
        return imap_bad(s, c, "[UIDREQUIRED] You asked for UIDs only");
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
    case IMAP_SEARCH_THREADID:
        return false; // threads have no ids here: FETCH tells NIL
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

/// RFC 3501 6.4.4: the Date field, disregarding time and time zone. Without one the mail was sent
/// when it came.
static bool is_sent_key(const struct imap_search_node *node, struct str header,
                        const struct store_entry *entry)
{
    struct date date = {entry->internal_date, entry->zone_minutes, false};
    struct header_field field;

    if (header_find(header, STR("Date"), &field))
        (void)date_parse(field.value, &date);
    return compare_day(node->op, date_day(date), node->day);
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

static unsigned char judge_free(struct imap_judge *j, uint32_t index)
{
    struct imap_view_entry entry = imap_view_at(j->view, index);

    memset(j->values, IMAP_UNKNOWN, j->what->count);
    for (size_t k = 0; k < j->price_count[IMAP_FREE]; k++) {
        uint32_t i = j->of_price[IMAP_FREE][k];

        j->values[i] = is_free_key(j, i, index, &entry) ? IMAP_YES : IMAP_NO;
    }
    return result(j);
}

static unsigned char judge_entry(struct imap_judge *j, const struct store_entry *entry)
{
    for (size_t k = 0; k < j->price_count[IMAP_ENTRY]; k++) {
        uint32_t i = j->of_price[IMAP_ENTRY][k];

        j->values[i] = is_entry_key(j, i, entry) ? IMAP_YES : IMAP_NO;
    }
    return result(j);
}

/// [await] SENT* and HEADER keys.
static int judge_header(struct imap_judge *j, const struct store_entry *entry,
                        struct imap_message *m)
{
    struct str header;
    int r = imap_message_header(m, &header);

    if (r < 0)
        return r;
    header = str_head(header, HEADER_MAX);
    for (size_t k = 0; k < j->price_count[IMAP_HEADER]; k++) {
        uint32_t i = j->of_price[IMAP_HEADER][k];

        if (j->what->nodes[i].op != IMAP_SEARCH_HEADER)
            j->values[i] = is_sent_key(&j->what->nodes[i], header, entry) ? IMAP_YES : IMAP_NO;
    }
    r = imap_text_keys_header(&j->texts, j->s, header);
    return r < 0 ? r : result(j);
}

int imap_judge_tell(struct imap_judge *j, size_t at)
{
    struct buf *out;

    rt_conn_set_command_ms(j->s->conn, (uint32_t)j->s->config.stall); // work is no silence
    if (!j->c || rt_now_us() - j->told_us < TELL_US)
        return 0;
    j->told_us = rt_now_us();
    out = j->c->out;
    buf_put(out, STR("* OK [INPROGRESS (\""));
    buf_put(out, j->c->tag);
    buf_putf(out, "\" %zu %zu)] Searching\r\n", at, j->view->count);
    return imap_put_out(j->s, j->c, true);
}

/// [await] The result once more is paid. UNKNOWN never; -errno.
static int judge_message(struct imap_judge *j, const struct store_entry *entry,
                         struct imap_message *m)
{
    int value;

    if (j->price_count[IMAP_HEADER] > 0) {
        value = judge_header(j, entry, m);
        if (value != IMAP_UNKNOWN)
            return value;
    }
    value = imap_text_keys_whole(&j->texts, j->s, m);
    return value < 0 ? value : result(j);
}

static int judge(struct imap_judge *j, uint32_t index, const struct store_entry *entry)
{
    struct imap_message message;
    int r;

    (void)judge_free(j, index);
    r = judge_entry(j, entry);
    if (r != IMAP_UNKNOWN)
        return r;
    r = imap_text_keys_ask(&j->texts, j->s, j->view->mailbox_id);
    if (r < 0)
        return r;
    imap_text_keys_known(&j->texts, entry->uid, entry->body.message_id);
    r = result(j);
    if (r != IMAP_UNKNOWN)
        return r;
    r = imap_judge_tell(j, index);
    if (r < 0)
        return r;
    imap_message_init(&message, imap_store(j->s), &entry->body);
    r = judge_message(j, entry, &message);
    imap_message_done(&message);
    return r == -EBADMSG || r == -ENOENT ? IMAP_NO : r; // a damaged message ends no search
}

// ---- many messages

/// What the view alone tells of [first, last], into results. *out_unknown: it was not enough.
static int judge_batch_free(struct imap_judge *j, uint32_t first, uint32_t last, bool *out_unknown)
{
    size_t work = 0;

    for (uint32_t n = first; n <= last; n++) {
        unsigned char value = judge_free(j, n);

        j->results[n - first] = value;
        *out_unknown |= value == IMAP_UNKNOWN;
        work += j->what->count; // a program may have thousands of keys
        if (work > WORK_MAX) {
            int r = rt_breathe();

            if (r < 0)
                return r;
            work = 0;
        }
    }
    return 0;
}

/// The entry of that uid; items before it are of no use any more when uids ascend.
static const struct store_entry *find_entry(const struct store_entries *entries, uint32_t uid)
{
    size_t low = 0, high = entries->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (entries->items[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < entries->count && entries->items[low].uid == uid ? &entries->items[low] : NULL;
}

static int settle(struct imap_judge *j, uint32_t index, uint32_t first,
                  const struct store_entries *entries)
{
    int value = j->results[index - first];
    const struct store_entry *entry;

    if (value != IMAP_UNKNOWN)
        return value;
    entry = find_entry(entries, imap_view_uid(j->view, index));
    if (entry)
        return judge(j, index, entry);
    j->missing++;
    return IMAP_NO;
}

/// Messages [first, last]: those that the view alone cannot decide are read from the store.
static int judge_batch(struct imap_judge *j, uint32_t first, uint32_t last, bool is_backwards,
                       size_t most, struct imap_hits *hits)
{
    struct store_entries entries = {0};
    bool has_unknown = false;
    int r = judge_batch_free(j, first, last, &has_unknown);

    if (r == 0 && has_unknown)
        r = store_entries_get(imap_store(j->s), j->view->mailbox_id, imap_view_uid(j->view, first),
                              imap_view_uid(j->view, last), &entries);
    for (uint32_t n = 0; n <= last - first && r == 0 && hits->messages < most; n++) {
        uint32_t index = is_backwards ? last - n : first + n;
        int value = settle(j, index, first, &entries);

        if (value == IMAP_YES && is_backwards)
            imap_hits_add_before(hits, index);
        else if (value == IMAP_YES)
            imap_hits_add(hits, index);
        r = value < 0 ? value : has_unknown ? rt_breathe() : 0;
    }
    store_entries_done(&entries);
    return r;
}

int imap_judge_run(struct imap_judge *j, bool is_backwards, size_t most, struct imap_hits *hits)
{
    bool reads = j->price_count[IMAP_HEADER] + j->price_count[IMAP_WHOLE] > 0;
    uint32_t batch = reads || most < BATCH ? BATCH : BATCH_MAX;
    uint32_t done = 0, count = j->end > j->first ? j->end - j->first : 0;
    int r = 0;

    while (done < count && hits->messages < most && r == 0) {
        uint32_t len = count - done < batch ? count - done : batch;
        uint32_t first = is_backwards ? j->end - done - len : j->first + done;

        r = judge_batch(j, first, first + len - 1, is_backwards, most, hits);
        if (r == 0)
            r = imap_judge_tell(j, done);
        done += len;
    }
    if (is_backwards)
        imap_hits_reverse(hits);
    return r;
}

int imap_judge_one(struct imap_judge *j, uint32_t index)
{
    struct imap_hits hits = {0};
    int r = 0;

    if (index >= j->first && index < j->end)
        r = judge_batch(j, index, index, false, 1, &hits);
    if (r == 0)
        r = hits.messages > 0;
    imap_hits_done(&hits);
    return r;
}
