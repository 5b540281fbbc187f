// SPDX-License-Identifier: ISC
#include "queue/receipt.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "mail/header.h"
#include "rt/rt.h"

/// False: nobody is told now, because another host will, it is not delivered yet, or he did not
/// ask.
static bool action_of(const struct envelope *e, const struct envelope_recipient *r,
                      enum report_action *out)
{
    bool is_held = e->hold_until_s > rt_wall_s();

    if (!(r->notify & ENVELOPE_NOTIFY_SUCCESS) || r->target_count == 0)
        return false;
    // RFC 3461 5.2.7.3: to a list is delivered; what it sends to its members is another mail
    if (r->targets[0].list.len > 0)
        *out = REPORT_DELIVERED;
    else if (r->target_count > 1)
        *out = REPORT_EXPANDED;
    else
        *out = REPORT_DELIVERED;
    return r->target_count > 1 || r->targets[0].list.len > 0 ||
           (r->targets[0].account_id != 0 && !is_held);
}

static size_t gather(const struct envelope *e, struct report_recipient *out)
{
    size_t count = 0;

    for (size_t i = 0; i < e->recipient_count; i++) {
        const struct envelope_recipient *r = &e->recipients[i];
        enum report_action action;

        if (!action_of(e, r, &action))
            continue;
        // The address he wrote to: where it leads to is the owner's business.
        out[count++] = (struct report_recipient){
            .action = action,
            .address = r->address,
            .original = STR(""),
            .orcpt = r->orcpt,
            .status = action == REPORT_EXPANDED ? STR("2.0.0") : STR("2.1.5"),
            .host = STR(""),
            .text = STR(""),
            .dialogue = STR(""),
            .attempt_s = rt_wall_s(),
        };
    }
    return count;
}

/// The header of the message, as far as it is in memory.
static struct str header_of(const struct envelope *e, const struct queue_bodies *bodies)
{
    for (unsigned i = 0; i < ENVELOPE_RETURN_PATHS_MAX; i++)
        if (bodies->by_path[i]) {
            struct str head =
                str_skip(store_body_head(bodies->by_path[i]), queue_bodies_skip(e, i));

            return str_head(head, header_len(head));
        }
    return STR("");
}

int queue_receipt_new(const struct queue *queue, struct store_change *change,
                      const struct envelope *e, const struct queue_bodies *bodies,
                      struct queue_report **out)
{
    CLEANUP(free_drop) struct report_recipient *recipients = NULL;
    struct queue_report_mail mail = {
        .id = e->id,
        .sender = e->sender,
        .arrived_s = e->arrived,
        .envid = e->envid,
        .requires_tls = e->requires_tls,
    };
    size_t count;

    *out = NULL;
    if (e->sender.len == 0)
        return 0;
    recipients = calloc(e->recipient_count + 1, sizeof(*recipients));
    CHECK(recipients);
    count = gather(e, recipients);
    if (count == 0)
        return 0;
    mail.original = header_of(e, bodies);
    return queue_report_new(queue, change, &mail, recipients, count, out);
}
