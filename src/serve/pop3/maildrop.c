// SPDX-License-Identifier: ISC
//
// The maildrop: an account's INBOX as it stood at the login, held by one session of the process
// (RFC 1939 4). IMAP sessions go on beside it; a message they remove meanwhile is answered with
// -ERR. There is one server process per store, so a table in memory is lock enough, and none can be
// left behind.
#include "base/check.h"
#include "base/cleanup.h"
#include "base/map.h"
#include "log/log.h"
#include "serve/pop3/session.h"

#include <errno.h>
#include <pthread.h>

struct pop3 {
    struct pop3_doors doors;
    pthread_mutex_t mutex; // over what follows; never held across an await
    struct pop3_config config;
    struct map held; // account id to a pointer that says only "held"
    struct map came; // account id to the second of its last log-in; as many as there are accounts
};

int pop3_new(const struct pop3_doors *doors, struct pop3 **out)
{
    static const uint64_t no_seed[2]; // account ids are not chosen by strangers
    struct pop3 *pop3 = calloc(1, sizeof(*pop3));

    if (!pop3)
        return -ENOMEM;
    pop3->doors = *doors;
    pop3->config = *doors->config;
    pop3->doors.config = NULL;
    CHECK(pthread_mutex_init(&pop3->mutex, NULL) == 0);
    map_init(&pop3->held, no_seed);
    map_init(&pop3->came, no_seed);
    *out = pop3;
    return 0;
}

void pop3_free(struct pop3 *pop3)
{
    if (!pop3)
        return;
    CHECK(pop3->held.count == 0);
    map_done(&pop3->held);
    map_done(&pop3->came);
    pthread_mutex_destroy(&pop3->mutex);
    free(pop3);
}

void pop3_reconfigure(struct pop3 *pop3, const struct pop3_config *config)
{
    pthread_mutex_lock(&pop3->mutex);
    pop3->config = *config;
    pthread_mutex_unlock(&pop3->mutex);
}

void pop3_config_get(struct pop3 *pop3, struct pop3_config *out)
{
    pthread_mutex_lock(&pop3->mutex);
    *out = pop3->config;
    pthread_mutex_unlock(&pop3->mutex);
}

bool pop3_is_idle(struct pop3 *pop3)
{
    bool is_idle;

    pthread_mutex_lock(&pop3->mutex);
    is_idle = pop3->held.count == 0;
    pthread_mutex_unlock(&pop3->mutex);
    return is_idle;
}

struct store *pop3_store(struct pop3 *pop3)
{
    return pop3->doors.store;
}

struct accounts *pop3_accounts(struct pop3 *pop3)
{
    return pop3->doors.accounts;
}

struct rt_tls *pop3_tls(struct pop3 *pop3)
{
    return pop3->doors.tls;
}

bool pop3_lock_take(struct pop3 *pop3, uint64_t account_id)
{
    bool is_free;

    pthread_mutex_lock(&pop3->mutex);
    is_free = !map_get_u64(&pop3->held, account_id);
    if (is_free)
        (void)map_put_u64(&pop3->held, account_id, pop3);
    pthread_mutex_unlock(&pop3->mutex);
    return is_free;
}

void pop3_lock_give(struct pop3 *pop3, uint64_t account_id)
{
    pthread_mutex_lock(&pop3->mutex);
    CHECK(map_take_u64(&pop3->held, account_id));
    pthread_mutex_unlock(&pop3->mutex);
}

bool pop3_is_too_soon(struct pop3 *pop3, uint64_t account_id, uint64_t delay_ms)
{
    uint64_t now_s = rt_now_us() / 1000000 + 1; // never 0, which would be no entry
    uint64_t last_s;
    bool is_soon;

    if (delay_ms == 0)
        return false;
    pthread_mutex_lock(&pop3->mutex);
    last_s = (uintptr_t)map_get_u64(&pop3->came, account_id);
    is_soon = last_s != 0 && (now_s - last_s) * 1000 < delay_ms;
    if (!is_soon) {
        map_take_u64(&pop3->came, account_id);
        (void)map_put_u64(&pop3->came, account_id, (void *)(uintptr_t)now_s);
    }
    pthread_mutex_unlock(&pop3->mutex);
    return is_soon;
}

/// [await] Fills the session's list of messages. 0 or -errno.
static int load(struct pop3_session *s, uint64_t account_id)
{
    struct store *store = pop3_store(s->pop3);
    struct store_mailbox inbox;
    struct store_entries entries;
    int r;

    r = store_mailbox_by_name(store, account_id, STR("INBOX"), &inbox);
    if (r == STORE_NOT_FOUND)
        return 0;
    if (r < 0)
        return r;
    r = store_entries_get(store, inbox.id, 1, UINT32_MAX, &entries);
    if (r == STORE_NOT_FOUND)
        return 0;
    if (r < 0)
        return r;
    s->mailbox_id = inbox.id;
    s->uidvalidity = inbox.uidvalidity;
    s->mails = calloc(entries.count ? entries.count : 1, sizeof(*s->mails));
    CHECK(s->mails);
    s->count = entries.count;
    for (size_t i = 0; i < entries.count; i++) {
        s->mails[i].uid = entries.items[i].uid;
        s->mails[i].body = entries.items[i].body;
    }
    store_entries_done(&entries);
    return 0;
}

