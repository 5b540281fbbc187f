// SPDX-License-Identifier: ISC
//
// Any bytes as either version: what is taken has an address that parses, or none.
#include "base/check.h"
#include "listen/proxy.h"

#include <arpa/inet.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const char *text)
{
    unsigned char bytes[16];

    CHECK(memchr(text, 0, PROXY_ADDRESS_MAX));
    CHECK(!text[0] || inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of(data, size);
    struct proxy_header h;

    if (listen_proxy_parse_line(bytes, &h) || listen_proxy_parse_binary(bytes, &h)) {
        check_address(h.peer);
        check_address(h.local);
        CHECK(!h.peer[0] == !h.local[0]);
    }
    return 0;
}
