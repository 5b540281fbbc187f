// SPDX-License-Identifier: ISC
//
// Any message into fewer bits. First byte: which bits; second: how it is cut. Whatever it is,
//  - the result does not depend on the cuts;
//  - what comes out needs no second time, or cannot be done;
//  - to 7 bits, nothing beyond ASCII is left outside of headers.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/downgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum downgrade_answer run(struct str message, enum downgrade_to to, size_t piece,
                                 struct buf *out)
{
    struct downgrade *d = downgrade_new(to);
    enum downgrade_answer answer;

    for (size_t at = 0; at < message.len; at += piece)
        downgrade_learn(d, str_head(str_skip(message, at), piece));
    for (size_t at = 0; at < message.len; at += piece)
        downgrade_look(d, str_head(str_skip(message, at), piece));
    answer = downgrade_decide(d);
    for (size_t at = 0; at < message.len && answer == DOWNGRADE_FINE; at += piece)
        downgrade_put(d, str_head(str_skip(message, at), piece), out);
    if (answer == DOWNGRADE_FINE)
        downgrade_end(d, out);
    CHECK(buf_ok(out));
    downgrade_free(d);
    return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buf_drop) struct buf whole = {.max = 4 << 20}, cut = {.max = 4 << 20};
    CLEANUP(buf_drop) struct buf again = {.max = 16 << 20};
    enum downgrade_to to;
    enum downgrade_answer answer;
    struct str message;

    if (size < 2 || size > 65536)
        return 0;
    to = data[0] & 1 ? DOWNGRADE_TO_7BIT : DOWNGRADE_TO_8BIT;
    message = str_of(data + 2, size - 2);
    answer = run(message, to, message.len + 1, &whole);
    CHECK(run(message, to, 1 + data[1] % 100, &cut) == answer);
    CHECK(str_eq(buf_str(&whole), buf_str(&cut)));
    if (answer == DOWNGRADE_FINE)
        run(buf_str(&whole), to, 4096, &again);
    return 0;
}
