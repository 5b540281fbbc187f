// SPDX-License-Identifier: ISC
//
// What the files of rt/ share and nobody else sees: the loop, the task, and the world behind them.
// The same loops, tasks and connections run over the real world (os.c, net_os.c) and over the
// simulated one (sim/): all that differs stands in struct rt_world.
#pragma once

#include "base/list.h"
#include "rt/conn.h"
#include "rt/rt.h"
#include "rt/timer.h"

#include <pthread.h>
#include <sys/types.h>

struct rt_slot;
struct rt_codec;
struct rt_listener;

/// Something for a loop to do, handed over by another thread. The memory is the sender's.
struct rt_errand {
    struct rt_errand *next;
    void (*fn)(struct rt_errand *errand);
};

/// A stream socket of some world; worlds put more behind it.
struct rt_sock {
    struct rt_conn *conn;
    uint8_t polling; // RT_READ, RT_WRITE: events asked for
    bool drained;    // the last receive took all there was
};
enum { RT_READ = 1, RT_WRITE = 2 };

struct rt_world {
    bool has_threads; // pools and lanes have threads; else their work comes by `later`
    uint64_t (*now_us)(struct rt *rt);
    int64_t (*wall_us)(struct rt *rt);
    void (*random_bytes)(struct rt *rt, void *to, size_t len);
    /// Runs the loops until each is finished (rt_loop_is_finished).
    int (*run)(struct rt *rt);
    void (*free)(struct rt *rt);
    /// Any thread: something lies in the loop's inbox.
    void (*poke)(struct rt_loop *loop);
    /// Runs fn(arg) on the scheduler's stack, some time later. Only without threads.
    void (*later)(struct rt *rt, void (*fn)(void *arg), void *arg);
    int (*on_signal)(struct rt *rt, int signal, int (*fn)(void *arg), void *arg);

    /// Starts listening; every peer is handed to rt_session_begin.
    int (*listen)(struct rt *rt, struct rt_listener *listener, uint16_t *out_port);
    /// Ends all listening of this loop. On the loop's thread.
    void (*unlisten)(struct rt_loop *loop);
    /// Begins to connect, from that address of ours or NULL; a RT_WRITE event tells that it is
    /// decided.
    int (*dial)(struct rt_loop *loop, const char *source, const char *address, uint16_t port,
                struct rt_sock **out);
    int (*dialled)(struct rt_sock *sock);
    /// Bytes, 0 at the end of input, -EAGAIN, -errno.
    ssize_t (*receive)(struct rt_sock *sock, void *to, size_t len);
    ssize_t (*send)(struct rt_sock *sock, const void *bytes, size_t len);
    /// Says which events are to be told to rt_conn_ready, until told otherwise.
    void (*poll)(struct rt_sock *sock, unsigned events);
    /// No more will be sent.
    void (*shut)(struct rt_sock *sock);
    void (*close)(struct rt_sock *sock);
    void (*local_name)(struct rt_sock *sock, char *to, size_t max);
};

struct rt {
    const struct rt_world *world;
    struct rt_config config;
    struct rt_loop **loops;
    unsigned loop_count;
    int (*first)(void *arg);
    void *first_arg;
    int first_result;
    _Atomic bool stopping, draining;
    _Atomic unsigned sessions, connections; // alive; sessions are those that drain waits for
    _Atomic uint64_t connection_ids;
    uint32_t grace_ms;
    pthread_mutex_t lock;  // of what follows
    struct list listeners; // struct rt_listener
};

enum { RT_WINDOW_BYTES = 16 * 1024, RT_OUT_BYTES = 64 * 1024, RT_SLOT_CHUNKS = 1024 };

