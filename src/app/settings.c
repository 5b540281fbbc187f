// SPDX-License-Identifier: ISC
#include "app/settings.h"

// clang-format off
static const struct setting items[] = {
    SETTING(struct server_config, hostname, SETTING_TEXT, "", 0, 0,
            "The name by which this server greets and which its certificate must carry. Empty: what "
            "the machine calls itself."),
    SETTING(struct server_config, origin, SETTING_TEXT, "", 0, 0,
            "The domain of mail that programs of this host send as \"root\" or \"www-data\" alone. Empty: "
            "the hostname without its first part, so mail.example.org gives example.org."),
    SETTING(struct server_config, data, SETTING_TEXT, "/var/lib/carteiro", 0, 0,
            "The directory that holds all mail and accounts. It belongs to `user` alone."),
    SETTING(struct server_config, user, SETTING_TEXT, "", 0, 0,
            "When the server is started by root, it becomes this user once its ports are open."),
    SETTING(struct server_config, certificate, SETTING_LIST, "", 0, 0,
            "Files with the certificate and its chain (PEM). Several: chosen by the name the client "
            "asks for, the first for everybody else. Without one there is no TLS and no login."),
    SETTING(struct server_config, key, SETTING_LIST, "", 0, 0,
            "Files with the private keys (PEM), in the order of the certificates."),
    SETTING(struct server_config, tls13_only, SETTING_BOOL, "no", 0, 0,
            "Refuse TLS 1.2, which older clients still need."),
    SETTING(struct server_config, log_level, SETTING_TEXT, "info", 0, 0,
            "What the log tells at least: debug, info, warn or error."),
    SETTING(struct server_config, loops, SETTING_COUNT, "0", 0, 256,
            "Event loops, each a thread; 0: one per core."),
    SETTING(struct server_config, connections_max, SETTING_COUNT, "100000", 1, 10000000,
            "Connections at once in the whole process."),
    SETTING(struct server_config, grace, SETTING_DURATION, "30s", 0, 3600000,
            "How long running commands may take to finish when the server is told to stop."),
    SETTING(struct server_config, sandbox, SETTING_BOOL, "yes", 0, 0,
            "Take away from the server what it does not need: files outside the data directory, the "
            "certificates and the system's own, starting programs, odd system calls. IMAP's SEARCH "
            "converts charsets with the gconv modules of the C library, which it may read below "
            "/usr/lib and /lib; kept elsewhere, such charsets are unknown."),
    SETTING(struct server_config, backup, SETTING_TEXT, "", 0, 0,
            "The directory below which `carteiro backup` may write while the server runs in its "
            "sandbox. It must be there when the server starts, and belong to `user`; a change takes "
            "effect after a restart. The systemd unit makes /var/lib/carteiro-backup."),
};
// clang-format on

const struct settings server_settings = {
    .title = "",
    .help = "The server as a whole. These stand at the top of the file, outside every section.",
    .items = items,
    .count = sizeof items / sizeof items[0],
    .size = sizeof(struct server_config),
};
