// SPDX-License-Identifier: ISC
//
// Whose turn it is. A lane has a level for each priority in use (RFC 6710: the higher first); a
// level has its senders in a ring; a sender has jobs in a line; a job is one mail's entries. A turn
// takes the first sender's first job, as many entries as one transaction may have; then job and
// sender go to the back. So a sender with a thousand mails, or a mail with ten thousand recipients,
// delays others by one transaction.
#include "base/check.h"

#include "queue/inside.h"

struct level {
    struct list link; // lane->levels
    struct list senders;
    int priority;
};

struct sender {
    struct list link; // level->senders
    struct level *level;
    struct list jobs;
    uint64_t key[2]; // identity, hash of the return path
};

struct queue_job {
    struct list link; // sender->jobs
    struct sender *sender;
    struct list items;
    uint64_t key[5];
};

static struct str key_of(const struct queue_job *job)
{
    return str_of(job->key, sizeof(job->key));
}

/// One transaction has one return path and one body.
static void make_key(const struct queue_lane *lane, const struct queue_item *item, uint64_t key[5])
{
    key[0] = (uint64_t)(uintptr_t)lane;
    key[1] = item->entry.mail_id;
    key[2] = item->body.message_id;
    key[3] = str_hash(item->entry.sender, lane->shard->schedule->seed);
    key[4] = (uint64_t)(int64_t)item->entry.priority;
}

static struct level *level_of(struct queue_lane *lane, int priority)
{
    struct list *before = &lane->levels;
    struct level *level;

    LIST_EACH (&lane->levels, it) {
        level = LIST_OF(it, struct level, link);
        if (level->priority == priority)
            return level;
        if (level->priority < priority)
            break;
        before = it;
    }
    level = calloc(1, sizeof(*level));
    CHECK(level);
    level->priority = priority;
    list_init(&level->senders);
    list_put_first(before, &level->link);
    return level;
}

/// A lane has few senders at a time: what is in memory of it is limited.
static struct sender *sender_of(struct level *level, const struct queue_item *item, uint64_t hash)
{
    uint64_t identity = item->entry.identity_id;
    uint64_t path = identity ? 0 : hash;
    struct sender *sender;

    LIST_EACH (&level->senders, it) {
        sender = LIST_OF(it, struct sender, link);
        if (sender->key[0] == identity && sender->key[1] == path)
            return sender;
    }
    sender = calloc(1, sizeof(*sender));
    CHECK(sender);
    sender->level = level;
    sender->key[0] = identity;
    sender->key[1] = path;
    list_init(&sender->jobs);
    list_put_last(&level->senders, &sender->link);
    return sender;
}

static struct queue_job *job_of(struct queue_lane *lane, const struct queue_item *item)
{
    struct queue_job *job;
    uint64_t key[5];

    make_key(lane, item, key);
    job = map_get(&lane->shard->jobs, str_of(key, sizeof(key)));
    if (job)
        return job;
    job = calloc(1, sizeof(*job));
    CHECK(job);
    memcpy(job->key, key, sizeof(key));
    list_init(&job->items);
    job->sender = sender_of(level_of(lane, item->entry.priority), item, key[3]);
    list_put_last(&job->sender->jobs, &job->link);
    map_put(&lane->shard->jobs, key_of(job), job);
    lane->jobs++;
    return job;
}

static void drop_job(struct queue_lane *lane, struct queue_job *job)
{
    struct sender *sender = job->sender;
    struct level *level = sender->level;

    map_take(&lane->shard->jobs, key_of(job));
    list_remove(&job->link);
    free(job);
    lane->jobs--;
    if (!list_is_empty(&sender->jobs))
        return;
    list_remove(&sender->link);
    free(sender);
    if (!list_is_empty(&level->senders))
        return;
    list_remove(&level->link);
    free(level);
}

void queue_lane_put(struct queue_lane *lane, struct queue_item *item)
{
    item->job = job_of(lane, item);
    item->state = QUEUE_WAITING;
    list_put_last(&item->job->items, &item->link);
    lane->waiting++;
}

void queue_lane_remove(struct queue_item *item)
{
    struct queue_job *job = item->job;

    CHECK(item->state == QUEUE_WAITING);
    list_remove(&item->link);
    item->job = NULL;
    item->lane->waiting--;
    if (list_is_empty(&job->items))
        drop_job(item->lane, job);
}

static struct queue_job *first_job(struct queue_lane *lane)
{
    const struct level *level = LIST_OF(lane->levels.next, struct level, link);
    const struct sender *sender = LIST_OF(level->senders.next, struct sender, link);

    return LIST_OF(sender->jobs.next, struct queue_job, link);
}

size_t queue_lane_take(struct queue_lane *lane, size_t max, struct list *out)
{
    struct queue_job *job;
    struct sender *sender;
    size_t count = 0;

    if (lane->waiting == 0)
        return 0;
    job = first_job(lane);
    sender = job->sender;
    list_remove(&job->link);
    list_put_last(&sender->jobs, &job->link);
    list_remove(&sender->link);
    list_put_last(&sender->level->senders, &sender->link);
    for (bool is_last = false; count < max && !is_last; count++) {
        struct queue_item *item = LIST_OF(job->items.next, struct queue_item, link);

        is_last = item->link.next == &job->items;
        queue_lane_remove(item);
        item->state = QUEUE_IN_FLIGHT;
        list_put_last(out, &item->link);
        lane->in_flight++;
    }
    return count;
}

struct queue_item *queue_lane_any(struct queue_lane *lane)
{
    if (lane->waiting == 0)
        return NULL;
    return LIST_OF(first_job(lane)->items.next, struct queue_item, link);
}