struct rt_loop {
    struct rt *rt;
    unsigned index;
    // Tasks.
    struct list ready, tasks, spare;              // to run; all alive; stacks without work
    unsigned task_count, spare_count, warm_count; // warm: spare ones that keep their memory
    struct list slabs;
    struct rt_task *running;
    uint64_t last_ran_us; // when a task gave the loop back
    struct rt_timers timers;
    _Atomic(struct rt_errand *) inbox;
    bool stopping; // its tasks were cancelled
    unsigned node; // of the simulator: what begins outside of tasks belongs to it; 0: to none
    uint64_t dying_nodes; // bits: what begins there is cancelled
    // For the watchdog.
    _Atomic(const char *) running_name;
    _Atomic uint64_t busy_since_us; // 0: waiting for events
    _Atomic uint64_t reported_us;   // the turn that was reported, by its beginning
    const char *hottest_name;
    uint64_t hottest_us;
    // Connections.
    struct list conns, starved; // all; those that wait for a task to become free
    _Atomic(struct rt_slot *) slots[RT_SLOT_CHUNKS];
    uint32_t slot_count, free_slot; // 1 + index; 0: none
    void *windows;                  // free ones, linked
    unsigned window_count;
    struct rt_codec *codecs[2]; // spare ones, by direction; deflate.c
    unsigned codec_count[2];
    unsigned handshakes;
    struct list shakers; // waiting for their handshake
    struct rt_timer grace;
};

struct rt_task {
    struct list link; // in ready or spare
    struct list alive;
    struct rt_loop *loop;
    int (*fn)(void *arg);
    void *arg;
    const char *name;
    const char *waits_for; // for rt_dump
    uint64_t begun_us, slice_us;
    struct rt_scope *scope; // innermost
    struct rt_scope base;   // outermost: the deadline of a session's entry
    struct rt_waiter *waiting;
    uint64_t deadline_us; // of the wait
    int early;            // why the wait ended without being woken
    struct rt_timer timer;
    struct rt_errand errand;
    struct rt_waiter *joiner;
    struct rt_conn *conn; // the session it runs, or NULL
    int result;
    unsigned node;                          // of the simulator
    bool cancelled, done, to_join, is_warm; // warm: spare, with its memory
    struct rt_stack *stack;
};

/// Who is running on this thread.
struct rt_self {
    struct rt *rt;
    struct rt_loop *loop;
    struct rt_task *task;
};
extern _Thread_local struct rt_self rt_self;

// ---- loop.c

void rt_loop_init(struct rt_loop *loop, struct rt *rt, unsigned index);
void rt_loop_done(struct rt_loop *loop);
/// Does what is to be done now: errands, timers, ready tasks. Returns when to come again (0: at
/// once; RT_NEVER: when poked).
uint64_t rt_loop_turn(struct rt_loop *loop);
bool rt_loop_is_finished(const struct rt_loop *loop);
/// Any thread.
void rt_errand_send(struct rt_loop *loop, struct rt_errand *errand);

// ---- rt.c

void rt_init(struct rt *rt, const struct rt_world *world, const struct rt_config *config);
void rt_done(struct rt *rt);
/// A session ended: drain may be over.
void rt_session_left(struct rt *rt);

// ---- task.c

int rt_task_new(int (*fn)(void *arg), void *arg, const char *name, struct rt_task **out);
void rt_task_run(struct rt_task *task);
/// The simulated node on whose behalf the caller runs; 0: none.
unsigned rt_node_here(const struct rt_loop *loop);
/// Cancels the tasks of that node; gives how many have not come to their end.
unsigned rt_tasks_cancel_node(struct rt_loop *loop, unsigned node);
/// 0, or -ECANCELED, -ETIMEDOUT when the calling task may not wait any more.
int rt_task_verdict(void);
/// rt_wait, with a word for rt_dump.
int rt_wait_for(struct rt_waiter *w, bool cancellable, const char *what);
void rt_tasks_cancel(struct rt_loop *loop);
void rt_tasks_done(struct rt_loop *loop);

// ---- stack.c

struct rt_stack;
/// Room for one more task, NULL when there is no memory.
struct rt_stack *rt_stack_new(struct rt_loop *loop);
/// Its memory may be taken back by the system; what was on it is gone.
void rt_stack_forget(struct rt_stack *stack);
/// Runs on the stack: rt_stack_main(task) is called on it at the first entry.
void rt_stack_enter(struct rt_stack *stack, struct rt_task *task);
void rt_stack_leave(struct rt_stack *stack);
_Noreturn void rt_stack_main(struct rt_task *task);
void rt_stacks_done(struct rt_loop *loop);
