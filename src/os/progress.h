// SPDX-License-Identifier: ISC
//
// A bar on the terminal for work that takes longer than a second; nothing when the standard error
// is not a terminal.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct os_progress {
    const char *what; // "backup"
    const char *unit; // "messages"
    int64_t began_us; // monotonic
    int64_t shown_us; // when the bar was last drawn; 0: not yet
    bool on;
};

void os_progress_begin(struct os_progress *p, const char *what, const char *unit);
/// `total` 0: not known.
void os_progress_show(struct os_progress *p, uint64_t done, uint64_t total);
/// Wipes the bar away.
void os_progress_end(struct os_progress *p);
