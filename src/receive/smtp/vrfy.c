// SPDX-License-Identifier: ISC
//
// VRFY (RFC 5321 3.5, 4.1.1.6). Strangers get 252, which says nothing and lets them send (3.5.3).
#include "receive/smtp/session.h"

int receive_on_vrfy(struct receive_session *s, const struct smtp_command *c)
{
    struct arena command;
    struct route_lines lines = {0};
    struct outcome outcome;

    if (c->argument.len == 0) {
        receive_say(s, 501, "5.5.4", "write VRFY address");
        return 0;
    }
    if (s->limits->vrfy == RECEIVE_NOBODY ||
        (s->limits->vrfy == RECEIVE_KNOWN && !receive_is_known(s))) {
        receive_say(s, 252, "2.5.2", "not told, but mail for the address will be tried");
        return 0;
    }
    arena_init(&command, 16 << 20);
    outcome = route_vrfy(s->receive->doors.route, c->argument, &command, &lines);
    // RFC 2034 4: the enhanced code stands here, too, in front of name and address
    receive_say_str(s, outcome.code, outcome.enhanced,
                    outcome.code == 250 && lines.count > 0 ? lines.items[0] : outcome.text);
    arena_done(&command);
    return 0;
}
