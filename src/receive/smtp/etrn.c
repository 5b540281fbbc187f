// SPDX-License-Identifier: ISC
//
// ETRN (RFC 1985): a host that was away asks for the mail that waits for its domain, or for it and
// those below it ("@"), or for a lane by its name ("#"). Only for who may relay here; anybody else
// could make us dial others.
#include "queue/entry.h"
#include "receive/smtp/session.h"

enum { LANES_MAX = 64 }; // of one question; what waits in more of them comes when it is due

struct search {
    const struct smtp_etrn *etrn;
    struct arena *command;
    struct str lanes[LANES_MAX];
    size_t count;
};

static bool is_below(struct str domain, struct str node)
{
    return domain.len > node.len && domain.ptr[domain.len - node.len - 1] == '.' &&
           str_case_eq(str_skip(domain, domain.len - node.len), node);
}

static bool is_meant(const struct smtp_etrn *etrn, const struct queue_entry *entry)
{
    ptrdiff_t at = str_find_last(entry->recipient, '@');
    struct str domain = str_skip(entry->recipient, (size_t)(at + 1));

    if (etrn->option == '#')
        return str_case_eq(entry->lane, etrn->node);
    return str_case_eq(domain, etrn->node) || (etrn->option == '@' && is_below(domain, etrn->node));
}

static int look(void *arg, const struct queue_entry *entry, bool is_in_flight)
{
    struct search *search = arg;

    (void)is_in_flight;
    if (!is_meant(search->etrn, entry))
        return 0;
    for (size_t i = 0; i < search->count; i++)
        if (str_eq(search->lanes[i], entry->lane))
            return 0;
    search->lanes[search->count++] = arena_str(search->command, entry->lane);
    return search->count == LANES_MAX;
}

static void say(struct receive_session *s, unsigned code, const char *status, const char *what,
                const struct smtp_etrn *etrn, const char *then)
{
    CLEANUP(buf_drop) struct buf text = {.max = 512};

    buf_putf(&text, "%s %.*s%s", what, STR_ARG(etrn->node), then);
    receive_say_str(s, code, str_from(status), buf_str(&text));
}

/// [await]
static void start(struct receive_session *s, const struct smtp_etrn *etrn)
{
    const struct queue_filter waiting = {.held = 0};
    struct queue *queue = s->receive->doors.queue;
    struct arena command;
    struct search search = {.etrn = etrn, .command = &command};
    int r;

    arena_init(&command, 1 << 20);
    r = queue_each(queue, &waiting, look, &search);
    if (r < 0)
        log_failure("receive/etrn", "queue_each", r);
    if (r >= 0 && search.count == 0) {
        say(s, 251, "2.0.0", "no messages waiting for node", etrn, "");
    } else if (r < 0 || !queue->schedule) {
        say(s, 458, "4.5.1", "unable to queue messages for node", etrn, "");
    } else {
        for (size_t i = 0; i < search.count; i++)
            queue_flush(queue, search.lanes[i]);
        say(s, 250, "2.0.0", "queuing for node", etrn, " started");
    }
    arena_done(&command);
}

int receive_on_etrn(struct receive_session *s, const struct smtp_command *c)
{
    struct smtp_etrn etrn;
    const struct smtp_fault *fault = smtp_etrn_parse(c->argument, &etrn);

    if (fault) {
        receive_say_fault(s, fault);
    } else if (!receive_is_known(s)) {
        say(s, 459, "4.7.1", "node", &etrn, " not allowed: sign in first");
        s->error_count++;
    } else {
        s->junk_count++; // brings no mail, and makes us look through the queue
        start(s, &etrn);
    }
    return 0;
}
