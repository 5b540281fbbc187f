// SPDX-License-Identifier: ISC
//
// Values of the parameters that extensions add to MAIL and RCPT; for envelope.c. Each function
// takes what follows "=", sets its members of *to (struct smtp_mail or smtp_rcpt) and says whether
// the value is valid.
#pragma once

#include "base/str.h"

/// RFC 3461 4.3, 4.4 of MAIL; 4.1, 4.2 of RCPT.
bool smtp_set_ret(void *to, struct str value);
bool smtp_set_envid(void *to, struct str value);
bool smtp_set_notify(void *to, struct str value);
bool smtp_set_orcpt(void *to, struct str value);
/// RFC 2852 4: "120;R", "-5;N", "3600;NT".
bool smtp_set_by(void *to, struct str value);
/// RFC 4865 3: seconds, or a date and time of RFC 3339 5.6. Only one of them in a command.
bool smtp_set_hold_for(void *to, struct str value);
bool smtp_set_hold_until(void *to, struct str value);
/// RFC 6710 4: "-9" to "9".
bool smtp_set_priority(void *to, struct str value);
/// RFC 8689 2: no value.
bool smtp_set_requires_tls(void *to, struct str value);
