// SPDX-License-Identifier: ISC
//
// What a lane learns of its far side. Connections: slow start (one more for each mail that was
// taken), halved when the server as a whole says "not now" (421, x.3.x, time-outs), and then
// no growth for a while. Speed: a server that says "too fast" gets its mails with a gap between
// them that doubles, and shrinks again with each mail that it takes. Blocked: nobody answers, or
// trouble after trouble with a single connection.
#include "queue/inside.h"

enum {
    TROUBLES_MAX = 5,
    NO_GROWTH_US = 30 * 1000000,
    GAP_FIRST_US = 1000000,
    GAP_MAX_US = 60 * 1000000,
    GAP_LEAST_US = 50000,
};

void queue_pace_init(struct queue_pace *pace)
{
    *pace = (struct queue_pace){.connections_max = 1};
}

void queue_pace_success(struct queue_pace *pace, unsigned connections_max, uint64_t now_us)
{
    pace->troubles = pace->blocks = 0;
    pace->gap_us -= pace->gap_us / 10;
    if (pace->gap_us < GAP_LEAST_US)
        pace->gap_us = 0;
    if (now_us >= pace->no_growth_before && pace->connections_max < connections_max)
        pace->connections_max++;
    if (pace->connections_max > connections_max)
        pace->connections_max = connections_max;
}

static bool has_word(struct str text, struct str word)
{
    for (size_t i = 0; i + word.len <= text.len; i++) {
        if (str_case_eq(str_head(str_skip(text, i), word.len), word))
            return true;
    }
    return false;
}

/// There is no code for it; these are the words that large providers use.
static bool is_too_fast(const struct outcome *o)
{
    static const char *const words[] = {
        "too fast",
        "too many connections",
        "too many concurrent",
        "too many messages",
        "too many mail",
        "rate limit",
        "sending rate",
        "at a rate",
        "slow down",
        "throttl",
        "unusual rate",
    };

    if (o->code != 421 && o->code / 10 != 45)
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (has_word(o->text, str_from(words[i])))
            return true;
    }
    return false;
}

bool queue_is_trouble(const struct outcome *o)
{
    if (o->verdict != LATER)
        return false;
    return o->code == 421 || str_starts(o->enhanced, STR("4.3.")) || is_too_fast(o);
}

bool queue_pace_trouble(struct queue_pace *pace, const struct outcome *o, unsigned connections,
                        uint64_t now_us)
{
    bool was_one = pace->connections_max == 1;

    if (is_too_fast(o)) {
        pace->gap_us = pace->gap_us ? pace->gap_us * 2 : GAP_FIRST_US;
        if (pace->gap_us > GAP_MAX_US)
            pace->gap_us = GAP_MAX_US;
    }
    if (connections && connections < pace->connections_max)
        pace->connections_max = connections;
    pace->connections_max /= 2;
    if (pace->connections_max == 0)
        pace->connections_max = 1;
    pace->no_growth_before = now_us + NO_GROWTH_US;
    pace->troubles++;
    return was_one && pace->troubles >= TROUBLES_MAX;
}

uint64_t queue_pace_block(struct queue_pace *pace, const struct queue_back_off *b, uint64_t random)
{
    pace->connections_max = 1;
    pace->troubles = 0;
    pace->blocks++;
    return queue_back_off(b, pace->blocks, random);
}

uint64_t queue_pace_wait(struct queue_pace *pace, uint64_t now_us)
{
    uint64_t at_us = pace->next_us > now_us ? pace->next_us : now_us;

    if (pace->gap_us == 0)
        return 0;
    pace->next_us = at_us + pace->gap_us;
    return at_us - now_us;
}
