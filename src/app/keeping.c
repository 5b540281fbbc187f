// SPDX-License-Identifier: ISC
#include "app/keeping.h"

#include "base/cleanup.h"

#include "app/site.h"

#include <errno.h>
#include <sys/stat.h>

int keeping_data(const struct call *call, struct buf *out)
{
    CLEANUP(buf_drop) struct buf why = {0};
    struct app_config *config = NULL;
    struct site site;
    int r;

    umask(077); // what is written here is people's mail
    if (call_has(call, "data")) {
        r = os_path_absolute(call_option(call, "data"), out);
        return r < 0 ? call_fail(call, EX_USAGE, "--data: %s", strerror(-r)) : EX_OK;
    }
    r = site_config(call, &config);
    if (r != EX_OK)
        return r;
    buf_init(&why, 4096);
    if (site_init(&site, config) < 0)
        r = call_fail(call, EX_CONFIG, "data: the name is too long");
    else if (site_become_user(site.settings, false, &why) < 0)
        r = call_fail(call, EX_NOPERM, "%s", buf_cstr(&why));
    else
        buf_put(out, str_from(site.data));
    app_config_free(config);
    return r;
}

int keeping_failed(const struct call *call, const char *data, int error)
{
    if (error == -EWOULDBLOCK)
        return call_fail(call, EX_TEMPFAIL, "%s is open: stop the server first", data);
    if (error == -ENOENT)
        return call_fail(call, EX_NOINPUT, "there is no mail store in %s", data);
    if (error == -EUCLEAN)
        return call_fail(call, EX_DATAERR,
                         "the index of %s cannot be read; make it anew from the mail itself with "
                         "--rebuild",
                         data);
    return call_fail(call, error == -EACCES ? EX_NOPERM : EX_IOERR, "%s: %s", data,
                     strerror(-error));
}

static json_t *report_json(const struct fsck_report *r)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "mailboxes",
                     (json_int_t)r->mailboxes, "messages", (json_int_t)r->entries, "queued",
                     (json_int_t)r->queued, "bodies", (json_int_t)r->bodies, "bytes",
                     (json_int_t)r->bytes, "notes", (json_int_t)r->notes, "repairable",
                     (json_int_t)r->repairable, "damaged", (json_int_t)r->damaged, "repaired",
                     (json_int_t)r->repaired);
}

int keeping_tell(const struct call *call, const struct fsck_report *report, json_t *findings)
{
    bool clean = report->damaged == 0 && report->repairable <= report->repaired;
    int code = clean ? EX_OK : EX_DATAERR;

    if (call->json) {
        call_print_json(
            json_pack("{s:o, s:O}", "report", report_json(report), "findings", findings));
        return code;
    }
    printf("%llu messages in %llu mailboxes, %llu in the queue, %llu bodies, %llu bytes read: %llu "
           "notes, %llu to "
           "repair (%llu repaired), %llu damaged\n",
           (unsigned long long)report->entries, (unsigned long long)report->mailboxes,
           (unsigned long long)report->queued, (unsigned long long)report->bodies,
           (unsigned long long)report->bytes, (unsigned long long)report->notes,
           (unsigned long long)report->repairable, (unsigned long long)report->repaired,
           (unsigned long long)report->damaged);
    return code;
}
