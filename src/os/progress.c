// SPDX-License-Identifier: ISC
#include "os/progress.h"

#include "base/banned.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

enum { QUIET_US = 1000000, REDRAW_US = 100000, BAR_CELLS = 30 };

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void os_progress_begin(struct os_progress *p, const char *what, const char *unit)
{
    *p = (struct os_progress){
        .what = what, .unit = unit, .began_us = now_us(), .on = isatty(STDERR_FILENO) == 1};
}

void os_progress_show(struct os_progress *p, uint64_t done, uint64_t total)
{
    int64_t now;

    if (!p->on)
        return;
    now = now_us();
    if (now - p->began_us < QUIET_US || now - p->shown_us < REDRAW_US)
        return;
    p->shown_us = now;
    if (total) {
        int filled = (int)(done >= total ? BAR_CELLS : (double)done / (double)total * BAR_CELLS);

        fprintf(stderr, "\r%s [%.*s%*s] %" PRIu64 " of %" PRIu64 " %s\033[K", p->what, filled,
                "##############################", BAR_CELLS - filled, "", done, total, p->unit);
    } else {
        fprintf(stderr, "\r%s: %" PRIu64 " %s\033[K", p->what, done, p->unit);
    }
    fflush(stderr);
}

void os_progress_end(struct os_progress *p)
{
    if (p->on && p->shown_us)
        fputs("\r\033[K", stderr);
    p->on = false;
}
