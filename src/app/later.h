// SPDX-License-Identifier: ISC
//
// See later.c.
#pragma once

#include "store/store.h"
