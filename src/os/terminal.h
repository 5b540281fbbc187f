// SPDX-License-Identifier: ISC
//
// The person at the terminal: passwords asked without echo.
#pragma once

#include "base/buf.h"

bool os_is_terminal(int fd);
/// Shows `prompt` on the controlling terminal and appends the line typed, which is not shown.
/// -ENOTTY when there is no terminal, -ECANCELED at its end of input.
int os_password_ask(const char *prompt, struct buf *out);
/// As os_password_ask, shown as it is typed.
int os_line_ask(const char *prompt, struct buf *out);
