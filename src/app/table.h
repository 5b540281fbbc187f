// SPDX-License-Identifier: ISC
//
// Answers for people: columns as wide as what stands in them, sizes as people read them.
#pragma once

#include "base/buf.h"

#include <jansson.h>

struct table_column {
    const char *title;
    const char *member; // of each object
    enum {
        TABLE_TEXT,
        TABLE_NUMBER,
        TABLE_BYTES,
        TABLE_LIMIT,
        TABLE_BOOL,
        TABLE_LIST,
        TABLE_TIME
    } kind;
};

/// One row per object of the array; a line saying `nothing` when there is none.
void table_put(struct buf *out, const json_t *rows, const struct table_column *columns,
               size_t count, const char *nothing);
/// One line per member: "title: value".
void table_put_one(struct buf *out, const json_t *object, const struct table_column *columns,
                   size_t count);
/// "1.5 MB"
void table_put_bytes(struct buf *out, uint64_t bytes);
