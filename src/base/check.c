// SPDX-License-Identifier: ISC
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "%s:%d: CHECK(%s) failed: this is a bug in Carteiro\n", file, line, cond);
    abort();
}
