// SPDX-License-Identifier: ISC
//
// URLFETCH (RFC 4467 7): what authorized URLs name, read with the rights that their owner has now.
// A URL that is not right, for whatever reason, gives NIL.
#include "base/cleanup.h"
#include "proto/imap/reply.h"
#include "log/log.h"
#include "serve/imap/url_message.h"
#include "serve/imap/urlauth.h"

#include <errno.h>

/// "submit+": only for the servers that send mail on behalf of others.
static bool is_submitter(struct imap_session *s)
{
    for (size_t i = 0; i < s->config.submitters.count; i++)
        if (imap_account_named(s, s->config.submitters.items[i]) == s->account_id)
            return true;
    return false;
}

/// May this session use the URL?
static bool is_for_us(struct imap_session *s, const struct imap_url *url)
{
    switch (url->access) {
    case IMAP_URL_SUBMIT:
        return is_submitter(s);
    case IMAP_URL_USER:
        return imap_account_named(s, url->access_user) == s->account_id;
    case IMAP_URL_AUTHUSER:
    case IMAP_URL_ANONYMOUS:
        return true; // who has come so far has signed in
    default:
        return false;
    }
}

/// [await] Does the key of that mailbox prove it? A mailbox that is not there takes as long.
static int prove(struct imap_session *s, uint64_t owner, const struct imap_url *url)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));
    struct imap_urlkey key;
    int r = mailbox ? imap_url_mailbox(s, owner, url, mailbox) : -ENOMEM;

    if (r == 0)
        r = imap_urlkey_get(s, owner, mailbox->id, false, &key);
    if (r != 0)
        rt_random_bytes(key.bytes, sizeof(key.bytes));
    if (!imap_urltoken_is(&key, url->rump, url->token) && r == 0)
        r = -EACCES;
    return r;
}

/// [await] 0 and the message, or whatever is wrong.
static int open_url(struct imap_session *s, struct imap_call *c, struct str text,
                    struct imap_url_message **out)
{
    struct imap_url url;
    uint64_t owner;
    int r;

    if (!imap_url_parse(text, c->arena, &url) || !url.is_absolute || !url.user.ptr ||
        !url.token.ptr || !str_case_eq(url.mechanism, STR("INTERNAL")))
        return -EINVAL;
    if ((url.has_expire && rt_wall_s() > url.expire) || !is_for_us(s, &url))
        return -EACCES;
    owner = imap_account_named(s, url.user);
    if (owner == 0)
        return -EACCES;
    r = prove(s, owner, &url);
    return r == 0 ? imap_url_open(s, owner, &url, out) : r;
}

static int put_piece(void *arg, struct str bytes)
{
    struct imap_session *s = arg;

    rt_conn_set_command_ms(s->conn, (uint32_t)s->config.stall);
    return rt_put(s->conn, bytes);
}

/// [await] " url literal" or " url NIL". An error: in the middle of a literal.
static int put_url(struct imap_session *s, struct imap_call *c, struct str text)
{
    struct imap_url_message *message = NULL;
    int r = open_url(s, c, text, &message);

    buf_put(c->out, STR("* URLFETCH "));
    imap_put_astring(c->out, text);
    if (r != 0) {
        buf_put(c->out, STR(" NIL\r\n"));
        return 0;
    }
    buf_put_char(c->out, ' ');
    imap_put_literal_head(c->out, message->size);
    r = imap_put_out(s, c, true);
    if (r == 0)
        r = imap_url_read(message, put_piece, s);
    imap_url_close(message);
    buf_put(c->out, STR("\r\n"));
    if (r != 0 && !imap_is_gone(r))
        log_failure("serve/imap", "urlfetch", r);
    return r > 0 ? -EIO : r;
}

int imap_on_urlfetch(struct imap_session *s, struct imap_call *c)
{
    do {
        struct str text;
        int r;

        if (!imap_scan_sp(&c->in) || !imap_scan_astring(&c->in, c->arena, &text))
            return imap_bad_syntax(s, c);
        r = put_url(s, c, text);
        if (r == 0)
            r = imap_put_out(s, c, false);
        if (r == 0)
            r = rt_breathe();
        if (r != 0)
            return r;
    } while (!scan_is_end(&c->in));
    return imap_ok(s, c, "Fetched");
}
