// SPDX-License-Identifier: ISC
//
// What the files of the way out share and nobody else sees. The parts, from the inside out:
//
//     back_off.c   when to try again: arithmetic only
//     bell.c       a task sleeps until somebody rings, on whatever loop
//     lane.c       a lane's senders, jobs and entries, and whose turn it is; waits for nothing
//     pace.c       what a lane has learnt: how many connections, how fast, blocked until when
//     shard.c      the lanes of one loop, the entries in memory, who may connect next
//     news.c       entries come into memory, and what has ended is remembered for as long as needed
//     refill.c     a lane's entries that found no room, read again from the store
//     scan.c       one task that reads what becomes due
//     hosts.c      to a session: the lane's hosts one after the other, TLS, falling back
//     worker.c     a task for each connection: turn after turn
//     attempt.c    one turn: one transaction, its results kept and told
//     schedule.c   starting and stopping all that
//     walk.c       through the entries that an operator names
//     look.c       what the operator sees
//     operate.c    what the operator does
//
// Threads: everything of a shard belongs to its loop. Between loops go the news (news.c), questions
// (schedule_ask) and the few atomic numbers and bells of the schedule.
//
// An entry is in the store from its acceptance to the commit that removes it; memory holds a copy
// of those that are due, at most once (shard->items). What is only in the store is found again by
// the scanner (due later), or by the refill of its lane when lane->more says that there is more.
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "rt/timer.h"
#include "send/send.h"

#include "queue/entry.h"
#include "queue/finish.h"
#include "queue/schedule.h"

#include <pthread.h>

enum {
    QUEUE_PAGE = 400,        // entries in one reading, and of one lane in memory
    QUEUE_LANES_IDLE = 1000, // lanes of a shard without work that are kept for what they learnt
    QUEUE_LANES_MAX = 20000, // of a shard, with those that are blocked
    QUEUE_DIALOGUE = 4096,   // bytes of a transcript
    QUEUE_TURN_MAX = 1000,   // recipients of one transaction, whatever the settings say
};

// ---- bell.c

struct queue_bell {
    pthread_mutex_t lock;
    bool rung;
    struct rt_waiter *waiting;
};
void queue_bell_init(struct queue_bell *bell);
void queue_bell_done(struct queue_bell *bell);
/// Any thread. The next (or running) wait ends.
void queue_bell_ring(struct queue_bell *bell);
/// [await] Until rung, or for so long. 0: rung; -ETIMEDOUT; -ECANCELED.
int queue_bell_wait(struct queue_bell *bell, uint64_t us);
/// [await] Until rung, whatever happens.
void queue_bell_wait_always(struct queue_bell *bell);

// ---- back_off.c

struct queue_back_off {
    uint64_t first_ms, max_ms;
};
/// Microseconds to wait after `failures` failures in a row (the first: 1): first * 2^(failures-1),
/// at most max, then 25 % more or less by `random`.
uint64_t queue_back_off(const struct queue_back_off *b, unsigned failures, uint64_t random);
/// When the entry is tried again after this failure: its back-off, but not beyond the moment at
/// which something has to be said of it (its end, DELIVERBY).
int64_t queue_due_again(const struct queue_entry *entry, const struct queue_back_off *b,
                        int64_t now_us, uint64_t random);

// ---- lane.c

enum queue_state {
    QUEUE_WAITING,   // in its job's line
    QUEUE_IN_FLIGHT, // a worker has it
    QUEUE_CLAIMED,   // an operator changes it
    QUEUE_ENDED,     // finished or put off: remembered while somebody may still bring old news
};

/// An entry in memory.
struct queue_item {
    struct list link; // WAITING: in its job; IN_FLIGHT: with its worker; ENDED: shard->ended
    enum queue_state state;
    uint64_t id;
    uint64_t ended_at; // ENDED: of the schedule's clock
    struct queue_lane *lane;
    struct queue_job *job;       // WAITING
    struct queue_worker *worker; // IN_FLIGHT
    unsigned wish;               // IN_FLIGHT: 1 + what the operator wants done unless it arrives
    struct queue_entry entry;    // views into bytes; not of CLAIMED and ENDED
    struct store_body_ref body;
    char bytes[];
};

