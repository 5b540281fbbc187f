// SPDX-License-Identifier: ISC
//
// How much a client may hand in: a stranger by his address in an hour, a user by his account in a
// day. Networks that may relay, and this host, are as free as their administrator made them. What
// an account takes for recipients counts from RCPT on, so that many sessions at once are no way
// around it; it is given back when the mail did not come.
#include "receive/smtp/session.h"

/// Strangers only.
static bool is_limited(struct receive_session *s)
{
    struct str peer = rt_conn_peer(s->conn);

    return !s->identity && (s->role == RECEIVE_MX || s->role == RECEIVE_SUBMISSION) &&
           !receive_networks_have(&s->limits->free, peer) && !receive_is_known(s);
}

static struct str key_of(const struct receive_session *s, char *to)
{
    return s->identity ? str_of(&s->identity->account_id, sizeof s->identity->account_id)
                       : rate_key(rt_conn_peer(s->conn), to);
}

/// "today's limit of 1000 recipients is used up; it frees up again at 14:00 UTC; ..."
static bool say_used_up(struct receive_session *s, struct rate *rate, uint64_t max,
                        const char *what, const char *setting)
{
    CLEANUP(buf_drop) struct buf text = {.max = 512};
    char room[RATE_KEY_MAX];
    int64_t at = rate_free_at(rate, key_of(s, room), max, rt_wall_s());
    struct log_line l;

    buf_putf(&text,
             s->identity
                 ? "today's limit of %llu %s is used up; it frees up again at %02u:%02u UTC; "
                   "your administrator can raise it (receive.%s)"
                 : "this hour's limit of %llu %s from your address is used up; it frees up "
                   "again at %02u:%02u UTC",
             (unsigned long long)max, what, (unsigned)(at / 3600 % 24), (unsigned)(at / 60 % 60),
             setting);
    receive_say_str(s, 452, STR("4.7.1"), buf_str(&text));
    receive_log(s, &l, LOG_WARN, "receive/limit", "used up");
    if (s->identity)
        log_text(&l, "user", s->identity->address);
    log_text(&l, "of", setting);
    log_end(&l);
    s->junk_count++; // brings nothing, and could go on for ever
    return false;
}

static bool has_room(struct receive_session *s, struct rate *rate, uint64_t max, uint64_t also)
{
    char room[RATE_KEY_MAX];

    return max == 0 || rate_sum(rate, key_of(s, room), rt_wall_s()) + also < max;
}

bool receive_may_begin(struct receive_session *s)
{
    const struct receive_config *config = &s->limits->config;
    struct receive *r = s->receive;

    if (s->identity)
        return has_room(s, r->account_mails, config->account_mails_day, 0) ||
               say_used_up(s, r->account_mails, config->account_mails_day, "mails",
                           "account_mails_day");
    if (!is_limited(s))
        return true;
    return has_room(s, r->peer_mails, config->peer_mails_hour, 0) ||
           say_used_up(s, r->peer_mails, config->peer_mails_hour, "mails", "peer_mails_hour");
}

bool receive_may_add(struct receive_session *s)
{
    const struct receive_config *config = &s->limits->config;
    struct receive *r = s->receive;

    if (s->identity)
        return has_room(s, r->account_recipients, config->account_recipients_day, 0) ||
               say_used_up(s, r->account_recipients, config->account_recipients_day, "recipients",
                           "account_recipients_day");
    if (!is_limited(s))
        return true;
    return has_room(s, r->peer_recipients, config->peer_recipients_hour,
                    s->envelope->recipient_count) ||
           say_used_up(s, r->peer_recipients, config->peer_recipients_hour, "recipients",
                       "peer_recipients_hour");
}

static void add(struct receive_session *s, struct rate *rate, int64_t n)
{
    char room[RATE_KEY_MAX];

    rate_add(rate, key_of(s, room), n, rt_wall_s());
}

void receive_count_recipient(struct receive_session *s)
{
    if (!s->identity)
        return;
    add(s, s->receive->account_recipients, 1);
    s->reserved++;
}

void receive_count_mail(struct receive_session *s)
{
    s->reserved = 0;
    if (s->identity) {
        add(s, s->receive->account_mails, 1);
    } else if (is_limited(s)) {
        add(s, s->receive->peer_mails, 1);
        add(s, s->receive->peer_recipients, (int64_t)s->envelope->recipient_count);
    }
}

void receive_give_back(struct receive_session *s)
{
    if (s->reserved > 0 && s->identity)
        add(s, s->receive->account_recipients, -(int64_t)s->reserved);
    s->reserved = 0;
}

void receive_count_error(struct receive_session *s)
{
    s->error_count++;
    if (s->limits->config.peer_errors_hour > 0 && is_limited(s))
        add(s, s->receive->peer_errors, 1);
}

bool receive_is_too_bad(struct receive_session *s)
{
    return is_limited(s) &&
           !has_room(s, s->receive->peer_errors, s->limits->config.peer_errors_hour, 0);
}
