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

int receive_reconfigure(struct receive *receive, const struct receive_config *config)
{
    struct receive_limits *limits = calloc(1, sizeof *limits);

    CHECK(limits);
    limits->config = *config;
    if (!policy_parse(config->vrfy, &limits->vrfy) || !policy_parse(config->expn, &limits->expn)) {
        free(limits);
        return -EINVAL;
    }
    // the words' memory belongs to the configuration and may go
    limits->config.vrfy = limits->config.expn = STR_NONE;
    limits->older = atomic_load(&receive->limits);
    while (!atomic_compare_exchange_weak(&receive->limits, &limits->older, limits))
        continue;
    return 0;
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
    receive->doors = *doors;
    receive->doors.config = NULL;
    buf_init(&receive->host_name, 256);
    buf_put(&receive->host_name, doors->host_name);
    receive->doors.host_name = buf_str(&receive->host_name);
    for (unsigned i = 0; i < RECEIVE_ROLES; i++)
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

        free(l);
        l = older;
    }
    buf_done(&receive->host_name);
    free(receive);
}

void *receive_context(struct receive *receive, enum receive_role role)
{
    return &receive->ports[role];
}
