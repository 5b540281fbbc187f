// SPDX-License-Identifier: ISC
//
// Reports to the sender (RFC 3461 5, 6) as part of the change in which the thing they tell of
// happens: so none is made twice and none is forgotten. A mail without a sender gets none, for it
// may be a report itself (RFC 5321 6.1); where the settings want it, the postmaster of this host
// reads what nobody else would.
#pragma once

#include "mail/report.h"

#include "queue/own_mail.h"

struct queue_report;

/// The mail it is about.
struct queue_report_mail {
    uint64_t id;
    struct str sender; // the return path; "": none
    int64_t arrived_s;
    struct str envid;
    bool requires_tls;
    struct str original; // the message, or the beginning of it with its header
    bool is_full;        // all of it shall come back
};

/// [await] Adds it to the change. 0, also when nobody is to be told (then *out is NULL); -errno.
int queue_report_new(const struct queue *queue, struct store_change *change,
                     const struct queue_report_mail *mail,
                     const struct report_recipient *recipients, size_t count,
                     struct queue_report **out);
/// After the commit. NULL is fine.
void queue_report_tell(const struct queue_report *report, struct queue_news *news);
void queue_report_free(struct queue_report *report);
