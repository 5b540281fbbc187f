// SPDX-License-Identifier: ISC
//
// ETRN (RFC 1985): a host that was away asks for the mail that waits for its domain. Only for who
// may relay here; anybody else could make us dial others.
#include "receive/smtp/session.h"

/// The lane in which that domain's mail waits: by static routes, too, and in the one form of names.
static void flush(struct receive_session *s, struct str node)
{
    CLEANUP(buf_drop) struct buf address = {.max = 512};
    struct arena command;

    arena_init(&command, 1 << 20);
    buf_putf(&address, "postmaster@%.*s", STR_ARG(node));
    queue_flush(s->receive->doors.queue,
                route_lane(s->receive->doors.route, STR(""), buf_str(&address), &command));
    arena_done(&command);
}

int receive_on_etrn(struct receive_session *s, const struct smtp_command *c)
{
    CLEANUP(buf_drop) struct buf text = {.max = 512};
    struct smtp_etrn etrn;
    const struct smtp_fault *fault = smtp_etrn_parse(c->argument, &etrn);

    if (fault) {
        receive_say_fault(s, fault);
    } else if (!receive_is_known(s)) {
        buf_putf(&text, "node %.*s not allowed: sign in first", STR_ARG(etrn.node));
        receive_say_str(s, 459, STR("4.7.1"), buf_str(&text));
        s->error_count++;
    } else if (etrn.option || !s->receive->doors.queue->schedule) {
        buf_putf(&text, "unable to queue messages for node %.*s", STR_ARG(etrn.node));
        receive_say_str(s, 458, STR("4.5.1"), buf_str(&text));
    } else {
        flush(s, etrn.node);
        buf_putf(&text, "queuing for node %.*s started", STR_ARG(etrn.node));
        receive_say_str(s, 250, STR("2.0.0"), buf_str(&text));
    }
    return 0;
}