static void log_enter(struct pop3_session *s)
{
    struct log_line l;

    log_begin(&l, LOG_INFO, "serve/pop3", "login");
    log_u64(&l, "session", rt_conn_id(s->conn));
    log_str(&l, "account", buf_str(&s->user));
    log_str(&l, "peer", rt_conn_peer(s->conn));
    log_u64(&l, "messages", s->count);
    log_end(&l);
}

int pop3_enter(struct pop3_session *s, const struct account_identity *who)
{
    int r;

    if (!pop3_lock_take(s->pop3, who->account_id))
        return pop3_refuse(s, POP3_ANOTHER_HAS_IT);
    s->account_id = who->account_id;
    s->actor_id = who->actor_id;
    if (pop3_is_too_soon(s->pop3, who->account_id, s->config.login_delay)) {
        pop3_leave(s);
        return pop3_refuse(s, POP3_TOO_SOON);
    }
    r = load(s, who->account_id);
    if (r < 0) {
        log_failure("serve/pop3", "load", r);
        pop3_leave(s);
        return pop3_refuse(s, POP3_MAILBOX_UNREADABLE);
    }
    s->state = POP3_TRANSACTION;
    buf_clear(&s->user);
    buf_put(&s->user, str_from(who->address));
    rt_conn_set_idle_ms(s->conn, (uint32_t)s->config.idle);
    log_enter(s);
    r = rt_putf(s->conn, "+OK %zu %s\r\n", s->count,
                pop3_say(s, s->count == 1 ? POP3_MESSAGE : POP3_MESSAGES));
    return r < 0 ? r : RT_NEXT;
}

void pop3_leave(struct pop3_session *s)
{
    if (s->account_id)
        pop3_lock_give(s->pop3, s->account_id);
    s->account_id = 0;
    s->mailbox_id = 0;
    s->count = 0;
    free(s->mails);
    s->mails = NULL;
}

static bool is_removed(const struct pop3_mail *mail)
{
    return mail->is_deleted;
}

static bool is_seen(const struct pop3_mail *mail)
{
    return mail->is_read && !mail->is_deleted;
}

/// The uids of the messages that are so, as ranges in malloc's memory.
static struct store_uids collect(const struct pop3_session *s,
                                 bool (*is_so)(const struct pop3_mail *), size_t *out_count)
{
    struct store_range *ranges = calloc(s->count ? s->count : 1, sizeof(*ranges));
    size_t count = 0;

    CHECK(ranges);
    *out_count = 0;
    for (size_t i = 0; i < s->count; i++) {
        uint32_t uid = s->mails[i].uid;

        if (!is_so(&s->mails[i]))
            continue;
        (*out_count)++;
        if (count > 0 && ranges[count - 1].last + 1 == uid)
            ranges[count - 1].last = uid;
        else
            ranges[count++] = (struct store_range){uid, uid};
    }
    return (struct store_uids){ranges, count};
}

int pop3_update(struct pop3_session *s)
{
    size_t removed, seen;
    struct store_expunging expunging = {.mailbox_id = s->mailbox_id,
                                        .uids = collect(s, is_removed, &removed)};
    struct store_flagging flagging = {.mailbox_id = s->mailbox_id,
                                      .uids = collect(s, is_seen, &seen),
                                      .mode = STORE_FLAGS_ADD,
                                      .flags = STORE_SEEN,
                                      .unchanged_since = UINT64_MAX};
    CLEANUP(free_drop)
    struct store_range *removed_ranges = (struct store_range *)expunging.uids.ranges;
    CLEANUP(free_drop) struct store_range *seen_ranges = (struct store_range *)flagging.uids.ranges;
    struct store_change *change = NULL;
    struct log_line l;
    int r;

    (void)removed_ranges;
    (void)seen_ranges;
    if (removed == 0 && (seen == 0 || !s->config.mark_seen))
        return 0;
    r = store_change_new(pop3_store(s->pop3), &change);
    if (r < 0)
        return r;
    if (removed > 0)
        store_change_expunge(change, &expunging);
    if (seen > 0 && s->config.mark_seen)
        store_change_flag(change, &flagging);
    r = store_commit(change);
    store_change_free(change);
    if (r != 0)
        return r;
    log_begin(&l, LOG_INFO, "serve/pop3", "update");
    log_u64(&l, "session", rt_conn_id(s->conn));
    log_str(&l, "account", buf_str(&s->user));
    log_u64(&l, "removed", expunging.count);
    log_u64(&l, "seen", seen);
    log_end(&l);
    return 0;
}
