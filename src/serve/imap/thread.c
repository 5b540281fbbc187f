// SPDX-License-Identifier: ISC
//
// THREAD (RFC 5256 3): the messages that match, as conversations (mail/thread.h).
#include "base/check.h"
#include "mail/thread.h"
#include "proto/imap/sort.h"
#include "serve/imap/search_answer.h"
#include "serve/imap/words.h"

static int add(void *arg, uint32_t index, const struct imap_words *words)
{
    struct threads *t = arg;
    struct thread_mail mail = {
        .number = index,
        .sent_s = words->sent_s,
        .subject = words->summary->base_subject,
        .is_reply = words->summary->is_reply_or_forward,
        .message_id = words->summary->message_id,
        .references = words->summary->references,
    };

    threads_add(t, &mail);
    return 0;
}

static int build(void *arg)
{
    threads_build(arg);
    return 0;
}

/// [await] "* THREAD (2)(3 6 (4 23)(44 7 96))"
static int put_threads(struct imap_session *s, struct imap_call *c, struct threads *t)
{
    bool after_number = false, is_first = true;
    struct thread_step step;
    int r = 0;

    buf_put(c->out, STR("* THREAD"));
    while (r == 0 && threads_next(t, &step)) {
        if (step.what != THREAD_CLOSE && (after_number || is_first))
            buf_put_char(c->out, ' ');
        if (step.what == THREAD_NUMBER)
            buf_put_u64(c->out, c->is_uid ? imap_view_uid(s->view, step.number) : step.number + 1);
        else
            buf_put_char(c->out, step.what == THREAD_OPEN ? '(' : ')');
        after_number = step.what == THREAD_NUMBER;
        is_first = false;
        if (c->out->len >= IMAP_PIECE)
            r = imap_put_out(s, c, false);
    }
    buf_put(c->out, STR("\r\n"));
    return r;
}

static int run(struct imap_session *s, struct imap_call *c, struct imap_judge *j,
               enum thread_how how)
{
    uint64_t seed[2] = {rt_random(), rt_random()};
    struct threads *t = threads_new(how, seed);
    struct imap_hits hits = {0};
    int r = imap_judge_run(j, false, SIZE_MAX, &hits);

    if (r == 0)
        r = imap_words_each(j, &hits, true, add, t);
    imap_hits_done(&hits);
    if (r == 0)
        r = rt_call(imap_pool(s), build, t);
    if (r == 0)
        r = put_threads(s, c, t);
    threads_free(t);
    if (r != 0)
        return imap_no_store(s, c, "thread", r);
    return imap_ok_keeping_numbers(
        s, c, j->missing > 0 ? "[EXPUNGEISSUED] Some messages are gone" : "Here they are");
}

int imap_on_thread(struct imap_session *s, struct imap_call *c)
{
    struct imap_search what;
    struct imap_judge j;
    struct str algorithm;
    bool by_references;
    int r;

    if (imap_view_sync(s, IMAP_SYNC_KEEP_NUMBERS, c->is_uid, c->out) == IMAP_VIEW_GONE)
        return imap_bye(s, IMAP_VIEW_GONE_TEXT);
    if (!imap_thread_parse(&c->in, c->arena, &algorithm, &what))
        return imap_bad_syntax(s, c);
    by_references = str_case_eq(algorithm, STR("REFERENCES"));
    if (!by_references && !str_case_eq(algorithm, STR("ORDEREDSUBJECT")))
        return imap_bad(s, c, "THREAD is ORDEREDSUBJECT or REFERENCES");
    imap_search_enables(s, c, &what);
    r = imap_judge_init(&j, s, s->view, c->arena, &what);
    j.c = c;
    if (r == 0 && !imap_judge_limit(&j))
        r = IMAP_JUDGE_OVER_LIMIT;
    r = r == 0 ? run(s, c, &j, by_references ? THREAD_REFERENCES : THREAD_ORDEREDSUBJECT)
               : imap_refuse_search(s, c, r);
    imap_judge_done(&j);
    return r;
}
