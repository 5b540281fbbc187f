// SPDX-License-Identifier: ISC
//
// Every limit and deadline of a server in RFC 5321 4.5.3, and the policies of the room.
#include "receive/receive.h"

// clang-format off
static const struct setting items[] = {
    SETTING(struct receive_config, message_size, SETTING_SIZE, "50M", 65536, 1ULL << 40,
            "The largest message that is taken (SIZE of RFC 1870)."),
    SETTING(struct receive_config, header_size, SETTING_SIZE, "1M", 16384, 1ULL << 30,
            "The largest header of a message."),
    SETTING(struct receive_config, recipients_max, SETTING_COUNT, "1000", 100, 50000,
            "Recipients of one mail; RFC 5321 4.5.3.1.8 asks for at least 100. More get 452, and a "
            "client sends to them with its next mail."),
    SETTING(struct receive_config, hops_max, SETTING_COUNT, "50", 10, 1000,
            "A mail with more Received lines than this goes in circles and is refused."),
    SETTING(struct receive_config, errors_max, SETTING_COUNT, "20", 1, 1000000,
            "After so many refused commands since its last mail a session is closed with 421."),
    SETTING(struct receive_config, junk_max, SETTING_COUNT, "100", 1, 1000000,
            "After so many commands that bring no mail (NOOP, RSET, VRFY and the like) a session is "
            "closed with 421."),
    SETTING(struct receive_config, login_failures, SETTING_COUNT, "3", 1, 100,
            "After so many failed logins a session is closed with 421."),
    SETTING(struct receive_config, idle, SETTING_DURATION, "5m", 1000, 86400000,
            "How long a session waits for the next command (RFC 5321 4.5.3.2.7: at least 5 "
            "minutes)."),
    SETTING(struct receive_config, first_idle, SETTING_DURATION, "5m", 1000, 86400000,
            "The same before the session's first mail."),
    SETTING(struct receive_config, command, SETTING_DURATION, "5m", 1000, 86400000,
            "How long one command may take, from its first byte to its answer."),
    SETTING(struct receive_config, data_block, SETTING_DURATION, "3m", 1000, 86400000,
            "How long to wait for the next bytes of a message (RFC 5321 4.5.3.2.5)."),
    SETTING(struct receive_config, data_total, SETTING_DURATION, "1h", 1000, 86400000,
            "How long a whole message may take to come in."),
    SETTING(struct receive_config, data_end, SETTING_DURATION, "10m", 1000, 86400000,
            "How long keeping a message may take after its last byte (RFC 5321 4.5.3.2.6)."),
    SETTING(struct receive_config, mails_max, SETTING_COUNT, "100000", 1, 999999,
            "Mails of one session (MAILMAX of RFC 9422); for more a client connects again."),
    SETTING(struct receive_config, deliver_by_min, SETTING_DURATION, "1m", 1000, 86400000,
            "The shortest time within which a mail may be asked to be delivered or go back "
            "(DELIVERBY, RFC 2852)."),
    SETTING(struct receive_config, hold_max, SETTING_DURATION, "30d", 0, 31536000000,
            "How long users may ask to hold a mail before it goes out (FUTURERELEASE, RFC 4865); 0 "
            "does not offer it."),
    SETTING(struct receive_config, vrfy, SETTING_TEXT, "known", 0, 0,
            "Who may ask with VRFY whether an address exists: all, known (who signed in, or comes "
            "from a network that may relay) or none."),
    SETTING(struct receive_config, expn, SETTING_TEXT, "known", 0, 0,
            "Who may ask with EXPN for the members of a mailing list: all, known or none."),
    SETTING(struct receive_config, account_recipients_day, SETTING_COUNT, "1000", 0, 1000000000,
            "Recipients to whom one account may send within 24 hours, so that a stolen password "
            "does not make a source of spam; 0: any number. This and the following are counted in "
            "memory, and anew after a restart."),
    SETTING(struct receive_config, account_mails_day, SETTING_COUNT, "1000", 0, 1000000000,
            "Mails which one account may send within 24 hours; 0: any number."),
    SETTING(struct receive_config, peer_mails_hour, SETTING_COUNT, "10000", 0, 1000000000,
            "Mails which are taken from one address (IPv6: one /64) within an hour, unless it may "
            "relay or somebody signed in; 0: any number."),
    SETTING(struct receive_config, peer_recipients_hour, SETTING_COUNT, "50000", 0, 1000000000,
            "The same for recipients."),
    SETTING(struct receive_config, peer_errors_hour, SETTING_COUNT, "1000", 0, 1000000000,
            "After so many refused commands within an hour, unknown recipients among them, an "
            "address is turned away at the door; 0: never."),
    SETTING(struct receive_config, free_networks, SETTING_LIST, "127.0.0.0/8, ::1", 0, 0,
            "Networks without the limits of an address: this host, and hosts that forward mail for "
            "many."),
    SETTING(struct receive_config, xclient_networks, SETTING_LIST, "", 0, 0,
            "Networks of mail proxies and filters that may name the client for whom they speak, with "
            "XCLIENT. Name only these: whoever may say it can take any address, and any login."),
    SETTING(struct receive_config, literals, SETTING_BOOL, "yes", 0, 0,
            "Take mail for users at this server's own address, such as postmaster@[192.0.2.1] (RFC "
            "5321 4.5.1)."),
    SETTING(struct receive_config, sender_check, SETTING_BOOL, "yes", 0, 0,
            "On the submission ports, only take senders that belong to the account: its address, "
            "and aliases that lead to it."),
    SETTING(struct receive_config, mx_login, SETTING_BOOL, "yes", 0, 0,
            "Offer AUTH on port 25 too, once TLS is up."),
};
// clang-format on

const struct settings receive_settings = {
    .title = "receive",
    .help = "Mail that comes in by SMTP: limits, deadlines and who may do what.",
    .items = items,
    .count = sizeof items / sizeof items[0],
    .size = sizeof(struct receive_config),
};
