// SPDX-License-Identifier: ISC
//
// How a room declares its settings: one table beside one struct. The configuration file is read
// into the structs by these tables, the manual page is made from them, and nothing else knows a
// setting's name.
#pragma once

#include "base/str.h"

enum setting_type {
    SETTING_BOOL,     // bool
    SETTING_COUNT,    // uint64_t
    SETTING_SIZE,     // uint64_t, bytes; written 10485760, 10M, 512K, 1G
    SETTING_DURATION, // uint64_t, milliseconds; written 30s, 5m, 2h, 1d, 250ms
    SETTING_TEXT,     // struct str; lives as long as the configuration
    SETTING_LIST,     // struct setting_list of texts
};

struct setting_list {
    struct str *items;
    size_t count;
};

struct setting {
    const char *name;
    enum setting_type type;
    size_t offset;        // of the member in the room's configuration struct
    const char *fallback; // the default, as it would stand in the file; lists: comma-separated
    uint64_t min, max;    // of numbers; both 0: any
    const char *help;     // one or two sentences
};

/// One room's part of the configuration file: `title { name = value ... }`.
struct settings {
    const char *title; // "receive", "tls", ...
    const char *help;
    const struct setting *items;
    size_t count;
    size_t size; // of the configuration struct
};

#define SETTING(struct_type, member, type, fallback, min, max, help)                               \
    {                                                                                              \
#member, type, offsetof(struct_type, member), fallback, min, max, help                     \
    }
