// SPDX-License-Identifier: ISC
//
// EXPN (RFC 5321 3.5, 4.1.1.7): the members of a mailing list, a line each.
#include "receive/smtp/session.h"

static void put_lines(const struct route_lines *lines, struct buf *out)
{
    for (size_t i = 0; i < lines->count; i++) {
        if (i > 0)
            buf_put_char(out, '\n');
        buf_put(out, lines->items[i]);
    }
}

int receive_on_expn(struct receive_session *s, const struct smtp_command *c)
{
    CLEANUP(buf_drop) struct buf text = {.max = 1 << 20};
    struct arena command;
    struct route_lines lines = {0};
    struct outcome outcome;
    struct str asked = c->argument;
    bool is_utf8;

    if (c->argument.len == 0) {
        receive_say(s, 501, "5.5.4", "write EXPN list");
        return 0;
    }
    if (!receive_may_ask(s, s->limits->expn))
        return 0;
    if (!receive_take_utf8(s, &asked, &is_utf8))
        return 0;
    arena_init(&command, 64 << 20);
    outcome = route_expn(s->receive->doors.route, asked, &command, &lines);
    if (outcome.code == 250 && lines.count > 0) {
        put_lines(&lines, &text);
        if (is_utf8 || receive_is_ascii(buf_str(&text)))
            receive_say_str(s, 250, outcome.enhanced, buf_str(&text));
        else
            receive_say(s, 550, "5.6.8", "the answer is in UTF-8: ask with SMTPUTF8");
    } else {
        receive_say_outcome(s, &outcome);
    }
    arena_done(&command);
    return 0;
}
