// SPDX-License-Identifier: ISC
#include "proto/imap/create.h"

#include "proto/imap/scan.h"

static const struct {
    unsigned bit;
    struct str name;
} uses[] = {
    {IMAP_USE_ALL, STR(" \\All")},       {IMAP_USE_ARCHIVE, STR(" \\Archive")},
    {IMAP_USE_DRAFTS, STR(" \\Drafts")}, {IMAP_USE_FLAGGED, STR(" \\Flagged")},
    {IMAP_USE_JUNK, STR(" \\Junk")},     {IMAP_USE_SENT, STR(" \\Sent")},
    {IMAP_USE_TRASH, STR(" \\Trash")},
};

/// use-attr = "\\" atom
static bool scan_use(struct scan *in, struct imap_uses *out)
{
    struct str word;
    unsigned bit = 0;

    if (!scan_char(in, '\\') || !imap_scan_atom(in, &word))
        return false;
    for (size_t i = 0; i < sizeof(uses) / sizeof(*uses); i++)
        if (str_case_eq(str_skip(uses[i].name, 2), word))
            bit = uses[i].bit;
    out->bits |= bit;
    out->has_unknown |= bit == 0;
    return true;
}

bool imap_scan_uses(struct scan *in, struct imap_uses *out)
{
    struct imap_uses found = {0};

    *out = found;
    if (scan_is_end(in))
        return true;
    if (!scan_case_word(in, STR(" (USE (")))
        return false;
    while (!scan_char(in, ')')) {
        if (!scan_use(in, &found))
            return false;
        if (scan_peek(in) != ')' && !imap_scan_sp(in))
            return false;
    }
    *out = found;
    return scan_char(in, ')');
}

void imap_put_uses(unsigned bits, struct buf *out)
{
    for (size_t i = 0; i < sizeof(uses) / sizeof(*uses); i++)
        if (bits & uses[i].bit)
            buf_put(out, uses[i].name);
}
