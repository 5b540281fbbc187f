// SPDX-License-Identifier: ISC
//
// IMAP URLs that name a message or a part of one (RFC 5092), whole or relative to a session, with
// the authorization of RFC 4467:
//
//     imap://ana%40example.org@host/Drafts;UIDVALIDITY=3/;UID=20/;SECTION=1.2/;PARTIAL=0.100
//         ;EXPIRE=2026-12-31T00:00:00Z;URLAUTH=submit+ana:internal:01ab...
//
// URLs that name anything else (a server, a mailbox, a search) are none here.
#pragma once

#include "proto/imap/section.h"

enum { IMAP_URL_MAX = 8192 }; // bytes

enum imap_url_access {
    IMAP_URL_NO_ACCESS, // no URLAUTH
    IMAP_URL_SUBMIT,    // submit+user
    IMAP_URL_USER,      // user+user
    IMAP_URL_AUTHUSER,
    IMAP_URL_ANONYMOUS,
};

/// Texts are decoded, in the arena.
struct imap_url {
    bool is_absolute;     // imap://
    struct str user;      // of the server part; ptr NULL: none
    struct str mailbox;   // UTF-8, "INBOX" so spelt; ptr NULL: the selected one is meant
    uint32_t uidvalidity; // 0: not said
    uint32_t uid;
    struct imap_section section;
    bool is_partial;
    uint32_t partial_offset, partial_len; // partial_len 0: to the end
    bool has_expire;
    int64_t expire; // seconds since 1970: the last moment at which it is valid
    enum imap_url_access access;
    struct str access_user;
    struct str mechanism, token; // ptr NULL: not there yet
    struct str rump;             // the URL as it was given, up to before ":mechanism:token"
};

bool imap_url_parse(struct str text, struct arena *arena, struct imap_url *out);
