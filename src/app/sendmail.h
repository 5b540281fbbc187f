// SPDX-License-Identifier: ISC
//
// What cron, git send-email, PHP and old scripts call: sendmail, mailq and newaliases as names of
// this program, with the options all mail systems have agreed on. A mail goes to the running server
// by a socket that everybody on this host may use; a server that is not there is EX_TEMPFAIL.
#pragma once

#include "base/arena.h"
#include "base/buf.h"

/// Was the program called by one of those names (or `carteiro sendmail ...`)? Then *out_code is
/// the exit code.
bool sendmail_main(int argc, char **argv, int *out_code);

// ---- within

enum { SENDMAIL_MESSAGE_MAX = 128 << 20, SENDMAIL_RECIPIENTS_MAX = 10000 };

struct sendmail {
    struct arena arena;
    const char *config; // -C
    const char *sender; // -f; NULL: the user
    const char *name;   // -F
    bool from_header;   // -t
    bool dot_is_text;   // -i
    bool verbose;       // -v
    unsigned notify;    // -N
    unsigned ret;       // -R
    struct str envid;   // -V
    char **words;       // recipients
    size_t word_count;
    // found out
    struct buf socket, origin, message;
    struct str path, *recipients; // the sender, and to whom
    size_t recipient_count;
};

/// The message from standard input; with -t its recipients, and no Bcc in it any more. A From that
/// is missing is added. An exit code, after telling what is wrong.
int sendmail_read(struct sendmail *s);
/// The address with a domain; in the arena. STR_NONE when it is none.
struct str sendmail_address(struct sendmail *s, struct str text);
