// SPDX-License-Identifier: ISC
//
// Keys are prefix operators and lists. A stack of open operators (struct pending) takes the place
// of recursion: each finished key is handed to the one on top, which may finish in turn.
#include "proto/imap/search.h"

#include "proto/imap/scan.h"
#include "proto/imap/search_key.h"

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
    bool has_modseq, has_fuzzy;
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

/// A key that needs no other keys.
static bool scan_simple(struct parser *p)
{
    struct imap_search_node node = {0};
    bool is_not = false;
    uint32_t index;

    if (!imap_search_scan_key(&p->in, p->arena, &node, &is_not))
        return false;
    p->text_count +=
        node.op == IMAP_SEARCH_HEADER || node.op == IMAP_SEARCH_BODY || node.op == IMAP_SEARCH_TEXT;
    p->has_modseq |= node.op == IMAP_SEARCH_MODSEQ;
    if (p->text_count > IMAP_SEARCH_TEXTS_MAX || !add_node(p, node, &index))
        return false;
    if (is_not &&
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
        if (imap_scan_word(&p->in, STR("FUZZY"))) {
            p->has_fuzzy = true;
            if (scan_is_end(&p->in))
                return false;
        } else if (imap_scan_word(&p->in, STR("NOT"))) {
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

bool imap_search_parse_keys(struct scan *in, struct arena *arena, struct str charset,
                            struct imap_search *out)
{
    struct parser p = {.arena = arena};

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
    *out = (struct imap_search){charset, p.nodes, p.count, p.has_modseq, p.has_fuzzy};
    return true;
}

bool imap_search_parse(struct scan *in, struct arena *arena, struct imap_search *out)
{
    struct str charset = STR_NONE;

    if (scan_case_word(in, STR(" CHARSET ")) && !imap_scan_astring(in, arena, &charset))
        return false;
    return imap_search_parse_keys(in, arena, charset, out);
}
