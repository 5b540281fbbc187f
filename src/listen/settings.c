// SPDX-License-Identifier: ISC
#include "route/network.h"
#include "listen/listen.h"

// clang-format off
static const struct setting items[] = {
    SETTING(struct listen_config, addresses, SETTING_LIST, "0.0.0.0, ::", 0, 0,
            "The addresses on which all ports are opened."),
    SETTING(struct listen_config, smtp, SETTING_COUNT, "25", 0, LISTEN_ANY_PORT,
            "Port for mail from other servers. For this and all ports: 0 keeps it closed, 65536 lets "
            "the system choose."),
    SETTING(struct listen_config, submission, SETTING_COUNT, "587", 0, LISTEN_ANY_PORT,
            "Port on which users hand in mail, with STARTTLS."),
    SETTING(struct listen_config, submission_alt, SETTING_COUNT, "0", 0, LISTEN_ANY_PORT,
            "A second one, for networks in which 587 is blocked; by custom 2525."),
    SETTING(struct listen_config, submissions, SETTING_COUNT, "465", 0, LISTEN_ANY_PORT,
            "Port on which users hand in mail, with TLS from the first byte."),
    SETTING(struct listen_config, imap, SETTING_COUNT, "143", 0, LISTEN_ANY_PORT,
            "Port for IMAP with STARTTLS."),
    SETTING(struct listen_config, imaps, SETTING_COUNT, "993", 0, LISTEN_ANY_PORT,
            "Port for IMAP with TLS from the first byte."),
    SETTING(struct listen_config, pop3, SETTING_COUNT, "110", 0, LISTEN_ANY_PORT,
            "Port for POP3 with STLS."),
    SETTING(struct listen_config, pop3s, SETTING_COUNT, "995", 0, LISTEN_ANY_PORT,
            "Port for POP3 with TLS from the first byte."),
    SETTING(struct listen_config, peer_max, SETTING_COUNT, "100", 1, 1000000,
            "Connections at once from one address (IPv6: from one /64), of all protocols together."),
    SETTING(struct listen_config, peer_rate, SETTING_COUNT, "600", 0, 1000000,
            "New connections of one address (IPv6: of one /64) within a minute, of all protocols "
            "together; 0: any number. This host and networks that may relay have no such limit."),
    SETTING(struct listen_config, peer_exempt, SETTING_LIST, "", 0, 0,
            "Addresses without these limits: a proxy, a web mail host."),
    SETTING(struct listen_config, sendmail, SETTING_TEXT, "", 0, 0,
            "Socket by which programs of this host hand in mail without signing in: cron, PHP, "
            "`sendmail`. Every user of the host may write to it and send to anywhere. By custom "
            "/run/carteiro/sendmail.sock; empty: none."),
    SETTING(struct listen_config, proxy_networks, SETTING_LIST, "", 0, 0,
            "Networks of proxies (haproxy and others). Each of their connections, on every port, must "
            "begin with a header of the PROXY protocol, version 1 or 2, and whom it names counts as "
            "the client. Name only proxies: whoever is here can take any address."),
    SETTING(struct listen_config, lmtp, SETTING_TEXT, "", 0, 0,
            "Where LMTP is spoken, for a mail server in front that hands over what is to be "
            "delivered here: 127.0.0.1:24, or the path of a unix socket. Nobody signs in there, so "
            "keep it out of reach of others. Empty: nowhere."),
};
// clang-format on

const struct settings listen_settings = {
    .title = "listen",
    .help = "Which ports are open, and how many connections a client may have.",
    .items = items,
    .count = sizeof items / sizeof items[0],
    .size = sizeof(struct listen_config),
};

bool listen_config_is_valid(const struct listen_config *config, struct buf *why)
{
    struct network n;

    for (size_t i = 0; i < config->proxy_networks.count; i++)
        if (!network_parse(config->proxy_networks.items[i], &n)) {
            buf_putf(why, "proxy_networks: %.*s is no network; write 192.0.2.0/24",
                     STR_ARG(config->proxy_networks.items[i]));
            return false;
        }
    return true;
}
