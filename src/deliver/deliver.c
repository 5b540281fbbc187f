// SPDX-License-Identifier: ISC
#include "deliver/deliver.h"

#include "base/cleanup.h"
#include "log/log.h"

// clang-format off
static const struct setting items[] = {
    SETTING(struct deliver_config, detail_mailbox, SETTING_BOOL, "no", 0, 0,
        "File mail for user+detail in the mailbox called detail, if the user has one. Else all goes to INBOX."),
};
// clang-format on

const struct settings deliver_settings = {
    .title = "deliver",
    .help = "Into which mailbox a mail goes.",
    .items = items,
    .count = sizeof(items) / sizeof(items[0]),
    .size = sizeof(struct deliver_config),
};

void deliver_put_head(struct buf *out, struct str return_path)
{
    buf_put(out, STR("Return-Path: <"));
    buf_put(out, return_path);
    buf_put(out, STR(">\r\n"));
}

struct outcome deliver_check_quota(struct store *store, uint64_t account_id, uint64_t size)
{
    struct store_quota q;
    int r;

    r = store_quota_get(store, account_id, &q);
    if (r < 0)
        return (struct outcome){LATER, 451, STR("4.3.0"), STR("local trouble, try again later")};
    if (q.bytes_max && size > q.bytes_max)
        return (struct outcome){NEVER, 552, STR("5.2.2"), STR("larger than the whole mailbox")};
    if ((q.bytes_max && (q.bytes >= q.bytes_max || size > q.bytes_max - q.bytes)) ||
        (q.messages_max && q.messages >= q.messages_max))
        return (struct outcome){LATER, 452, STR("4.2.2"), STR("mailbox full")};
    return (struct outcome){DONE, 250, STR("2.1.5"), STR("room enough")};
}

/// [await] The mailbox whose whole name is the detail, case counting only when two differ by it.
/// 0, STORE_NOT_FOUND or -errno.
static int find_detail(struct store *store, uint64_t account_id, struct str detail,
                       uint64_t *out_id)
{
    CLEANUP(free_drop) struct store_mailbox *all = NULL;
    size_t count = 0;
    int r;

    r = store_mailboxes(store, account_id, &all, &count);
    if (r < 0)
        return r;
    r = STORE_NOT_FOUND;
    for (size_t i = 0; i < count; i++) {
        if (!str_case_eq(str_from(all[i].name), detail))
            continue;
        *out_id = all[i].id;
        r = 0;
        if (str_eq(str_from(all[i].name), detail))
            break;
    }
    return r;
}

int deliver_choose(const struct deliver_config *config, struct store *store,
                   const struct envelope_target *target, struct store_put *put)
{
    uint64_t id = 0;
    int r;

    if (config->detail_mailbox && target->detail.len > 0) {
        r = find_detail(store, target->account_id, target->detail, &id);
        if (r < 0)
            return r;
    }
    put->account_id = target->account_id;
    put->mailbox_id = id;
    put->name = STR("INBOX");
    return 0;
}

void deliver_log_filed(uint64_t mail_id, const struct store_put *put)
{
    struct log_line line;

    log_begin(&line, LOG_INFO, "deliver/mailbox", "filed");
    log_mail(&line, mail_id);
    log_u64(&line, "account", put->account_id);
    log_u64(&line, "mailbox", put->in_mailbox_id);
    log_u64(&line, "uid", put->uid);
    log_end(&line);
}
