// SPDX-License-Identifier: ISC
//
// HELP (RFC 5321 4.1.1.8): the commands, or one of them.
#include "receive/smtp/session.h"

static const char *const TEXTS[SMTP_VERBS] = {
    [SMTP_HELO] = "HELO name: greets; EHLO is better",
    [SMTP_EHLO] = "EHLO name: greets and lists what this server can do",
    [SMTP_LHLO] = "LHLO name: greets, where LMTP is spoken",
    [SMTP_MAIL] = "MAIL FROM:<address> [SIZE=n] [BODY=8BITMIME] [SMTPUTF8] [RET=FULL|HDRS] "
                  "[ENVID=id] [BY=seconds;R|N] [HOLDFOR=seconds] [HOLDUNTIL=date] [MT-PRIORITY=n] "
                  "[REQUIRETLS]: begins a mail",
    [SMTP_RCPT] =
        "RCPT TO:<address> [NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] [ORCPT=type;address]: adds "
        "a recipient",
    [SMTP_DATA] = "DATA: the message follows, ended by a dot on a line of its own",
    [SMTP_BDAT] = "BDAT n [LAST]: n bytes of the message follow",
    [SMTP_RSET] = "RSET: forgets the mail that was begun",
    [SMTP_NOOP] = "NOOP: does nothing",
    [SMTP_QUIT] = "QUIT: ends the session",
    [SMTP_HELP] = "HELP [command]: this",
    [SMTP_VRFY] = "VRFY address [SMTPUTF8]: is there such a user?",
    [SMTP_EXPN] = "EXPN list [SMTPUTF8]: the members of a mailing list",
    [SMTP_ETRN] = "ETRN domain: begins to send the mail that waits for that domain",
    [SMTP_XCLIENT] = "XCLIENT ADDR=address ...: names the client, for trusted proxies",
    [SMTP_STARTTLS] = "STARTTLS: goes on encrypted",
    [SMTP_AUTH] = "AUTH mechanism [response]: signs in",
};

static void put_list(struct buf *out)
{
    buf_put(out, STR("Carteiro knows these commands; HELP command tells more"));
    for (int i = SMTP_UNKNOWN + 1; i < SMTP_VERBS; i++) {
        if (TEXTS[i] && i != SMTP_LHLO && i != SMTP_XCLIENT)
            buf_putf(out, "\n%s", smtp_verb_name((enum smtp_verb)i));
    }
}

int receive_on_help(struct receive_session *s, const struct smtp_command *c)
{
    CLEANUP(buf_drop) struct buf list = {.max = 1024};
    struct smtp_command about;

    if (c->argument.len == 0) {
        put_list(&list);
        receive_say_str(s, 214, STR("2.0.0"), buf_str(&list));
    } else if (!smtp_command_parse(c->argument, &about) && TEXTS[about.verb]) {
        receive_say(s, 214, "2.0.0", TEXTS[about.verb]);
    } else {
        receive_say(s, 504, "5.5.4", "no such command; HELP lists them");
    }
    return 0;
}
