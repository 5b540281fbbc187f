// SPDX-License-Identifier: ISC
//
// Keys are prefix operators and lists. A stack of open operators (struct pending) takes the place
// of recursion: each finished key is handed to the one on top, which may finish in turn.
#include "proto/imap/search.h"

#include "mail/date.h"
#include "proto/imap/flag.h"
#include "proto/imap/scan.h"

enum argument { NONE, TEXT, DAY, SIZE, KEYWORD, HEADER, UIDS, FIELD };

static const struct key {
    struct str name;
    enum imap_search_op op;
    enum argument argument;
    unsigned set, unset; // of IMAP_SEARCH_FLAG
    bool is_not;
} keys[] = {
    // clang-format off
    {STR("ALL"),        IMAP_SEARCH_ALL,         NONE,    0, 0, false},
    {STR("ANSWERED"),   IMAP_SEARCH_FLAG,        NONE,    IMAP_ANSWERED, 0, false},
    {STR("BCC"),        IMAP_SEARCH_HEADER,      FIELD,   0, 0, false},
    {STR("BEFORE"),     IMAP_SEARCH_BEFORE,      DAY,     0, 0, false},
    {STR("BODY"),       IMAP_SEARCH_BODY,        TEXT,    0, 0, false},
    {STR("CC"),         IMAP_SEARCH_HEADER,      FIELD,   0, 0, false},
    {STR("DELETED"),    IMAP_SEARCH_FLAG,        NONE,    IMAP_DELETED, 0, false},
    {STR("DRAFT"),      IMAP_SEARCH_FLAG,        NONE,    IMAP_DRAFT, 0, false},
    {STR("FLAGGED"),    IMAP_SEARCH_FLAG,        NONE,    IMAP_FLAGGED, 0, false},
    {STR("FROM"),       IMAP_SEARCH_HEADER,      FIELD,   0, 0, false},
    {STR("HEADER"),     IMAP_SEARCH_HEADER,      HEADER,  0, 0, false},
    {STR("KEYWORD"),    IMAP_SEARCH_KEYWORD,     KEYWORD, 0, 0, false},
    {STR("LARGER"),     IMAP_SEARCH_LARGER,      SIZE,    0, 0, false},
    {STR("NEW"),        IMAP_SEARCH_FLAG,        NONE,    IMAP_RECENT, IMAP_SEEN, false},
    {STR("OLD"),        IMAP_SEARCH_FLAG,        NONE,    0, IMAP_RECENT, false},
    {STR("ON"),         IMAP_SEARCH_ON,          DAY,     0, 0, false},
    {STR("RECENT"),     IMAP_SEARCH_FLAG,        NONE,    IMAP_RECENT, 0, false},
    {STR("SEEN"),       IMAP_SEARCH_FLAG,        NONE,    IMAP_SEEN, 0, false},
    {STR("SENTBEFORE"), IMAP_SEARCH_SENT_BEFORE, DAY,     0, 0, false},
    {STR("SENTON"),     IMAP_SEARCH_SENT_ON,     DAY,     0, 0, false},
    {STR("SENTSINCE"),  IMAP_SEARCH_SENT_SINCE,  DAY,     0, 0, false},
    {STR("SINCE"),      IMAP_SEARCH_SINCE,       DAY,     0, 0, false},
    {STR("SMALLER"),    IMAP_SEARCH_SMALLER,     SIZE,    0, 0, false},
    {STR("SUBJECT"),    IMAP_SEARCH_HEADER,      FIELD,   0, 0, false},
    {STR("TEXT"),       IMAP_SEARCH_TEXT,        TEXT,    0, 0, false},
    {STR("TO"),         IMAP_SEARCH_HEADER,      FIELD,   0, 0, false},
    {STR("UID"),        IMAP_SEARCH_UIDS,        UIDS,    0, 0, false},
    {STR("UNANSWERED"), IMAP_SEARCH_FLAG,        NONE,    0, IMAP_ANSWERED, false},
    {STR("UNDELETED"),  IMAP_SEARCH_FLAG,        NONE,    0, IMAP_DELETED, false},
    {STR("UNDRAFT"),    IMAP_SEARCH_FLAG,        NONE,    0, IMAP_DRAFT, false},
    {STR("UNFLAGGED"),  IMAP_SEARCH_FLAG,        NONE,    0, IMAP_FLAGGED, false},
    {STR("UNKEYWORD"),  IMAP_SEARCH_KEYWORD,     KEYWORD, 0, 0, true},
    {STR("UNSEEN"),     IMAP_SEARCH_FLAG,        NONE,    0, IMAP_SEEN, false},
    // clang-format on
};
enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]) };

enum pending_kind { IN_LIST, AFTER_NOT, AFTER_OR, AFTER_OR_FIRST };

struct pending {
    enum pending_kind kind;
    bool has_left;
    uint32_t left;
};

struct parser {
    struct scan in;
    struct arena *arena;
    struct imap_search_node *nodes;
    size_t count, cap;
    size_t text_count;
    struct pending *stack;
    size_t depth;
};

static bool add_node(struct parser *p, struct imap_search_node node, uint32_t *out)
{
    if (p->count == p->cap)
        return false;
    p->nodes[p->count] = node;
    *out = (uint32_t)p->count++;
    return true;
}

