// SPDX-License-Identifier: ISC
//
// One acceptance, one commit. All local recipients share one body (one for each return path: lists
// have their own), and their mailbox entries become durable in one change of the store. The order:
//
//     bodies arrive -> the change names bodies and mailboxes -> store_commit -> 250
//
// If the power fails before store_commit returned, nothing of the mail is left or all of it is; the
// client has no 250 and sends again, which at worst gives two copies (RFC 5321 4.1.1.4).
#include "base/check.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "log/log.h"
#include "rt/rt.h"

#include "queue/queue.h"

#include <errno.h>

enum { FILED_LINES_MAX = 100 }; // of the log, for one mail

struct queue_mail {
    const struct queue *queue;
    const struct envelope *e;
    struct store_body *bodies[ENVELOPE_RETURN_PATHS_MAX]; // by return path; NULL: nobody's
    uint64_t size;
    int error;
};

/// Everything one acceptance needs while it runs.
struct acceptance {
    struct queue_mail *mail;
    struct store_change *change;
    struct store_put *puts;
    size_t put_count;
    struct map mailboxes; // those that get a copy already
};

// ---- the body arrives

/// What whoever must rebuild a lost index would like to know.
static void put_summary(struct buf *out, const struct envelope *e)
{
    buf_putf(out, "id=%llx from=<%.*s> peer=%.*s to=", (unsigned long long)e->id,
             STR_ARG(e->sender), STR_ARG(e->peer));
    for (size_t i = 0; i < e->recipient_count; i++) {
        struct str address = e->recipients[i].address;

        if (out->len + address.len + 8 > out->max)
            break;
        buf_putf(out, "%s<%.*s>", i ? "," : "", STR_ARG(address));
    }
}

static int begin_body(struct queue_mail *mail, unsigned return_path)
{
    CLEANUP(buf_drop) struct buf head = {0}, summary = {0};
    int r;

    r = store_body_new(mail->queue->store, &mail->bodies[return_path]);
    if (r < 0)
        return r;
    buf_init(&summary, STORE_ENVELOPE_MAX);
    put_summary(&summary, mail->e);
    store_body_set_envelope(mail->bodies[return_path], buf_str(&summary));
    buf_init(&head, 1024);
    deliver_put_head(&head, mail->e->return_paths[return_path]);
    return store_body_append(mail->bodies[return_path], buf_str(&head));
}

static int begin_bodies(struct queue_mail *mail)
{
    const struct envelope *e = mail->e;
    int r;

    for (size_t i = 0; i < e->recipient_count; i++)
        for (size_t k = 0; k < e->recipients[i].target_count; k++) {
            unsigned return_path = e->recipients[i].targets[k].return_path;

            CHECK(return_path < ENVELOPE_RETURN_PATHS_MAX);
            if (mail->bodies[return_path])
                continue;
            r = begin_body(mail, return_path);
            if (r < 0)
                return r;
        }
    return 0;
}

int queue_begin(const struct queue *queue, const struct envelope *e, struct queue_mail **out)
{
    struct queue_mail *mail = calloc(1, sizeof(*mail));
    int r;

    CHECK(mail);
    mail->queue = queue;
    mail->e = e;
    r = begin_bodies(mail);
    if (r < 0) {
        queue_abandon(mail);
        return r;
    }
    *out = mail;
    return 0;
}

int queue_append(struct queue_mail *mail, struct str bytes)
{
    int r;

    for (size_t i = 0; i < ENVELOPE_RETURN_PATHS_MAX && mail->error == 0; i++) {
        if (!mail->bodies[i])
            continue;
        r = store_body_append(mail->bodies[i], bytes);
        if (r < 0)
            mail->error = r;
    }
    mail->size += bytes.len;
    return mail->error;
}

uint64_t queue_size(const struct queue_mail *mail)
{
    return mail->size;
}

void queue_abandon(struct queue_mail *mail)
{
    if (!mail)
        return;
    for (size_t i = 0; i < ENVELOPE_RETURN_PATHS_MAX; i++)
        store_body_free(mail->bodies[i]);
    free(mail);
}

// ---- the acceptance

