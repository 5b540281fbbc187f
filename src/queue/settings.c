// SPDX-License-Identifier: ISC
#include "mail/address.h"
#include "route/network.h"

#include "queue/queue.h"

// clang-format off
static const struct setting items[] = {
    SETTING(struct queue_config, retry_first, SETTING_DURATION, "5m", 100, 86400000,
        "How long to wait after the first attempt that did not succeed; doubles with every further one, 25 % more or less."),
    SETTING(struct queue_config, retry_max, SETTING_DURATION, "4h", 100, 604800000,
        "The longest wait between two attempts."),
    SETTING(struct queue_config, lifetime, SETTING_DURATION, "5d", 1000, 2592000000,
        "How long to try before a mail goes back to its sender (RFC 5321 4.5.4.1)."),
    SETTING(struct queue_config, bounce_lifetime, SETTING_DURATION, "2d", 1000, 2592000000,
        "The same for reports of this server, which nobody would get back."),
    SETTING(struct queue_config, delay_warning, SETTING_DURATION, "4h", 0, 2592000000,
        "When to tell the sender that a mail is delayed; 0: never."),
    SETTING(struct queue_config, lane_connections_max, SETTING_COUNT, "20", 1, 1000,
        "Connections at once to one destination. It begins with one and learns how many are welcome."),
    SETTING(struct queue_config, connections_max, SETTING_COUNT, "500", 1, 10000,
        "Connections at once to all destinations."),
    SETTING(struct queue_config, connection_idle, SETTING_DURATION, "5s", 0, 300000,
        "How long a connection is kept open for the next mail to the same destination."),
    SETTING(struct queue_config, mails_per_connection, SETTING_COUNT, "100", 1, 1000000,
        "After so many mails a connection is closed."),
    SETTING(struct queue_config, recipients_per_transaction, SETTING_COUNT, "100", 1, 1000,
        "Recipients of one mail that a destination is told at once (RFC 5321 4.5.3.1.8)."),
    SETTING(struct queue_config, active_max, SETTING_COUNT, "20000", 100, 10000000,
        "Recipients in memory; all others wait on disk."),
    SETTING(struct queue_config, helo, SETTING_TEXT, "", 0, 0,
        "The name to say in EHLO; empty: hostname."),
    SETTING(struct queue_config, source, SETTING_TEXT, "", 0, 0,
        "Our own address to send from; empty: the system chooses."),
    SETTING(struct queue_config, authorities, SETTING_TEXT, "", 0, 0,
        "A file (PEM) of the authorities that vouch for other servers' certificates. Empty: those of the system."),
    SETTING(struct queue_config, report_language, SETTING_TEXT, "en", 0, 0,
        "Language of reports to senders when theirs is not known: en or pt-BR."),
    SETTING(struct queue_config, notify_postmaster, SETTING_BOOL, "no", 0, 0,
        "Send the postmaster a copy of reports that cannot be delivered."),
};
// clang-format on

const struct settings queue_settings = {
    .title = "queue",
    .help = "Mail on its way to other hosts: when to try again, and how much at once.",
    .items = items,
    .count = sizeof(items) / sizeof(items[0]),
    .size = sizeof(struct queue_config),
};

bool queue_config_is_valid(const struct queue_config *config, struct buf *why)
{
    struct str language = config->report_language;
    struct network source;

    if (config->helo.len && !address_domain_is_valid(config->helo, 0))
        buf_putf(why, "helo = %.*s is no host name; write mail.example.org", STR_ARG(config->helo));
    else if (config->source.len &&
             (str_find(config->source, '/') >= 0 || !network_parse(config->source, &source)))
        buf_putf(why, "source = %.*s is no address; write 192.0.2.1 or 2001:db8::1",
                 STR_ARG(config->source));
    else if (!str_case_eq(language, STR("en")) && !str_case_eq(language, STR("pt-BR")))
        buf_putf(why, "report_language = %.*s is neither en nor pt-BR", STR_ARG(language));
    else
        return true;
    return false;
}
