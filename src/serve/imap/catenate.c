// SPDX-License-Identifier: ISC
//
// CATENATE (RFC 4469): a message put together on the server, from texts of the client's and from
// messages and parts that are here already. URLs are relative to the session and, without a
// mailbox, to the selected one; what they name is read with the session's own rights.
#include "base/check.h"
#include "base/cleanup.h"
#include "serve/imap/append.h"
#include "serve/imap/url_message.h"

#include <errno.h>

static int refuse_url(struct imap_appending *a, struct str url)
{
    CLEANUP(buf_drop) struct buf text;

    buf_init(&text, 2 * IMAP_URL_MAX);
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ' || (unsigned char)url.ptr[i] >= 0x7f ||
            url.ptr[i] == ']')
            url.len = i; // resp-text-code has no room for more
    buf_put(&text, STR("[BADURL "));
    buf_put(&text, url.len > 0 ? url : STR("?"));
    buf_put(&text, STR("] That names no message or part of one that can be read"));
    return imap_append_refuse(a, buf_cstr(&text));
}

static int add_bytes(void *arg, struct str bytes)
{
    return store_body_append(arg, bytes);
}

/// [await] The bytes a URL names.
static int add_url(struct imap_appending *a, struct store_body *body, struct str text)
{
    struct imap_session *s = a->in.s;
    struct imap_url_message *message = NULL;
    struct imap_url url;
    int r = imap_append_has_room(a);

    if (r != 0)
        return r;
    if (!imap_url_parse(text, a->in.c->arena, &url) || url.is_absolute ||
        url.access != IMAP_URL_NO_ACCESS || url.has_expire)
        return refuse_url(a, text);
    r = imap_url_open(s, s->account_id, &url, &message);
    // a short URL may bring many bytes: they count as those that a client sends
    if (r == 0 && imap_append_judge_size(a, body, message->size) != 0) {
        imap_url_close(message);
        return IMAP_APPEND_ANSWERED;
    }
    if (r == 0)
        r = imap_url_read(message, add_bytes, body);
    imap_url_close(message);
    if (r == STORE_NOT_FOUND || r == -EACCES)
        return refuse_url(a, text);
    return r != 0 ? imap_append_refuse_store(a, r) : 0;
}

static int add_part(struct imap_appending *a, struct store_body *body)
{
    enum imap_append_part part;
    struct str url;
    int r;

    if (!imap_scan_append_part(&a->in.in, &part))
        return imap_append_refuse_syntax(a);
    if (part != IMAP_PART_URL) {
        r = imap_append_literal(a, body, part == IMAP_PART_UTF8);
        if (r == 0 && part == IMAP_PART_UTF8 && !scan_char(&a->in.in, ')'))
            return imap_append_refuse_syntax(a);
        return r;
    }
    r = imap_intake_astring(&a->in, IMAP_URL_MAX, &url);
    if (r < 0)
        return r;
    if (r == IMAP_INTAKE_LIMIT)
        return imap_append_refuse(a, "[LIMIT] The command is too long");
    return r == IMAP_INTAKE_SYNTAX ? imap_append_refuse_syntax(a) : add_url(a, body, url);
}

int imap_append_catenate(struct imap_appending *a, struct store_body *body)
{
    do {
        int r = add_part(a, body);

        if (r != 0)
            return r;
    } while (imap_scan_sp(&a->in.in));
    return scan_char(&a->in.in, ')') ? 0 : imap_append_refuse_syntax(a);
}
