// SPDX-License-Identifier: ISC
#include "trace/trace.h"

// clang-format off
static const struct setting items[] = {
    SETTING(struct trace_config, keep_days, SETTING_COUNT, "30", 0, 3650,
            "For how many days the story of each mail is kept for `carteiro trace`; 0: not at all."),
};
// clang-format on

const struct settings trace_settings = {
    .title = "trace",
    .help =
        "The stories of mails: who handed each in, where it went, and what was said on the way.",
    .items = items,
    .count = sizeof items / sizeof items[0],
    .size = sizeof(struct trace_config),
};
