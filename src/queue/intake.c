// SPDX-License-Identifier: ISC
#include "queue/intake.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "rt/rt.h"

#include "account/name.h"
#include "queue/entry.h"
#include "queue/outward.h"

enum {
    FILED_LINES_MAX = 100,      // of the log, for one mail
    INTAKE_BYTES_MAX = 1 << 30, // ENVELOPE_TARGETS_MAX entries of QUEUE_ENTRY_BYTES_MAX
};

_Static_assert((uint64_t)ENVELOPE_TARGETS_MAX *(QUEUE_ENTRY_BYTES_MAX + 64) < INTAKE_BYTES_MAX,
               "the entries of the largest envelope fit");

const struct queue_config *queue_config_now(const struct queue *queue)
{
    static const struct queue_config defaults = {
        .lifetime = UINT64_C(5) * 24 * 3600 * 1000,
        .bounce_lifetime = UINT64_C(5) * 24 * 3600 * 1000,
        .delay_warning = UINT64_C(4) * 3600 * 1000,
        .report_language = {"en", 2},
    };
    // a reload may replace it
    const struct queue_config *config = __atomic_load_n(&queue->config, __ATOMIC_ACQUIRE);

    return config ? config : &defaults;
}

void queue_intake_init(struct queue_intake *in, const struct queue *queue, const struct envelope *e)
{
    static const uint64_t no_seed[2];

    *in = (struct queue_intake){.queue = queue, .e = e};
    arena_init(&in->arena, INTAKE_BYTES_MAX);
    map_init(&in->mailboxes, no_seed);
    map_init(&in->addresses, no_seed);
    in->puts = calloc(e->target_count + 1, sizeof(*in->puts));
    in->entries = calloc(e->target_count + 1, sizeof(*in->entries));
    CHECK(in->puts && in->entries);
}

void queue_intake_done(struct queue_intake *in)
{
    free(in->puts);
    free(in->entries);
    map_done(&in->mailboxes);
    map_done(&in->addresses);
    arena_done(&in->arena);
    *in = (struct queue_intake){0};
}

/// A mailbox that was reached in two ways gets one copy.
static bool is_new_mailbox(struct queue_intake *in, const struct store_put *put)
{
    uint64_t key[2] = {put->account_id, put->mailbox_id};

    return map_put(&in->mailboxes, str_of(key, sizeof(key)), in) == NULL;
}

/// And so does an address at another host: its domain in one form, its local part as it is, for
/// only that host knows more.
static bool is_new_address(struct queue_intake *in, struct str address)
{
    struct address a = account_name_split(address);
    CLEANUP(buf_drop) struct buf key = {0};

    buf_init(&key, 2 * ADDRESS_PATH_MAX + 2);
    address_put_local(&key, a.local);
    buf_put_char(&key, '@');
    if (!address_put_domain(&key, a.domain))
        buf_put(&key, a.domain);
    return map_put(&in->addresses, buf_str(&key), in) == NULL;
}

static void add_entry(struct queue_intake *in, struct store_change *change,
                      const struct queue_bodies *bodies, const struct envelope_recipient *r,
                      const struct envelope_target *target)
{
    struct store_queue_put *put = &in->entries[in->entry_count];

    queue_outward_put(in->queue, in->e, r, target, &in->arena, put);
    put->body = bodies->by_path[target->return_path];
    store_change_queue_put(change, put);
    in->entry_count++;
}

/// [await]
static int add_local(struct queue_intake *in, struct store_change *change,
                     const struct queue_bodies *bodies, const struct envelope_recipient *recipient,
                     const struct envelope_target *target)
{
    const struct queue *queue = in->queue;
    struct store_put put = {0};
    int r;

    // It may have been removed since RCPT; a mailbox must not be made for nobody.
    if (!account_exists(queue->route->accounts, target->account_id))
        return 0;
    // a reload may replace the settings
    r = deliver_choose(__atomic_load_n(&queue->deliver, __ATOMIC_ACQUIRE), queue->store, target,
                       &put);
    if (r < 0 || !is_new_mailbox(in, &put))
        return r;
    if (in->e->hold_until_s > rt_wall_s()) { // RFC 4865: not before its time (queue/here.c)
        add_entry(in, change, bodies, recipient, target);
        return 0;
    }
    put.body = bodies->by_path[target->return_path];
    put.internal_date = rt_wall_s();
    in->puts[in->put_count] = put;
    store_change_put(change, &in->puts[in->put_count++]);
    return 0;
}

int queue_intake_add(struct queue_intake *in, struct store_change *change,
                     const struct queue_bodies *bodies)
{
    const struct envelope *e = in->e;

    for (size_t i = 0; i < e->recipient_count; i++)
        for (size_t k = 0; k < e->recipients[i].target_count; k++) {
            const struct envelope_target *target = &e->recipients[i].targets[k];
            int r = 0;

            if (target->account_id != 0)
                r = add_local(in, change, bodies, &e->recipients[i], target);
            else if (is_new_address(in, target->address))
                add_entry(in, change, bodies, &e->recipients[i], target);
            if (r < 0)
                return r;
        }
    return 0;
}

size_t queue_intake_count(const struct queue_intake *in)
{
    return in->put_count + in->entry_count;
}

static void log_queued(uint64_t mail_id, const struct store_queue_put *put)
{
    struct store_queue_entry row = {.lane = put->lane, .value = put->value};
    struct queue_entry entry;
    struct log_line line;

    queue_entry_parse(&row, &entry);
    log_begin(&line, LOG_INFO, "queue/intake", "queued");
    log_mail(&line, mail_id);
    log_u64(&line, "entry", put->id);
    log_str(&line, "to", entry.recipient);
    log_str(&line, "lane", put->lane);
    log_end(&line);
}

void queue_intake_tell(const struct queue_intake *in, struct queue_news *news)
{
    for (size_t i = 0; i < in->put_count && i < FILED_LINES_MAX; i++)
        deliver_log_filed(in->e->id, &in->puts[i]);
    for (size_t i = 0; i < in->entry_count; i++) {
        const struct store_queue_put *put = &in->entries[i];

        if (i < FILED_LINES_MAX)
            log_queued(in->e->id, put);
        queue_news_put(news, &(struct store_queue_entry){.id = put->id,
                                                         .mail_id = put->mail_id,
                                                         .due_us = put->due_us,
                                                         .lane = put->lane,
                                                         .value = put->value,
                                                         .body = put->out_body});
    }
}
