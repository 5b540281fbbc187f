// SPDX-License-Identifier: ISC
//
// Step 1 of REFERENCES keeps who is whose parent, and beside it a link-cut forest that tells at
// once whether a link would close a loop. Lists of children are made when that is done: the steps
// after it only splice and sort. Numbers of steps are those of RFC 5256 3.
#include "mail/thread.h"

#include "base/check.h"
#include "base/map.h"
#include "mail/forest.h"

#include <stdlib.h>

enum {
    NONE = UINT32_MAX,
    // Ids of mails that are not there and are remembered: so many, and so many for each mail. More
    // are passed over.
    DUMMIES_MIN = 256 * 1024,
    DUMMIES_EACH = 4,
};

struct node {
    uint32_t number; // NONE: a dummy, known by references only
    uint32_t parent, child, next;
    bool is_reply, has_had_child;
    int64_t sent_s;
    uint64_t subject; // hash; 0: empty
};

struct threads {
    enum thread_how how;
    uint64_t seed[2];
    struct node *nodes;
    size_t count, cap, mails;
    struct map ids;       // hash of a message id: node
    struct map subjects;  // hash of a base subject: node at the root
    struct forest forest; // the same nodes, while step 1 runs
    uint32_t root;        // first of the root's children
    uint32_t at;          // where the walk is
    bool is_open;         // the list that it begins was
    bool is_leaving;      // all below it was told
};

struct threads *threads_new(enum thread_how how, const uint64_t seed[2])
{
    struct threads *t = calloc(1, sizeof(*t));

    CHECK(t);
    t->how = how;
    memcpy(t->seed, seed, sizeof(t->seed));
    map_init(&t->ids, seed);
    map_init(&t->subjects, seed);
    t->root = t->at = NONE;
    return t;
}

void threads_free(struct threads *t)
{
    if (!t)
        return;
    map_done(&t->ids);
    map_done(&t->subjects);
    forest_done(&t->forest);
    free(t->nodes);
    free(t);
}

static uint32_t get(const struct map *m, uint64_t key)
{
    uintptr_t value = (uintptr_t)map_get_u64(m, key);

    return value ? (uint32_t)(value - 1) : NONE;
}

static void put(struct map *m, uint64_t key, uint32_t node)
{
    (void)map_put_u64(m, key, (void *)((uintptr_t)node + 1)); // NOLINT: a number in a pointer
}

static uint32_t add_node(struct threads *t)
{
    CHECK(t->count < NONE);
    if (t->count == t->cap) {
        t->cap += t->cap / 2 + 64;
        t->nodes = realloc(t->nodes, t->cap * sizeof(*t->nodes));
        CHECK(t->nodes);
    }
    t->nodes[t->count] = (struct node){.number = NONE, .parent = NONE, .child = NONE, .next = NONE};
    if (t->how == THREAD_REFERENCES)
        (void)forest_add(&t->forest);
    return (uint32_t)t->count++;
}

static bool is_dummy(const struct threads *t, uint32_t node)
{
    return t->nodes[node].number == NONE;
}

// ---- step 1

/// NONE: there are too many of those already.
static uint32_t node_of_reference(struct threads *t, struct str id)
{
    uint64_t hash = str_hash(id, t->seed);
    uint32_t node = get(&t->ids, hash);

    if (node != NONE)
        return node;
    if (t->count - t->mails >= DUMMIES_MIN + DUMMIES_EACH * t->mails)
        return NONE;
    node = add_node(t);
    put(&t->ids, hash, node);
    return node;
}

/// The first mail of an id has it; others, and those without one, are known to nobody.
static uint32_t node_of_mail(struct threads *t, struct str id)
{
    uint64_t hash = str_hash(id, t->seed);
    uint32_t node = id.len > 0 ? get(&t->ids, hash) : NONE;

    if (node != NONE && is_dummy(t, node))
        return node;
    if (node != NONE || id.len == 0)
        return add_node(t);
    node = add_node(t);
    put(&t->ids, hash, node);
    return node;
}

/// `child` has no parent. A node that never had children is above nobody, and one without a parent
/// is below nobody: the forest need not be asked.
static void link(struct threads *t, uint32_t child, uint32_t parent)
{
    if (child == parent)
        return;
    if (t->nodes[child].has_had_child && t->nodes[parent].parent != NONE &&
        forest_root(&t->forest, parent) == child)
        return; // a loop
    t->nodes[child].parent = parent;
    t->nodes[parent].has_had_child = true;
    forest_link(&t->forest, child, parent);
}

/// Steps 1.A and 1.B.
static void refer(struct threads *t, uint32_t node, struct str references)
{
    uint32_t last = NONE;
    struct str id;

    while (str_split(&references, ' ', &id)) {
        uint32_t next = id.len > 0 ? node_of_reference(t, id) : NONE;

        if (next == NONE)
            continue;
        if (last != NONE && t->nodes[next].parent == NONE)
            link(t, next, last);
        last = next;
    }
    if (t->nodes[node].parent != NONE) {
        forest_cut(&t->forest, node);
        t->nodes[node].parent = NONE;
    }
    if (last != NONE)
        link(t, node, last);
}

