// SPDX-License-Identifier: ISC
//
// The door of listen: which ports are open for which protocol, and who may connect. A peer gets so
// many connections and no more, so that one host, with however many slow connections, cannot keep
// others from being served.
#pragma once

#include "base/setting.h"
#include "rt/conn.h"
#include "rt/tls.h"

struct receive; // receive/receive.h

/// The room's part of the configuration, title "listen". Port 0: not opened.
struct listen_config {
    struct setting_list addresses;      // "127.0.0.1", "::", ...
    uint64_t smtp;                      // 25
    uint64_t submission;                // 587
    uint64_t submission_alt;            // 2525
    uint64_t submissions;               // 465
    uint64_t imap, imaps;               // 143, 993
    uint64_t pop3, pop3s;               // 110, 995
    uint64_t peer_rate;                 // new connections of one address within a minute; 0: any
    uint64_t peer_max;                  // connections at once from one address, of all protocols
    struct setting_list peer_exempt;    // addresses without that limit
    struct setting_list proxy_networks; // from there a PROXY header comes first
    struct str lmtp;                    // "127.0.0.1:24" or "/path"; "": none
    struct str sendmail;                // path of the socket for programs of this host; "": none
};
extern const struct settings listen_settings;

/// What is served. A protocol that is NULL has no port, whatever the configuration says. Borrowed,
/// as is `tls`; without it the ports with implicit TLS stay closed.
struct listen_services {
    struct receive *receive;
    const struct rt_protocol *imap;
    void *imap_context;
    const struct rt_protocol *pop3;
    void *pop3_context;
    struct rt_tls *tls;
    const char *sendmail; // the path in full; NULL: none
    /// Networks that may relay: they connect as often as they like. NULL: none.
    const struct setting_list *relay_networks;
};

enum listen_port {
    LISTEN_SMTP,
    LISTEN_SUBMISSION,
    LISTEN_SUBMISSION_ALT,
    LISTEN_SUBMISSIONS,
    LISTEN_IMAP,
    LISTEN_IMAPS,
    LISTEN_POP3,
    LISTEN_POP3S,
    LISTEN_LMTP,  // 0 also for one on a unix socket
    LISTEN_PORTS, // their number
};
/// "smtp", "submission", "submission_alt", ...: the setting's name.
const char *listen_port_name(enum listen_port port);

enum { LISTEN_ANY_PORT = 65536 }; // in the configuration: the kernel chooses (tests)

struct listen;

/// Is it? Else false, and *why says what is wrong.
bool listen_config_is_valid(const struct listen_config *config, struct buf *why);

/// Called in a task. Opens all ports. 0, or -errno with a sentence naming the address, the port and
/// the cure in *why; what was opened before then stays open until the runtime ends; *out is set in
/// any case.
int listen_open(struct rt *rt, const struct listen_config *config,
                const struct listen_services *services, struct listen **out, struct buf *why);
/// The port's number on the first address, 0 when it is not open.
uint16_t listen_port(const struct listen *listen, enum listen_port port);
/// New limits; ports stay as they are until a restart. Any thread.
void listen_reconfigure(struct listen *listen, const struct listen_config *config,
                        const struct setting_list *relay_networks);
/// After rt_run has returned. NULL is fine.
void listen_free(struct listen *listen);
