// SPDX-License-Identifier: ISC
//
// One acceptance, one commit. All recipients share one body (one for each return path: lists have
// their own); the mailbox entries of those who are here and the queue entries of all others become
// durable in one change of the store. The order:
//
//     bodies arrive -> the change names bodies, mailboxes and lanes -> store_commit -> 250
//
// If the power fails before store_commit returned, nothing of the mail is left or all of it is; the
// client has no 250 and sends again, which at worst gives two copies (RFC 5321 4.1.1.4).
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/header.h"
#include "log/log.h"
#include "rt/rt.h"

#include "queue/bodies.h"
#include "queue/came_back.h"
#include "queue/intake.h"
#include "queue/queue.h"
#include "queue/receipt.h"

#include <errno.h>

enum { HEADER_LOOK_MAX = 32 * 1024 };

struct queue_mail {
    const struct queue *queue;
    const struct envelope *e;
    struct queue_bodies bodies;
    uint64_t size;
    int error;
};

/// Everything one acceptance needs while it runs.
struct acceptance {
    struct queue_mail *mail;
    struct store_change *change;
    struct queue_intake intake;
    struct queue_report *receipt; // for the sender, if he asked; else NULL
    struct queue_news *news;
};

// ---- the body arrives

int queue_begin(const struct queue *queue, const struct envelope *e, struct queue_mail **out)
{
    struct queue_mail *mail = calloc(1, sizeof(*mail));
    int r;

    CHECK(mail);
    mail->queue = queue;
    mail->e = e;
    r = queue_bodies_begin(&mail->bodies, queue->store, e);
    if (r < 0) {
        queue_abandon(mail);
        return r;
    }
    *out = mail;
    return 0;
}

int queue_append(struct queue_mail *mail, struct str bytes)
{
    if (mail->error == 0)
        mail->error = queue_bodies_append(&mail->bodies, bytes);
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
    queue_bodies_free(&mail->bodies);
    free(mail);
}

// ---- the acceptance

/// 0, a store_answer or -errno.
static int commit(struct acceptance *a)
{
    struct queue_mail *mail = a->mail;
    int r;

    if (mail->error < 0)
        return mail->error;
    r = store_change_new(mail->queue->store, &a->change);
    if (r < 0)
        return r;
    r = queue_intake_add(&a->intake, a->change, &mail->bodies);
    if (r < 0)
        return r;
    if (queue_intake_count(&a->intake) == 0)
        return STORE_NOT_FOUND; // all of them were removed since RCPT
    r = queue_receipt_new(mail->queue, a->change, mail->e, &mail->bodies, &a->receipt);
    if (r < 0)
        return r;
    a->news = queue_news_open(mail->queue);
    return store_commit(a->change);
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

/// The mail's own name, by which people look for it; "" when it has none, or a very long one.
static struct str message_id(const struct queue_mail *mail)
{
    const struct header_field none = {0};
    struct header_field field = none;
    struct str head;

    for (size_t i = 0; i < ENVELOPE_RETURN_PATHS_MAX; i++) {
        if (!mail->bodies.by_path[i])
            continue;
        head = str_head(store_body_head(mail->bodies.by_path[i]), HEADER_LOOK_MAX);
        header_find(str_head(head, header_len(head)), STR("Message-ID"), &field);
        break;
    }
    field.value = str_trim(field.value);
    if (field.value.len > LOG_VALUE_MAX || str_find(field.value, '\n') >= 0)
        return STR("");
    return arena_str(mail->e->arena, field.value);
}

static void log_kept(const struct acceptance *a, struct str name)
{
    const struct envelope *e = a->mail->e;
    struct log_line line;

    log_begin(&line, LOG_INFO, "queue/accept", "kept");
    log_mail(&line, e->id);
    log_u64(&line, "size", a->mail->size);
    log_u64(&line, "rcpts", e->recipient_count);
    log_str(&line, "from", e->sender);
    if (name.len > 0)
        log_str(&line, "message_id", name);
    log_end(&line);
}

static void log_not_kept(const struct acceptance *a, int r)
{
    struct log_line line;

    log_begin(&line, r < 0 ? LOG_ERROR : LOG_WARN, "queue/accept", "not kept");
    log_mail(&line, a->mail->e->id);
    log_u64(&line, "size", a->mail->size);
    if (r < 0)
        log_errno(&line, r);
    else
        log_u64(&line, "answer", (uint64_t)r);
    log_end(&line);
}

struct outcome queue_accept(struct queue_mail *mail)
{
    struct acceptance a = {.mail = mail};
    struct str name = message_id(mail); // before the commit, which takes the bytes
    struct outcome o;
    int r;

    queue_intake_init(&a.intake, mail->queue, mail->e);
    r = commit(&a);
    if (r == 0) {
        log_kept(&a, name);
        queue_intake_tell(&a.intake, a.news);
        queue_report_tell(a.receipt, a.news);
        queue_came_back(mail->e, &mail->bodies);
    } else {
        log_not_kept(&a, r);
    }
    o = outcome_of(&a, r);
    queue_news_close(a.news);
    store_change_free(a.change);
    queue_report_free(a.receipt);
    queue_intake_done(&a.intake);
    queue_abandon(mail);
    return o;
}
