// SPDX-License-Identifier: ISC
#include "app/reports.h"

#include "base/cleanup.h"
#include "log/log.h"

#include "app/server_inside.h"

#include <errno.h>

enum { MAIL_ARENA_MAX = 1 << 20 };

/// A mail of ours to anywhere, by the way of every other mail.
static int submit(void *arg, const struct route_report *report)
{
    struct server *s = arg;
    CLEANUP(arena_done) struct arena arena = {0};
    struct queue_mail *mail = NULL;
    struct envelope e;
    struct address to;
    int r;

    arena_init(&arena, MAIL_ARENA_MAX);
    envelope_init(&e, &arena, report->from);
    e.id = rt_random();
    e.arrived = rt_wall_s();
    e.protocol = STR("local");
    e.is_local = true;
    e.waives_tls = true; // RFC 8460 3: what is wrong with their TLS must not stop what tells them
    if (!address_parse(report->to, ADDRESS_STRICT, &to) ||
        queue_recipient(&s->queue, &e, &to).verdict != DONE)
        return -EADDRNOTAVAIL;
    r = queue_begin(&s->queue, &e, &mail);
    if (r < 0)
        return r;
    r = queue_append(mail, report->message);
    if (r < 0) {
        queue_abandon(mail);
        return r;
    }
    return queue_accept(mail).verdict == DONE ? 0 : -EAGAIN;
}

static int keep(void *arg)
{
    struct server *s = arg;

    route_keep(&s->way.route, submit, s);
    return 0;
}

int reports_send(struct server *s, bool with_today)
{
    return route_report_now(&s->way.route, with_today, submit, s);
}

void reports_start(struct server *s)
{
    int r = rt_spawn(keep, s, "app/reports", &s->reports);

    if (r < 0) {
        s->reports = NULL;
        log_failure("app/reports", "no reports about TLS", r);
    }
}

void reports_stop(struct server *s)
{
    struct rt_task *task = s->reports;

    s->reports = NULL;
    if (!task)
        return;
    rt_cancel(task);
    rt_join(task);
}
