// SPDX-License-Identifier: ISC
#include "listen/proxy.h"

#include "base/check.h"
#include "base/scan.h"
#include "store/crc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

static const unsigned char SIGNATURE[PROXY_SIGNATURE_BYTES] = {
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
};

/// By byte 14: the family above, the transport below.
enum { UNSPECIFIED = 0x00, TCP4 = 0x11, TCP6 = 0x21, UNIX = 0x31 };

enum { TLV_CRC32C = 0x03 };

// ---- addresses

/// An IPv4 address within IPv6 is written as what it is, as it would have come without a proxy.
static void print_ip6(const unsigned char bytes[16], char to[PROXY_ADDRESS_MAX])
{
    struct in6_addr ip;

    memcpy(&ip, bytes, sizeof ip);
    if (IN6_IS_ADDR_V4MAPPED(&ip))
        inet_ntop(AF_INET, bytes + 12, to, PROXY_ADDRESS_MAX);
    else
        inet_ntop(AF_INET6, &ip, to, PROXY_ADDRESS_MAX);
}

static bool copy_address(struct str text, bool is_ip6, char to[PROXY_ADDRESS_MAX])
{
    char copy[PROXY_ADDRESS_MAX];
    unsigned char bytes[16];

    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    if (inet_pton(is_ip6 ? AF_INET6 : AF_INET, copy, bytes) != 1)
        return false;
    if (is_ip6)
        print_ip6(bytes, to);
    else
        memcpy(to, copy, text.len + 1);
    return true;
}

// ---- version 1

static bool take_word(struct str *rest, struct str *out)
{
    return str_split(rest, ' ', out) && out->len > 0;
}

static bool take_port(struct str *rest, uint16_t *out)
{
    struct str word;
    uint64_t port;

    if (!take_word(rest, &word) || !str_to_u64(word, UINT16_MAX, &port))
        return false;
    *out = (uint16_t)port;
    return true;
}

bool listen_proxy_parse_line(struct str line, struct proxy_header *out)
{
    struct proxy_header h = {0};
    struct str rest = line, word, family, peer, local;

    if (memchr(line.ptr, 0, line.len) || !take_word(&rest, &word) || !str_eq(word, STR("PROXY")) ||
        !take_word(&rest, &family))
        return false;
    if (str_eq(family, STR("UNKNOWN"))) {
        *out = h;
        return true;
    }
    if (!str_eq(family, STR("TCP4")) && !str_eq(family, STR("TCP6")))
        return false;
    if (!take_word(&rest, &peer) || !take_word(&rest, &local) || !take_port(&rest, &h.peer_port) ||
        !take_port(&rest, &h.local_port) || rest.ptr)
        return false;
    if (!copy_address(peer, family.ptr[3] == '6', h.peer) ||
        !copy_address(local, family.ptr[3] == '6', h.local))
        return false;
    *out = h;
    return true;
}

// ---- version 2

