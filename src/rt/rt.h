// SPDX-License-Identifier: ISC
//
// The runtime: loops, tasks, deadlines, worker pools, lanes, clock and randomness. Connections are
// in rt/conn.h, TLS in rt/tls.h, files in rt/disk.h; rt/sim/ gives the same doors over a simulated
// world. Everything a room knows of time, chance, network, disk and threads comes through here.
//
// Laws
//  1. A connection and a task belong to one loop and one thread for life.
//  2. A stack exists only while a command runs; between commands a session is plain data (parked).
//  3. A call marked [await] may suspend the task. It returns >= 0 or -errno. After -ETIMEDOUT (a
//     deadline passed) or -ECANCELED (drain, rt_cancel) every later await on that connection or in
//     that task fails at once in the same way, so cleaning up is the ordinary error path.
//  4. No lock and no pointer into shared state is held across an [await].
//  5. What blocks or burns more than 0.3 ms is handed to a pool with rt_call.
#pragma once

#include "base/str.h"

struct rt;
struct rt_loop;
struct rt_task;
struct rt_conn;
struct rt_pool;
struct rt_lane;

enum {
    RT_STACK_BYTES = 256 * 1024, // virtual, with a guard page
    RT_HOT_MS = 50,              // a loop that has not come round for so long is reported
};

// ---- the process

struct rt_config {
    unsigned loops;           // 0: one per core
    unsigned tasks_max;       // at once, per loop; 0: 10,000. Beyond it new work waits
    unsigned connections_max; // at once, whole process; 0: 100,000. Beyond it accept waits
    unsigned handshakes_max;  // TLS handshakes at once per loop; 0: 64
};

/// The real world: libuv loops, threads, sockets. 0 or -errno.
int rt_new(const struct rt_config *config, struct rt **out);
/// After rt_run has returned.
void rt_free(struct rt *rt);

/// Runs `first` as a task on loop 0, and all loops until rt_stop. When `first` returns a negative
/// value, everything is stopped and that is returned; else 0. Tests and command-line tools: `first`
/// calls rt_stop at its end.
int rt_run(struct rt *rt, int (*first)(void *arg), void *arg);
/// Any thread, any time: end every loop now. Tasks still suspended are cancelled and run to their
/// end.
void rt_stop(struct rt *rt);
/// Stops accepting; wakes parked sessions with RT_WAKE_SHUTDOWN; lets running commands finish for
/// at most grace_ms, then cancels them; then rt_stop. Any thread; returns at once.
void rt_drain(struct rt *rt, uint32_t grace_ms);
bool rt_is_draining(const struct rt *rt);
/// Runs fn as a task on loop 0 each time the signal arrives. Before rt_run.
int rt_on_signal(struct rt *rt, int signal, int (*fn)(void *arg), void *arg);
/// Writes a line for each loop and each running task (name, age, what it waits for) to the log.
void rt_dump(struct rt *rt);

/// The runtime of the calling task or pool thread; CHECKs that there is one.
struct rt *rt_here(void);

// ---- clock and randomness (virtual, seeded in the simulator); tasks and pool threads

/// Microseconds since some start; never goes back.
uint64_t rt_now_us(void);
/// Microseconds since 1970-01-01 UTC.
int64_t rt_wall_us(void);
static inline int64_t rt_wall_s(void)
{
    return rt_wall_us() / 1000000;
}
uint64_t rt_random(void);
/// Fit for keys and salts in the real world.
void rt_random_bytes(void *to, size_t len);

// ---- tasks

/// Starts fn(arg) as a task of its own on the calling loop (any other: rt_post). `name` is a
/// literal. Fails with -EAGAIN past tasks_max. `out` may be NULL; else it must be joined.
int rt_spawn(int (*fn)(void *arg), void *arg, const char *name, struct rt_task **out);
/// [await] The result of the task, which is gone then. Waits for its end however long it takes,
/// also when the caller is cancelled: cancel the task first where that is too long.
int rt_join(struct rt_task *task);
/// Its current and later awaits return -ECANCELED. Same loop only.
void rt_cancel(struct rt_task *task);
/// [await] 0 ms: lets all others run that are ready.
int rt_sleep(uint32_t ms);
/// [await] Lets others run when this task has held the loop for longer than 0.5 ms; else nothing.
int rt_breathe(void);
/// Runs fn(arg) on that loop, soon, outside any task; any thread. fn may rt_spawn.
void rt_post(struct rt_loop *loop, void (*fn)(void *arg), void *arg);
struct rt_loop *rt_loop_here(void);
/// Loops of the process, 0 to count - 1.
unsigned rt_loop_count(const struct rt *rt);
struct rt_loop *rt_loop_at(struct rt *rt, unsigned index);

/// A deadline over the awaits of the calling task; they nest, the earliest counts.
struct rt_scope {
    struct rt_scope *outer;
    uint64_t deadline_us;
};
void rt_within(struct rt_scope *scope, uint32_t ms);
/// Ends the innermost scope, which must be this one. When it was this scope whose time had passed,
/// the task's awaits work again (those of a connection that timed out do not).
void rt_within_end(struct rt_scope *scope);

/// Suspends the task until rt_wake_up: the bottom of every other await, for rooms that need their
/// own.
struct rt_waiter {
    struct rt_task *task;
    struct rt_loop *loop;
    _Atomic int state;
    int result;
};
void rt_waiter_init(struct rt_waiter *w);
/// [await] The result given to rt_wake_up; -ETIMEDOUT, -ECANCELED only if `cancellable`. After such
/// an early return the other side must be told before the waiter's memory goes.
int rt_wait(struct rt_waiter *w, bool cancellable);
/// Once per rt_wait; any thread; may come before the rt_wait.
void rt_wake_up(struct rt_waiter *w, int result);

// ---- worker pools and lanes

/// `threads` workers; at most `queue_max` calls wait, beyond that the callers wait in order (which,
/// as a caller sleeps either way, is the same to it).
int rt_pool_new(struct rt *rt, const char *name, unsigned threads, unsigned queue_max,
                struct rt_pool **out);
/// Waits for the running calls. Not from a task.
void rt_pool_free(struct rt_pool *pool);
/// [await] The result of fn(arg), run on a worker. Always runs to its end, also when the task is
/// cancelled meanwhile or was before (the result is still fn's), because fn uses the caller's
/// memory and cleaning up needs calls, too.
int rt_call(struct rt_pool *pool, int (*fn)(void *arg), void *arg);

/// [await] The result of fn(arg), run once on a thread of its own, outside of every task: the place
/// to free pools and lanes from a task. As rt_call, never cancelled.
int rt_call_aside(int (*fn)(void *arg), void *arg);

/// A lane is one thread that takes all jobs waiting (at most batch_max) and does them together:
/// the place of group commit.
struct rt_job {
    struct rt_job *next;
    int result; // set by the lane's function
    struct rt_waiter waiter;
};
int rt_lane_new(struct rt *rt, const char *name,
                void (*fn)(void *context, struct rt_job *const *jobs, size_t count), void *context,
                size_t batch_max, struct rt_lane **out);
void rt_lane_free(struct rt_lane *lane);
/// [await] job->result, after the batch that held it was done. Never cancelled.
int rt_lane_run(struct rt_lane *lane, struct rt_job *job);
