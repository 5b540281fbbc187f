// SPDX-License-Identifier: ISC
//
// Well-known providers that take mail from their users: host, and what their users must know.
#pragma once

#include "base/str.h"

struct route_preset {
    const char *name;
    const char *host; // submission with STARTTLS on port 587
    const char *note; // for people
};

extern const struct route_preset route_presets[];
extern const size_t route_preset_count;

/// NULL: there is none.
const struct route_preset *route_preset_find(struct str name);
