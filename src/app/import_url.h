// SPDX-License-Identifier: ISC
//
// The address of another server's account, as RFC 5092 writes it: imap://USER@HOST[:PORT][/] (with
// STARTTLS) or imaps://.... What cannot stand there is percent-encoded; the "@" of a user's name
// may stand as it is.
#pragma once

#include "base/buf.h"

struct import_url {
    bool is_tls; // imaps
    char user[256], host[256];
    uint16_t port;
};
/// Is it such a URL at all?
bool import_url_is(const char *text);
/// False: it is not right.
bool import_url_parse(const char *text, struct import_url *out);
