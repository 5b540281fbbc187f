// SPDX-License-Identifier: ISC
//
// CLOSE (RFC 3501 6.4.2), which expunges without a word, and UNSELECT (RFC 3691), which does not.
#include "serve/imap/session.h"
#include "serve/imap/view.h"

int imap_on_close(struct imap_session *s, struct imap_call *c)
{
    char text[64] = "Closed";
    uint64_t modseq, expunged;
    int r;

    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    modseq = s->view->told_modseq;
    r = imap_expunge_deleted(s, c, NULL, &expunged);
    // RFC 7162 3.2.8; but not if others changed something before it that was not told
    if (r == 0 && expunged == modseq + 1)
        modseq = expunged;
    if (s->enabled & IMAP_QRESYNC)
        snprintf(text, sizeof(text), "[HIGHESTMODSEQ %llu] Closed", (unsigned long long)modseq);
    imap_deselect(s);
    if (r != 0)
        return imap_no_store(s, c, "close", r);
    return imap_ok(s, c, text);
}

int imap_on_unselect(struct imap_session *s, struct imap_call *c)
{
    if (!scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    imap_deselect(s);
    return imap_ok(s, c, "Closed, nothing was expunged");
}
