// SPDX-License-Identifier: ISC
//
// The addresses of From, To, Cc and the like (RFC 5322 3.4 with the obsolete forms of 4.4), told as
// IMAP's ENVELOPE tells them (RFC 3501 7.4.2). Any bytes give a list: what is broken becomes an
// entry with what could be read. Nothing is decoded: names keep their encoded words
// (mail/word.h). The strict reader of envelope addresses is mail/address.h.
#pragma once

#include "base/arena.h"
#include "base/scan.h"
#include "base/str.h"

/// Bytes of a field that are read, and entries that are given; the rest is ignored.
enum { ADDRESS_LIST_TEXT_MAX = 256 * 1024, ADDRESS_LIST_COUNT_MAX = 10000 };

/// ptr NULL stands for NIL. A mailbox has mailbox and host (empty when the text had none); the
/// start of a group has its name in mailbox and no host; the end of a group has neither.
struct address_entry {
    struct str name;    // display name, words joined as written, quotes and backslashes undone; or,
                        // in the old style, the last comment behind the address
    struct str adl;     // source route "@a,@b", without blanks
    struct str mailbox; // local part, quotes and backslashes undone
    struct str host;    // domain or literal, without blanks and comments
};

struct address_list {
    struct scan in;
    char *text, *name_text; // where the texts of the entries go
    size_t count;
    bool in_group;
};

/// `value` is a field's value, folded or not. Takes twice its length from the arena; all entries'
/// texts live there.
void address_list_begin(struct address_list *list, struct arena *a, struct str value);
/// The next entry; false at the end. Empty places between commas give none.
bool address_list_next(struct address_list *list, struct address_entry *out);
