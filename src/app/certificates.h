// SPDX-License-Identifier: ISC
//
// The certificates that the configuration names, as rt/tls.h wants them.
#pragma once

#include "base/arena.h"
#include "rt/tls.h"

#include "app/config.h"

/// 0 with *out->count 0 when none is configured; -EINVAL with a sentence in *why when keys and
/// certificates do not pair. Lives in `arena`.
int certificates_of(const struct app_config *config, struct arena *arena, struct rt_tls_config *out,
                    struct buf *why);
/// A private key and a certificate for this name signed with it, PEM; good for ten years. For the
/// first steps: clients will ask whether to trust it.
int certificate_self_signed(struct str hostname, struct str domain, struct buf *certificate,
                            struct buf *key);

struct certificate_facts {
    bool has_key;    // the private key belongs to it
    bool names_host; // it is for that host name
    bool is_self_signed;
    int64_t not_after; // seconds since 1970
    int64_t not_before;
};
/// Reads both files. False with a sentence in *why.
bool certificate_look(const char *certificate, const char *key, struct str hostname,
                      struct certificate_facts *out, struct buf *why);
/// The SHA-256 of its public key: what a TLSA record 3 1 1 holds (RFC 7671 5.1). False: it cannot
/// be read.
bool certificate_digest(const char *certificate, uint8_t out[32]);