/// What a lane has learnt of its far side.
struct queue_pace {
    unsigned connections_max;  // 1 and up
    unsigned troubles;         // in a row
    unsigned blocks;           // in a row
    uint64_t no_growth_before; // rt_now_us
    uint64_t gap_us;           // between two mails
    uint64_t next_us;          // rt_now_us: not before
    uint64_t blocked_until;    // rt_now_us; 0: not
    int64_t blocked_until_us;  // the same by the wall's clock, for people
    unsigned recipients_max;   // in one transaction; 0: not known
};

struct queue_lane {
    struct queue_shard *shard;
    struct list in_idle, in_wanting, in_refill;
    struct list levels; // struct level, the highest priority first
    size_t waiting, jobs, in_flight;
    bool more;        // there is more of it in the store that is due
    bool needs_sweep; // blocked: those in the store whose time is over are to be told
    int64_t flush_us; // not 0: entries put off before this moment are due now
    unsigned pins;    // somebody holds a pointer over an await
    unsigned connections, starting;
    struct list idle_workers;
    struct queue_pace pace;
    struct rt_timer timer; // the end of the block
    struct queue_ways *ways;
    char last[200]; // the last refusal that counted
    char last_host[200];
    enum route_care care;
    struct str name;
    char bytes[];
};

/// Puts the item last into its sender's and job's line.
void queue_lane_put(struct queue_lane *lane, struct queue_item *item);
/// Whose turn it is: at most `max` entries of one mail go over to `out` (IN_FLIGHT). How many.
size_t queue_lane_take(struct queue_lane *lane, size_t max, struct list *out);
/// Takes a waiting one out of its line.
void queue_lane_remove(struct queue_item *item);
/// Takes any waiting one out; NULL when there is none.
struct queue_item *queue_lane_any(struct queue_lane *lane);

// ---- pace.c

void queue_pace_init(struct queue_pace *pace);
void queue_pace_success(struct queue_pace *pace, unsigned connections_max, uint64_t now_us);
/// 421, 4yz of the whole session, a time-out. True: there were so many that the lane is blocked.
bool queue_pace_trouble(struct queue_pace *pace, const struct outcome *o, unsigned connections,
                        uint64_t now_us);
/// Blocks; gives how long.
uint64_t queue_pace_block(struct queue_pace *pace, const struct queue_back_off *b, uint64_t random);
/// Takes the next place in the row of mails; gives how long to wait for it.
uint64_t queue_pace_wait(struct queue_pace *pace, uint64_t now_us);
/// Does this answer speak of the server or the session as a whole rather than of a recipient?
bool queue_is_trouble(const struct outcome *o);

// ---- shard.c

struct queue_shard {
    struct queue_schedule *schedule;
    struct rt_loop *loop;
    struct map lanes;                         // by name, and a byte for route_care
    struct map items;                         // by id
    struct map jobs;                          // see lane.c
    struct list ended, wanting, refill, idle; // items, lanes, lanes, lanes
    struct list workers, gone;                // struct queue_worker; gone: to be joined
    struct rt_timers timers;
    struct queue_bell bell; // of the keeper
    bool is_stopping;
    _Atomic bool wants_look; // there is room in memory again
    _Atomic bool wants_slot; // a lane wants a connection and there is none
};

struct queue_lane *queue_lane_find(struct queue_shard *shard, struct str name,
                                   enum route_care care);
/// Finds or makes it.
struct queue_lane *queue_lane_need(struct queue_shard *shard, struct str name,
                                   enum route_care care);
/// After its state changed: it gets connections, is refilled, or may be forgotten.
void queue_lane_touch(struct queue_lane *lane);
bool queue_lane_is_blocked(const struct queue_lane *lane);
/// Not before the back-off is over: what waits leaves memory.
void queue_lane_block(struct queue_lane *lane, const struct outcome *o);
void queue_lane_unblock(struct queue_lane *lane);
/// Remembers what was said, for people.
void queue_lane_note(struct queue_lane *lane, const struct outcome *o, struct str host);

