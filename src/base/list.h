// SPDX-License-Identifier: ISC
//
// Doubly linked rings whose links lie inside the things linked. A link that is in no list is
// zeroed or points to itself.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next;
};

/// The struct of `type` whose member `member` is this link.
#define LIST_OF(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))
/// `it` runs over the links; the one it stands on may be removed.
#define LIST_EACH(head, it)                                                                        \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                      \
         it = it##_next, it##_next = it->next)

static inline void list_init(struct list *head)
{
    head->prev = head->next = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return !head->next || head->next == head;
}

/// Is this link in some list?
static inline bool list_is_in(const struct list *link)
{
    return link->next && link->next != link;
}

static inline void list_put_last(struct list *head, struct list *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

static inline void list_put_first(struct list *head, struct list *link)
{
    list_put_last(head->next, link);
}

/// Does nothing when it is in none.
static inline void list_remove(struct list *link)
{
    if (!link->next)
        return;
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/// The first link, taken out, or NULL.
static inline struct list *list_take_first(struct list *head)
{
    struct list *first = head->next;

    if (list_is_empty(head))
        return NULL;
    list_remove(first);
    return first;
}
