// SPDX-License-Identifier: ISC
#include "mail/casemap.h"
#include "mail/forest.h"
#include "mail/subject.h"
#include "mail/test.h"
#include "mail/thread.h"

static const uint64_t seed[2] = {1, 2};

struct mail {
    const char *id, *references, *subject;
    int sent;
};

static void add(struct threads *t, uint32_t number, const struct mail *m)
{
    struct buf base = {.max = 1000}, folded = {.max = 1000};
    struct thread_mail mail = {
        .number = number,
        .sent_s = m->sent,
        .message_id = str_from(m->id),
        .references = str_from(m->references),
    };

    mail.is_reply = subject_put_base(&base, str_from(m->subject));
    casemap_put(&folded, buf_str(&base));
    mail.subject = buf_str(&folded);
    threads_add(t, &mail);
    buf_done(&base);
    buf_done(&folded);
}

static void put_threads(struct threads *t, struct buf *out)
{
    struct thread_step step;
    bool after_number = false;

    while (threads_next(t, &step)) {
        if (step.what != THREAD_CLOSE && after_number)
            buf_put_char(out, ' ');
        if (step.what == THREAD_NUMBER)
            buf_put_u64(out, step.number);
        else
            buf_put_char(out, step.what == THREAD_OPEN ? '(' : ')');
        after_number = step.what == THREAD_NUMBER;
    }
}

