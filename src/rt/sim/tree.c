// SPDX-License-Identifier: ISC
#include "rt/sim/tree.h"

#include "base/check.h"

#include <stdatomic.h>

struct page {
    _Atomic unsigned refs;
    unsigned char bytes[TREE_PAGE];
};

static struct page *page_new(void)
{
    struct page *p = calloc(1, sizeof(*p));

    CHECK(p);
    atomic_init(&p->refs, 1);
    return p;
}

static void page_drop(struct page *p)
{
    if (p && atomic_fetch_sub(&p->refs, 1) == 1)
        free(p);
}

static struct inode *inode_at(const struct tree *t, size_t inode)
{
    CHECK(inode < t->inode_count);
    return &t->inodes[inode];
}

static void forget_page(struct tree *t, struct inode *node, size_t index)
{
    if (index >= node->page_cap || !node->pages[index])
        return;
    page_drop(node->pages[index]);
    node->pages[index] = NULL;
    t->page_count--;
}

// The page to write on: made, or copied when it is shared.
static struct page *own_page(struct tree *t, struct inode *node, size_t index)
{
    struct page *p;

    if (index >= node->page_cap) {
        size_t cap = node->page_cap ? node->page_cap : 4;

        while (cap <= index)
            cap *= 2;
        node->pages = realloc(node->pages, cap * sizeof(struct page *));
        CHECK(node->pages);
        memset(node->pages + node->page_cap, 0, (cap - node->page_cap) * sizeof(struct page *));
        node->page_cap = cap;
    }
    p = node->pages[index];
    if (!p) {
        t->page_count++;
        return node->pages[index] = page_new();
    }
    if (atomic_load(&p->refs) > 1) {
        node->pages[index] = page_new();
        memcpy(node->pages[index]->bytes, p->bytes, TREE_PAGE);
        page_drop(p);
    }
    return node->pages[index];
}

void tree_done(struct tree *t)
{
    for (size_t i = 0; i < t->inode_count; i++) {
        for (size_t p = 0; p < t->inodes[i].page_cap; p++)
            page_drop(t->inodes[i].pages[p]);
        free(t->inodes[i].pages);
    }
    for (size_t i = 0; i < t->name_count; i++)
        free(t->names[i].text);
    free(t->inodes);
    free(t->names);
    *t = (struct tree){0};
}

static void clone_inode(const struct inode *from, struct inode *to)
{
    *to = (struct inode){.page_cap = from->page_cap, .size = from->size};
    if (!from->page_cap)
        return;
    to->pages = malloc(from->page_cap * sizeof(struct page *));
    CHECK(to->pages);
    for (size_t p = 0; p < from->page_cap; p++) {
        to->pages[p] = from->pages[p];
        if (to->pages[p])
            atomic_fetch_add(&to->pages[p]->refs, 1);
    }
}

void tree_clone(const struct tree *from, struct tree *to)
{
    *to = (struct tree){.inode_count = from->inode_count, .page_count = from->page_count};
    to->inodes = calloc(from->inode_count + 1, sizeof(struct inode));
    CHECK(to->inodes);
    for (size_t i = 0; i < from->inode_count; i++)
        clone_inode(&from->inodes[i], &to->inodes[i]);
    for (size_t i = 0; i < from->name_count; i++)
        tree_name_put(to, from->names[i].text, from->names[i].inode, from->names[i].is_dir);
}

static uint64_t mix(uint64_t h, uint64_t more)
{
    h = (h ^ more) * 0x9e3779b97f4a7c15ULL;
    return h ^ (h >> 29);
}

static uint64_t inode_digest(const struct inode *node)
{
    static const uint64_t seed[2] = {1, 2};
    static const unsigned char zeros[TREE_PAGE];
    uint64_t h = node->size;

    for (size_t p = 0; p * TREE_PAGE < node->size; p++) {
        const void *bytes = p < node->page_cap && node->pages[p] ? node->pages[p]->bytes : zeros;
        size_t len = node->size - p * TREE_PAGE < TREE_PAGE ? (size_t)(node->size - p * TREE_PAGE)
                                                            : TREE_PAGE;

        h = mix(h, str_hash(str_of(bytes, len), seed));
    }
    return h;
}

uint64_t tree_digest(const struct tree *t)
{
    static const uint64_t seed[2] = {3, 4};
    uint64_t sum = 0; // a sum, so that the order of names does not matter

    for (size_t i = 0; i < t->name_count; i++) {
        const struct name *n = &t->names[i];
        uint64_t h = str_hash(str_from(n->text), seed);

        sum += mix(h, n->is_dir ? 1 : inode_digest(inode_at(t, n->inode)));
    }
    return sum;
}

size_t tree_inode_new(struct tree *t)
{
    t->inodes = realloc(t->inodes, (t->inode_count + 1) * sizeof(struct inode));
    CHECK(t->inodes);
    t->inodes[t->inode_count] = (struct inode){0};
    return t->inode_count++;
}

void tree_inode_need(struct tree *t, size_t inode)
{
    while (t->inode_count <= inode)
        tree_inode_new(t);
}

