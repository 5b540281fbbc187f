// SPDX-License-Identifier: ISC
//
// The door of the schedule to the rest of this room: how entries that become durable reach it. Who
// makes or changes entries opens the news before store_commit, puts them after it, and closes the
// news in any case:
//
//     struct queue_news *news = queue_news_open(queue);
//     r = store_commit(change);
//     if (r == 0)
//         queue_news_put(news, &row);      // each entry that was put: row as it stands in the
//         store
//     queue_news_close(news);
//
// Why before: the schedule also reads the store, and may have found, sent and finished an entry
// before its maker comes to tell of it. While the news are open it remembers what it has finished,
// so the late word starts nothing twice.
#pragma once

#include "queue/queue.h"

struct queue_news;

/// No waiting. NULL when nothing is being sent; the others take that.
struct queue_news *queue_news_open(const struct queue *queue);
/// An entry that is in the store now: a copy is taken. Due now: it is begun with at once when there
/// is room in memory; else the schedule finds it in the store when its time has come.
void queue_news_put(struct queue_news *news, const struct store_queue_entry *entry);
/// No waiting. On the loop that opened it or another.
void queue_news_close(struct queue_news *news);
