// SPDX-License-Identifier: ISC
//
// ENABLE (RFC 5161), and what commands switch on by being used (RFC 7162 3.1).
#include "serve/imap/session.h"
#include "serve/imap/view.h"

#include <inttypes.h>

static const struct {
    struct str name;
    unsigned bits;
} features[] = {
    {STR("CONDSTORE"), IMAP_CONDSTORE},
    {STR("QRESYNC"), IMAP_QRESYNC | IMAP_CONDSTORE},
    {STR("IMAP4rev2"), IMAP_REV2},
    {STR("UIDONLY"), IMAP_UIDONLY},
    {STR("UTF8=ACCEPT"), IMAP_UTF8},
};
enum { FEATURE_COUNT = sizeof(features) / sizeof(features[0]) };

void imap_enable(struct imap_session *s, unsigned features_on, struct buf *out)
{
    unsigned before = s->enabled;

    s->enabled |= features_on;
    if (s->view && (features_on & IMAP_CONDSTORE) && !(before & IMAP_CONDSTORE))
        buf_putf(out, "* OK [HIGHESTMODSEQ %" PRIu64 "] Modseqs are told from now on\r\n",
                 s->view->told_modseq);
}

int imap_on_enable(struct imap_session *s, struct imap_call *c)
{
    unsigned wanted = 0;
    struct str name;

    do {
        if (!imap_scan_sp(&c->in) || !imap_scan_atom(&c->in, &name))
            return imap_bad_syntax(s, c);
        for (size_t i = 0; i < FEATURE_COUNT; i++)
            if (str_case_eq(name, features[i].name))
                wanted |= 1u << i;
    } while (!scan_is_end(&c->in));
    buf_put(c->out, STR("* ENABLED"));
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        if (!(wanted >> i & 1))
            continue;
        buf_put_char(c->out, ' ');
        buf_put(c->out, features[i].name);
    }
    buf_put(c->out, STR("\r\n"));
    for (size_t i = 0; i < FEATURE_COUNT; i++)
        if (wanted >> i & 1)
            imap_enable(s, features[i].bits, c->out);
    return imap_ok(s, c, "Done");
}
