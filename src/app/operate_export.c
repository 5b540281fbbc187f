// SPDX-License-Identifier: ISC
#include "app/operation.h"
int operate_export_list(struct operation *op)
{
    (void)op;
    return EX_UNAVAILABLE;
}
int operate_export(struct operation *op)
{
    (void)op;
    return EX_UNAVAILABLE;
}
