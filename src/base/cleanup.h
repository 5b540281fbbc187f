// SPDX-License-Identifier: ISC
//
// CLEANUP(fn) on a local calls fn(&local) when the scope ends; TAKE(p) moves ownership out of it.
#pragma once

#include <stdlib.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

/// The value of a pointer variable, which becomes NULL: ownership leaves this scope.
#define TAKE(p)                                                                                    \
    __extension__({                                                                                \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

/// For CLEANUP on anything from malloc: `CLEANUP(free_drop) char *x = NULL;`
static inline void free_drop(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}
