// SPDX-License-Identifier: ISC
//
// Any bytes as names and lists of a Maildir and as sequences of MH.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/charset.h"
#include "mail/maildir.h"
#include "mail/mh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(struct str file)
{
    CLEANUP(buf_drop) struct buf back = {.max = 1 << 17};
    struct maildir_name n, again;

    if (!maildir_name_parse(file, &n))
        return;
    CHECK(n.base.len > 0 && n.base.len <= file.len);
    buf_put(&back, n.base);
    maildir_put_info(&back, n.flags, n.keywords);
    CHECK(maildir_name_parse(buf_str(&back), &again) && str_eq(again.base, n.base));
    CHECK(again.flags == n.flags && again.keywords == n.keywords);
}

static void check_folder(struct str name)
{
    CLEANUP(buf_drop)
    struct buf mailbox = {.max = 1 << 18},
               file = {.max = 1 << 20}, back = {.max = 1 << 20};

    maildir_put_folder(&mailbox, name);
    CHECK(charset_is_utf8(buf_str(&mailbox)));
    if (str_eq(buf_str(&mailbox), STR("INBOX")) || mailbox.len == 0)
        return;
    CHECK(maildir_put_folder_name(&file, buf_str(&mailbox)));
    maildir_put_folder(&back, buf_str(&file));
    CHECK(str_eq(buf_str(&back), buf_str(&mailbox)));
}

static void check_lists(struct str text)
{
    CLEANUP(buf_drop) struct buf one = {.max = 1 << 18};
    struct str names[MAILDIR_KEYWORDS];
    struct mh_sequences *s = malloc(sizeof *s);
    struct arena arena;
    size_t at = 0, last = 0;

    CHECK(s);
    maildir_keywords_parse(text, names);
    while (maildir_subscription_next(text, &at, '.', &one)) {
        CHECK(at > last && one.len > 0);
        last = at;
        buf_clear(&one);
    }
    arena_init(&arena, 64 << 20);
    mh_sequences_parse(text, &arena, s);
    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < s->items[i].count; k++) {
            CHECK(mh_sequence_has(&s->items[i], s->items[i].ranges[k].first));
            CHECK(!mh_sequence_has(&s->items[i], s->items[i].ranges[k].last + 1));
        }
    }
    arena_done(&arena);
    free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of(data, size);

    if (size > 1 << 16)
        return 0;
    check_name(text);
    check_folder(text);
    check_lists(text);
    return 0;
}
