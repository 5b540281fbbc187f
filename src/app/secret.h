// SPDX-License-Identifier: ISC
//
// Passwords for commands: from a file, the environment or the terminal, never from the command
// line, which every user of the machine can read.
#pragma once

#include "app/command.h"

/// --password-file FILE ("-": standard input), else CARTEIRO_PASSWORD, else asked on the terminal,
/// twice when `twice`. An exit code; what is wrong was told.
int secret_password(const struct call *call, const char *prompt, bool twice, struct buf *out);

#define SECRET_OPTION                                                                              \
    {                                                                                              \
        "password-file", 0, "FILE",                                                                \
            "The password is the first line of FILE (- for standard input); else it is taken "     \
            "from CARTEIRO_PASSWORD, or asked on the terminal"                                     \
    }
