// SPDX-License-Identifier: ISC
//
// Conversations: the two algorithms of RFC 5256 3, ORDEREDSUBJECT and REFERENCES. Mails are added
// one by one with what was read of them, and nothing of that is kept but hashes; then the trees are
// built and walked. A million mails take seconds and about 100 MB, in whatever way they refer to
// each other: no step is quadratic, none recurses.
#pragma once

#include "base/str.h"

enum thread_how { THREAD_ORDEREDSUBJECT, THREAD_REFERENCES };

struct thread_mail {
    uint32_t number;       // what thread_step tells; grows from mail to mail
    int64_t sent_s;        // the Date field in UTC, or when the mail came
    struct str subject;    // base subject, folded (mail/subject.h, mail/casemap.h)
    bool is_reply;         // its subject was that of a reply or a forward
    struct str message_id; // without <>; empty: none
    struct str references; // message ids apart by spaces
};

struct threads;

/// `seed` keeps strangers from choosing hashes that collide.
struct threads *threads_new(enum thread_how how, const uint64_t seed[2]);
void threads_free(struct threads *t);
void threads_add(struct threads *t, const struct thread_mail *mail);
/// Once, after the last mail. May take seconds.
void threads_build(struct threads *t);

/// A walk through all threads as RFC 5256 4 writes them: "(2)(3 6 (4 23)(44 7 96))".
enum thread_what { THREAD_OPEN, THREAD_NUMBER, THREAD_CLOSE };
struct thread_step {
    enum thread_what what;
    uint32_t number;
};
bool threads_next(struct threads *t, struct thread_step *out);
