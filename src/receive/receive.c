// SPDX-License-Identifier: ISC
//
// What all sessions share: the doors to other rooms and the settings. Settings are replaced as a
// whole while sessions run; old ones are kept until the end, since a session may be reading them
// (reloads are rare and a copy has some hundred bytes).
#include "receive/receive.h"

#include "base/check.h"
#include "receive/smtp/session.h"

#include <errno.h>

static bool policy_parse(struct str word, enum receive_policy *out)
{
    if (str_case_eq(word, STR("all")))
        *out = RECEIVE_ALL;
    else if (str_case_eq(word, STR("known")))
        *out = RECEIVE_KNOWN;
    else if (str_case_eq(word, STR("none")))
        *out = RECEIVE_NOBODY;
    else
        return false;
    return true;
}

static void limits_free(struct receive_limits *limits)
{
    free(limits->xclient.items);
    free(limits->free.items);
    free(limits);
}

static bool networks_parse(const struct setting_list *list, struct receive_networks *out)
{
    out->items = calloc(list->count + 1, sizeof *out->items);
    CHECK(out->items);
    for (; out->count < list->count; out->count++)
        if (!network_parse(list->items[out->count], &out->items[out->count]))
            return false;
    return true;
}

bool receive_networks_have(const struct receive_networks *networks, struct str ip)
{
    for (size_t i = 0; i < networks->count; i++)
        if (network_has(&networks->items[i], ip))
            return true;
    return false;
}

int receive_reconfigure(struct receive *receive, const struct receive_config *config)
{
    struct receive_limits *limits = calloc(1, sizeof *limits);

    CHECK(limits);
    limits->config = *config;
    if (!policy_parse(config->vrfy, &limits->vrfy) || !policy_parse(config->expn, &limits->expn) ||
        !networks_parse(&config->xclient_networks, &limits->xclient) ||
        !networks_parse(&config->free_networks, &limits->free)) {
        limits_free(limits);
        return -EINVAL;
    }
    // the words' memory belongs to the configuration and may go
    limits->config.vrfy = limits->config.expn = STR_NONE;
    limits->config.xclient_networks = limits->config.free_networks = (struct setting_list){0};
    limits->older = atomic_load(&receive->limits);
    while (!atomic_compare_exchange_weak(&receive->limits, &limits->older, limits))
        continue;
    return 0;
}

enum {
    PEERS_MAX = 8192, // that are counted at once, of each kind
    ACCOUNTS_MAX = 8192,
    HOUR_S = 3600,
    DAY_S = 86400,
};

static void make_rates(struct receive *receive)
{
    uint64_t seed[2];

    rt_random_bytes(seed, sizeof seed);
    receive->peer_mails = rate_new(PEERS_MAX, HOUR_S, seed);
    receive->peer_recipients = rate_new(PEERS_MAX, HOUR_S, seed);
    receive->peer_errors = rate_new(PEERS_MAX, HOUR_S, seed);
    receive->account_mails = rate_new(ACCOUNTS_MAX, DAY_S, seed);
    receive->account_recipients = rate_new(ACCOUNTS_MAX, DAY_S, seed);
}

static void free_rates(struct receive *receive)
{
    rate_free(receive->peer_mails);
    rate_free(receive->peer_recipients);
    rate_free(receive->peer_errors);
    rate_free(receive->account_mails);
    rate_free(receive->account_recipients);
}

int receive_new(const struct receive_doors *doors, struct receive **out)
{
    struct receive *receive = calloc(1, sizeof *receive);
    int r;

    CHECK(receive);
    r = receive_reconfigure(receive, doors->config);
    if (r < 0) {
        free(receive);
        return r;
    }
    make_rates(receive);
    receive->doors = *doors;
    receive->doors.config = NULL;
    buf_init(&receive->host_name, 256);
    buf_put(&receive->host_name, doors->host_name);
    receive->doors.host_name = buf_str(&receive->host_name);
    for (int i = 0; i < RECEIVE_ROLES; i++)
        receive->ports[i] = (struct receive_port){receive, (enum receive_role)i};
    *out = receive;
    return 0;
}

void receive_free(struct receive *receive)
{
    if (!receive)
        return;
    for (struct receive_limits *l = atomic_load(&receive->limits); l;) {
        struct receive_limits *older = l->older;

        limits_free(l);
        l = older;
    }
    free_rates(receive);
    buf_done(&receive->host_name);
    free(receive);
}

void *receive_context(struct receive *receive, enum receive_role role)
{
    return &receive->ports[role];
}
