// SPDX-License-Identifier: ISC
//
// A stranger can send many messages whose envelopes have megabytes each, told from a few hundred
// kilobytes. Whoever owns the mailbox then sorts, threads, searches or lists it, and the server
// must not hold all of them at once. What is held is counted where the sanitizer lets us look.
#include "log/log.h"
#include "serve/imap/client_testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
// sanitizer/allocator_interface.h, which not every compiler brings
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *at,
                                                                size_t size),
                                              void (*on_free)(const volatile void *at));
size_t __sanitizer_get_allocated_size(const volatile void *at);
#endif

enum {
    MESSAGES = 32,
    ADDRESSES = 25 * 1000, // of each field that has some
    LARGE = 256 * 1024,    // what is smaller is not counted
    HELD_MAX = 48 << 20,   // 16 MB of summaries together, one more, and buffers
};

static struct imap_world w;
static _Atomic int64_t held, held_most;

#if defined(__SANITIZE_ADDRESS__)
static void on_malloc(const volatile void *at, size_t size)
{
    int64_t now;

    (void)at;
    if (size < LARGE)
        return;
    now = atomic_fetch_add(&held, (int64_t)size) + (int64_t)size;
    if (now > atomic_load(&held_most))
        atomic_store(&held_most, now);
}

static void on_free(const volatile void *at)
{
    size_t size = at ? __sanitizer_get_allocated_size(at) : 0;

    if (size >= LARGE)
        atomic_fetch_sub(&held, (int64_t)size);
}
#endif

/// Asks, and looks how much was held on the way to the answer.
static void ask(struct imap_client *c, const char *command, const char *answer)
{
    int64_t before = atomic_load(&held), most;

    atomic_store(&held_most, before);
    client_ask(c, command);
    CHECK(client_heard(c, "t OK") && client_heard(c, answer));
    most = atomic_load(&held_most) - before;
    if (most > HELD_MAX)
        print_error("%s: %lld MB were held\n", command, (long long)most >> 20);
    CHECK(most <= HELD_MAX);
}

static void put_addresses(struct buf *out, const char *field)
{
    buf_put(out, str_from(field));
    buf_put(out, STR(": a"));
    for (size_t i = 1; i < ADDRESSES; i++)
        buf_put(out, i % 20 ? STR(",a") : STR(",\r\n a"));
    buf_put(out, STR("\r\n"));
}

static void fill(struct imap_client *c)
{
    static const char *const fields[] = {"From", "Sender", "Reply-To", "To", "Cc", "Bcc"};
    CLEANUP(buf_drop) struct buf message = {.max = 4 << 20};

    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        put_addresses(&message, fields[i]);
    buf_put(&message, STR("Subject: many\r\nMessage-ID: <a@b>\r\n"
                          "Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\ntext\r\n"));
    client_append(c, "INBOX", buf_str(&message));
    client_ask(c, "SELECT INBOX");
    for (size_t count = 1; count < MESSAGES; count *= 2)
        client_ask(c, "COPY 1:* INBOX");
}

static void large_summaries_are_not_held_together(void)
{
    struct imap_client c;

    client_sign_in(&w, &c, "ana@example.test");
    fill(&c);
    ask(&c, "SORT (SUBJECT TO) UTF-8 ALL", "* SORT 1 2 3 ");
    ask(&c, "THREAD REFERENCES UTF-8 ALL", "* THREAD (");
    ask(&c, "SEARCH SENTSINCE 1-Jan-2025", "* SEARCH 1 2 3 ");
    ask(&c, "FETCH 1:* (PREVIEW THREADID)", "* 32 FETCH (PREVIEW \"text\" THREADID (");
    client_hang_up(&c);
}

// ---- the world

static int first(void *arg)
{
    (void)arg;
    imap_world_open(&w);
    large_summaries_are_not_held_together();
    rt_drain(w.rt, 1000);
    return 0;
}

static void test_large_summaries_are_not_held_together(void **state)
{
    struct rt_config rt_config = {.loops = 1};

    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    CHECK(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free));
#endif
    imap_world_init(&w);
    log_set_level(LOG_ERROR);
    assert_int_equal(rt_new(&rt_config, &w.rt), 0);
    assert_int_equal(rt_run(w.rt, first, NULL), 0);
    imap_world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_summaries_are_not_held_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