void tree_write(struct tree *t, size_t inode, uint64_t offset, const void *from, size_t len)
{
    struct inode *node = inode_at(t, inode);
    const char *at = from;

    while (len) {
        size_t within = (size_t)(offset % TREE_PAGE);
        size_t piece = TREE_PAGE - within < len ? TREE_PAGE - within : len;

        memcpy(own_page(t, node, (size_t)(offset / TREE_PAGE))->bytes + within, at, piece);
        at += piece;
        offset += piece;
        len -= piece;
        if (offset > node->size)
            node->size = offset;
    }
}

size_t tree_read(const struct tree *t, size_t inode, uint64_t offset, void *to, size_t len)
{
    const struct inode *node = inode_at(t, inode);
    char *at = to;
    size_t whole;

    if (offset >= node->size)
        return 0;
    if (len > node->size - offset)
        len = (size_t)(node->size - offset);
    whole = len;
    while (len) {
        size_t index = (size_t)(offset / TREE_PAGE), within = (size_t)(offset % TREE_PAGE);
        size_t piece = TREE_PAGE - within < len ? TREE_PAGE - within : len;

        if (index < node->page_cap && node->pages[index])
            memcpy(at, node->pages[index]->bytes + within, piece);
        else
            memset(at, 0, piece);
        at += piece;
        offset += piece;
        len -= piece;
    }
    return whole;
}

// Zeros from offset on; whole pages become holes.
static void clear(struct tree *t, struct inode *node, uint64_t offset, uint64_t end)
{
    while (offset < end) {
        size_t index = (size_t)(offset / TREE_PAGE), within = (size_t)(offset % TREE_PAGE);
        size_t piece =
            TREE_PAGE - within < end - offset ? TREE_PAGE - within : (size_t)(end - offset);

        if (index >= node->page_cap)
            return;
        if (piece == TREE_PAGE)
            forget_page(t, node, index);
        else if (node->pages[index])
            memset(own_page(t, node, index)->bytes + within, 0, piece);
        offset += piece;
    }
}

void tree_truncate(struct tree *t, size_t inode, uint64_t size)
{
    struct inode *node = inode_at(t, inode);

    if (size < node->size) // to the end of the last page, which then is a hole
        clear(t, node, size, (node->size + TREE_PAGE - 1) / TREE_PAGE * TREE_PAGE);
    node->size = size;
}

void tree_punch(struct tree *t, size_t inode, uint64_t offset, uint64_t len)
{
    clear(t, inode_at(t, inode), offset, offset + len);
}

void tree_reserve(struct tree *t, size_t inode, uint64_t offset, uint64_t len)
{
    struct inode *node = inode_at(t, inode);

    for (uint64_t p = offset / TREE_PAGE; p * TREE_PAGE < offset + len; p++)
        own_page(t, node, (size_t)p);
    if (offset + len > node->size)
        node->size = offset + len;
}

uint64_t tree_holes(const struct tree *t, size_t inode, uint64_t offset, uint64_t len)
{
    const struct inode *node = inode_at(t, inode);
    uint64_t holes = 0;

    for (uint64_t p = offset / TREE_PAGE; p * TREE_PAGE < offset + len; p++)
        holes += p >= node->page_cap || !node->pages[p];
    return holes;
}

static struct name *find(const struct tree *t, const char *text)
{
    for (size_t i = 0; i < t->name_count; i++) {
        if (strcmp(t->names[i].text, text) == 0)
            return &t->names[i];
    }
    return NULL;
}

const struct name *tree_find(const struct tree *t, const char *text)
{
    return find(t, text);
}

void tree_name_put(struct tree *t, const char *text, size_t inode, bool is_dir)
{
    struct name *n = find(t, text);

    if (!n) {
        t->names = realloc(t->names, (t->name_count + 1) * sizeof(struct name));
        CHECK(t->names);
        n = &t->names[t->name_count++];
        n->text = strdup(text);
        CHECK(n->text);
    }
    n->inode = inode;
    n->is_dir = is_dir;
}

void tree_name_drop(struct tree *t, const char *text, size_t inode)
{
    struct name *n = find(t, text);

    if (!n || n->inode != inode)
        return;
    free(n->text);
    *n = t->names[--t->name_count];
}

bool tree_is_named(const struct tree *t, size_t inode)
{
    for (size_t i = 0; i < t->name_count; i++) {
        if (t->names[i].inode == inode)
            return true;
    }
    return false;
}

static bool has_directory(const struct tree *t, const char *text)
{
    const char *slash = strchr(text, '/');

    if (!slash)
        return true;
    for (size_t i = 0; i < t->name_count; i++) {
        if (t->names[i].is_dir && strlen(t->names[i].text) == (size_t)(slash - text) &&
            memcmp(t->names[i].text, text, (size_t)(slash - text)) == 0)
            return true;
    }
    return false;
}

void tree_drop_orphans(struct tree *t)
{
    for (size_t i = 0; i < t->name_count;) {
        if (has_directory(t, t->names[i].text)) {
            i++;
            continue;
        }
        free(t->names[i].text);
        t->names[i] = t->names[--t->name_count];
    }
}
