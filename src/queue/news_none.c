// SPDX-License-Identifier: ISC
//
// The news of a queue nothing is sent from; goes away with the schedule's own (news.c).
#include "queue/schedule.h"

struct queue_news *queue_news_open(const struct queue *queue)
{
    (void)queue;
    return NULL;
}

void queue_news_put(struct queue_news *news, const struct store_queue_entry *entry)
{
    (void)news;
    (void)entry;
}

void queue_news_close(struct queue_news *news)
{
    (void)news;
}
