// SPDX-License-Identifier: ISC
//
// APPEND (RFC 3501 6.3.11) with APPENDUID (RFC 4315). The message goes from the connection straight
// into the store; what must not come in is refused before the client sends it, or read away (RFC
// 7888 4).
#include "base/check.h"
#include "base/cleanup.h"
#include "proto/imap/append.h"
#include "proto/imap/mailbox_name.h"
#include "serve/imap/session.h"

#include <errno.h>
#include <inttypes.h>

enum { READ_AWAY_MAX = 1 << 30 }; // bytes of a refused message; beyond that the session ends

static void body_drop(struct store_body **body)
{
    store_body_free(*body);
}

/// A NO for the message; the client that sends it without being asked is heard out.
static int refuse(struct imap_session *s, struct imap_call *c, int answer, const char *text)
{
    struct str line;
    int r;

    if (!c->literal.is_sync) {
        if (c->literal.size > READ_AWAY_MAX)
            return imap_bye(s, "[TOOBIG] Message too large");
        r = imap_read_away(s, c->literal.size);
        if (r == 0)
            r = rt_line(s->conn, IMAP_LINE_MAX, &line);
        if (r < 0)
            return r;
    }
    return text ? imap_no(s, c, text) : imap_no_store(s, c, "append", answer);
}

/// Is there a reason to refuse it before it comes? 0, or the answer was given.
static int judge(struct imap_session *s, struct imap_call *c, const struct imap_append *append,
                 struct store_mailbox *mailbox, int *out_r)
{
    struct store_quota quota;
    struct str name;
    int r;

    if (!imap_name_decode(append->mailbox, c->arena, &name) || !imap_name_is_valid(name)) {
        *out_r = refuse(s, c, 0, "[CANNOT] No mailbox can have that name");
        return -1;
    }
    r = store_mailbox_by_name(imap_store(s), s->account_id, name, mailbox);
    if (r == STORE_NOT_FOUND)
        *out_r = refuse(s, c, 0, "[TRYCREATE] No such mailbox");
    else if (r != 0)
        *out_r = refuse(s, c, r, NULL);
    if (r != 0)
        return r;
    r = store_quota_get(imap_store(s), s->account_id, &quota);
    if (c->literal.size > s->config.message_size)
        *out_r = refuse(s, c, 0, "[TOOBIG] The message is larger than this server takes");
    else if (c->literal.size == 0)
        *out_r = refuse(s, c, 0, "[CANNOT] There is no message");
    else if (append->flags.has_unknown)
        *out_r = refuse(s, c, 0, "[CANNOT] No such system flag");
    else if (r == 0 && quota.bytes_max > 0 && quota.bytes + c->literal.size > quota.bytes_max)
        *out_r = refuse(s, c, STORE_OVER_QUOTA, NULL);
    else
        return 0;
    return -1;
}

/// What whoever must rebuild a lost index would like to know.
static void put_summary(struct imap_session *s, struct store_body *body, const char *mailbox)
{
    CLEANUP(buf_drop) struct buf text;

    buf_init(&text, STORE_ENVELOPE_MAX);
    buf_putf(&text, "append account=%" PRIu64 " mailbox=%s", s->account_id, mailbox);
    store_body_set_envelope(body, buf_str(&text));
}

/// [await] 0: the message was read to its end; or -errno. *out_failure: the store did not take it,
/// but the connection is where it should be.
static int receive(struct imap_session *s, struct imap_call *c, struct store_body *body,
                   int *out_failure)
{
    uint64_t left = c->literal.size;
    int failure = 0;

    if (c->literal.is_sync)
        (void)rt_put(s->conn, STR("+ OK\r\n"));
    while (left > 0) {
        struct str bytes;
        int r;

        rt_conn_set_command_ms(s->conn, (uint32_t)s->config.stall);
        r = rt_peek(s->conn, &bytes);
        if (r < 0)
            return r;
        if (bytes.len > left)
            bytes.len = left;
        if (failure == 0)
            failure = store_body_append(body, bytes);
        rt_eat(s->conn, bytes.len);
        left -= bytes.len;
    }
    *out_failure = failure;
    return 0;
}

static int commit(struct imap_session *s, struct imap_call *c, const struct imap_append *append,
                  uint64_t mailbox_id, struct store_body *body)
{
    CLEANUP(imap_change_drop) struct store_change *change = NULL;
    struct store_put put = {
        .mailbox_id = mailbox_id,
        .account_id = s->account_id,
        .body = body,
        .flags = append->flags.bits,
        .keywords = append->flags.keywords,
        .keyword_count = append->flags.keyword_count,
        .internal_date = append->has_date ? append->date.seconds : rt_wall_s(),
        .zone_minutes = append->has_date ? append->date.zone_minutes : 0,
        .check_quota = true,
    };
    char text[96];
    int r = store_change_new(imap_store(s), &change);

    if (r == 0) {
        store_change_put(change, &put);
        r = store_commit(change);
    }
    if (r == STORE_NOT_FOUND)
        return imap_no(s, c, "[TRYCREATE] No such mailbox");
    if (r != 0)
        return imap_no_store(s, c, "append", r);
    (void)snprintf(text, sizeof(text), "[APPENDUID %" PRIu32 " %" PRIu32 "] Kept", put.uidvalidity,
                   put.uid);
    return imap_ok(s, c, text);
}

int imap_on_append(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    CLEANUP(body_drop) struct store_body *body = NULL;
    struct imap_append append;
    struct str line;
    int r, result, failure = 0;

    CHECK(mailbox);
    // READ_UP_TO_MESSAGE is the only way to a literal that was not read
    if (c->literal.head_size == 0 || !imap_append_parse(&c->in, c->arena, &append))
        return imap_bad_syntax(s, c);
    if (judge(s, c, &append, mailbox, &result) != 0)
        return result;
    r = store_body_new(imap_store(s), &body);
    if (r != 0)
        return refuse(s, c, r, NULL);
    put_summary(s, body, mailbox->name);
    r = receive(s, c, body, &failure);
    if (r == 0)
        r = rt_line(s->conn, IMAP_LINE_MAX, &line);
    if (r < 0)
        return r;
    if (r == RT_LINE_TOO_LONG || line.len > 0)
        return imap_bad(s, c, "The command ends after the message");
    if (failure != 0)
        return imap_no_store(s, c, "append", failure);
    return commit(s, c, &append, mailbox->id, body);
}
