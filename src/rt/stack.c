// SPDX-License-Identifier: ISC
//
// Stacks of tasks and the switch between them and the loop. A stack is entered for the first time
// by ucontext; after that _setjmp and _longjmp switch, which need no system call (swapcontext asks
// the kernel for the signal mask each time, and all our threads have the same). Under the
// sanitizers, which follow long jumps in their own way, it is swapcontext always, with each switch
// announced to them.
#undef _FORTIFY_SOURCE // its longjmp refuses to change stacks
#include "base/check.h"
#include "rt/inside.h"

#include <errno.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif

#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef HAS_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define HAS_VALGRIND 1
#endif
#if defined(HAS_ASAN) || defined(HAS_TSAN)
#define ONLY_UCONTEXT 1
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 // Linux 6.13: a guard that does not split the mapping
#endif

enum { STACKS_PER_SLAB = 16, GUARD_BYTES = 4096 };

struct rt_stack {
    char *base; // the guard page
    bool is_begun;
    ucontext_t *inside, *outside; // only while entering the first time, or always
#ifndef ONLY_UCONTEXT
    jmp_buf in, out;
#endif
#ifdef HAS_ASAN
    void *fake_inside, *fake_outside;
    const void *loop_bottom;
    size_t loop_bytes;
#endif
#ifdef HAS_TSAN
    void *fiber, *loop_fiber;
#endif
#ifdef HAS_VALGRIND
    unsigned valgrind_id;
#endif
};

struct slab {
    struct list link;
    char *memory;
    unsigned used;
    struct rt_stack stacks[STACKS_PER_SLAB];
    ucontext_t contexts[STACKS_PER_SLAB], outsides[STACKS_PER_SLAB];
};

static struct slab *slab_new(void)
{
    struct slab *slab = calloc(1, sizeof(*slab));

    if (!slab)
        return NULL;
    slab->memory = mmap(NULL, (size_t)STACKS_PER_SLAB * RT_STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (slab->memory == MAP_FAILED) {
        free(slab);
        return NULL;
    }
    // One huge page would make every stack of the slab resident.
    madvise(slab->memory, (size_t)STACKS_PER_SLAB * RT_STACK_BYTES, MADV_NOHUGEPAGE);
    return slab;
}

static int guard(char *page)
{
    if (madvise(page, GUARD_BYTES, MADV_GUARD_INSTALL) == 0)
        return 0;
    return mprotect(page, GUARD_BYTES, PROT_NONE) == 0 ? 0 : -errno;
}

struct rt_stack *rt_stack_new(struct rt_loop *loop)
{
    struct slab *slab =
        list_is_empty(&loop->slabs) ? NULL : LIST_OF(loop->slabs.prev, struct slab, link);
    struct rt_stack *stack;

    if (!slab || slab->used == STACKS_PER_SLAB) {
        slab = slab_new();
        if (!slab)
            return NULL;
        list_put_last(&loop->slabs, &slab->link);
    }
    stack = &slab->stacks[slab->used];
    stack->base = slab->memory + (size_t)slab->used * RT_STACK_BYTES;
    if (guard(stack->base) < 0)
        return NULL;
    stack->inside = &slab->contexts[slab->used];
    stack->outside = &slab->outsides[slab->used];
    slab->used++;
#ifdef HAS_TSAN
    stack->fiber = __tsan_create_fiber(0);
#endif
#ifdef HAS_VALGRIND
    stack->valgrind_id =
        VALGRIND_STACK_REGISTER(stack->base + GUARD_BYTES, stack->base + RT_STACK_BYTES);
#endif
    return stack;
}

static void slab_free(struct slab *slab)
{
    for (unsigned i = 0; i < slab->used; i++) {
#ifdef HAS_TSAN
        __tsan_destroy_fiber(slab->stacks[i].fiber);
#endif
#ifdef HAS_VALGRIND
        VALGRIND_STACK_DEREGISTER(slab->stacks[i].valgrind_id);
#endif
    }
#ifdef HAS_ASAN
    __asan_unpoison_memory_region(slab->memory, (size_t)STACKS_PER_SLAB * RT_STACK_BYTES);
#endif
    munmap(slab->memory, (size_t)STACKS_PER_SLAB * RT_STACK_BYTES);
    free(slab);
}

void rt_stacks_done(struct rt_loop *loop)
{
    LIST_EACH (&loop->slabs, it) {
        list_remove(it);
        slab_free(LIST_OF(it, struct slab, link));
    }
}

void rt_stack_forget(struct rt_stack *stack)
{
    stack->is_begun = false;
#ifdef HAS_ASAN
    __asan_unpoison_memory_region(stack->base + GUARD_BYTES, RT_STACK_BYTES - GUARD_BYTES);
#endif
    madvise(stack->base + GUARD_BYTES, RT_STACK_BYTES - GUARD_BYTES, MADV_DONTNEED);
}

// ---- the switch

static void arrive(struct rt_stack *stack, bool first)
{
#ifdef HAS_ASAN
    __sanitizer_finish_switch_fiber(first ? NULL : stack->fake_inside, &stack->loop_bottom,
                                    &stack->loop_bytes);
#endif
    (void)stack;
    (void)first;
}

static void entry(void)
{
    struct rt_task *task = rt_self.task;

    arrive(task->stack, true);
    rt_stack_main(task);
    __builtin_unreachable(); // rt_stack_main never returns
}

static void begin(struct rt_stack *stack)
{
    CHECK(getcontext(stack->inside) == 0);
    stack->inside->uc_stack.ss_sp = stack->base + GUARD_BYTES;
    stack->inside->uc_stack.ss_size = RT_STACK_BYTES - GUARD_BYTES;
    stack->inside->uc_link = NULL;
    makecontext(stack->inside, entry, 0);
    stack->is_begun = true;
}

#ifdef ONLY_UCONTEXT
static void switch_in(struct rt_stack *stack)
{
    if (!stack->is_begun)
        begin(stack);
    CHECK(swapcontext(stack->outside, stack->inside) == 0);
}

static void switch_out(struct rt_stack *stack)
{
    CHECK(swapcontext(stack->inside, stack->outside) == 0);
}
#else
static void switch_in(struct rt_stack *stack)
{
    if (_setjmp(stack->out) != 0)
        return;
    if (stack->is_begun)
        _longjmp(stack->in, 1);
    begin(stack);
    setcontext(stack->inside);
    CHECK(false); // setcontext came back
}

static void switch_out(struct rt_stack *stack)
{
    if (_setjmp(stack->in) == 0)
        _longjmp(stack->out, 1);
}
#endif

void rt_stack_enter(struct rt_stack *stack, struct rt_task *task)
{
    (void)task;
#ifdef HAS_ASAN
    __sanitizer_start_switch_fiber(&stack->fake_outside, stack->base + GUARD_BYTES,
                                   RT_STACK_BYTES - GUARD_BYTES);
#endif
#ifdef HAS_TSAN
    stack->loop_fiber = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(stack->fiber, 0);
#endif
    switch_in(stack);
#ifdef HAS_ASAN
    __sanitizer_finish_switch_fiber(stack->fake_outside, NULL, NULL);
#endif
}

void rt_stack_leave(struct rt_stack *stack)
{
#ifdef HAS_ASAN
    __sanitizer_start_switch_fiber(&stack->fake_inside, stack->loop_bottom, stack->loop_bytes);
#endif
#ifdef HAS_TSAN
    __tsan_switch_to_fiber(stack->loop_fiber, 0);
#endif
    switch_out(stack);
    arrive(stack, false);
}
