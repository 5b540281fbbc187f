// SPDX-License-Identifier: ISC
//
// struct str: a view of bytes somebody else owns. Passed by value, never freed, not
// NUL-terminated; may hold any byte. Case means ASCII case, as in every mail grammar.
#pragma once

#include "base/banned.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
/// For printf: `"%.*s", STR_ARG(s)`. Cuts at INT_MAX.
#define STR_ARG(s) ((int)((s).len > INT32_MAX ? INT32_MAX : (s).len)), ((s).ptr ? (s).ptr : "")

static inline struct str str_of(const void *ptr, size_t len)
{
    return (struct str){ptr, len};
}

/// A NUL-terminated string of the outer world as a view; NULL gives STR_NONE.
static inline struct str str_from(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/// -1, 0 or 1, by bytes, the shorter first.
int str_cmp(struct str a, struct str b);

static inline char char_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline char char_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static inline bool char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool char_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// The value of a hexadecimal digit, or -1.
int char_hex(char c);

/// Equal without regard to ASCII case.
bool str_case_eq(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_case_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/// Index of the first such byte, or -1.
ptrdiff_t str_find(struct str s, char c);
/// Index of the last such byte, or -1.
ptrdiff_t str_find_last(struct str s, char c);
/// Index of the first place where needle stands, or -1. An empty needle stands at 0.
ptrdiff_t str_find_str(struct str s, struct str needle);

/// From byte `from` on; empty when that lies past the end.
struct str str_skip(struct str s, size_t from);
/// The first `len` bytes, or all when there are fewer.
struct str str_head(struct str s, size_t len);
/// Without spaces and tabs at both ends.
struct str str_trim(struct str s);

/// Takes what stands before the first `separator` off the front of *rest into *out, and the
/// separator with it; the last piece is what remains. False when *rest was used up (ptr NULL).
bool str_split(struct str *rest, char separator, struct str *out);

/// Decimal digits only, no sign, no space; false on anything else or above `max`.
bool str_to_u64(struct str s, uint64_t max, uint64_t *out);

/// Small edits (insert, delete, change, swap) between two words of at most 64 bytes, ignoring
/// case; longer ones count as their length apart. For "did you mean".
size_t str_distance(struct str a, struct str b);

/// A hash for maps in memory, not for anything stored. `seed` keeps strangers from choosing
/// collisions (SipHash-1-3).
uint64_t str_hash(struct str s, const uint64_t seed[2]);
