// SPDX-License-Identifier: ISC
//
// LMTP (RFC 2033): the end of a message has an answer for each recipient. What is taken for some of
// them is one acceptance as ever; those whose mailboxes are full are told so by themselves, and the
// server in front keeps their copies.
#include "deliver/deliver.h"
#include "receive/smtp/session.h"

/// Room in one of its mailboxes is enough, as at RCPT: a list does not stand still for one member.
static struct outcome room_for(const struct receive_body *body,
                               const struct envelope_recipient *recipient)
{
    struct store *store = body->session->receive->doors.queue->store;
    struct outcome o = {DONE, 250, STR("2.1.5"), STR("room")};

    for (size_t i = 0; i < recipient->target_count; i++) {
        if (recipient->targets[i].account_id == 0)
            return (struct outcome){DONE, 250, STR("2.1.5"), STR("goes on")};
        o = deliver_check_quota(store, recipient->targets[i].account_id, queue_size(body->mail));
        if (o.verdict == DONE)
            return o;
    }
    return o;
}

struct outcome receive_lmtp_sort(struct receive_body *body)
{
    struct envelope *e = body->session->envelope;
    size_t kept = 0;

    body->each = ARENA_ARRAY(e->arena, struct outcome, e->recipient_count);
    body->each_count = e->recipient_count;
    for (size_t i = 0; i < body->each_count; i++) {
        body->each[i] = room_for(body, &e->recipients[i]);
        if (body->each[i].verdict == DONE)
            e->recipients[kept++] = e->recipients[i];
        else
            e->target_count -= e->recipients[i].target_count;
    }
    e->recipient_count = kept;
    return kept > 0 ? (struct outcome){.verdict = DONE} : body->each[0];
}

void receive_lmtp_say(struct receive_session *s, const struct receive_body *body,
                      const struct outcome *outcome)
{
    size_t count = body->each ? body->each_count : s->envelope->recipient_count;

    for (size_t i = 0; i < count; i++)
        receive_say_outcome(s,
                            body->each && body->each[i].verdict != DONE ? &body->each[i] : outcome);
}
