// SPDX-License-Identifier: ISC
//
// Reads tests/corpus/messages/*.mails (README there): hard messages, and the answers that are
// expected about each.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/// Views into the text of the file. `lines` and `answers` are the mail's lines of that kind with
/// what stands between them.
struct mail_case {
    struct str name;
    struct str text; // all its lines, from behind the name to the next mail
};

/// The next mail of a file; false at the end.
bool mails_next(struct str *rest, struct mail_case *out);
/// The message: every "|" line with its escapes undone and CRLF, or none behind "\.".
void mail_case_put_message(const struct mail_case *m, struct buf *out);

/// One line "BODY[1] answer".
struct mail_answer {
    struct str question;
    struct str want;
};
/// Goes through the answers; *at begins as m->text.
bool mail_case_next_answer(struct str *at, struct mail_answer *out);
/// What is wanted with a range of the message written out.
void mail_answer_put_want(const struct mail_answer *a, struct str message, struct buf *out);

/// Bytes as the files write them: quoted, with escapes.
void mails_put_quoted(struct buf *out, struct str bytes);
/// A part of an IMAP response with all its strings, quoted or literal, written that way.
void mails_put_response(struct buf *out, struct str response);
