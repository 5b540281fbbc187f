// SPDX-License-Identifier: ISC
#include "proto/imap/command.h"

#include "proto/imap/scan.h"

bool imap_command_parse(struct str text, struct imap_command *out)
{
    struct imap_command command = {0};
    struct scan in = scan_of(text);
    bool ok = imap_scan_tag(&in, &command.tag) && command.tag.len <= IMAP_TAG_MAX;

    if (!ok)
        command.tag = STR_NONE;
    ok = ok && imap_scan_sp(&in);
    if (ok && scan_case_word(&in, STR("UID ")))
        command.is_uid = true;
    ok = ok && imap_scan_atom(&in, &command.verb) && command.verb.len <= IMAP_VERB_MAX;
    command.arguments = in;
    *out = command;
    return ok;
}
