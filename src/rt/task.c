// SPDX-License-Identifier: ISC
//
// Tasks: born, suspended, woken, joined, cancelled. A task and its stack stay together and are used
// again for the next one; a few spare ones keep their memory warm, the others give it back.
#include "base/check.h"
#include "rt/inside.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { WARM_STACKS = 64, SLICE_US = 500 };
enum { IDLE, SUSPENDED, WOKEN }; // rt_waiter.state

_Thread_local struct rt_self rt_self;

static void on_deadline(struct rt_timer *timer, uint64_t now_us);

static void on_errand(struct rt_errand *errand)
{
    struct rt_task *task = LIST_OF(errand, struct rt_task, errand);

    list_put_last(&task->loop->ready, &task->link);
}

static struct rt_task *take_spare(struct rt_loop *loop)
{
    struct list *link = list_take_first(&loop->spare);
    struct rt_task *task;

    if (link) {
        task = LIST_OF(link, struct rt_task, link);
        loop->spare_count--;
        loop->warm_count -= task->is_warm;
        return task;
    }
    task = calloc(1, sizeof(*task));
    if (!task)
        return NULL;
    task->stack = rt_stack_new(loop);
    if (!task->stack) {
        free(task);
        return NULL;
    }
    task->loop = loop;
    task->timer.fire = on_deadline;
    task->errand.fn = on_errand;
    return task;
}

static void give_back(struct rt_task *task)
{
    struct rt_loop *loop = task->loop;

    list_remove(&task->alive);
    loop->task_count--;
    // The warm ones stand first. Cold ones, of which a crowd once left many, must not keep those
    // that come and go with every command from staying warm.
    task->is_warm = loop->warm_count < WARM_STACKS;
    if (task->is_warm) {
        loop->warm_count++;
        list_put_first(&loop->spare, &task->link);
    } else {
        rt_stack_forget(task->stack);
        list_put_last(&loop->spare, &task->link);
    }
    loop->spare_count++;
}

unsigned rt_node_here(const struct rt_loop *loop)
{
    return rt_self.task ? rt_self.task->node : loop->node;
}

static bool is_dying(const struct rt_loop *loop, unsigned node)
{
    return loop->stopping || (loop->dying_nodes >> node & 1);
}

int rt_task_new(int (*fn)(void *arg), void *arg, const char *name, struct rt_task **out)
{
    struct rt_loop *loop = rt_self.loop;
    struct rt_task *task;

    CHECK(loop);
    if (loop->task_count >= loop->rt->config.tasks_max)
        return -EAGAIN;
    task = take_spare(loop);
    if (!task)
        return -EAGAIN;
    loop->task_count++;
    list_put_last(&loop->tasks, &task->alive);
    task->fn = fn;
    task->arg = arg;
    task->name = name;
    task->begun_us = rt_now_us();
    task->base = (struct rt_scope){.deadline_us = RT_NEVER};
    task->scope = &task->base;
    task->waiting = NULL;
    task->joiner = NULL;
    task->conn = NULL;
    task->early = task->result = 0;
    task->node = rt_node_here(loop);
    task->cancelled = is_dying(loop, task->node);
    task->done = task->to_join = false;
    list_put_last(&loop->ready, &task->link);
    *out = task;
    return 0;
}

int rt_spawn(int (*fn)(void *arg), void *arg, const char *name, struct rt_task **out)
{
    struct rt_task *task;
    int r = rt_task_new(fn, arg, name, &task);

    if (r < 0)
        return r;
    if (out) {
        task->to_join = true;
        *out = task;
    }
    return 0;
}

// On the task's own stack; the stack runs one task after another.
void rt_stack_main(struct rt_task *task)
{
    for (;;) {
        task->result = task->fn(task->arg);
        CHECK(task->scope == &task->base); // every rt_within was ended
        task->done = true;
        rt_stack_leave(task->stack);
    }
}

static void note_time(struct rt_loop *loop, struct rt_task *task)
{
    uint64_t took_us;

    loop->last_ran_us = rt_now_us();
    took_us = loop->last_ran_us - task->slice_us;
    if (took_us > loop->hottest_us) {
        loop->hottest_us = took_us;
        loop->hottest_name = task->name;
    }
}

void rt_task_run(struct rt_task *task)
{
    struct rt_loop *loop = task->loop;

    rt_self.task = loop->running = task;
    task->slice_us = rt_now_us();
    atomic_store_explicit(&loop->running_name, task->name, memory_order_relaxed);
    rt_stack_enter(task->stack, task);
    rt_self.task = loop->running = NULL;
    atomic_store_explicit(&loop->running_name, NULL, memory_order_relaxed);
    note_time(loop, task);
    if (!task->done)
        return;
    if (task->joiner)
        rt_wake_up(task->joiner, 0);
    else if (!task->to_join)
        give_back(task);
}

static void suspend(struct rt_task *task)
{
    rt_stack_leave(task->stack);
}

// ---- waiting

void rt_waiter_init(struct rt_waiter *w)
{
    CHECK(rt_self.task);
    *w = (struct rt_waiter){.task = rt_self.task, .loop = rt_self.loop};
}

static uint64_t deadline_of(const struct rt_task *task)
{
    uint64_t deadline_us = RT_NEVER;

    for (const struct rt_scope *s = task->scope; s; s = s->outer) {
        if (s->deadline_us < deadline_us)
            deadline_us = s->deadline_us;
    }
    return deadline_us;
}

