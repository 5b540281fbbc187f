// SPDX-License-Identifier: ISC
//
// Inside mail/report: what is said to people, in their language.
#pragma once

#include "mail/report.h"

/// The Subject, by the worst of the actions.
struct str report_subject(const struct report *report);
/// Appends the text for people as UTF-8 with LF line ends.
void report_put_words(struct buf *out, const struct report *report);
/// The status to report: as given, or made from the code and the action.
void report_put_status(struct buf *out, const struct report_recipient *r);
