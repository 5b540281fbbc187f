// SPDX-License-Identifier: ISC
//
// What the far side offers, and what becomes of a mail that needs more. A message "\351" is 8-bit.
#include "far.h"

#define OFFER(keywords)                                                                            \
    FAR_HELLO,                                                                                     \
    {                                                                                              \
        FAR_EHLO(keywords), FAR_MAIL, FAR_RCPT, FAR_DATA, FAR_END                                  \
    }
#define EIGHT                                                                                      \
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"                             \
    "Content-Transfer-Encoding: 8bit\r\n\r\nol\xc3\xa1\r\n"
#define SIGNED                                                                                     \
    "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n"           \
    "ol\xc3\xa1\r\n--b\r\n\r\nsignature\r\n--b--\r\n"

// clang-format off
static const struct far_row ROWS[] = {
    {"too large", OFFER("250-SIZE 10\r\n"), .mail = {.recipient_count = 1}, .codes = {552},
     .never = "C MAIL"},
    {"SIZE without a limit", OFFER("250-SIZE 0\r\n"), .mail = {.recipient_count = 1},
     .codes = {250}, .kept = 1, .transcript = " SIZE=21\n"},
    {"a SIZE that is no number", OFFER("250-SIZE 99999999999999999999999\r\n"),
     .mail = {.recipient_count = 1}, .codes = {250}, .kept = 1},
    {"8BITMIME", OFFER("250-8BITMIME\r\n"),
     .mail = {.recipient_count = 1, .message = EIGHT, .body = ENVELOPE_BODY_8BITMIME},
     .codes = {250}, .kept = 1, .transcript = " BODY=8BITMIME\n", .got = "ol\xc3\xa1\r\n"},
    {"8 bits into 7", OFFER(""),
     .mail = {.recipient_count = 1, .message = EIGHT, .body = ENVELOPE_BODY_8BITMIME},
     .codes = {250}, .kept = 1, .never = "BODY=",
     .got = "charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nol=C3=A1\r\n"},
    {"8 bits were said, there are none", OFFER(""),
     .mail = {.recipient_count = 1, .body = ENVELOPE_BODY_8BITMIME},
     .codes = {250}, .kept = 1, .never = "BODY=", .got = ".dot\r\n"},
    {"what is signed stays as it is", OFFER(""),
     .mail = {.recipient_count = 1, .message = SIGNED, .body = ENVELOPE_BODY_8BITMIME},
     .codes = {554}, .never = "C MAIL"},
    {"binary in chunks", FAR_HELLO, {FAR_EHLO("250-BINARYMIME\r\n250-CHUNKING\r\n"), FAR_MAIL, FAR_RCPT,
      {"LAST", "250 2.0.0 kept\r\n"}},
     .mail = {.recipient_count = 1, .message = "A: b\r\n\r\nx\ny\rz.", .body = ENVELOPE_BODY_BINARYMIME},
     .codes = {250}, .kept = 1, .transcript = " BODY=BINARYMIME\n", .got = "\r\n\r\nx\ny\rz."},
    {"binary, but no chunks", OFFER("250-BINARYMIME\r\n250-8BITMIME\r\n"),
     .mail = {.recipient_count = 1, .body = ENVELOPE_BODY_BINARYMIME, .message =
              "MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n"
              "\r\n\x89PNG\n\r\n"},
     .codes = {250}, .kept = 1, .got = "Encoding: base64\r\n\r\niVBORwoNCg==\r\n"},
    {"SMTPUTF8", OFFER("250-SMTPUTF8\r\n250-8BITMIME\r\n"),
     .mail = {.recipient_count = 1, .recipient = "jo\xc3\xa3o@ex\xc3\xa1mple.test", .is_utf8 = true},
     .codes = {250}, .kept = 1, .transcript = " SMTPUTF8\n"},
    {"SMTPUTF8 was said, is not offered and not needed", OFFER(""),
     .mail = {.recipient_count = 1, .is_utf8 = true}, .codes = {250}, .kept = 1, .never = "SMTPUTF8"},
    {"a domain beyond ASCII alone", OFFER(""),
     .mail = {.recipient_count = 1, .recipient = "joao@ex\xc3\xa1mple.test", .is_utf8 = true},
     .codes = {250}, .kept = 1, .transcript = "C RCPT TO:<joao@xn--exmple-qta.test>\n"},
    {"one recipient beyond ASCII", OFFER(""),
     .mail = {.recipient_count = 2, .recipient = "jo\xc3\xa3o@example.test", .is_utf8 = true},
     .codes = {553, 250}, .kept = 1},
    {"a sender beyond ASCII", OFFER(""),
     .mail = {.recipient_count = 2, .sender = "jo\xc3\xa3o@example.test", .is_utf8 = true},
     .codes = {553}, .never = "C MAIL"},
    {"a header beyond ASCII", OFFER(""),
     .mail = {.recipient_count = 2, .is_utf8 = true, .message = "Subject: ol\xc3\xa1\r\n\r\nx\r\n"},
     .codes = {554}, .never = "C MAIL"},
    {"an address with a line in it", OFFER(""),
     .mail = {.recipient_count = 2, .recipient = "a>\r\nDATA\r\n@example.test"},
     .codes = {553, 250}, .kept = 1},
    {"a sender with a line in it", OFFER(""),
     .mail = {.recipient_count = 1, .sender = "a\r\nRSET@example.test"}, .codes = {553},
     .never = "C MAIL"},
    {"DSN", OFFER("250-DSN\r\n"),
     .mail = {.recipient_count = 1, .notify = ENVELOPE_NOTIFY_SUCCESS | ENVELOPE_NOTIFY_DELAY,
              .orcpt = "rfc822;ana+40example.test", .envid = "QQ314159", .ret = ENVELOPE_RET_HDRS},
     .codes = {250}, .kept = 1, .transcript = "C MAIL FROM:<ana@example.test> RET=HDRS ENVID=QQ314159\n"
     "S 250 2.1.0 ok\nC RCPT TO:<r0@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;ana+40example.test\n"},
    {"DSN: never", OFFER("250-DSN\r\n"),
     .mail = {.recipient_count = 1, .notify = ENVELOPE_NOTIFY_NEVER, .ret = ENVELOPE_RET_FULL},
     .codes = {250}, .kept = 1, .transcript = "C RCPT TO:<r0@example.test> NOTIFY=NEVER\n"},
    {"no DSN", OFFER(""),
     .mail = {.recipient_count = 1, .notify = ENVELOPE_NOTIFY_SUCCESS, .orcpt = "rfc822;a",
              .envid = "QQ", .ret = ENVELOPE_RET_HDRS},
     .codes = {250}, .kept = 1, .transcript = "C MAIL FROM:<ana@example.test>\n",
     .never = "NOTIFY"},
    {"parameters with a line in them", OFFER("250-DSN\r\n"),
     .mail = {.recipient_count = 1, .orcpt = "rfc822;a\r\nRSET", .envid = "a b"},
     .codes = {250}, .kept = 1, .transcript = "C MAIL FROM:<ana@example.test>\n", .never = "RSET"},
    {"DELIVERBY", OFFER("250-DELIVERBY\r\n"),
     .mail = {.recipient_count = 1, .by = ENVELOPE_BY_RETURN, .by_in_s = 3600},
     .codes = {250}, .kept = 1, .transcript = ";R\n"},
    {"DELIVERBY, as a wish, after its time", OFFER("250-DELIVERBY 240\r\n"),
     .mail = {.recipient_count = 1, .by = ENVELOPE_BY_NOTIFY, .by_in_s = -10},
     .codes = {250}, .kept = 1, .transcript = " BY=-1"},
    {"DELIVERBY is demanded and not offered", OFFER(""),
     .mail = {.recipient_count = 1, .by = ENVELOPE_BY_RETURN, .by_in_s = 3600}, .codes = {554},
     .never = "C MAIL"},
    {"DELIVERBY is wished and not offered", OFFER(""),
     .mail = {.recipient_count = 1, .by = ENVELOPE_BY_NOTIFY, .by_in_s = 3600}, .codes = {250},
     .kept = 1, .never = " BY="},
    {"DELIVERBY: its time has passed", OFFER("250-DELIVERBY\r\n"),
     .mail = {.recipient_count = 1, .by = ENVELOPE_BY_RETURN, .by_in_s = -1}, .codes = {554},
     .never = "C MAIL"},
    {"DELIVERBY: faster than it can be", OFFER("250-DELIVERBY 7200\r\n"),
     .mail = {.recipient_count = 1, .by = ENVELOPE_BY_RETURN, .by_in_s = 3600}, .codes = {554},
     .never = "C MAIL"},
    {"MT-PRIORITY", OFFER("250-MT-PRIORITY\r\n"), .mail = {.recipient_count = 1, .priority = -3},
     .codes = {250}, .kept = 1, .transcript = " MT-PRIORITY=-3\n"},
    {"no MT-PRIORITY", OFFER(""), .mail = {.recipient_count = 1, .priority = 3},
     .codes = {250}, .kept = 1, .never = "PRIORITY"},
    {"REQUIRETLS", OFFER("250-REQUIRETLS\r\n"), .tls = SEND_TLS_IMPLICIT,
     .mail = {.recipient_count = 1, .requires_tls = true}, .codes = {250}, .kept = 1,
     .transcript = " REQUIRETLS\n"},
    {"REQUIRETLS is not offered", OFFER(""), .tls = SEND_TLS_IMPLICIT,
     .mail = {.recipient_count = 1, .requires_tls = true}, .codes = {550}, .never = "C MAIL"},
    {"REQUIRETLS without TLS", OFFER("250-REQUIRETLS\r\n"),
     .mail = {.recipient_count = 1, .requires_tls = true}, .codes = {550}, .never = "C MAIL"},
    {"LIMITS: two recipients at a time", OFFER("250-LIMITS RCPTMAX=2\r\n"),
     .mail = {.recipient_count = 3}, .codes = {250, 250, 452}, .kept = 1},
    {"LIMITS: one mail a session", OFFER("250-LIMITS MAILMAX=1 RCPTMAX=x FOO BAR=\r\n"),
     .mail = {.recipient_count = 3}, .codes = {250}, .kept = 1, .is_dead = true,
     .transcript = "C QUIT\n"},
};
// clang-format on

const struct far_rows far_rows_fit = {ROWS, sizeof ROWS / sizeof *ROWS};
