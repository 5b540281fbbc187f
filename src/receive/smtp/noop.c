// SPDX-License-Identifier: ISC
//
// NOOP (RFC 5321 4.1.1.9): any argument is ignored.
#include "receive/smtp/session.h"

int receive_on_noop(struct receive_session *s, const struct smtp_command *c)
{
    (void)c;
    receive_say(s, 250, "2.0.0", "still here");
    return 0;
}
