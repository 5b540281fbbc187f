// SPDX-License-Identifier: ISC
//
// How much one command may do, and what is said meanwhile: MESSAGELIMIT (RFC 9738), INPROGRESS (RFC
// 9585). Of too many messages a command takes the newest, and its OK tells the lowest uid of those
// (answer.c); one that does all or nothing is refused.
#include "serve/imap/session.h"
#include "serve/imap/view.h"

#include <stdio.h>

bool imap_is_over_limit(const struct imap_session *s, size_t messages)
{
    return s->config.message_limit > 0 && messages > s->config.message_limit;
}

int imap_no_over_limit(struct imap_session *s, struct imap_call *c)
{
    char text[128];

    snprintf(text, sizeof(text), "[MESSAGELIMIT %llu] Too many messages for one command",
             (unsigned long long)s->config.message_limit);
    return imap_no(s, c, text);
}

void imap_limit(struct imap_session *s, struct imap_call *c, struct imap_selection *selection)
{
    size_t left = (size_t)s->config.message_limit, i = selection->count;

    if (!imap_is_over_limit(s, selection->messages))
        return;
    while (left > 0) {
        struct imap_range *range = &selection->ranges[--i];

        if (range->last - range->first >= left)
            range->first = range->last + 1 - (uint32_t)left;
        left -= range->last - range->first + 1;
    }
    selection->ranges += i;
    selection->count -= i;
    selection->messages = (size_t)s->config.message_limit;
    c->limited_uid = imap_view_uid(s->view, selection->ranges[0].first);
}

int imap_tell_progress(struct imap_session *s, struct imap_call *c, size_t done, size_t all,
                       const char *what)
{
    if (c->tag.len == 0 || rt_now_us() - c->told_us < s->config.progress * 1000)
        return 0;
    c->told_us = rt_now_us();
    buf_put(c->out, STR("* OK [INPROGRESS (\""));
    buf_put(c->out, c->tag);
    buf_putf(c->out, "\" %zu %zu)] %s\r\n", done, all, what);
    return imap_put_out(s, c, true);
}
