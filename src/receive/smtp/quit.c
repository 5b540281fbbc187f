// SPDX-License-Identifier: ISC
//
// QUIT (RFC 5321 4.1.1.10).
#include "receive/smtp/session.h"

int receive_on_quit(struct receive_session *s, const struct smtp_command *c)
{
    if (c->argument.len > 0) {
        receive_say(s, 501, "5.5.4", "QUIT stands alone");
        return 0;
    }
    receive_say(s, 221, "2.0.0", "goodbye");
    s->is_closing = true;
    return 0;
}