int rt_task_verdict(void)
{
    const struct rt_task *task = rt_self.task;
    uint64_t deadline_us;

    CHECK(task);
    if (task->cancelled)
        return -ECANCELED;
    deadline_us = deadline_of(task);
    return deadline_us != RT_NEVER && rt_now_us() >= deadline_us ? -ETIMEDOUT : 0;
}

int rt_wait(struct rt_waiter *w, bool cancellable)
{
    return rt_wait_for(w, cancellable, "wake-up");
}

int rt_wait_for(struct rt_waiter *w, bool cancellable, const char *what)
{
    struct rt_task *task = rt_self.task;
    int expected = IDLE;

    CHECK(task && w->task == task);
    if (cancellable && atomic_load(&w->state) != WOKEN) {
        int r = rt_task_verdict();

        if (r < 0)
            return r;
        task->deadline_us = deadline_of(task);
        rt_timer_by(&task->loop->timers, &task->timer, task->deadline_us);
        task->waiting = w;
    }
    task->early = 0;
    task->waits_for = what;
    if (atomic_compare_exchange_strong(&w->state, &expected, SUSPENDED))
        suspend(task);
    task->waiting = NULL;
    task->waits_for = NULL;
    if (task->early)
        return task->early;
    CHECK(atomic_exchange(&w->state, IDLE) == WOKEN);
    return w->result;
}

void rt_wake_up(struct rt_waiter *w, int result)
{
    struct rt_task *task = w->task;
    struct rt_loop *loop = w->loop;

    w->result = result;
    // Nothing of *w may be touched after this, except when the task sleeps until we queue it.
    if (atomic_exchange(&w->state, WOKEN) != SUSPENDED)
        return;
    if (rt_self.loop == loop)
        list_put_last(&loop->ready, &task->link);
    else
        rt_errand_send(loop, &task->errand);
}

// Ends the wait before its time, unless somebody just woke the task.
static void end_wait(struct rt_task *task, int why)
{
    int expected = SUSPENDED;

    if (!task->waiting || !atomic_compare_exchange_strong(&task->waiting->state, &expected, IDLE))
        return;
    task->waiting = NULL;
    task->early = why;
    list_put_last(&task->loop->ready, &task->link);
}

static void on_deadline(struct rt_timer *timer, uint64_t now_us)
{
    struct rt_task *task = LIST_OF(timer, struct rt_task, timer);

    if (!task->waiting)
        return;
    if (task->deadline_us <= now_us)
        end_wait(task, -ETIMEDOUT);
    else
        rt_timer_by(&task->loop->timers, timer, task->deadline_us);
}

void rt_cancel(struct rt_task *task)
{
    CHECK(rt_self.loop == task->loop);
    task->cancelled = true;
    end_wait(task, -ECANCELED);
}

void rt_tasks_cancel(struct rt_loop *loop)
{
    LIST_EACH (&loop->tasks, it)
        rt_cancel(LIST_OF(it, struct rt_task, alive));
}

unsigned rt_tasks_cancel_node(struct rt_loop *loop, unsigned node)
{
    unsigned count = 0;

    LIST_EACH (&loop->tasks, it) {
        struct rt_task *task = LIST_OF(it, struct rt_task, alive);

        if (task->node != node || task->done)
            continue;
        rt_cancel(task);
        count++;
    }
    return count;
}

int rt_join(struct rt_task *task)
{
    int result;

    CHECK(rt_self.task && task->to_join && !task->joiner && task->loop == rt_self.loop);
    if (!task->done) {
        struct rt_waiter w;

        rt_waiter_init(&w);
        task->joiner = &w;
        rt_wait_for(&w, false, "join");
    }
    result = task->result;
    give_back(task);
    return result;
}

static int let_others_run(void)
{
    struct rt_task *task = rt_self.task;

    CHECK(task);
    list_put_last(&task->loop->ready, &task->link);
    suspend(task);
    return rt_task_verdict();
}

int rt_sleep(uint32_t ms)
{
    struct rt_scope scope;
    struct rt_waiter w;
    int r;

    if (ms == 0)
        return let_others_run();
    rt_waiter_init(&w);
    rt_within(&scope, ms);
    r = rt_wait_for(&w, true, "sleep");
    rt_within_end(&scope);
    if (r == -ETIMEDOUT)
        return rt_task_verdict(); // another deadline, or ours
    return r;
}

int rt_breathe(void)
{
    const struct rt_task *task = rt_self.task;

    CHECK(task);
    return rt_now_us() - task->slice_us > SLICE_US ? let_others_run() : rt_task_verdict();
}

// ---- deadlines

void rt_within(struct rt_scope *scope, uint32_t ms)
{
    struct rt_task *task = rt_self.task;

    CHECK(task);
    scope->outer = task->scope;
    scope->deadline_us = rt_now_us() + (uint64_t)ms * 1000;
    task->scope = scope;
}

void rt_within_end(struct rt_scope *scope)
{
    CHECK(rt_self.task && rt_self.task->scope == scope);
    rt_self.task->scope = scope->outer;
}

void rt_tasks_done(struct rt_loop *loop)
{
    struct list *link;

    CHECK(loop->task_count == 0);
    while ((link = list_take_first(&loop->spare)))
        free(LIST_OF(link, struct rt_task, link));
    rt_stacks_done(loop);
}
