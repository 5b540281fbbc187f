// SPDX-License-Identifier: ISC
//
// Pictures asked for on several loops at once while others change the mailbox: each is whole, none
// is older than what was committed before it was asked for.
#include "rt/rt.h"
#include "store/snapshot.h"
#include "store/suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LOOPS = 3, TASKS = 4, ROUNDS = 150 };

static uint64_t mailbox;
static _Atomic int left = LOOPS * TASKS;

static void check_whole(const struct store_snapshot *p, uint64_t modseq)
{
    const struct store_mailbox *m = store_snapshot_mailbox(p);
    size_t count = store_snapshot_count(p), unseen = 0;
    uint32_t before = 0;

    CHECK(m->modseq >= modseq && m->message_count == count);
    for (size_t i = 0; i < count; i++) {
        struct store_brief brief = store_snapshot_at(p, i);

        CHECK(brief.uid > before && brief.uid < m->uidnext && brief.modseq <= m->modseq);
        before = brief.uid;
        unseen += !(brief.flags & STORE_SEEN);
    }
    CHECK(unseen == m->unseen_count);
}

static int change_and_look(void *arg)
{
    struct store_snapshot *old = NULL, *now;

    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t uid = (uint32_t)(rt_random() % 900) + 1;
        uint64_t modseq = 0;

        if (rt_random() % 8 == 0)
            expunge(mailbox, uid, uid, false);
        else
            modseq =
                flag(mailbox, uid, uid + 3, rt_random() % 2 ? STORE_FLAGS_ADD : STORE_FLAGS_REMOVE,
                     STORE_SEEN, UINT64_MAX)
                    .modseq;
        OK(store_snapshot_get(s, mailbox, &now));
        check_whole(now, modseq);
        CHECK(!old || store_snapshot_mailbox(now)->modseq >= store_snapshot_mailbox(old)->modseq);
        store_snapshot_drop(old);
        old = now;
        OK(rt_sleep(0));
    }
    store_snapshot_drop(old);
    if (atomic_fetch_sub(&left, 1) == 1)
        rt_stop(the_rt);
    return 0;
}

static void start(void *arg)
{
    for (int i = 0; i < TASKS; i++)
        OK(rt_spawn(change_and_look, arg, "change and look", NULL));
}

static int first(void *arg)
{
    mailbox = put_text(ANA, "busy", "x").in_mailbox_id;
    for (int i = 0; i < 9; i++)
        copy(mailbox, mailbox, RANGE(1, UINT32_MAX), false, 0);
    for (unsigned i = 0; i < LOOPS; i++)
        rt_post(rt_loop_at(the_rt, i), start, arg);
    return 0;
}

static void pictures_on_several_loops(void **state)
{
    (void)state;
    assert_int_equal(rt_new(&(struct rt_config){.loops = LOOPS}, &the_rt), 0);
    OK(store_memory_open(the_rt, &s));
    assert_int_equal(rt_run(the_rt, first, NULL), 0);
    assert_int_equal(left, 0);
    store_close(s);
    rt_free(the_rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pictures_on_several_loops)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
