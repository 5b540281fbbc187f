// SPDX-License-Identifier: ISC
#include "base/buf.h"

#include "base/check.h"

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
    if (!b)
        return;
    free(b->ptr);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

char *buf_room(struct buf *b, size_t len)
{
    size_t want, cap;

    if (b->failed || len > b->max || b->len > b->max - len) {
        b->failed = true;
        return NULL;
    }
    want = b->len + len + 1; // always room for the NUL of buf_cstr
    if (want > b->cap) {
        cap = b->cap < 64 ? 64 : b->cap * 2;
        if (cap < want)
            cap = want;
        if (cap > b->max + 1)
            cap = b->max + 1;
        b->ptr = realloc(b->ptr, cap);
        CHECK(b->ptr);
        b->cap = cap;
    }
    return b->ptr + b->len;
}

void buf_put(struct buf *b, struct str s)
{
    char *to = buf_room(b, s.len);

    if (to && s.len) {
        memcpy(to, s.ptr, s.len);
        b->len += s.len;
    }
}

void buf_put_char(struct buf *b, char c)
{
    buf_put(b, (struct str){&c, 1});
}

void buf_put_u64(struct buf *b, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    buf_put(b, (struct str){digits + at, sizeof(digits) - at});
}

void buf_putf(struct buf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vputf(b, format, args);
    va_end(args);
}

void buf_vputf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    int len;
    char *to;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    CHECK(len >= 0);
    to = buf_room(b, (size_t)len);
    if (!to)
        return;
    vsnprintf(to, (size_t)len + 1, format, args);
    b->len += (size_t)len;
}

void buf_eat(struct buf *b, size_t len)
{
    if (len >= b->len) {
        b->len = 0;
        return;
    }
    memmove(b->ptr, b->ptr + len, b->len - len);
    b->len -= len;
}

const char *buf_cstr(struct buf *b)
{
    char *end = buf_room(b, 0);

    if (!end)
        return NULL;
    *end = '\0';
    return b->ptr;
}
