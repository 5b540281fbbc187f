// SPDX-License-Identifier: ISC
#include "search/search.h"

// clang-format off
static const struct setting items[] = {
    SETTING(struct search_config, index, SETTING_TEXT, "on use", 0, 0,
            "Which mailboxes are kept in the full-text index: \"on use\", those in which somebody has"
            " searched for a text; \"all\"; or \"off\". Searches find the same without it, only slower."),
    SETTING(struct search_config, share, SETTING_COUNT, "25", 1, 100,
            "Percent of one core that filling the index may take."),
    SETTING(struct search_config, threads, SETTING_COUNT, "2", 1, 64,
            "Threads that look into the index."),
};
// clang-format on

const struct settings search_settings = {
    .title = "search",
    .help = "The full-text index, by which IMAP SEARCH finds words without reading every message.",
    .items = items,
    .count = sizeof items / sizeof items[0],
    .size = sizeof(struct search_config),
};

bool search_config_is_valid(const struct search_config *config, struct buf *why)
{
    if (str_case_eq(config->index, STR("on use")) || str_case_eq(config->index, STR("all")) ||
        str_case_eq(config->index, STR("off")))
        return true;
    buf_put(why, STR("search.index is none of \"on use\", \"all\", \"off\""));
    return false;
}