static unsigned u16_at(const unsigned char *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

size_t listen_proxy_binary_size(const unsigned char head[PROXY_V2_HEAD])
{
    size_t size = PROXY_V2_HEAD + u16_at(head + 14);

    if (memcmp(head, SIGNATURE, sizeof SIGNATURE) != 0 || (head[12] != 0x20 && head[12] != 0x21))
        return 0;
    return size <= PROXY_V2_MAX ? size : 0;
}

/// Of the whole header, with the checksum itself as zeroes.
static bool is_crc_right(struct str bytes, size_t at)
{
    static const unsigned char ZEROES[4];
    const unsigned char *sum = (const unsigned char *)bytes.ptr + at;
    uint32_t crc = crc32c(0, bytes.ptr, at);

    crc = crc32c(crc, ZEROES, sizeof ZEROES);
    crc = crc32c(crc, bytes.ptr + at + 4, bytes.len - at - 4);
    return crc == ((uint32_t)u16_at(sum) << 16 | u16_at(sum + 2));
}

/// All are skipped; they must be whole, and a checksum right.
static bool are_tlvs_right(struct str bytes, size_t at)
{
    while (at < bytes.len) {
        const unsigned char *tlv = (const unsigned char *)bytes.ptr + at;
        size_t len;

        if (bytes.len - at < 3)
            return false;
        len = u16_at(tlv + 1);
        if (bytes.len - at - 3 < len)
            return false;
        if (tlv[0] == TLV_CRC32C && (len != 4 || !is_crc_right(bytes, at + 3)))
            return false;
        at += 3 + len;
    }
    return true;
}

/// Bytes of both addresses and ports; -1: a family nobody may send.
static int addresses_size(unsigned char family)
{
    switch (family) {
    case UNSPECIFIED:
        return 0;
    case TCP4:
        return 12;
    case TCP6:
        return 36;
    case UNIX:
        return 216;
    default:
        return -1;
    }
}

static void take_addresses(const unsigned char *at, unsigned char family, struct proxy_header *out)
{
    if (family == TCP4) {
        inet_ntop(AF_INET, at, out->peer, sizeof out->peer);
        inet_ntop(AF_INET, at + 4, out->local, sizeof out->local);
        out->peer_port = (uint16_t)u16_at(at + 8);
        out->local_port = (uint16_t)u16_at(at + 10);
    } else if (family == TCP6) {
        print_ip6(at, out->peer);
        print_ip6(at + 16, out->local);
        out->peer_port = (uint16_t)u16_at(at + 32);
        out->local_port = (uint16_t)u16_at(at + 34);
    }
}

bool listen_proxy_parse_binary(struct str bytes, struct proxy_header *out)
{
    const unsigned char *head = (const unsigned char *)bytes.ptr;
    struct proxy_header h = {0};
    int size;

    if (bytes.len < PROXY_V2_HEAD || listen_proxy_binary_size(head) != bytes.len)
        return false;
    // LOCAL: whatever addresses it has, they are to be ignored, and so is their family
    if (head[12] == 0x20) {
        *out = h;
        return true;
    }
    size = addresses_size(head[13]);
    if (size < 0 || bytes.len < PROXY_V2_HEAD + (size_t)size)
        return false;
    // of an unknown family the rest is no list of TLVs that could be told from addresses
    if (head[13] != UNSPECIFIED && !are_tlvs_right(bytes, PROXY_V2_HEAD + (size_t)size))
        return false;
    take_addresses(head + PROXY_V2_HEAD, head[13], &h);
    *out = h;
    return true;
}

// ---- from a connection

/// The rest of a line of which the first bytes are there, byte by byte: what follows it may be the
/// beginning of TLS, and must stay where it is.
static int read_line(struct rt_conn *conn, char *line, size_t have, struct proxy_header *out)
{
    while (line[have - 1] != '\n') {
        int r;

        if (have == PROXY_V1_MAX)
            return -EPROTO;
        r = rt_read_early(conn, line + have, 1);
        if (r < 0)
            return r;
        have++;
    }
    if (line[have - 2] != '\r' || !listen_proxy_parse_line(str_of(line, have - 2), out))
        return -EPROTO;
    return 0;
}

static int read_binary(struct rt_conn *conn, char *bytes, struct proxy_header *out)
{
    size_t size;
    int r =
        rt_read_early(conn, bytes + PROXY_SIGNATURE_BYTES, PROXY_V2_HEAD - PROXY_SIGNATURE_BYTES);

    if (r < 0)
        return r;
    size = listen_proxy_binary_size((const unsigned char *)bytes);
    if (size == 0)
        return -EPROTO;
    r = rt_read_early(conn, bytes + PROXY_V2_HEAD, size - PROXY_V2_HEAD);
    if (r < 0)
        return r;
    return listen_proxy_parse_binary(str_of(bytes, size), out) ? 0 : -EPROTO;
}

int listen_proxy_read(struct rt_conn *conn, struct proxy_header *out)
{
    char *bytes = malloc(PROXY_V2_MAX);
    int r;

    CHECK(bytes);
    r = rt_read_early(conn, bytes, PROXY_SIGNATURE_BYTES);
    if (r == 0 && memcmp(bytes, SIGNATURE, PROXY_SIGNATURE_BYTES) == 0)
        r = read_binary(conn, bytes, out);
    else if (r == 0 && str_starts(str_of(bytes, PROXY_SIGNATURE_BYTES), STR("PROXY ")))
        r = read_line(conn, bytes, PROXY_SIGNATURE_BYTES, out);
    else if (r == 0)
        r = -EPROTO;
    free(bytes);
    return r;
}
