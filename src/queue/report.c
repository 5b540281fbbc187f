// SPDX-License-Identifier: ISC
#include "queue/report.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "rt/rt.h"

#include "account/name.h"

enum { REPORT_BYTES_MAX = 64 << 20 };

struct queue_report {
    struct queue_own_mail own;
    uint64_t mail_id;
    enum report_action action; // of the first recipient
    size_t recipient_count;
};

static bool is_ours(const struct queue *queue, struct str domain)
{
    return domain.len > 0 && account_domain_is_local(queue->route->accounts, domain);
}

/// A postmaster of ours, whom the sender can ask: of his own domain, or that of the alias or list
/// he wrote to, or of the first domain here.
static void put_from(struct buf *out, const struct queue *queue, struct str sender,
                     const struct report_recipient *r)
{
    CLEANUP(buf_drop) struct buf first = {0};
    struct str domain = account_name_split(sender).domain;

    buf_init(&first, ADDRESS_PATH_MAX);
    if (!is_ours(queue, domain))
        domain = account_name_split(r->original).domain;
    if (!is_ours(queue, domain))
        domain = account_domain_at(queue->route->accounts, 0, &first) ? buf_str(&first)
                                                                      : queue->host_name;
    buf_put(out, STR("postmaster@"));
    if (!address_put_domain(out, domain))
        buf_put(out, domain);
}

/// Whoever reads it: the sender; of mail without one, where it failed, the postmaster.
static struct str reader_of(const struct queue *queue, const struct queue_report_mail *mail,
                            const struct report_recipient *recipients, size_t count)
{
    if (mail->sender.len > 0)
        return mail->sender;
    if (!queue_config_now(queue)->notify_postmaster)
        return STR("");
    for (size_t i = 0; i < count; i++)
        if (recipients[i].action == REPORT_FAILED)
            return STR("postmaster");
    return STR("");
}

static void compose(struct buf *out, const struct queue *queue,
                    const struct queue_report_mail *mail, struct str reader, uint64_t id,
                    const struct report_recipient *recipients, size_t count,
                    struct report_kind *kind)
{
    CLEANUP(buf_drop) struct buf from = {0};
    struct report report = {
        .language = queue_config_now(queue)->report_language,
        .host = queue->host_name.len > 0 ? queue->host_name : STR("localhost"),
        .to = reader,
        .id = id,
        .boundary = {rt_random(), rt_random()},
        .mail_id = mail->id,
        .now_s = rt_wall_s(),
        .arrived_s = mail->arrived_s,
        .envid = mail->envid,
        .recipients = recipients,
        .count = count,
        .original = mail->original,
        .is_full = mail->is_full,
    };

    buf_init(&from, 1024);
    put_from(&from, queue, mail->sender, &recipients[0]);
    report.from = buf_str(&from);
    report_put(out, &report, kind);
}

static void log_nobody(const struct queue_report_mail *mail, struct str reader)
{
    struct log_line line;

    log_begin(&line, LOG_INFO, "queue/report", "nobody to tell");
    log_mail(&line, mail->id);
    log_str(&line, "to", reader);
    log_end(&line);
}

int queue_report_new(const struct queue *queue, struct store_change *change,
                     const struct queue_report_mail *mail,
                     const struct report_recipient *recipients, size_t count,
                     struct queue_report **out)
{
    CLEANUP(buf_drop) struct buf bytes = {0};
    struct str reader = reader_of(queue, mail, recipients, count);
    struct queue_report *report;
    struct report_kind kind;
    uint64_t id = rt_random();
    int r;

    *out = NULL;
    if (reader.len == 0) {
        log_nobody(mail, reader);
        return 0;
    }
    buf_init(&bytes, REPORT_BYTES_MAX);
    compose(&bytes, queue, mail, reader, id, recipients, count, &kind);
    CHECK(buf_ok(&bytes));
    report = calloc(1, sizeof(*report));
    CHECK(report);
    *report = (struct queue_report){
        .mail_id = mail->id, .action = recipients[0].action, .recipient_count = count};
    r = queue_own_mail_add(&report->own, queue, change,
                           &(struct queue_own_mail_text){.id = id,
                                                         .to = reader,
                                                         .only_local = mail->sender.len == 0,
                                                         .is_8bit = kind.is_8bit,
                                                         .is_utf8 = kind.is_utf8,
                                                         .requires_tls = mail->requires_tls,
                                                         .message = buf_str(&bytes)});
    if (r != 0) {
        queue_report_free(report);
        if (r > 0)
            log_nobody(mail, reader);
        return r < 0 ? r : 0;
    }
    *out = report;
    return 0;
}

void queue_report_tell(const struct queue_report *report, struct queue_news *news)
{
    static const char *const actions[] = {
        [REPORT_FAILED] = "failed",       [REPORT_DELAYED] = "delayed",
        [REPORT_DELIVERED] = "delivered", [REPORT_RELAYED] = "relayed",
        [REPORT_EXPANDED] = "expanded",
    };
    struct log_line line;

    if (!report)
        return;
    log_begin(&line, LOG_INFO, "queue/report", "made");
    log_mail(&line, report->mail_id);
    log_hex(&line, "report", report->own.e.id);
    log_str(&line, "to", report->own.e.recipients[0].address);
    log_text(&line, "action", actions[report->action]);
    log_u64(&line, "rcpts", report->recipient_count);
    log_end(&line);
    queue_intake_tell(&report->own.intake, news);
}

void queue_report_free(struct queue_report *report)
{
    if (!report)
        return;
    queue_own_mail_done(&report->own);
    free(report);
}
