// SPDX-License-Identifier: ISC
#include "queue/own_mail.h"

#include "base/check.h"
#include "rt/rt.h"

enum { OWN_MAIL_ARENA_MAX = 16 << 20 };

static struct outcome add_recipient(struct queue_own_mail *own, const struct queue *queue,
                                    struct str to)
{
    struct address a = {.local = to, .domain = STR("")};

    if (str_find(to, '@') >= 0 && !address_parse(to, ADDRESS_UTF8 | ADDRESS_LONG_LOCAL, &a))
        return (struct outcome){NEVER, 553, STR("5.1.3"), STR("no address")};
    // Not queue_recipient: a full mailbox shall know of it, too.
    return route_recipient(queue->route, &own->e, &a);
}

static bool is_local(const struct envelope *e)
{
    for (size_t i = 0; i < e->recipient_count; i++)
        for (size_t k = 0; k < e->recipients[i].target_count; k++)
            if (e->recipients[i].targets[k].account_id == 0)
                return false;
    return true;
}

static void begin(struct queue_own_mail *own, const struct queue_own_mail_text *text)
{
    arena_init(&own->arena, OWN_MAIL_ARENA_MAX);
    envelope_init(&own->e, &own->arena, STR(""));
    own->e.id = text->id;
    own->e.is_report = true;
    own->e.arrived = rt_wall_s();
    own->e.body = text->is_8bit ? ENVELOPE_BODY_8BITMIME : ENVELOPE_BODY_7BIT;
    own->e.is_utf8 = text->is_utf8;
    own->e.requires_tls = text->requires_tls;
    own->e.peer = own->e.helo = own->e.protocol = STR("");
}

int queue_own_mail_add(struct queue_own_mail *own, const struct queue *queue,
                       struct store_change *change, const struct queue_own_mail_text *text)
{
    int r;

    *own = (struct queue_own_mail){0};
    begin(own, text);
    if (add_recipient(own, queue, text->to).verdict != DONE ||
        (text->only_local && !is_local(&own->e)))
        return STORE_NOT_FOUND;
    queue_intake_init(&own->intake, queue, &own->e);
    r = queue_bodies_begin(&own->bodies, queue->store, &own->e);
    if (r < 0)
        return r;
    r = queue_bodies_append(&own->bodies, text->message);
    if (r < 0)
        return r;
    r = queue_intake_add(&own->intake, change, &own->bodies);
    if (r < 0)
        return r;
    return queue_intake_count(&own->intake) > 0 ? 0 : STORE_NOT_FOUND;
}

void queue_own_mail_done(struct queue_own_mail *own)
{
    if (own->intake.puts)
        queue_intake_done(&own->intake);
    queue_bodies_free(&own->bodies);
    arena_done(&own->arena);
}
