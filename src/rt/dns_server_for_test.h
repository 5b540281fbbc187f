// SPDX-License-Identifier: ISC
//
// For tests only: a name server on loopback, on a thread of its own, that answers from lines as in
// a zone file: "mx.example.test A 192.0.2.1", or "NAME servfail", "NAME silent", "NAME nxdomain",
// "NAME hold": silent until dns_server_release. It follows CNAMEs. What is not there does not
// exist; a name that has other types, or names below it, has no data.
#pragma once

#include "base/check.h"
#include "base/cleanup.h"
#include "proto/dns/record.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct dns_server {
    int fd;
    uint16_t port;
    char address[32]; // "127.0.0.1@PORT"
    pthread_t thread;
    const char *const *lines; // ends with NULL
    /// Not NULL: may rewrite an answer, which begins at `answer` of `to`, before it goes.
    void (*sign)(void *arg, struct dns_server *server, struct str question, struct buf *to);
    void *arg;
    _Atomic int asked;  // questions so far
    _Atomic bool holds; // lines with "hold" are silent
    _Atomic bool ending;
};

enum { DNS_HEADER = 12 };

struct dns_line {
    struct str name, type, data;
};

static inline struct dns_line dns_line_of(const char *text)
{
    struct str rest = str_from(text);
    struct dns_line line = {0};

    str_split(&rest, ' ', &line.name);
    str_split(&rest, ' ', &line.type);
    line.data = rest;
    return line;
}

static inline bool dns_is_name(struct str wire, struct str name)
{
    CLEANUP(buf_drop) struct buf own = {0};

    buf_init(&own, 256);
    return dns_name_put(&own, name) && str_case_eq(buf_str(&own), wire);
}

static inline bool dns_is_below(struct str name, struct str wire)
{
    CLEANUP(buf_drop) struct buf own = {0};

    buf_init(&own, 256);
    return dns_name_put(&own, name) && own.len > wire.len &&
           str_case_eq(str_skip(buf_str(&own), own.len - wire.len), wire);
}

static inline void dns_put16(struct buf *to, unsigned value)
{
    buf_put_char(to, (char)(value >> 8));
    buf_put_char(to, (char)value);
}

static inline void dns_put_record(struct buf *to, struct str owner, enum dns_type type,
                                  struct str data)
{
    buf_put(to, owner);
    dns_put16(to, type);
    dns_put16(to, 1);
    dns_put16(to, 0);
    dns_put16(to, 60); // TTL
    dns_put16(to, (unsigned)data.len);
    buf_put(to, data);
    to->ptr[7]++; // answers
}

enum dns_server_says { DNS_SAYS_NXDOMAIN, DNS_SAYS_ANSWER, DNS_SAYS_FAIL, DNS_SAYS_NOTHING };

static inline enum dns_server_says dns_mark_of(const struct dns_server *server, struct str mark,
                                               enum dns_server_says otherwise)
{
    if (str_eq(mark, STR("servfail")))
        return DNS_SAYS_FAIL;
    if (str_eq(mark, STR("silent")) || (str_eq(mark, STR("hold")) && atomic_load(&server->holds)))
        return DNS_SAYS_NOTHING;
    return otherwise;
}

/// Puts the records of that name and type.
static inline enum dns_server_says dns_server_find(struct dns_server *server, struct str owner,
                                                   enum dns_type type, struct buf *to, int depth)
{
    enum dns_server_says says = DNS_SAYS_NXDOMAIN;

    for (size_t i = 0; server->lines[i] && depth < 8; i++) {
        struct dns_line line = dns_line_of(server->lines[i]);
        CLEANUP(buf_drop) struct buf data = {0};
        enum dns_type is = dns_type_parse(line.type);

        if (dns_is_below(line.name, owner) && says == DNS_SAYS_NXDOMAIN)
            says = DNS_SAYS_ANSWER;
        if (!dns_is_name(owner, line.name))
            continue;
        says = dns_mark_of(server, line.type, DNS_SAYS_ANSWER);
        buf_init(&data, 4096);
        if (says != DNS_SAYS_ANSWER)
            return says;
        if ((is != type && is != DNS_CNAME) || !dns_data_put(&data, is, line.data))
            continue;
        dns_put_record(to, owner, is, buf_str(&data));
        if (is != type)
            return dns_server_find(server, buf_str(&data), type, to, depth + 1);
    }
    return says;
}

static inline void dns_server_answer(struct dns_server *server, struct str query,
                                     const struct sockaddr_in *from)
{
    CLEANUP(buf_drop) struct buf to = {0};
    size_t end = DNS_HEADER;
    struct str owner;
    enum dns_server_says says;

    while (end < query.len && query.ptr[end])
        end += 1 + (unsigned char)query.ptr[end];
    if (end + 5 > query.len)
        return;
    owner = str_of(query.ptr + DNS_HEADER, end + 1 - DNS_HEADER);
    buf_init(&to, 65535);
    buf_put(&to, str_head(query, 2));
    buf_put(&to, STR("\x84\x00\x00\x01\x00\x00\x00\x00\x00\x00")); // an answer, authoritative
    buf_put(&to, str_of(query.ptr + DNS_HEADER, end + 5 - DNS_HEADER));
    says = dns_server_find(
        server, owner,
        (enum dns_type)((unsigned char)query.ptr[end + 1] << 8 | (unsigned char)query.ptr[end + 2]),
        &to, 0);
    if (says == DNS_SAYS_NOTHING)
        return;
    to.ptr[2] |= query.ptr[2] & 1; // recursion desired
    to.ptr[3] = says == DNS_SAYS_FAIL ? 2 : says == DNS_SAYS_NXDOMAIN ? 3 : 0;
    if (server->sign)
        server->sign(server->arg, server, str_of(query.ptr + DNS_HEADER, end + 5 - DNS_HEADER),
                     &to);
    sendto(server->fd, to.ptr, to.len, 0, (const struct sockaddr *)from, sizeof(*from));
}

static inline void *dns_server_main(void *arg)
{
    struct dns_server *server = arg;

    for (;;) {
        char query[4096];
        struct sockaddr_in from;
        socklen_t from_len = sizeof(from);
        ssize_t n = recvfrom(server->fd, query, sizeof(query), 0, (void *)&from, &from_len);

        if (atomic_load(&server->ending))
            return NULL;
        if (n < DNS_HEADER)
            continue;
        atomic_fetch_add(&server->asked, 1);
        dns_server_answer(server, str_of(query, (size_t)n), &from);
    }
}

static inline void dns_server_start(struct dns_server *server, const char *const *lines)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(own);

    server->lines = lines;
    server->holds = true;
    server->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(server->fd >= 0 && bind(server->fd, (void *)&own, len) == 0);
    CHECK(getsockname(server->fd, (void *)&own, &len) == 0);
    server->port = ntohs(own.sin_port);
    snprintf(server->address, sizeof(server->address), "127.0.0.1@%u", server->port);
    CHECK(pthread_create(&server->thread, NULL, dns_server_main, server) == 0);
}

static inline void dns_server_stop(struct dns_server *server)
{
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                              .sin_port = htons(server->port)};

    atomic_store(&server->ending, true);
    sendto(server->fd, "", 1, 0, (void *)&own, sizeof(own));
    pthread_join(server->thread, NULL);
    close(server->fd);
}
