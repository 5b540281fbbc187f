// SPDX-License-Identifier: ISC
//
// STATUS (RFC 3501 6.3.10; the items of later RFCs are in proto/imap/list.h), and the line of it
// that LIST shares (RFC 5819).
#include "base/check.h"
#include "base/cleanup.h"
#include "proto/imap/list.h"
#include "serve/imap/objectid.h"
#include "serve/imap/session.h"

#include <inttypes.h>

static int recent_count(struct imap_session *s, uint64_t mailbox_id, uint64_t *out)
{
    struct store_entries entries;
    uint32_t first;
    int r = store_recent(imap_store(s), mailbox_id, false, &first);

    if (r != 0)
        return r;
    r = store_entries_get(imap_store(s), mailbox_id, first, UINT32_MAX, &entries);
    if (r != 0)
        return r;
    *out = entries.count;
    store_entries_done(&entries);
    return 0;
}

/// What stands in the mailbox's own sums.
static void put_numbers(const struct imap_session *s, const struct store_mailbox *mailbox,
                        unsigned items, struct buf *out)
{
    const struct {
        unsigned item;
        struct str name;
        uint64_t value;
    } values[] = {
        {IMAP_STATUS_MESSAGES, STR("MESSAGES "), mailbox->message_count},
        {IMAP_STATUS_UIDNEXT, STR("UIDNEXT "), mailbox->uidnext},
        {IMAP_STATUS_UIDVALIDITY, STR("UIDVALIDITY "), mailbox->uidvalidity},
        {IMAP_STATUS_UNSEEN, STR("UNSEEN "), mailbox->unseen_count},
        {IMAP_STATUS_DELETED, STR("DELETED "), mailbox->deleted_count},
        {IMAP_STATUS_SIZE, STR("SIZE "), mailbox->bytes},
        {IMAP_STATUS_HIGHESTMODSEQ, STR("HIGHESTMODSEQ "), mailbox->modseq},
        {IMAP_STATUS_APPENDLIMIT, STR("APPENDLIMIT "), s->config.message_size},
        {IMAP_STATUS_DELETED_STORAGE, STR("DELETED-STORAGE "), mailbox->deleted_bytes},
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        if (!(items & values[i].item))
            continue;
        buf_put(out, values[i].name);
        buf_put_u64(out, values[i].value);
        buf_put_char(out, ' ');
    }
}

int imap_put_status(struct imap_session *s, const struct store_mailbox *mailbox, unsigned items,
                    struct buf *out)
{
    CLEANUP(buf_drop) struct buf text = {0};
    uint64_t recent = 0;
    int r = 0;

    if (items & IMAP_STATUS_RECENT)
        r = recent_count(s, mailbox->id, &recent);
    if (r != 0)
        return r;
    buf_init(&text, 1024);
    put_numbers(s, mailbox, items, &text);
    if (items & IMAP_STATUS_RECENT)
        buf_putf(&text, "RECENT %" PRIu64 " ", recent);
    if (items & IMAP_STATUS_MAILBOXID) {
        buf_put(&text, STR("MAILBOXID ("));
        imap_put_mailboxid(&text, mailbox->id);
        buf_put(&text, STR(") "));
    }
    buf_put(out, STR("* STATUS "));
    imap_put_name_of(s, mailbox, out);
    buf_put(out, STR(" ("));
    buf_put(out, str_trim(buf_str(&text)));
    buf_put(out, STR(")\r\n"));
    return 0;
}

int imap_on_status(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    unsigned items;
    int r, result;

    CHECK(mailbox);
    r = imap_find_mailbox(s, c, ACCESS_READ, mailbox, &result);
    if (r != 0)
        return result;
    if (!imap_scan_sp(&c->in) || !imap_scan_status_items(&c->in, &items) || !scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    if (items & IMAP_STATUS_HIGHESTMODSEQ)
        imap_enable(s, IMAP_CONDSTORE, c->out); // RFC 7162 3.1
    r = imap_put_status(s, mailbox, items, c->out);
    return r == 0 ? imap_ok(s, c, "Done") : imap_no_store(s, c, "status", r);
}