static const struct {
    const char *name;
    enum thread_how how;
    struct mail mails[8];
    const char *want;
} cases[] = {
    {"nothing", THREAD_REFERENCES, {{0}}, ""},
    {"one", THREAD_REFERENCES, {{"a", "", "x", 1}}, "(1)"},
    {"a chain",
     THREAD_REFERENCES,
     {{"a", "", "x", 1}, {"b", "a", "Re: x", 2}, {"c", "a b", "Re: x", 3}},
     "(1 2 3)"},
    {"a fork",
     THREAD_REFERENCES,
     {{"a", "", "x", 1}, {"b", "a", "Re: x", 2}, {"c", "a", "Re: x", 3}, {"d", "a b", "Re: x", 4}},
     "(1 (2 4)(3))"},
    {"children by date, not by number",
     THREAD_REFERENCES,
     {{"a", "", "x", 1}, {"b", "a", "Re: x", 9}, {"c", "a", "Re: x", 3}},
     "(1 (3)(2))"},
    {"the same date: by number",
     THREAD_REFERENCES,
     {{"a", "", "x", 1}, {"b", "a", "Re: x", 3}, {"c", "a", "Re: x", 3}},
     "(1 (2)(3))"},
    {"a child before its parent",
     THREAD_REFERENCES,
     {{"b", "a", "Re: x", 2}, {"a", "", "x", 1}},
     "(2 1)"},
    {"a missing one between",
     THREAD_REFERENCES,
     {{"a", "", "x", 1}, {"c", "a b", "Re: x", 3}, {"d", "a b", "Re: x", 4}},
     "(1 (2)(3))"},
    {"a missing root of two",
     THREAD_REFERENCES,
     {{"b", "a", "p", 2}, {"c", "a", "q", 3}},
     "((1)(2))"},
    {"a missing root of one", THREAD_REFERENCES, {{"b", "a", "p", 2}}, "(1)"},
    {"missing roots above each other",
     THREAD_REFERENCES,
     {{"b", "y z", "p", 2}, {"c", "y z", "q", 3}, {"d", "y", "r", 1}},
     "((3)(1)(2))"},
    {"a loop of two", THREAD_REFERENCES, {{"a", "b", "x", 1}, {"b", "a", "y", 2}}, "(2 1)"},
    {"refers to itself", THREAD_REFERENCES, {{"a", "a", "x", 1}, {"b", "a a", "y", 2}}, "(1 2)"},
    {"a loop within references", THREAD_REFERENCES, {{"c", "a b a", "x", 1}}, "(1)"},
    {"a doubled id counts once",
     THREAD_REFERENCES,
     {{"a", "", "x", 1}, {"a", "", "y", 2}, {"b", "a", "z", 3}},
     "(1 3)(2)"},
    {"no ids at all", THREAD_REFERENCES, {{"", "", "x", 2}, {"", "", "y", 1}}, "(2)(1)"},
    {"cut references are put right",
     THREAD_REFERENCES,
     {{"d", "a c", "x", 3}, {"c", "b", "x", 2}, {"b", "", "y", 1}, {"a", "", "z", 0}},
     "(4)(3 2 1)"},
    {"own references beat those of others",
     THREAD_REFERENCES,
     {{"c", "a b", "x", 3}, {"b", "", "y", 2}, {"a", "", "z", 1}},
     "(3)(2 1)"},
    // step 5
    {"replies without references",
     THREAD_REFERENCES,
     {{"a", "", "x", 1}, {"b", "", "Re: x", 2}, {"c", "", "Re: x", 3}},
     "(1 (2)(3))"},
    {"a reply that came first",
     THREAD_REFERENCES,
     {{"b", "", "Re: x", 1}, {"a", "", "x", 2}},
     "(2 1)"},
    {"two of one subject", THREAD_REFERENCES, {{"a", "", "x", 1}, {"b", "", "x", 2}}, "((1)(2))"},
    {"three of one subject",
     THREAD_REFERENCES,
     {{"a", "", "x", 1}, {"b", "", "x", 2}, {"c", "", "X", 3}},
     "((1)(2)(3))"},
    {"two replies of one subject",
     THREAD_REFERENCES,
     {{"a", "", "Re: x", 1}, {"b", "", "Re: x", 2}},
     "((1)(2))"},
    {"a table's mail that is later in the list",
     THREAD_REFERENCES,
     {{"a", "", "Re: x", 1}, {"b", "", "x", 2}, {"c", "", "x", 3}, {"d", "", "p", 4}},
     "((2 1)(3))(4)"},
    {"two dummies of one subject",
     THREAD_REFERENCES,
     {{"a", "y", "x", 1}, {"b", "y", "x", 2}, {"c", "z", "x", 3}, {"d", "z", "x", 4}},
     "((1)(2)(3)(4))"},
    {"a mail joins a dummy",
     THREAD_REFERENCES,
     {{"a", "y", "x", 2}, {"b", "y", "x", 3}, {"c", "", "x", 1}},
     "((3)(1)(2))"},
    {"empty subjects stay apart",
     THREAD_REFERENCES,
     {{"a", "", "", 1}, {"b", "", "Re:", 2}},
     "(1)(2)"},
    {"threads by the date of their first",
     THREAD_REFERENCES,
     {{"a", "", "x", 5}, {"b", "a", "Re: x", 1}, {"c", "", "y", 3}},
     "(3)(1 2)"},
    // ORDEREDSUBJECT
    {"subjects",
     THREAD_ORDEREDSUBJECT,
     {{"a", "", "x", 3}, {"b", "", "y", 1}, {"c", "", "Re: X", 2}, {"d", "", "re: x", 4}},
     "(2)(3 (1)(4))"},
    {"no subjects", THREAD_ORDEREDSUBJECT, {{"a", "", "", 3}, {"b", "", "Re:", 1}}, "(2 1)"},
};

static void conversations(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct threads *t = threads_new(cases[i].how, seed);
        struct buf out = {.max = 1000};

        for (uint32_t n = 0; n < 8 && cases[i].mails[n].id; n++)
            add(t, n + 1, &cases[i].mails[n]);
        threads_build(t);
        put_threads(t, &out);
        ASSERT_STR(buf_str(&out), str_from(cases[i].want), cases[i].name);
        buf_done(&out);
        threads_free(t);
    }
}