/// A mailbox that was reached in two ways gets one copy.
static bool is_new(struct acceptance *a, const struct store_put *put)
{
    uint64_t key[2] = {put->account_id, put->mailbox_id};

    return map_put(&a->mailboxes, str_of(key, sizeof(key)), a) == NULL;
}

static int add_target(struct acceptance *a, const struct envelope_target *target)
{
    const struct queue *queue = a->mail->queue;
    struct store_put put = {0};
    int r;

    CHECK(target->account_id);
    // It may have been removed since RCPT; a mailbox must not be made for nobody.
    if (!account_exists(queue->route->accounts, target->account_id))
        return 0;
    // a reload may replace the settings
    r = deliver_choose(__atomic_load_n(&queue->deliver, __ATOMIC_ACQUIRE), queue->store, target,
                       &put);
    if (r < 0 || !is_new(a, &put))
        return r;
    put.body = a->mail->bodies[target->return_path];
    put.internal_date = rt_wall_s();
    a->puts[a->put_count] = put;
    store_change_put(a->change, &a->puts[a->put_count++]);
    return 0;
}

static int add_targets(struct acceptance *a)
{
    const struct envelope *e = a->mail->e;
    int r;

    for (size_t i = 0; i < e->recipient_count; i++)
        for (size_t k = 0; k < e->recipients[i].target_count; k++) {
            r = add_target(a, &e->recipients[i].targets[k]);
            if (r < 0)
                return r;
        }
    return 0;
}

/// 0, a store_answer or -errno.
static int commit(struct acceptance *a)
{
    int r;

    if (a->mail->error < 0)
        return a->mail->error;
    r = store_change_new(a->mail->queue->store, &a->change);
    if (r < 0)
        return r;
    r = add_targets(a);
    if (r < 0)
        return r;
    return a->put_count > 0 ? store_commit(a->change) : STORE_NOT_FOUND;
}

static struct outcome outcome_of(const struct acceptance *a, int r)
{
    const struct envelope *e = a->mail->e;
    CLEANUP(buf_drop) struct buf text = {0};

    switch (r) {
    case 0:
        buf_init(&text, 64);
        buf_putf(&text, "kept as %llx", (unsigned long long)e->id);
        return (struct outcome){DONE, 250, STR("2.0.0"), arena_str(e->arena, buf_str(&text))};
    case STORE_OVER_QUOTA:
        return (struct outcome){LATER, 452, STR("4.2.2"), STR("mailbox full")};
    case -ENOSPC:
    case -EDQUOT:
        return (struct outcome){LATER, 452, STR("4.3.1"), STR("no space left here, try later")};
    default:
        return (struct outcome){LATER, 451, STR("4.3.0"), STR("local trouble, try again later")};
    }
}

static void log_kept(const struct acceptance *a)
{
    const struct envelope *e = a->mail->e;
    struct log_line line;

    log_begin(&line, LOG_INFO, "queue/accept", "kept");
    log_hex(&line, "id", e->id);
    log_u64(&line, "size", a->mail->size);
    log_u64(&line, "rcpts", e->recipient_count);
    log_str(&line, "from", e->sender);
    log_end(&line);
    for (size_t i = 0; i < a->put_count && i < FILED_LINES_MAX; i++)
        deliver_log_filed(e->id, &a->puts[i]);
}

static void log_not_kept(const struct acceptance *a, int r)
{
    struct log_line line;

    log_begin(&line, r < 0 ? LOG_ERROR : LOG_WARN, "queue/accept", "not kept");
    log_hex(&line, "id", a->mail->e->id);
    log_u64(&line, "size", a->mail->size);
    if (r < 0)
        log_errno(&line, r);
    else
        log_u64(&line, "answer", (uint64_t)r);
    log_end(&line);
}

struct outcome queue_accept(struct queue_mail *mail)
{
    static const uint64_t no_seed[2];
    struct acceptance a = {.mail = mail};
    struct outcome o;
    int r;

    map_init(&a.mailboxes, no_seed);
    a.puts = calloc(mail->e->target_count + 1, sizeof(*a.puts));
    CHECK(a.puts);
    r = commit(&a);
    if (r == 0)
        log_kept(&a);
    else
        log_not_kept(&a, r);
    o = outcome_of(&a, r);
    store_change_free(a.change);
    map_done(&a.mailboxes);
    free(a.puts);
    queue_abandon(mail);
    return o;
}
