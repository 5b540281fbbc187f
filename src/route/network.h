// SPDX-License-Identifier: ISC
//
// Networks of IP addresses as an administrator writes them: "192.0.2.0/24", "2001:db8::/32", or one
// address.
#pragma once

#include "base/setting.h"

struct network {
    unsigned char bytes[16]; // an IPv4 address as ::ffff:a.b.c.d
    unsigned bits;           // of these 128
};

bool network_parse(struct str text, struct network *out);
/// Is that address (as text) in the network? False for what is no IP address.
bool network_has(const struct network *n, struct str ip);
/// In one of them? Entries that are no networks have nobody in them.
bool network_list_has(const struct setting_list *list, struct str ip);
