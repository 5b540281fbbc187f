// SPDX-License-Identifier: ISC
#include "route/network.h"
#include "route/route.h"
#include "route/transport.h"

// clang-format off
static const struct setting items[] = {
    SETTING(struct route_config, relay_networks, SETTING_LIST, "", 0, 0,
        "Networks whose hosts may send anywhere without signing in, such as 192.0.2.0/24. Name only what you control."),
    SETTING(struct route_config, smtp_port, SETTING_COUNT, "25", 1, 65535,
        "The port of other servers. Anything but 25 is for laboratories."),
    SETTING(struct route_config, transports, SETTING_LIST, "", 0, 0,
        "Ways of your own, each \"PATTERN WAY\"; the first that fits decides, and without one mail goes as DNS says. "
        "PATTERN: a domain, .domain for all below it, *, from:ADDRESS or from:@DOMAIN for what that sender sends. WAY: mx, "
        "smtp://HOST[:PORT], submission://USER@HOST[:PORT], submissions://USER@HOST[:PORT], gmail://USER, outlook://USER, "
        "hotmail://USER, yahoo://USER, lmtp://HOST:PORT, lmtp:///PATH, or error:5.7.1 TEXT."),
    SETTING(struct route_config, transport_passwords, SETTING_TEXT, "", 0, 0,
        "The file with the passwords for transports that sign in: lines \"USER@HOST PASSWORD\". Only the server's user may read it."),
    SETTING(struct route_config, prefer, SETTING_TEXT, "race", 0, 0,
        "Which addresses of a host are tried first: race (both in turn, IPv6 first), ipv6 or ipv4."),
    SETTING(struct route_config, tls, SETTING_TEXT, "may", 0, 0,
        "TLS to other servers where neither DANE nor MTA-STS nor tls_policies says more: may (when it is offered) or must."),
    SETTING(struct route_config, tls_policies, SETTING_LIST, "", 0, 0,
        "TLS for some destinations, each \"PATTERN LEVEL\"; the first that fits decides. LEVEL: never, may, must (any "
        "certificate), verify (a certificate of a known authority for the host's name) or dane (signed TLSA records)."),
    SETTING(struct route_config, allow_loopback, SETTING_BOOL, "no", 0, 0,
        "Other servers may have addresses of this very machine (127.0.0.0/8, ::1). For laboratories: elsewhere that is a loop."),
    SETTING(struct route_config, sts, SETTING_BOOL, "yes", 0, 0,
        "Ask for and obey the policies of MTA-STS (RFC 8461)."),
    SETTING(struct route_config, sts_port, SETTING_COUNT, "443", 1, 65535,
        "The port at which policies of MTA-STS are fetched. Anything but 443 is for laboratories."),
    SETTING(struct route_config, sts_timeout, SETTING_DURATION, "60s", 100, 600000,
        "How long fetching a policy of MTA-STS may take, before mail goes as if there were none."),
    SETTING(struct route_config, sts_retry, SETTING_DURATION, "5m", 0, 86400000,
        "How long after a fetch, failed or not, the same domain's policy is not fetched again."),
    SETTING(struct route_config, sts_authorities, SETTING_TEXT, "", 0, 0,
        "A file (PEM) of the authorities by whom servers of MTA-STS policies are certified. Empty: those of the system."),
    SETTING(struct route_config, tls_reports, SETTING_BOOL, "yes", 0, 0,
        "Tell domains that ask for it, once a day, how TLS to them went (RFC 8460): numbers, no addresses of people."),
};
// clang-format on

const struct settings route_settings = {
    .title = "route",
    .help = "Where mail goes, and who may send it through this server.",
    .items = items,
    .count = sizeof(items) / sizeof(items[0]),
    .size = sizeof(struct route_config),
};

static bool networks_are_valid(const struct setting_list *list, struct buf *why)
{
    struct network n;

    for (size_t i = 0; i < list->count; i++) {
        if (network_parse(list->items[i], &n))
            continue;
        buf_putf(why, "relay_networks: %.*s is no network; write 192.0.2.0/24 or 2001:db8::/32",
                 STR_ARG(list->items[i]));
        return false;
    }
    return true;
}

/// Tells the line that is wrong before what is wrong with it.
static bool lines_are_valid(const char *name, const struct setting_list *list,
                            bool (*is_valid)(struct str line, struct buf *why), struct buf *why)
{
    for (size_t i = 0; i < list->count; i++) {
        if (is_valid(list->items[i], NULL))
            continue;
        buf_putf(why, "%s: line %zu (%.*s): ", name, i + 1, STR_ARG(list->items[i]));
        is_valid(list->items[i], why);
        return false;
    }
    return true;
}

static bool word_is_valid(const char *name, struct str value, const char *words, struct buf *why)
{
    struct str rest = str_from(words), word;

    while (str_split(&rest, ' ', &word))
        if (str_eq(word, value))
            return true;
    buf_putf(why, "%s = %.*s is none of %s", name, STR_ARG(value), words);
    return false;
}

static bool path_is_valid(const char *name, struct str path, struct buf *why)
{
    if (path.len == 0 || path.ptr[0] == '/')
        return true;
    buf_putf(why, "%s = %.*s: write the whole path, from / on", name, STR_ARG(path));
    return false;
}

bool route_config_is_valid(const struct route_config *config, struct buf *why)
{
    return networks_are_valid(&config->relay_networks, why) &&
           lines_are_valid("transports", &config->transports, transport_line_is_valid, why) &&
           lines_are_valid("tls_policies", &config->tls_policies, tls_rule_line_is_valid, why) &&
           path_is_valid("transport_passwords", config->transport_passwords, why) &&
           path_is_valid("sts_authorities", config->sts_authorities, why) &&
           word_is_valid("prefer", config->prefer, "race ipv6 ipv4", why) &&
           word_is_valid("tls", config->tls, "may must", why);
}
