// SPDX-License-Identifier: ISC
#include "queue/came_back.h"

#include "base/cleanup.h"
#include "mail/report.h"
#include "log/log.h"

enum { FOUND_MAX = 20, PARSED_BYTES_MAX = 64 << 10, ARENA_BYTES_MAX = 4 << 20 };

static void note(uint64_t about_id, const struct envelope *e, const struct report_found *found)
{
    static const char *const actions[] = {
        [REPORT_FAILED] = "failed",       [REPORT_DELAYED] = "delayed",
        [REPORT_DELIVERED] = "delivered", [REPORT_RELAYED] = "relayed",
        [REPORT_EXPANDED] = "expanded",
    };
    struct log_line line;

    log_begin(&line, LOG_INFO, "queue/report", "came back");
    log_mail(&line, about_id);
    log_hex(&line, "report", e->id);
    if (found) {
        log_text(&line, "action", actions[found->action]);
        log_str(&line, "rcpt", found->address.len > 0 ? found->address : found->original);
        log_str(&line, "status", found->status);
        log_str(&line, "said", found->diagnostic);
    }
    log_end(&line);
}

/// A mail that came back without the form of a report is noted, too.
static void note_all(uint64_t about_id, const struct envelope *e, struct str message)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct report_found found[FOUND_MAX];
    size_t count;

    arena_init(&arena, ARENA_BYTES_MAX);
    if (!report_parse(&arena, message, found, FOUND_MAX, &count)) {
        note(about_id, e, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++)
        note(about_id, e, &found[i]);
}

static struct str beginning_of(const struct envelope *e, const struct queue_bodies *bodies)
{
    for (unsigned i = 0; i < ENVELOPE_RETURN_PATHS_MAX; i++)
        if (bodies->by_path[i])
            return str_head(str_skip(store_body_head(bodies->by_path[i]), queue_bodies_skip(e, i)),
                            PARSED_BYTES_MAX);
    return STR("");
}

void queue_came_back(const struct envelope *e, const struct queue_bodies *bodies)
{
    for (size_t i = 0; i < e->recipient_count; i++)
        if (e->recipients[i].is_return)
            note_all(e->recipients[i].about_id ? e->recipients[i].about_id : e->id, e,
                     beginning_of(e, bodies));
}
