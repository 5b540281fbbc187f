// SPDX-License-Identifier: ISC
#include <stdio.h>

int main(void)
{
    puts("carteiro " CARTEIRO_VERSION);
    return 0;
}
