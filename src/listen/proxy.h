// SPDX-License-Identifier: ISC
//
// The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): what a proxy says, before
// the first byte of its client, about who that is. From whom such a header is wanted (and believed)
// is listen.c's business; here it is read and taken apart.
#pragma once

#include "base/str.h"
#include "rt/conn.h"

enum {
    PROXY_V1_MAX = 107,         // of a line, with CR LF
    PROXY_V2_HEAD = 16,         // before the addresses
    PROXY_V2_MAX = 16 + 16384,  // TLVs may be many, but not endless
    PROXY_SIGNATURE_BYTES = 12, // by which the versions are told apart
    PROXY_ADDRESS_MAX = 46,
};

/// `peer` empty: the connection is the proxy's own (LOCAL, health checks) or of unknown origin
/// (UNKNOWN, UNSPEC, a unix socket).
struct proxy_header {
    char peer[PROXY_ADDRESS_MAX], local[PROXY_ADDRESS_MAX];
    uint16_t peer_port, local_port;
};

/// "PROXY TCP4 192.0.2.1 192.0.2.9 56324 443" without CR LF.
bool listen_proxy_parse_line(struct str line, struct proxy_header *out);
/// A whole header of version 2. A CRC-32C among its TLVs must be right.
bool listen_proxy_parse_binary(struct str bytes, struct proxy_header *out);
/// How long the binary header will be, by its first 16 bytes; 0: it is none.
size_t listen_proxy_binary_size(const unsigned char head[PROXY_V2_HEAD]);
/// [await] Reads either, and no byte more. 0, -EPROTO (it is none) or -errno.
int listen_proxy_read(struct rt_conn *conn, struct proxy_header *out);
