// SPDX-License-Identifier: ISC
//
// Inside mbox: what the splitter and the taker of messages share.
#pragma once

#include "mail/date.h"
#include "mail/mbox.h"

/// "From " sender date: true when there is a date.
bool mbox_from_line_parse(struct str line, struct date *out);
/// Do the marks of mbox_message_put stand here?
bool mbox_is_ours(struct str header);
