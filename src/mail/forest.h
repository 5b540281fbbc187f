// SPDX-License-Identifier: ISC
//
// Trees that are joined and cut while somebody asks for their roots: a link-cut forest (Sleator and
// Tarjan 1983). Each call takes logarithmic time, amortised, however deep the trees are. It knows
// nothing of siblings. Nodes are numbers from 0.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { FOREST_NONE = UINT32_MAX };

struct forest_node {
    uint32_t up, left, right; // of the splay trees of paths; `up` of one's root: the node above
};

struct forest {
    struct forest_node *nodes;
    size_t count, cap;
};

/// Zeroed at first; forest_done.
void forest_done(struct forest *f);
/// A new node, a tree of its own.
uint32_t forest_add(struct forest *f);
uint32_t forest_root(struct forest *f, uint32_t node);
/// `child` must be a root, and not that of `parent`.
void forest_link(struct forest *f, uint32_t child, uint32_t parent);
/// Makes a node that is no root the root of what hangs on it.
void forest_cut(struct forest *f, uint32_t node);
