// SPDX-License-Identifier: ISC
#include "serve/imap/annotation.h"

#include "base/scan.h"

#include <errno.h>

/// account SP entry-length SP value-length LF entry value LF
static bool scan_one(struct scan *in, struct imap_annotation *out)
{
    uint64_t entry_len, value_len;
    struct str rest;

    if (!scan_u64(in, UINT64_MAX, &out->account_id) || !scan_char(in, ' ') ||
        !scan_u64(in, UINT32_MAX, &entry_len) || !scan_char(in, ' ') ||
        !scan_u64(in, UINT32_MAX, &value_len) || !scan_char(in, '\n'))
        return false;
    rest = scan_rest(in);
    if (entry_len + value_len > rest.len)
        return false;
    out->entry = str_head(rest, entry_len);
    out->value = str_head(str_skip(rest, entry_len), value_len);
    in->at += entry_len + value_len;
    return scan_char(in, '\n');
}

int imap_annotations_parse(struct str document, struct arena *arena, struct imap_annotations *out)
{
    struct scan in = scan_of(document);
    struct imap_annotations all = {
        .items = ARENA_ARRAY(arena, struct imap_annotation, IMAP_ANNOTATIONS_ALL_MAX)};

    while (!scan_is_end(&in))
        if (all.count == IMAP_ANNOTATIONS_ALL_MAX || !scan_one(&in, &all.items[all.count++]))
            return -EBADMSG;
    *out = all;
    return 0;
}

void imap_annotations_put(const struct imap_annotations *all, struct buf *out)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct imap_annotation *one = &all->items[i];

        buf_put_u64(out, one->account_id);
        buf_put_char(out, ' ');
        buf_put_u64(out, one->entry.len);
        buf_put_char(out, ' ');
        buf_put_u64(out, one->value.len);
        buf_put_char(out, '\n');
        buf_put(out, one->entry);
        buf_put(out, one->value);
        buf_put_char(out, '\n');
    }
}

static int order(const struct imap_annotation *a, const struct imap_annotation *b)
{
    if (a->account_id != b->account_id)
        return a->account_id < b->account_id ? -1 : 1;
    return str_cmp(a->entry, b->entry);
}

/// Does that account still have room for it?
static enum imap_annotation_answer judge(const struct imap_annotations *all,
                                         const struct imap_annotation *what)
{
    size_t count = 1, bytes = what->entry.len + what->value.len;

    if (what->value.len > IMAP_ANNOTATION_MAX)
        return IMAP_ANNOTATION_TOO_LARGE;
    for (size_t i = 0; i < all->count; i++) {
        const struct imap_annotation *other = &all->items[i];

        if (other->account_id != what->account_id || str_eq(other->entry, what->entry))
            continue;
        count++;
        bytes += other->entry.len + other->value.len;
    }
    return count > IMAP_ANNOTATIONS_MAX || bytes > IMAP_ANNOTATIONS_BYTES_MAX
               ? IMAP_ANNOTATION_TOO_MANY
               : IMAP_ANNOTATION_OK;
}

enum imap_annotation_answer imap_annotations_set(struct imap_annotations *all,
                                                 const struct imap_annotation *what)
{
    enum imap_annotation_answer answer = what->value.ptr ? judge(all, what) : IMAP_ANNOTATION_OK;
    size_t at = 0, behind;
    bool is_there;

    if (answer != IMAP_ANNOTATION_OK)
        return answer;
    while (at < all->count && order(&all->items[at], what) < 0)
        at++;
    is_there = at < all->count && order(&all->items[at], what) == 0;
    behind = all->count - at - is_there;
    if (!what->value.ptr) {
        memmove(all->items + at, all->items + at + is_there, behind * sizeof(*all->items));
        all->count -= is_there;
        return IMAP_ANNOTATION_OK;
    }
    if (!is_there && all->count == IMAP_ANNOTATIONS_ALL_MAX)
        return IMAP_ANNOTATION_TOO_MANY;
    memmove(all->items + at + 1, all->items + at + is_there, behind * sizeof(*all->items));
    all->items[at] = *what;
    all->count += !is_there;
    return IMAP_ANNOTATION_OK;
}

bool imap_annotation_matches(struct str entry, struct str asked, unsigned depth)
{
    struct str below;

    if (str_eq(entry, asked))
        return true;
    if (depth == 0 || !str_starts(entry, asked) || entry.ptr[asked.len] != '/')
        return false;
    below = str_skip(entry, asked.len + 1);
    return depth > 1 || str_find(below, '/') < 0;
}
