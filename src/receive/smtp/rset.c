// SPDX-License-Identifier: ISC
//
// RSET (RFC 5321 4.1.1.5): the transaction is forgotten, the session goes on.
#include "receive/smtp/session.h"

int receive_on_rset(struct receive_session *s, const struct smtp_command *c)
{
    if (c->argument.len > 0) {
        receive_say(s, 501, "5.5.4", "RSET stands alone");
        return 0;
    }
    receive_transaction_end(s);
    receive_say(s, 250, "2.0.0", "forgotten");
    return 0;
}
