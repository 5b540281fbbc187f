// SPDX-License-Identifier: ISC
//
// What holds for the structure of every message, whatever its bytes: for the tests and the fuzzer.
#pragma once

#include "base/check.h"
#include "mail/mime.h"

static inline size_t count_line_ends(struct str s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.len; i++)
        count += s.ptr[i] == '\n';
    return count;
}

static inline void check_part(const struct mime *m, size_t index, struct str message)
{
    const struct mime_part *part = &m->parts[index];
    const struct mime_part *parent = part->parent >= 0 ? &m->parts[part->parent] : NULL;

    CHECK(part->header <= part->body && part->body <= part->end && part->end <= message.len);
    CHECK(part->header_lines == count_line_ends(mime_header_of(message, part)));
    CHECK(part->body_lines == count_line_ends(mime_body_of(message, part)));
    CHECK(part->type.ptr && part->subtype.ptr);
    CHECK((part->kind == MIME_LEAF) == (part->child_count == 0));
    CHECK(part->kind != MIME_MESSAGE || part->child_count == 1);
    CHECK((parent == NULL) == (index == 0));
    if (!parent)
        return;
    CHECK(part->parent < (int)index && part->depth == parent->depth + 1);
    CHECK(part->depth < MIME_DEPTH_MAX);
    CHECK(part->header >= parent->body && part->end <= parent->end);
    CHECK(part->header >= m->parts[index - 1].header);
    if (parent->kind == MIME_MESSAGE)
        CHECK(part->header == parent->body && part->end == parent->end);
}

/// Offsets inside the message and in order, children inside their parents and not over each other.
static inline void check_mime(const struct mime *m, struct str message)
{
    size_t *last_end = calloc(m->count, sizeof(*last_end));

    CHECK(last_end && m->count >= 1 && m->count <= MIME_PART_MAX);
    CHECK(m->parts[0].header == 0 && m->parts[0].end == message.len);
    for (size_t i = 0; i < m->count; i++) {
        int parent = m->parts[i].parent;

        check_part(m, i, message);
        if (parent < 0)
            continue;
        CHECK(m->parts[i].header >= last_end[parent]);
        last_end[parent] = m->parts[i].end;
    }
    free(last_end);
}

static inline void check_same_params(const struct param_list *a, const struct param_list *b)
{
    CHECK(a->count == b->count);
    for (size_t i = 0; i < a->count; i++)
        CHECK(str_eq(a->params[i].name, b->params[i].name) &&
              str_eq(a->params[i].value, b->params[i].value));
}

static inline void check_same_mime(const struct mime *a, const struct mime *b)
{
    CHECK(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct mime_part *x = &a->parts[i], *y = &b->parts[i];

        CHECK(x->parent == y->parent && x->depth == y->depth && x->kind == y->kind &&
              x->is_opaque == y->is_opaque && x->has_type == y->has_type);
        CHECK(x->header == y->header && x->body == y->body && x->end == y->end &&
              x->header_lines == y->header_lines && x->body_lines == y->body_lines);
        CHECK(str_eq(x->type, y->type) && str_eq(x->subtype, y->subtype) &&
              str_eq(x->encoding, y->encoding) && str_eq(x->id, y->id) &&
              str_eq(x->description, y->description) && str_eq(x->language, y->language) &&
              str_eq(x->location, y->location) && str_eq(x->md5, y->md5) &&
              str_eq(x->disposition, y->disposition));
        check_same_params(&x->params, &y->params);
        check_same_params(&x->disposition_params, &y->disposition_params);
    }
}

/// Parses the message fed in pieces of `size` bytes, the first of `first` bytes.
static inline void mime_parse_pieces(struct mime *m, struct str message, size_t first, size_t size)
{
    struct mime_parser *p = mime_parser_new();

    mime_parser_feed(p, str_head(message, first));
    for (struct str rest = str_skip(message, first); rest.len; rest = str_skip(rest, size))
        mime_parser_feed(p, str_head(rest, size));
    mime_parser_end(p, m);
}