/// A copy of the row, not in memory's books yet; NULL: it cannot be read.
struct queue_item *queue_item_new(const struct store_queue_entry *row);
/// Brings an entry into memory unless it is there, or there is no room (then its lane has more).
/// `began`: of the news that bring it; when it ended after that, they are old.
void queue_shard_take(struct queue_shard *shard, const struct store_queue_entry *row,
                      uint64_t began);
/// Brings it into memory as nobody's to send: CLAIMED. NULL: it is being sent, or claimed.
struct queue_item *queue_shard_claim(struct queue_shard *shard, uint64_t id);
/// It was finished, put off, or is not claimed any more.
void queue_shard_end(struct queue_shard *shard, struct queue_item *item);
/// Back into its line, the first (nothing has been said to anybody about it).
void queue_shard_give_back(struct queue_item *item);
/// Forgets those that ended long enough ago.
void queue_shard_forget(struct queue_shard *shard);
/// Gives connections to the lanes that want some.
void queue_shard_pump(struct queue_shard *shard);
void queue_shard_init(struct queue_shard *shard, struct queue_schedule *schedule,
                      struct rt_loop *loop);
void queue_shard_done(struct queue_shard *shard);
/// The task that fires timers, refills, sweeps and joins workers.
int queue_shard_keep(void *arg);

// ---- schedule.c

struct queue_doors {
    void (*hosts)(const struct route *route, struct str lane, enum route_care care,
                  struct arena *arena, struct route_hosts *out);
    int (*finish)(struct queue *queue, const struct queue_result *results, size_t count,
                  size_t *out_gone);
    void (*tls_note)(const struct route *route, const struct route_tls_result *result);
};

struct queue_schedule {
    struct queue *queue;
    struct queue_doors doors;
    struct queue_shard *shards;
    unsigned shard_count;
    uint64_t seed[2];
    _Atomic size_t active; // entries in memory that wait or are in flight
    _Atomic unsigned connections;
    _Atomic unsigned starving; // shards that want a connection and get none
    _Atomic unsigned stuck;    // who waits because the store keeps no results
    _Atomic bool is_stopping;
    // The scanner's.
    struct queue_bell bell;
    struct store_queue_cursor cursor;
    struct rt_task *scanner;
    _Atomic int64_t sleeps_until_us; // by itself; INT64_MAX: it is about to find out
    pthread_mutex_t lock;            // of what follows
    struct list news;                // open ones, the oldest first
    uint64_t clock;
    int64_t rewind_us; // where the scanner has to go back to; INT64_MAX: nowhere
    // Stopping.
    struct queue_bell stop_bell;
    unsigned shards_left; // under the lock
};

/// As queue_start, with other doors.
int queue_start_with(struct queue *queue, const struct queue_doors *doors);
/// A shard's last word: it may be freed then.
void queue_shard_left(struct queue_shard *shard);
/// The settings now.
const struct queue_config *queue_settings_now(const struct queue_schedule *schedule);
/// The shard of a lane.
struct queue_shard *queue_shard_of(struct queue_schedule *schedule, struct str lane);
/// Something in the store is due then: the scanner will find it.
void queue_told(struct queue_schedule *schedule, int64_t due_us);
/// A connection may be made; to be given back by queue_slot_give.
bool queue_slot_take(struct queue_shard *shard);
void queue_slot_give(struct queue_shard *shard);
/// An entry less, or more, in memory.
void queue_active_add(struct queue_schedule *schedule);
void queue_active_drop(struct queue_schedule *schedule);
bool queue_active_is_full(struct queue_schedule *schedule);
/// The store fails: nothing is sent that could not be written down, for it would be sent again.
void queue_stuck_add(struct queue_schedule *schedule);
void queue_stuck_drop(struct queue_schedule *schedule);
bool queue_is_stuck(struct queue_schedule *schedule);
/// Is there a lane somewhere that waits for a connection?
bool queue_is_starving(struct queue_schedule *schedule);
/// [await] fn(shard, arg) on its loop, outside any task.
void queue_ask(struct queue_shard *shard, void (*fn)(struct queue_shard *shard, void *arg),
               void *arg);

