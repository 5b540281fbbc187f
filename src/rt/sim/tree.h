// SPDX-License-Identifier: ISC
//
// What a simulated disk holds: inodes with pages, and names. A disk has two of these: what its
// users see, and what is durable. Pages are shared between trees until one of them writes.
#pragma once

#include "base/str.h"

enum { TREE_PAGE = 4096 }; // bytes

struct page;

struct inode {
    struct page **pages; // NULL: a hole
    size_t page_cap;
    uint64_t size;
};

struct name {
    char *text; // "index.db", "segments", "segments/000001"
    size_t inode;
    bool is_dir;
};

struct tree {
    struct inode *inodes; // an id is an index, the same in both trees of a disk
    size_t inode_count;
    struct name *names;
    size_t name_count;
    uint64_t page_count; // allocated in all inodes
};

void tree_done(struct tree *t);
void tree_clone(const struct tree *from, struct tree *to);
/// Equal for trees with equal names, sizes and contents, whatever their inode ids.
uint64_t tree_digest(const struct tree *t);

/// A new empty inode; or, with an id, makes sure that it exists.
size_t tree_inode_new(struct tree *t);
void tree_inode_need(struct tree *t, size_t inode);

void tree_write(struct tree *t, size_t inode, uint64_t offset, const void *from, size_t len);
size_t tree_read(const struct tree *t, size_t inode, uint64_t offset, void *to, size_t len);
void tree_truncate(struct tree *t, size_t inode, uint64_t size);
void tree_punch(struct tree *t, size_t inode, uint64_t offset, uint64_t len);
void tree_reserve(struct tree *t, size_t inode, uint64_t offset, uint64_t len);
/// Pages of that stretch that are not allocated yet.
uint64_t tree_holes(const struct tree *t, size_t inode, uint64_t offset, uint64_t len);

/// NULL when there is no such name.
const struct name *tree_find(const struct tree *t, const char *text);
/// Sets it, whatever stood there.
void tree_name_put(struct tree *t, const char *text, size_t inode, bool is_dir);
/// Takes it away if it names that inode.
void tree_name_drop(struct tree *t, const char *text, size_t inode);
/// Does any name lead to it?
bool tree_is_named(const struct tree *t, size_t inode);
/// Takes away the names below directories that are not there.
void tree_drop_orphans(struct tree *t);
