// SPDX-License-Identifier: ISC
//
// VRFY (RFC 5321 3.5, 4.1.1.6). Strangers get 252, which says nothing and lets them send (3.5.3).
#include "receive/smtp/session.h"

bool receive_is_ascii(struct str line)
{
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.ptr[i] > 126)
            return false;
    return true;
}

bool receive_take_utf8(struct receive_session *s, struct str *argument, bool *out_is_utf8)
{
    ptrdiff_t blank = str_find_last(*argument, ' ');

    *out_is_utf8 =
        blank > 0 && str_case_eq(str_skip(*argument, (size_t)blank + 1), STR("SMTPUTF8"));
    if (*out_is_utf8)
        *argument = str_trim(str_head(*argument, (size_t)blank));
    if (*out_is_utf8 || receive_is_ascii(*argument))
        return true;
    receive_say(s, 553, "5.6.7", "an address beyond ASCII needs the parameter SMTPUTF8");
    return false;
}

static void say_found(struct receive_session *s, const struct outcome *outcome, struct str line,
                      bool is_utf8)
{
    // RFC 2034 4: the enhanced code stands here, too, in front of name and address
    if (is_utf8 || receive_is_ascii(line))
        receive_say_str(s, outcome->code, outcome->enhanced, line);
    else
        receive_say(s, 252, "2.6.8", "the answer is in UTF-8: ask with the parameter SMTPUTF8");
}

int receive_on_vrfy(struct receive_session *s, const struct smtp_command *c)
{
    struct arena command;
    struct route_lines lines = {0};
    struct outcome outcome;
    struct str asked = c->argument;
    bool is_utf8;

    if (c->argument.len == 0) {
        receive_say(s, 501, "5.5.4", "write VRFY address");
        return 0;
    }
    if (s->limits->vrfy == RECEIVE_NOBODY ||
        (s->limits->vrfy == RECEIVE_KNOWN && !receive_is_known(s))) {
        receive_say(s, 252, "2.5.2", "not told, but mail for the address will be tried");
        return 0;
    }
    if (!receive_take_utf8(s, &asked, &is_utf8))
        return 0;
    arena_init(&command, 16 << 20);
    outcome = route_vrfy(s->receive->doors.route, asked, &command, &lines);
    say_found(s, &outcome, outcome.code == 250 && lines.count > 0 ? lines.items[0] : outcome.text,
              is_utf8);
    arena_done(&command);
    return 0;
}
