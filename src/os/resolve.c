// SPDX-License-Identifier: ISC
#include "os/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>

int os_resolve(const char *host, struct buf *out)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    char text[NI_MAXHOST];
    int r = getaddrinfo(host, NULL, &hints, &all);

    if (r != 0)
        return r == EAI_AGAIN ? -EAGAIN : -ENOENT;
    for (const struct addrinfo *one = all; one; one = one->ai_next) {
        if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, NULL, 0,
                        NI_NUMERICHOST) == 0)
            buf_putf(out, "%s\n", text);
    }
    freeaddrinfo(all);
    return out->len ? 0 : -ENOENT;
}
