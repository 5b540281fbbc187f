// SPDX-License-Identifier: ISC
//
// Functions that hide a length or an error become compile errors. Included by base/str.h, so
// everywhere.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol atof gets
