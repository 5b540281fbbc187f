// SPDX-License-Identifier: ISC
#include "route/network.h"

#include <arpa/inet.h>

static bool parse_ip(struct str text, unsigned char bytes[16], bool *out_is_v4)
{
    char ip[64];

    if (text.len == 0 || text.len >= sizeof(ip) || memchr(text.ptr, 0, text.len))
        return false;
    memcpy(ip, text.ptr, text.len);
    ip[text.len] = 0;
    *out_is_v4 = inet_pton(AF_INET, ip, bytes + 12) == 1;
    if (*out_is_v4) {
        memset(bytes, 0, 10);
        memset(bytes + 10, 0xff, 2);
        return true;
    }
    return inet_pton(AF_INET6, ip, bytes) == 1;
}

bool network_parse(struct str text, struct network *out)
{
    ptrdiff_t slash = str_find(text, '/');
    struct network n = {.bits = 128};
    uint64_t bits;
    bool is_v4;

    if (!parse_ip(slash < 0 ? text : str_head(text, (size_t)slash), n.bytes, &is_v4))
        return false;
    if (slash >= 0) {
        if (!str_to_u64(str_skip(text, (size_t)slash + 1), is_v4 ? 32 : 128, &bits))
            return false;
        n.bits = (unsigned)bits + (is_v4 ? 96 : 0);
    }
    *out = n;
    return true;
}

bool network_has(const struct network *n, struct str ip)
{
    unsigned char bytes[16];
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    bool is_v4;

    if (!parse_ip(ip, bytes, &is_v4) || memcmp(bytes, n->bytes, whole) != 0)
        return false;
    return rest == 0 || (bytes[whole] ^ n->bytes[whole]) >> (8 - rest) == 0;
}

bool network_list_has(const struct setting_list *list, struct str ip)
{
    struct network n;

    for (size_t i = 0; i < list->count; i++)
        if (network_parse(list->items[i], &n) && network_has(&n, ip))
            return true;
    return false;
}