void threads_add(struct threads *t, const struct thread_mail *mail)
{
    bool by_references = t->how == THREAD_REFERENCES;
    uint32_t node = by_references ? node_of_mail(t, mail->message_id) : add_node(t);
    struct node *n = &t->nodes[node];

    n->number = mail->number;
    n->sent_s = mail->sent_s;
    n->is_reply = mail->is_reply;
    // ORDEREDSUBJECT puts those without a subject together, REFERENCES leaves them alone (5.B)
    n->subject = mail->subject.len > 0 ? str_hash(mail->subject, t->seed) | 1 : 0;
    t->mails++;
    if (by_references)
        refer(t, node, mail->references);
}

// ---- order among siblings

struct key {
    int64_t sent_s;
    uint32_t number, node;
};

static int by_sent(const void *a, const void *b)
{
    const struct key *x = a, *y = b;

    if (x->sent_s != y->sent_s)
        return x->sent_s < y->sent_s ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/// That of a dummy is its first child's, when its children are in order.
static struct key key_of(const struct threads *t, uint32_t node)
{
    const struct node *n = &t->nodes[is_dummy(t, node) ? t->nodes[node].child : node];

    return (struct key){n->sent_s, n->number, node};
}

/// Sorts the list that begins at *first. `keys` has room for it.
static void sort_list(struct threads *t, uint32_t *first, struct key *keys)
{
    size_t count = 0;

    for (uint32_t n = *first; n != NONE; n = t->nodes[n].next)
        keys[count++] = key_of(t, n);
    if (count < 2)
        return;
    qsort(keys, count, sizeof(*keys), by_sent);
    *first = keys[0].node;
    for (size_t i = 0; i < count; i++)
        t->nodes[keys[i].node].next = i + 1 < count ? keys[i + 1].node : NONE;
}

static struct key *room_for_keys(const struct threads *t)
{
    struct key *keys = malloc((t->count + 1) * sizeof(*keys));

    CHECK(keys);
    return keys;
}

/// Step 6. Only dummies at the root look at their children's order, and the root comes last.
static void sort_all(struct threads *t)
{
    struct key *keys = room_for_keys(t);

    for (size_t n = 0; n < t->count; n++)
        sort_list(t, &t->nodes[n].child, keys);
    sort_list(t, &t->root, keys);
    free(keys);
}

static void put_first(struct threads *t, uint32_t *list, uint32_t node, uint32_t parent)
{
    t->nodes[node].parent = parent;
    t->nodes[node].next = *list;
    *list = node;
}

// ---- ORDEREDSUBJECT

static void build_by_subject(struct threads *t)
{
    struct key *keys = room_for_keys(t);

    for (uint32_t n = 0; n < t->count; n++)
        keys[n] = key_of(t, n);
    qsort(keys, t->count, sizeof(*keys), by_sent);
    for (size_t i = 0; i < t->count; i++) {
        uint32_t node = keys[i].node, first = get(&t->subjects, t->nodes[node].subject);

        if (first != NONE) {
            put_first(t, &t->nodes[first].child, node, first);
            continue;
        }
        put(&t->subjects, t->nodes[node].subject, node);
        put_first(t, &t->root, node, NONE);
    }
    free(keys);
}

// ---- REFERENCES, steps 2 to 5

/// Nodes so that each stands behind its parent, and before all others those at the root.
static uint32_t *top_down(struct threads *t, size_t *out_roots)
{
    uint32_t *order = malloc((t->count + 1) * sizeof(*order));
    size_t count = 0;

    CHECK(order);
    for (uint32_t n = 0; n < t->count; n++) {
        struct node *node = &t->nodes[n];

        if (node->parent == NONE)
            order[count++] = n;
        else {
            node->next = t->nodes[node->parent].child;
            t->nodes[node->parent].child = n;
        }
    }
    *out_roots = count;
    for (size_t i = 0; i < count; i++)
        for (uint32_t c = t->nodes[order[i]].child; c != NONE; c = t->nodes[c].next)
            order[count++] = c;
    CHECK(count == t->count); // no loops
    return order;
}

/// Step 3 at the root: a dummy stays when it holds more than one mail together.
static void prune_root(struct threads *t, uint32_t node)
{
    uint32_t first = t->nodes[node].child;

    if (!is_dummy(t, node) || (first != NONE && t->nodes[first].next != NONE)) {
        put_first(t, &t->root, node, NONE);
    } else if (first != NONE) {
        t->nodes[node].child = NONE;
        put_first(t, &t->root, first, NONE);
    }
}

/// Steps 2 and 3: every mail comes under the next mail above it, or under the dummy at the root.
static void prune(struct threads *t)
{
    size_t roots;
    uint32_t *order = top_down(t, &roots);

    for (size_t i = 0; i < t->count; i++)
        t->nodes[i].child = t->nodes[i].next = NONE;
    for (size_t i = roots; i < t->count; i++) {
        struct node *n = &t->nodes[order[i]];

        if (is_dummy(t, n->parent) && t->nodes[n->parent].parent != NONE)
            n->parent = t->nodes[n->parent].parent; // which was put right before
        if (!is_dummy(t, order[i]))
            put_first(t, &t->nodes[n->parent].child, order[i], n->parent);
    }
    for (size_t i = 0; i < roots; i++)
        prune_root(t, order[i]);
    free(order);
}

static uint64_t subject_of(const struct threads *t, uint32_t node)
{
    return t->nodes[is_dummy(t, node) ? t->nodes[node].child : node].subject;
}

/// Step 5.B: which mail at the root stands for a subject.
static void gather_subjects(struct threads *t)
{
    for (uint32_t n = t->root; n != NONE; n = t->nodes[n].next) {
        uint64_t subject = subject_of(t, n);
        uint32_t there = subject ? get(&t->subjects, subject) : NONE;

        if (subject == 0)
            continue;
        if (there == NONE || (!is_dummy(t, there) && (is_dummy(t, n) || (t->nodes[there].is_reply &&
                                                                         !t->nodes[n].is_reply))))
            put(&t->subjects, subject, n);
    }
}

/// A new dummy at the root over two mails stands for their subject.
static void join_under_dummy(struct threads *t, uint32_t a, uint32_t b, uint64_t subject)
{
    uint32_t dummy = add_node(t);

    put_first(t, &t->nodes[dummy].child, a, dummy);
    put_first(t, &t->nodes[dummy].child, b, dummy);
    put(&t->subjects, subject, dummy);
}

static void move_children(struct threads *t, uint32_t from, uint32_t to)
{
    uint32_t next, child = t->nodes[from].child;

    t->nodes[from].child = NONE;
    for (; child != NONE; child = next) {
        next = t->nodes[child].next;
        put_first(t, &t->nodes[to].child, child, to);
    }
}

static void merge(struct threads *t, uint32_t node)
{
    uint64_t subject = subject_of(t, node);
    uint32_t there = subject ? get(&t->subjects, subject) : node;

    if (there == node)
        return;
    if (is_dummy(t, there) && is_dummy(t, node))
        move_children(t, node, there);
    else if (is_dummy(t, there) || (t->nodes[node].is_reply && !t->nodes[there].is_reply))
        put_first(t, &t->nodes[there].child, node, there);
    else
        join_under_dummy(t, there, node, subject);
}

/// Step 5.C. What got a parent on the way is done with.
static void merge_subjects(struct threads *t)
{
    size_t count = 0, before = t->count;
    uint32_t *roots = malloc((t->count + 1) * sizeof(*roots));

    CHECK(roots);
    for (uint32_t n = t->root; n != NONE; n = t->nodes[n].next)
        roots[count++] = n;
    for (size_t i = 0; i < count; i++)
        if (t->nodes[roots[i]].parent == NONE)
            merge(t, roots[i]);
    t->root = NONE;
    for (size_t i = 0; i < count; i++)
        if (t->nodes[roots[i]].parent == NONE &&
            (!is_dummy(t, roots[i]) || t->nodes[roots[i]].child != NONE))
            put_first(t, &t->root, roots[i], NONE);
    for (size_t n = before; n < t->count; n++)
        put_first(t, &t->root, (uint32_t)n, NONE);
    free(roots);
}

void threads_build(struct threads *t)
{
    if (t->how == THREAD_ORDEREDSUBJECT) {
        build_by_subject(t);
    } else {
        prune(t);
        sort_all(t); // step 4, and the children of dummies
        gather_subjects(t);
        merge_subjects(t);
    }
    sort_all(t);
    forest_done(&t->forest);
    t->at = t->root;
}

// ---- the walk

/// At the root, or one of several siblings: a list of its own.
static bool opens_list(const struct threads *t, uint32_t node)
{
    uint32_t up = t->nodes[node].parent;

    return up == NONE || t->nodes[t->nodes[up].child].next != NONE;
}

/// On from `at`, of which all was told: to its sibling, or back to its parent.
static void leave(struct threads *t)
{
    const struct node *n = &t->nodes[t->at];

    t->is_leaving = n->next == NONE && n->parent != NONE;
    t->at = n->next != NONE ? n->next : n->parent;
}

static void enter(struct threads *t)
{
    t->is_open = false;
    t->is_leaving = t->nodes[t->at].child == NONE;
    if (!t->is_leaving)
        t->at = t->nodes[t->at].child;
}

bool threads_next(struct threads *t, struct thread_step *out)
{
    while (t->at != NONE) {
        uint32_t node = t->at;

        if (t->is_leaving) {
            leave(t);
            *out = (struct thread_step){.what = THREAD_CLOSE};
            if (opens_list(t, node))
                return true;
        } else if (!t->is_open && opens_list(t, node)) {
            t->is_open = true;
            *out = (struct thread_step){.what = THREAD_OPEN};
            return true;
        } else {
            enter(t);
            *out = (struct thread_step){THREAD_NUMBER, t->nodes[node].number};
            if (!is_dummy(t, node))
                return true;
        }
    }
    return false;
}
