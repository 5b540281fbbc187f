// SPDX-License-Identifier: ISC
#include "base/check.h"
#include "mail/thread.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAILS_MAX = 500 };

/// A line is a mail: its first byte the date, the second the subject, then its id and references,
/// each a byte.
static bool add_line(struct threads *t, struct str line, uint32_t number)
{
    char references[128];
    size_t len = 0;
    struct thread_mail mail = {.number = number};

    if (line.len < 3)
        return false;
    mail.sent_s = line.ptr[0];
    mail.subject = line.ptr[1] == ' ' ? STR("") : str_of(line.ptr + 1, 1);
    mail.is_reply = line.ptr[1] & 1;
    mail.message_id = line.ptr[2] == ' ' ? STR("") : str_of(line.ptr + 2, 1);
    for (size_t i = 3; i < line.len && len + 2 < sizeof(references); i++) {
        references[len++] = line.ptr[i];
        references[len++] = ' ';
    }
    mail.references = str_of(references, len);
    threads_add(t, &mail);
    return true;
}

/// Every mail is told once, and lists are closed.
static void walk(struct threads *t, uint32_t mails)
{
    bool seen[MAILS_MAX] = {0};
    struct thread_step step;
    uint32_t told = 0, depth = 0;

    while (threads_next(t, &step)) {
        if (step.what == THREAD_OPEN) {
            depth++;
        } else if (step.what == THREAD_CLOSE) {
            CHECK(depth-- > 0);
        } else {
            CHECK(depth > 0 && step.number < mails && !seen[step.number]);
            seen[step.number] = true;
            told++;
        }
    }
    CHECK(depth == 0 && told == mails);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t seed[2] = {1, 2};

    for (int how = THREAD_ORDEREDSUBJECT; how <= THREAD_REFERENCES; how++) {
        struct threads *t = threads_new((enum thread_how)how, seed);
        struct str rest = str_of(data, size), line;
        uint32_t mails = 0;

        while (mails < MAILS_MAX && str_split(&rest, '\n', &line))
            mails += add_line(t, line, mails);
        threads_build(t);
        walk(t, mails);
        threads_free(t);
    }
    return 0;
}