/// Every number is told once and lists are closed, whatever refers to what.
static void walk_is_whole(struct threads *t, size_t count)
{
    unsigned char *seen = calloc(count + 1, 1);
    struct thread_step step;
    size_t depth = 0, numbers = 0;

    threads_build(t);
    while (threads_next(t, &step)) {
        if (step.what == THREAD_OPEN) {
            depth++;
        } else if (step.what == THREAD_CLOSE) {
            assert_true(depth-- > 0);
        } else {
            assert_true(depth > 0 && step.number <= count && !seen[step.number]++);
            numbers++;
        }
    }
    assert_int_equal(depth, 0);
    assert_int_equal(numbers, count);
    free(seen);
}

static uint64_t next_random(uint64_t *x)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return *x >> 33;
}

static void random_references(void **state)
{
    uint64_t x = 7;

    (void)state;
    for (int round = 0; round < 300; round++) {
        struct threads *t = threads_new(THREAD_REFERENCES, seed);

        for (uint32_t n = 1; n <= 60; n++) {
            struct buf refs = {.max = 100}, id = {.max = 20}, subject = {.max = 20};
            struct mail mail;

            for (uint64_t k = next_random(&x) % 5; k > 0; k--)
                buf_putf(&refs, "%u ", (unsigned)(next_random(&x) % 40));
            buf_putf(&id, "%u", (unsigned)(next_random(&x) % 50));
            buf_putf(&subject, "%s%u", next_random(&x) % 2 ? "re:" : "",
                     (unsigned)(next_random(&x) % 20));
            mail = (struct mail){buf_cstr(&id), buf_cstr(&refs), buf_cstr(&subject),
                                 (int)(next_random(&x) % 10)};
            add(t, n, &mail);
            buf_done(&refs);
            buf_done(&id);
            buf_done(&subject);
        }
        walk_is_whole(t, 60);
        threads_free(t);
    }
}

enum { MANY = 100000 };

/// Long chains, in the orders that hurt: from the first, from the last, and each second one later.
static void long_chains(void **state)
{
    (void)state;
    for (int order = 0; order < 3; order++) {
        struct threads *t = threads_new(THREAD_REFERENCES, seed);

        for (uint32_t n = 0; n < MANY; n++) {
            uint32_t k = order == 0 ? n : order == 1 ? MANY - 1 - n : n * 2 % MANY + n * 2 / MANY;
            char id[20], references[40];
            struct thread_mail mail = {.number = n + 1, .sent_s = k};

            snprintf(id, sizeof(id), "%u", k);
            snprintf(references, sizeof(references), "%u %u", k ? k - 1 : 0, k ? k - 1 : 0);
            mail.message_id = str_from(id);
            mail.references = str_from(references);
            threads_add(t, &mail);
        }
        walk_is_whole(t, MANY);
        threads_free(t);
    }
}

// ---- the forest, against parents that are followed one by one

static uint32_t slow_root(const uint32_t *parents, uint32_t n)
{
    while (parents[n] != FOREST_NONE)
        n = parents[n];
    return n;
}

static void forest_is_right(void **state)
{
    enum { NODES = 50 };
    uint32_t parents[NODES];
    struct forest f = {0};
    uint64_t x = 3;

    (void)state;
    for (uint32_t i = 0; i < NODES; i++)
        parents[forest_add(&f)] = FOREST_NONE;
    for (int round = 0; round < 50000; round++) {
        uint32_t a = (uint32_t)(next_random(&x) % NODES), b = (uint32_t)(next_random(&x) % NODES);

        assert_int_equal(forest_root(&f, a), slow_root(parents, a));
        if (parents[a] != FOREST_NONE && next_random(&x) % 2) {
            forest_cut(&f, a);
            parents[a] = FOREST_NONE;
        } else if (parents[a] == FOREST_NONE && slow_root(parents, b) != a) {
            forest_link(&f, a, b);
            parents[a] = b;
        }
    }
    forest_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forest_is_right),
        cmocka_unit_test(conversations),
        cmocka_unit_test(random_references),
        cmocka_unit_test(long_chains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