// ---- news.c

struct queue_news *queue_news_begin(struct queue_schedule *schedule);
/// Is there as long as the news are open.
struct queue_schedule *queue_news_schedule(const struct queue_news *news);
/// The moment at which they were opened.
uint64_t queue_news_began(const struct queue_news *news);
/// [await] As queue_news_close; returns when all shards have taken them.
void queue_news_close_wait(struct queue_news *news);
/// The moment now, and the oldest at which open news began (UINT64_MAX: none are open).
uint64_t queue_news_clock(struct queue_schedule *schedule);
uint64_t queue_news_oldest(struct queue_schedule *schedule);

// ---- refill.c, scan.c

/// [await] Reads more of that lane from the store.
void queue_refill(struct queue_lane *lane);
/// [await] Tells those of a blocked lane whose time is over.
void queue_sweep(struct queue_lane *lane);
/// The scanner's task.
int queue_scan(void *arg);

// ---- hosts.c

/// What route_hosts said; shared by the lane's connections.
struct queue_ways {
    unsigned refs;
    uint64_t expires_us;
    struct arena arena;
    struct route_hosts hosts;
    char source[64];
};
void queue_ways_drop(struct queue_ways *ways);

/// The lines of a talk, at most QUEUE_DIALOGUE bytes: the beginning of the session, and one mail.
struct queue_talk {
    struct buf opening, mail;
    bool is_open;    // lines are of the mail
    bool asks_name;  // EHLO was sent
    bool is_self;    // and answered with our own name
    struct str self; // our own name
};

struct queue_worker {
    struct list link;    // shard->workers, or gone
    struct list in_idle; // lane->idle_workers
    struct rt_task *task;
    struct queue_shard *shard;
    struct queue_lane *lane;
    struct queue_bell bell;
    struct queue_talk talk;
    struct arena arena;   // one turn's
    struct arena opening; // one host's
    // The session.
    struct send_session *session; // NULL: none
    struct queue_ways *ways;
    const struct route_host *host;
    struct send_server server;
    struct rt_tls_policy policy;
    struct send_peer peer;
    const char *addresses[ROUTE_ADDRESSES_MAX];
    const char *names[4];
    char host_name[300];
    char host_text[400]; // "mx1.example.org (192.0.2.1)"
    char helo[300];
    unsigned mails; // sent on it
    bool is_called; // from its idleness, to take a turn
    bool was_idle;
    // The turn.
    struct list turn; // items; while is_opening, an operator may take some out
    size_t turn_count;
    bool is_opening; // nothing of this turn has been said to anybody
};

/// [await] A session to one of the lane's hosts. DONE, or why there is none; lives in w->arena.
struct outcome queue_open(struct queue_worker *w);
/// [await] Ends the session, if there is one.
void queue_hang_up(struct queue_worker *w);
void queue_talk_init(struct queue_talk *talk);
void queue_talk_done(struct queue_talk *talk);

// ---- worker.c, attempt.c

/// Starts a task for a connection of the lane. 0 or -errno.
int queue_worker_start(struct queue_lane *lane);
void queue_worker_free(struct queue_worker *w);
/// [await] The worker's turn: sends it and keeps the results.
void queue_attempt(struct queue_worker *w);
/// RFC 2852 4.1: with by-mode R, what is too late is not delivered.
bool queue_is_too_late(const struct queue_entry *entry);
/// [await] What an operator wished for while it was being sent.
void queue_carry_out(struct queue_schedule *schedule, enum queue_deed deed, uint64_t id);
/// [await] Keeps results until that succeeds, or the end of the process; ends the items. Of those
/// that nothing was sent of (CLAIMED) it tries only once.
struct queue_verdict {
    struct queue_item *item;
    struct outcome outcome;
    bool has_dsn, is_lmtp, has_deliver_by;
};
void queue_keep(struct queue_shard *shard, struct queue_verdict *verdicts, size_t count,
                struct str host, struct str dialogue);
