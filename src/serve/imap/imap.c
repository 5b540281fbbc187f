// SPDX-License-Identifier: ISC
//
// What all sessions share, and the room's settings.
#include "serve/imap/imap.h"
#include "base/check.h"
#include "serve/imap/session.h"

#include <errno.h>
#include <pthread.h>

// clang-format off
#define IMAP_SETTING(member, type, fallback, min, max, help)                                       \
    SETTING(struct imap_config, member, type, fallback, min, max, help)
static const struct setting items[] = {
    IMAP_SETTING(idle, SETTING_DURATION, "31m", 1800000, 86400000,
        "How long a client that has signed in may stay silent. RFC 3501 asks for thirty minutes."),
    IMAP_SETTING(login_idle, SETTING_DURATION, "90s", 1000, 3600000,
        "How long a client that has not signed in may stay silent."),
    IMAP_SETTING(stall, SETTING_DURATION, "2m", 1000, 3600000,
        "How long a client may take for the rest of a command, or to take a piece of an answer."),
    IMAP_SETTING(message_size, SETTING_SIZE, "50M", 65536, 1073741824,
        "The largest message that APPEND takes."),
    IMAP_SETTING(ascii_headers, SETTING_BOOL, "no", 0, 0,
        "Refuse messages with raw bytes beyond ASCII in their header from clients that did not "
        "ENABLE UTF8=ACCEPT, as RFC 6855 wants. Old mail often has such headers."),
    IMAP_SETTING(literal_size, SETTING_SIZE, "64K", 4096, 262144,
        "Bytes that the literals of one command may have together; APPEND's message aside."),
    IMAP_SETTING(submitters, SETTING_LIST, "", 0, 0,
        "Accounts of submission servers: they may fetch what a URL with URLAUTH=submit+ names "
        "(RFC 4467)."),
    IMAP_SETTING(login_failures, SETTING_COUNT, "5", 1, 100,
        "After so many failed log-ins the session is closed."),
    IMAP_SETTING(bad_commands, SETTING_COUNT, "20", 1, 1000,
        "After so many bad commands in a row the session is closed."),
    IMAP_SETTING(unauthenticate, SETTING_BOOL, "yes", 0, 0,
        "May a client sign out and go on as another user by the same connection (UNAUTHENTICATE)?"),
    IMAP_SETTING(comment, SETTING_TEXT, "", 0, 0,
        "A few words for those who use this server, which clients can show (METADATA, RFC 5464)."),
    IMAP_SETTING(admin, SETTING_TEXT, "", 0, 0,
        "Where its administrator is found: a URI, like mailto:postmaster@example.org. Told likewise."),
    IMAP_SETTING(jmap_url, SETTING_TEXT, "", 0, 0,
        "Where clients find the same mail by JMAP: the URL of the session resource, by custom "
        "https://HOST/.well-known/jmap. It is announced to those who have signed in. Empty: nowhere."),
    IMAP_SETTING(message_limit, SETTING_COUNT, "0", 0, 4294967295,
        "How many messages one command may fetch, search, change, copy or move (RFC 9738). Clients that "
        "do not know of such limits then miss some, so a small number hurts them. 0: any number."),
    IMAP_SETTING(progress, SETTING_DURATION, "10s", 0, 3600000,
        "How often a client hears how far a long FETCH, SEARCH or STORE has come (RFC 9585)."),
};
// clang-format on

const struct settings imap_settings = {
    "imap",
    "Reading and filing by IMAP.",
    items,
    sizeof(items) / sizeof(*items),
    sizeof(struct imap_config),
};

struct imap {
    struct imap_doors doors;
    pthread_mutex_t lock; // of config
    struct imap_config config;
    struct rt_pool *pool;
};

enum { SEARCHES_AT_ONCE = 2, SEARCHES_WAITING_MAX = 64 };

int imap_new(const struct imap_doors *doors, struct imap **out)
{
    struct imap *imap = calloc(1, sizeof(*imap));
    int r;

    if (!imap)
        return -ENOMEM;
    r = rt_pool_new(doors->rt, "imap search", SEARCHES_AT_ONCE, SEARCHES_WAITING_MAX, &imap->pool);
    if (r < 0) {
        free(imap);
        return r;
    }
    imap->doors = *doors;
    imap->config = *doors->config;
    imap->doors.config = NULL;
    CHECK(pthread_mutex_init(&imap->lock, NULL) == 0);
    *out = imap;
    return 0;
}

void imap_reconfigure(struct imap *imap, const struct imap_config *config)
{
    pthread_mutex_lock(&imap->lock);
    imap->config = *config;
    pthread_mutex_unlock(&imap->lock);
}

void imap_free(struct imap *imap)
{
    if (!imap)
        return;
    rt_pool_free(imap->pool);
    pthread_mutex_destroy(&imap->lock);
    free(imap);
}

void imap_config_get(struct imap *imap, struct imap_config *out)
{
    pthread_mutex_lock(&imap->lock);
    *out = imap->config;
    pthread_mutex_unlock(&imap->lock);
}

struct store *imap_store(const struct imap_session *s)
{
    return s->imap->doors.store;
}

struct access *imap_access(const struct imap_session *s)
{
    return s->imap->doors.access;
}

struct search *imap_search_index(const struct imap_session *s)
{
    return s->imap->doors.search;
}

struct summaries *imap_summaries(const struct imap_session *s)
{
    return s->imap->doors.summaries;
}

struct accounts *imap_accounts(const struct imap_session *s)
{
    return s->imap->doors.accounts;
}

struct rt_tls *imap_tls(const struct imap_session *s)
{
    return s->imap->doors.tls;
}

struct rt_pool *imap_pool(const struct imap_session *s)
{
    return s->imap->pool;
}