static bool push(struct parser *p, enum pending_kind kind)
{
    if (p->depth == p->cap)
        return false;
    p->stack[p->depth++] = (struct pending){.kind = kind};
    return true;
}

/// Hands a finished key to the operator that waits for it.
static bool finish(struct parser *p, uint32_t node)
{
    while (true) {
        struct pending *top = &p->stack[p->depth - 1];
        struct imap_search_node made = {.left = top->left, .right = node};

        switch (top->kind) {
        case IN_LIST:
            if (top->has_left) {
                made.op = IMAP_SEARCH_AND;
                if (!add_node(p, made, &node))
                    return false;
            }
            top->has_left = true;
            top->left = node;
            return true;
        case AFTER_OR:
            top->kind = AFTER_OR_FIRST;
            top->left = node;
            return true;
        case AFTER_OR_FIRST:
            made.op = IMAP_SEARCH_OR;
            break;
        case AFTER_NOT:
            made = (struct imap_search_node){.op = IMAP_SEARCH_NOT, .left = node};
            break;
        }
        if (!add_node(p, made, &node))
            return false;
        p->depth--;
    }
}

/// date = date-text / `"` date-text `"`
static bool scan_day(struct scan *in, struct arena *arena, int64_t *out)
{
    struct str text;

    return imap_scan_astring(in, arena, &text) && date_parse_imap_day(text, out);
}

static bool scan_argument(struct parser *p, const struct key *key, struct imap_search_node *node)
{
    struct scan *in = &p->in;

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
        return scan_day(in, p->arena, &node->day);
    case SIZE:
        return imap_scan_number(in, &node->size);
    case UIDS:
        return imap_scan_sequence(in, p->arena, &node->numbers);
    case HEADER:
        if (!imap_scan_astring(in, p->arena, &node->name) || !imap_scan_sp(in))
            return false;
        break;
    case FIELD:
        node->name = key->name;
        break;
    case TEXT:
        break;
    }
    return ++p->text_count <= IMAP_SEARCH_TEXTS_MAX && imap_scan_astring(in, p->arena, &node->text);
}

/// A key that needs no other keys.
static bool scan_simple(struct parser *p)
{
    struct imap_search_node node = {0};
    uint32_t index;
    size_t i = 0;

    if (char_is_digit((char)scan_peek(&p->in)) || scan_peek(&p->in) == '*') {
        node.op = IMAP_SEARCH_NUMBERS;
        return imap_scan_sequence(&p->in, p->arena, &node.numbers) && add_node(p, node, &index) &&
               finish(p, index);
    }
    while (i < KEY_COUNT && !imap_scan_word(&p->in, keys[i].name))
        i++;
    if (i == KEY_COUNT)
        return false;
    node.op = keys[i].op;
    if (!scan_argument(p, &keys[i], &node) || !add_node(p, node, &index))
        return false;
    if (keys[i].is_not &&
        !add_node(p, (struct imap_search_node){.op = IMAP_SEARCH_NOT, .left = index}, &index))
        return false;
    return finish(p, index);
}

/// Closes lists; a list must hold a key, and no operator in it may wait any more.
static bool scan_list_ends(struct parser *p)
{
    while (scan_peek(&p->in) == ')') {
        struct pending top = p->stack[p->depth - 1];

        if (p->depth < 2 || top.kind != IN_LIST || !top.has_left)
            return false;
        p->in.at++;
        p->depth--;
        if (!finish(p, top.left))
            return false;
    }
    return true;
}

static bool scan_keys(struct parser *p)
{
    do {
        while (scan_char(&p->in, '('))
            if (!push(p, IN_LIST))
                return false;
        if (imap_scan_word(&p->in, STR("NOT"))) {
            if (!push(p, AFTER_NOT))
                return false;
        } else if (imap_scan_word(&p->in, STR("OR"))) {
            if (!push(p, AFTER_OR))
                return false;
        } else if (!scan_simple(p) || !scan_list_ends(p)) {
            return false;
        }
    } while (imap_scan_sp(&p->in));
    return scan_is_end(&p->in) && p->depth == 1 && p->stack[0].has_left;
}

bool imap_search_parse(struct scan *in, struct arena *arena, struct imap_search *out)
{
    struct imap_search search = {0};
    struct parser p = {.arena = arena};

    if (scan_case_word(in, STR(" CHARSET ")) && !imap_scan_astring(in, arena, &search.charset))
        return false;
    if (!imap_scan_sp(in))
        return false;
    p.in = *in;
    // every key has a byte and a space or parenthesis; AND needs no bytes of its own
    p.cap = (size_t)(in->end - in->at) + 2;
    if (p.cap > IMAP_SEARCH_NODES_MAX)
        p.cap = IMAP_SEARCH_NODES_MAX;
    p.nodes = ARENA_ARRAY(arena, struct imap_search_node, p.cap);
    p.stack = ARENA_ARRAY(arena, struct pending, p.cap);
    if (!push(&p, IN_LIST) || !scan_keys(&p))
        return false;
    in->at = p.in.at;
    search.nodes = p.nodes;
    search.count = p.count;
    *out = search;
    return true;
}
