// SPDX-License-Identifier: ISC
#include "proto/imap/append.h"

#include "proto/imap/scan.h"

bool imap_append_parse(struct scan *in, struct arena *arena, struct imap_append *out)
{
    struct imap_append append = {0};
    struct str date;

    if (!imap_scan_sp(in) || !imap_scan_astring(in, arena, &append.mailbox) || !imap_scan_sp(in))
        return false;
    if (scan_peek(in) == '(' &&
        (!imap_scan_flag_list(in, arena, &append.flags) || !imap_scan_sp(in)))
        return false;
    if (scan_peek(in) == '"') {
        if (!imap_scan_string(in, arena, &date) || !date_parse_imap(date, &append.date) ||
            !imap_scan_sp(in))
            return false;
        append.has_date = true;
    }
    if (scan_peek(in) != '{')
        return false;
    *out = append;
    return true;
}
