// SPDX-License-Identifier: ISC
//
// struct buf: bytes we own, that grow up to a maximum set at birth. An append that would pass the
// maximum is refused whole and leaves the buffer failed: append freely, ask buf_ok() once. Out of
// memory below the maximum ends the process.
#pragma once

#include "base/str.h"

#include <stdarg.h>

struct buf {
    char *ptr;
    size_t len;
    size_t cap; // allocated bytes
    size_t max; // len never passes it
    bool failed;
};

/// Empty, holding no memory yet.
void buf_init(struct buf *b, size_t max);
/// Gives the memory back; the struct is as after buf_init. NULL and zeroed structs are fine.
void buf_done(struct buf *b);
/// For CLEANUP.
static inline void buf_drop(struct buf *b)
{
    buf_done(b);
}

/// Length 0 and not failed, memory kept.
void buf_clear(struct buf *b);

static inline bool buf_ok(const struct buf *b)
{
    return !b->failed;
}

/// A view, valid until the next append.
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->ptr ? b->ptr : "", b->len};
}

void buf_put(struct buf *b, struct str s);
void buf_put_char(struct buf *b, char c);
void buf_put_u64(struct buf *b, uint64_t value);
__attribute__((format(printf, 2, 3))) void buf_putf(struct buf *b, const char *format, ...);
void buf_vputf(struct buf *b, const char *format, va_list args);

/// Room for `len` more bytes, to be written at the returned place and then counted by
/// buf_added(); NULL (and failed) past the maximum.
char *buf_room(struct buf *b, size_t len);
static inline void buf_added(struct buf *b, size_t len)
{
    b->len += len;
}

/// Takes the first `len` bytes away (all when there are fewer).
void buf_eat(struct buf *b, size_t len);

/// The content with a NUL behind it, for the doors of the outer world; NULL when failed. Valid
/// until the next append.
const char *buf_cstr(struct buf *b);
