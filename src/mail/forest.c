// SPDX-License-Identifier: ISC
//
// Each tree is cut into paths, each path kept as a splay tree by depth: left is above. access(x)
// makes the path from the root down to x one splay tree with x at its top.
#include "mail/forest.h"

#include "base/check.h"

#include <stdbool.h>
#include <stdlib.h>

void forest_done(struct forest *f)
{
    free(f->nodes);
    *f = (struct forest){0};
}

uint32_t forest_add(struct forest *f)
{
    CHECK(f->count < FOREST_NONE);
    if (f->count == f->cap) {
        f->cap += f->cap / 2 + 64;
        f->nodes = realloc(f->nodes, f->cap * sizeof(*f->nodes));
        CHECK(f->nodes);
    }
    f->nodes[f->count] = (struct forest_node){FOREST_NONE, FOREST_NONE, FOREST_NONE};
    return (uint32_t)f->count++;
}

static bool is_top(const struct forest_node *n, uint32_t x)
{
    uint32_t up = n[x].up;

    return up == FOREST_NONE || (n[up].left != x && n[up].right != x);
}

static void put_under(struct forest_node *n, uint32_t *side, uint32_t node, uint32_t up)
{
    *side = node;
    if (node != FOREST_NONE)
        n[node].up = up;
}

/// x takes the place of the node above it.
static void rotate(struct forest_node *n, uint32_t x)
{
    uint32_t y = n[x].up, z = n[y].up;
    bool y_is_top = is_top(n, y);

    if (!y_is_top) {
        if (n[z].left == y)
            n[z].left = x;
        else
            n[z].right = x;
    }
    if (n[y].left == x) {
        put_under(n, &n[y].left, n[x].right, y);
        n[x].right = y;
    } else {
        put_under(n, &n[y].right, n[x].left, y);
        n[x].left = y;
    }
    n[y].up = x;
    n[x].up = z;
}

static void splay(struct forest_node *n, uint32_t x)
{
    while (!is_top(n, x)) {
        uint32_t y = n[x].up;

        if (!is_top(n, y)) {
            uint32_t z = n[y].up;

            rotate(n, (n[y].left == x) == (n[z].left == y) ? y : x);
        }
        rotate(n, x);
    }
}

static void access_node(struct forest_node *n, uint32_t x)
{
    uint32_t below = FOREST_NONE;

    for (uint32_t y = x; y != FOREST_NONE; y = n[y].up) {
        splay(n, y);
        n[y].right = below;
        below = y;
    }
    splay(n, x);
}

uint32_t forest_root(struct forest *f, uint32_t node)
{
    access_node(f->nodes, node);
    while (f->nodes[node].left != FOREST_NONE)
        node = f->nodes[node].left;
    splay(f->nodes, node); // paid for by whoever came so deep
    return node;
}

void forest_link(struct forest *f, uint32_t child, uint32_t parent)
{
    access_node(f->nodes, child);
    access_node(f->nodes, parent);
    f->nodes[child].up = parent;
}

void forest_cut(struct forest *f, uint32_t node)
{
    uint32_t above;

    access_node(f->nodes, node);
    above = f->nodes[node].left;
    CHECK(above != FOREST_NONE);
    f->nodes[node].left = FOREST_NONE;
    f->nodes[above].up = FOREST_NONE;
}
