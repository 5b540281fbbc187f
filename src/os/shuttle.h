// SPDX-License-Identifier: ISC
//
// Between standard input and output and a unix socket, for programs that speak SMTP by pipes
// (sendmail -bs).
#pragma once

/// A connected socket, or -errno.
int os_unix_connect(const char *path);
/// Carries bytes both ways until the other side closes; takes the socket. 0 or -errno.
int os_shuttle(int fd);
