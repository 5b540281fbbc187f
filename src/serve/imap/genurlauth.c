// SPDX-License-Identifier: ISC
//
// GENURLAUTH (RFC 4467 7): a URL gets the token that lets others read what it names, as long as the
// account whose URL it is may read it and keeps the key.
#include "base/cleanup.h"
#include "proto/imap/reply.h"
#include "serve/imap/url_message.h"
#include "serve/imap/urlauth.h"

#include <errno.h>

/// [await] Is it a URL of who has signed in, to something of a mailbox they may read? NULL, or what
/// is wrong with it.
static const char *judge(struct imap_session *s, struct imap_call *c, struct str text,
                         struct imap_url *url, uint64_t *out_mailbox_id)
{
    CLEANUP(free_drop) struct store_mailbox *mailbox = malloc(sizeof(*mailbox));

    if (!mailbox || !imap_url_parse(text, c->arena, url) || !url->is_absolute)
        return "That is no URL of a message on a server";
    if (!url->user.ptr)
        return "The URL names no owner";
    if (url->access == IMAP_URL_NO_ACCESS || url->token.ptr)
        return "The URL ends in ;URLAUTH= and who may use it";
    if (imap_account_named(s, url->user) != s->account_id)
        return "Only URLs of your own can be authorized";
    if (imap_url_mailbox(s, s->account_id, url, mailbox) != 0)
        return "The URL names no mailbox that you may read";
    *out_mailbox_id = mailbox->id;
    return NULL;
}

int imap_on_genurlauth(struct imap_session *s, struct imap_call *c)
{
    CLEANUP(buf_drop) struct buf answer = {0}, full = {0};

    // else a delegate could read on by it when it is one no more
    if (s->actor_id && s->actor_id != s->account_id)
        return imap_no(s, c, "[NOPERM] Who acts for another authorizes nothing of theirs");
    buf_init(&answer, IMAP_OUT_MAX);
    buf_init(&full, IMAP_URL_MAX + 256);
    buf_put(&answer, STR("* GENURLAUTH"));
    do {
        struct str text, mechanism;
        struct imap_urlkey key;
        struct imap_url url;
        uint64_t mailbox_id;
        const char *wrong;
        int r;

        if (!imap_scan_sp(&c->in) || !imap_scan_astring(&c->in, c->arena, &text) ||
            !imap_scan_sp(&c->in) || !imap_scan_atom(&c->in, &mechanism))
            return imap_bad_syntax(s, c);
        if (!str_case_eq(mechanism, STR("INTERNAL")))
            return imap_bad(s, c, "There is no mechanism but INTERNAL");
        wrong = judge(s, c, text, &url, &mailbox_id);
        if (wrong)
            return imap_bad(s, c, wrong);
        r = imap_urlkey_get(s, s->account_id, mailbox_id, true, &key);
        if (r != 0)
            return imap_no_store(s, c, "genurlauth", r);
        buf_clear(&full);
        buf_put(&full, url.rump);
        buf_put(&full, STR(":internal:"));
        imap_urltoken_put(&key, url.rump, &full);
        buf_put_char(&answer, ' ');
        imap_put_string(&answer, buf_str(&full));
    } while (!scan_is_end(&c->in));
    buf_put(c->out, buf_str(&answer));
    buf_put(c->out, STR("\r\n"));
    return imap_ok(s, c, "Authorized");
}
