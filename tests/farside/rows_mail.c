// SPDX-License-Identifier: ISC
//
// Envelope and message: who is refused by whom, and what a broken or lying server makes of it.
// LATER is 451 here where the words are ours.
#include "far.h"

#define BEGIN                                                                                      \
    FAR_HELLO,                                                                                     \
    {                                                                                              \
        FAR_PIPELINING, FAR_MAIL
#define BEGIN_REFUSED                                                                              \
    FAR_HELLO,                                                                                     \
    {                                                                                              \
        FAR_PIPELINING,                                                                            \
        {                                                                                          \
            "MAIL", "550 5.7.1 not you\r\n"                                                        \
        }
#define SLOWLY                                                                                     \
    FAR_HELLO,                                                                                     \
    {                                                                                              \
        FAR_PLAIN, FAR_MAIL
#define LMTP                                                                                       \
    FAR_HELLO,                                                                                     \
    {                                                                                              \
        {"LHLO", "250-fake\r\n250 PIPELINING\r\n"}, FAR_MAIL
#define CHUNKS                                                                                     \
    FAR_HELLO,                                                                                     \
    {                                                                                              \
        FAR_EHLO("250-PIPELINING\r\n250-CHUNKING\r\n"), FAR_MAIL, FAR_RCPT
#define LARGE .mail = {.recipient_count = 2, .size = 300000}

// clang-format off
static const struct far_row ROWS[] = {
    {"all is well", BEGIN, FAR_RCPT, FAR_DATA, FAR_END},
     .mail = {.recipient_count = 2}, .codes = {250}, .again = {250}, .kept = 2,
     .transcript = "C MAIL FROM:<ana@example.test> SIZE=21\nC RCPT TO:<r0@example.test>\n"
                   "C RCPT TO:<r1@example.test>\nC DATA\nS 250 2.1.0 ok\n",
     .got = "Subject: x\r\n\r\n.dot\r\nx\r\n"},
    {"one thing at a time", SLOWLY, FAR_RCPT, FAR_DATA, FAR_END},
     .mail = {.recipient_count = 2}, .codes = {250}, .again = {250}, .kept = 2,
     .transcript = "C MAIL FROM:<ana@example.test>\nS 250 2.1.0 ok\nC RCPT TO:<r0@example.test>\n"
                   "S 250 2.1.5 ok\nC RCPT TO:<r1@example.test>\nS 250 2.1.5 ok\nC DATA\nS 354 go\n"},
    {"a hundred and twenty recipients", BEGIN, FAR_RCPT, FAR_DATA, FAR_END},
     .mail = {.recipient_count = 120}, .codes = {250}, .again = {250}, .kept = 2,
     .transcript = "C RCPT TO:<r119@example.test>\nC DATA\n"},
    {"the sender is refused", BEGIN_REFUSED, {"RCPT", "503 5.5.1 no MAIL\r\n"},
      {"DATA", "503 5.5.1 no MAIL\r\n"}},
     .mail = {.recipient_count = 2}, .codes = {550}, .again = {550}},
    {"the sender is refused, all else is taken", BEGIN_REFUSED, FAR_RCPT, FAR_DATA,
      {".", "250 2.0.0 kept\r\n"}},
     .mail = {.recipient_count = 2}, .codes = {550}, .kept = 1,
     .transcript = "N nobody was taken: a lone dot\n"},
    {"one of three is refused, one later", BEGIN, {"RCPT", "550 5.1.1 no\r\n"},
      {"RCPT", "452 4.5.3 full\r\n"}, FAR_RCPT, FAR_DATA, FAR_END},
     .mail = {.recipient_count = 3}, .codes = {550, 452, 250}, .again = {550, 452, 250}, .kept = 2},
    {"552 for too many: later", BEGIN, FAR_RCPT, {"RCPT", "552 too many recipients\r\n"}, FAR_DATA, FAR_END},
     .mail = {.recipient_count = 2}, .codes = {250, 452}, .kept = 1},
    {"552 for a full mailbox: never", BEGIN, FAR_RCPT, {"RCPT", "552 5.2.2 full\r\n"}, FAR_DATA, FAR_END},
     .mail = {.recipient_count = 2}, .codes = {250, 552}, .kept = 1},
    {"552 for the first: never", BEGIN, {"RCPT", "552 full\r\n"}, {"DATA", "554 5.5.1 nobody\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {552}},
    {"251 is a yes", BEGIN, {"RCPT", "251 2.1.5 will forward\r\n"}, FAR_DATA, FAR_END},
     .mail = {.recipient_count = 1}, .codes = {250}, .kept = 1},
    {"all are refused", BEGIN, {"RCPT", "550 5.1.1 no\r\n"}, {"DATA", "554 5.5.1 nobody\r\n"}},
     .mail = {.recipient_count = 2}, .codes = {550}, .again = {550}, .transcript = "C RSET\n"},
    {"all are refused, one at a time: no DATA", SLOWLY, {"RCPT", "550 5.1.1 no\r\n"}},
     .mail = {.recipient_count = 2}, .codes = {550}, .again = {550},
     .transcript = "C RSET\n", .never = "C DATA"},
    {"354 although nobody was taken", BEGIN, {"RCPT", "550 5.1.1 no\r\n"}, FAR_DATA,
      {".", "554 5.5.1 nobody\r\n"}},
     .mail = {.recipient_count = 2}, .codes = {550}, .again = {550}, .kept = 2,
     .transcript = "N nobody was taken: a lone dot\n", .never = "N the message"},
    {"354 to nobody, and the lone dot is kept", BEGIN, {"RCPT", "550 5.1.1 no\r\n"}, FAR_DATA,
      FAR_END},
     .mail = {.recipient_count = 2}, .codes = {550}, .again = {550}, .kept = 2},
    {"DATA is refused", BEGIN, FAR_RCPT, {"DATA", "554 5.5.1 no\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {554}, .again = {554}, .transcript = "C RSET\n"},
    {"the message is refused", BEGIN, FAR_RCPT, FAR_DATA, {".", "554 5.6.0 spam\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {554}, .again = {554}, .kept = 2},
    {"the message is taken later", BEGIN, FAR_RCPT, FAR_DATA, {".", "451 4.3.0 not now\r\n"}},
     .mail = {.recipient_count = 2}, .codes = {451}, .again = {451}, .kept = 2},

    // ---- out of step: no refusal is believed, nothing is DONE
    {"250 to DATA", BEGIN, FAR_RCPT, {"DATA", "250 ok\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {451}, .is_dead = true},
    {"354 to MAIL", FAR_HELLO, {FAR_PIPELINING, {"MAIL", "354 go\r\n"}, FAR_RCPT, FAR_DATA},
     .mail = {.recipient_count = 1}, .codes = {451}, .is_dead = true},
    {"220 to MAIL", FAR_HELLO, {FAR_PIPELINING, {"MAIL", "220 fake\r\n"}, FAR_RCPT, FAR_DATA},
     .mail = {.recipient_count = 1}, .codes = {451}, .is_dead = true},
    {"354 to a recipient", BEGIN, {"RCPT", "354 go\r\n"}, FAR_DATA},
     .mail = {.recipient_count = 2}, .codes = {451}, .is_dead = true},
    {"354 to the dot", BEGIN, FAR_RCPT, FAR_DATA, {".", "354 go\r\n"}},
     .mail = {.recipient_count = 2}, .codes = {451}, .is_dead = true, .kept = 1},
    {"a yes too many to MAIL", FAR_HELLO, {FAR_PIPELINING,
      {"MAIL", "250 2.1.0 ok\r\n250 2.1.0 ok\r\n"}, {"RCPT", "550 5.1.1 no\r\n"}, FAR_RCPT,
      FAR_DATA, FAR_END},
     .mail = {.recipient_count = 2}, .codes = {451}, .is_dead = true},
    {"a yes too many to MAIL, a no to the last: whose is it?", FAR_HELLO, {FAR_PIPELINING,
      {"MAIL", "250 2.1.0 ok\r\n250 2.1.0 ok\r\n"}, {"RCPT TO:<r0", "250 2.1.5 ok\r\n"},
      {"RCPT TO:<r1", "550 5.1.1 no\r\n"}, FAR_DATA, FAR_END},
     .mail = {.recipient_count = 2}, .codes = {451}, .is_dead = true},
    {"a yes too many to a recipient", BEGIN, {"RCPT", "550 5.1.1 no\r\n250 2.1.5 ok\r\n"}, FAR_RCPT,
      FAR_DATA, FAR_END},
     .mail = {.recipient_count = 3}, .codes = {451}, .is_dead = true},
    {"a yes too many, one thing at a time", FAR_HELLO, {FAR_PLAIN,
      {"MAIL", "250 2.1.0 ok\r\n250 2.1.0 ok\r\n"}, FAR_RCPT, FAR_DATA, FAR_END},
     .mail = {.recipient_count = 1}, .codes = {451}, .is_dead = true},
    {"the yes to the dot comes before it", BEGIN, FAR_RCPT,
      {"DATA", "354 go\r\n250 2.0.0 kept\r\n"}, {".", "554 5.6.0 spam\r\n"}},
     .mail = {.recipient_count = 1, .size = 100000}, .codes = {451}, .is_dead = true},
    {"a yes too many to the dot", BEGIN, FAR_RCPT, FAR_DATA,
      {".", "250 2.0.0 kept\r\n250 2.0.0 again\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {250}, .again = {451}, .is_dead = true, .kept = 1},

    // ---- it goes
    {"421 to MAIL", FAR_HELLO, {FAR_PIPELINING, {"MAIL", "!bye 421 4.3.2 going\r\n"}},
     .mail = {.recipient_count = 2}, .codes = {421}, .is_dead = true},
    {"421 to a recipient", BEGIN, {"RCPT TO:<r0", "250 ok\r\n"}, {"RCPT", "421 4.7.0 enough\r\n"}},
     .mail = {.recipient_count = 3}, .codes = {451, 421, 451}, .is_dead = true},
    {"421 to DATA", BEGIN, FAR_RCPT, {"DATA", "!bye 421 4.3.2 going\r\n"}},
     .mail = {.recipient_count = 2}, .codes = {421}, .is_dead = true},
    {"421 to the dot", BEGIN, FAR_RCPT, FAR_DATA, {".", "!bye 421 4.3.2 going\r\n"}},
     .mail = {.recipient_count = 2}, .codes = {421}, .is_dead = true, .kept = 1},
    {"vanishes at MAIL", FAR_HELLO, {FAR_PIPELINING, {"MAIL", "!close"}},
     .mail = {.recipient_count = 2}, .codes = {451}, .is_dead = true},
    {"vanishes at a recipient", BEGIN, {"RCPT TO:<r0", "550 5.1.1 no\r\n"}, {"RCPT", "!close"}},
     .mail = {.recipient_count = 2}, .codes = {550, 451}, .is_dead = true},
    {"vanishes at DATA", BEGIN, FAR_RCPT, {"DATA", "!close"}},
     .mail = {.recipient_count = 2}, .codes = {451}, .is_dead = true},
    {"vanishes in the message", BEGIN, FAR_RCPT, FAR_DATA, {"!body", "!close"}},
     .mail = {.recipient_count = 2, .size = 100000}, .codes = {451}, .is_dead = true},
    {"vanishes at the final dot", BEGIN, FAR_RCPT, FAR_DATA, {".", "!close"}},
     .mail = {.recipient_count = 1}, .codes = {451}, .is_dead = true, .kept = 1},
    {"vanishes after the final dot", BEGIN, FAR_RCPT, FAR_DATA, {".", "!bye 250 2.0.0 kept\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {250}, .again = {451}, .is_dead = true, .kept = 1},
    {"is silent at MAIL", FAR_HELLO, {FAR_PIPELINING, {"MAIL", "!silent"}, {"RCPT", "!silent"},
      {"DATA", "!silent"}},
     .mail = {.recipient_count = 2}, .codes = {451}, .is_dead = true},
    {"is silent at DATA", BEGIN, FAR_RCPT, {"DATA", "!silent"}},
     .mail = {.recipient_count = 2}, .codes = {451}, .is_dead = true},
    {"reads no message", BEGIN, FAR_RCPT, {"DATA", "!mute 354 go\r\n"}},
     .mail = {.recipient_count = 2, .size = 100000}, .codes = {451}, .is_dead = true},
    {"is silent at the final dot", BEGIN, FAR_RCPT, FAR_DATA, {".", "!silent"}},
     .mail = {.recipient_count = 1}, .codes = {451}, .is_dead = true, .kept = 1},
    {"a reply, a byte a minute", BEGIN, {"RCPT", "!drip 250 2.1.5 ok\r\n"}},
     .mail = {.recipient_count = 2}, .codes = {451}, .is_dead = true},
    {"each reply a minute late: in the end it is too long", SLOWLY,
      {"RCPT", "!late 250 2.1.5 ok\r\n"}, FAR_DATA, FAR_END},
     .mail = {.recipient_count = 60}, .codes = {451}, .is_dead = true},
    {"hangs up at QUIT", BEGIN, FAR_RCPT, FAR_DATA, FAR_END, {"QUIT", "!close"}},
     .mail = {.recipient_count = 1}, .codes = {250}, .kept = 1},
    {"is silent at QUIT", BEGIN, FAR_RCPT, FAR_DATA, FAR_END, {"QUIT", "!silent"}},
     .mail = {.recipient_count = 1}, .codes = {250}, .kept = 1},
    {"refuses RSET", SLOWLY, {"RCPT", "550 5.1.1 no\r\n"}, {"RSET", "500 5.5.1 what\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {550}, .is_dead = true},

    // ---- it speaks while it should listen
    {"refuses in the middle of the message", BEGIN, FAR_RCPT, FAR_DATA,
      {"!body", "552 5.3.4 too large\r\n"}},
     .mail = {.recipient_count = 2, .size = 100000}, .codes = {552}, .is_dead = true},
    {"refuses in the middle and goes", BEGIN, FAR_RCPT, FAR_DATA,
      {"!body", "!bye 552 5.3.4 too large\r\n"}},
     .mail = {.recipient_count = 2, .size = 100000}, .codes = {552}, .is_dead = true},
    {"says yes in the middle", BEGIN, FAR_RCPT, FAR_DATA, {"!body", "250 2.0.0 kept\r\n"}},
     .mail = {.recipient_count = 2, .size = 100000}, .codes = {451}, .is_dead = true},

    // ---- odd replies
    {"NULs", FAR_HELLO, {FAR_PIPELINING, {"MAIL", "250 2.1.0 \1\1\r\n"},
      {"RCPT", "550 5.1.1 no\1body\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {550}},
    {"bare CRs and LFs", FAR_HELLO, {FAR_PIPELINING, {"MAIL", "250 2.1.0 o\rk\n"},
      {"RCPT", "250 2.1.5\n"}, {"DATA", "354\n"}, {".", "250\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {250}, .kept = 1},
    {"controls beyond ASCII", BEGIN, {"RCPT", "550 5.1.1 \xc2\x9b" "2J no\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {550}},
    {"bytes that are no UTF-8", BEGIN, {"RCPT", "550 5.1.1 n\xe3o\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {550}},
    {"no enhanced codes", FAR_HELLO, {{"EHLO", "250 fake\r\n"}, {"MAIL", "250 ok\r\n"},
      {"RCPT", "550 nobody\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {550}},
    {"an enhanced code of another class", BEGIN, {"RCPT", "550 2.1.5 nobody\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {550}},
    {"a reply of many lines", BEGIN, {"RCPT", "550-5.1.1 there\r\n550-5.1.1 is\r\n550 5.1.1 nobody\r\n"}},
     .mail = {.recipient_count = 1}, .codes = {550}},
    {"a reply of a megabyte to a recipient", BEGIN, {"RCPT", "!endless"}},
     .mail = {.recipient_count = 2}, .codes = {451}, .is_dead = true},
    {"a line of a megabyte to the dot", BEGIN, FAR_RCPT, FAR_DATA, {".", "!long"}},
     .mail = {.recipient_count = 2}, .codes = {451}, .is_dead = true, .kept = 1},
    {"another code in the second line", BEGIN, {"RCPT", "250-ok\r\n550 no\r\n"}},
     .mail = {.recipient_count = 2}, .codes = {451}, .is_dead = true},

    // ---- our own side breaks
    {"the message cannot be read to its end", BEGIN, FAR_RCPT, FAR_DATA, FAR_END},
     .mail = {.recipient_count = 2, .size = 100000, .fails_at = 70000}, .codes = {451},
     .is_dead = true},
    {"nor its last byte", BEGIN, FAR_RCPT, FAR_DATA, FAR_END},
     .mail = {.recipient_count = 2, .size = 70000, .fails_at = 69999}, .codes = {451},
     .is_dead = true},

    // ---- BDAT
    {"a large message in chunks", CHUNKS, {"LAST", "250 2.0.0 kept\r\n"},
      {"BDAT", "250 2.0.0 part\r\n"}}, LARGE,
     .codes = {250}, .again = {250}, .kept = 2, .transcript = " LAST\n", .never = "C DATA"},
    {"chunks one at a time", FAR_HELLO, {FAR_EHLO("250-CHUNKING\r\n"), FAR_MAIL, FAR_RCPT,
      {"LAST", "250 2.0.0 kept\r\n"}, {"BDAT", "250 2.0.0 part\r\n"}}, LARGE,
     .codes = {250}, .again = {250}, .kept = 2},
    {"the first chunk is refused", CHUNKS, {"LAST", "503 5.5.1 no\r\n"},
      {"BDAT", "552 5.3.4 too large\r\n"}}, LARGE,
     .codes = {552}},
    {"the last chunk is refused", CHUNKS, {"LAST", "554 5.6.0 spam\r\n"},
      {"BDAT", "250 2.0.0 part\r\n"}}, LARGE,
     .codes = {554}, .again = {554}},
    {"a chunk is refused, the last is taken", CHUNKS, {"LAST", "250 2.0.0 kept\r\n"},
      {"BDAT", "!late 552 5.3.4 too large\r\n"}},
     .mail = {.recipient_count = 2, .size = 300000}, .codes = {451}, .is_dead = true, .kept = 1},
    {"vanishes between chunks", CHUNKS, {"BDAT", "!close"}}, LARGE, .codes = {451}, .is_dead = true},
    {"354 to a chunk", CHUNKS, {"BDAT", "354 go\r\n"}}, LARGE, .codes = {451}, .is_dead = true},
    {"421 to a chunk", CHUNKS, {"BDAT", "!bye 421 4.3.2 going\r\n"}}, LARGE, .codes = {421},
     .is_dead = true},
    {"chunks cannot be read to their end", CHUNKS, {"BDAT", "250 2.0.0 part\r\n"}},
     .mail = {.recipient_count = 2, .size = 300000, .fails_at = 290000}, .codes = {451},
     .is_dead = true},

    // ---- LMTP
    {"LMTP: each has his own", LMTP, FAR_RCPT, FAR_DATA,
      {".", "250 2.0.0 kept\r\n452 4.2.2 full\r\n550 5.2.1 closed\r\n"}},
     .is_lmtp = true, .mail = {.recipient_count = 3}, .codes = {250, 452, 550}, .again = {250, 452, 550},
     .kept = 2},
    {"LMTP: who was refused has none", LMTP, {"RCPT", "550 5.1.1 no\r\n"}, FAR_RCPT, FAR_DATA,
      {".", "250 2.0.0 kept\r\n452 4.2.2 full\r\n"}},
     .is_lmtp = true, .mail = {.recipient_count = 3}, .codes = {550, 250, 452}, .kept = 1},
    {"LMTP: vanishes after the first", LMTP, FAR_RCPT, FAR_DATA, {".", "!bye 250 2.0.0 kept\r\n"}},
     .is_lmtp = true, .mail = {.recipient_count = 3}, .codes = {250, 451}, .is_dead = true, .kept = 1},
    {"LMTP: 421 for the second", LMTP, FAR_RCPT, FAR_DATA,
      {".", "!bye 250 2.0.0 kept\r\n421 4.3.2 going\r\n"}},
     .is_lmtp = true, .mail = {.recipient_count = 3}, .codes = {250, 421, 451}, .is_dead = true,
     .kept = 1},
    {"LMTP: 354 although nobody was taken", LMTP, {"RCPT", "550 5.1.1 no\r\n"}, FAR_DATA},
     .is_lmtp = true, .mail = {.recipient_count = 2}, .codes = {550}, .is_dead = true},
    {"LMTP in chunks", FAR_HELLO, {{"LHLO", "250-fake\r\n250-CHUNKING\r\n250 PIPELINING\r\n"}, FAR_MAIL,
      FAR_RCPT, {"LAST", "250 2.0.0 kept\r\n452 4.2.2 full\r\n"}, {"BDAT", "250 2.0.0 part\r\n"}},
     .is_lmtp = true, .mail = {.recipient_count = 2, .size = 300000}, .codes = {250, 452}, .kept = 1},
};
// clang-format on

const struct far_rows far_rows_mail = {ROWS, sizeof ROWS / sizeof *ROWS};
