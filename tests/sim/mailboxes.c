// SPDX-License-Identifier: ISC
//
// What lies in the mailboxes at the end: mails, byte for byte as they were written, and reports,
// each in the right mailbox.
#include "base/check.h"
#include "base/cleanup.h"

#include "ledger.h"

#include <stdio.h>

static bool number_after(struct str text, struct str word, uint64_t *out)
{
    ptrdiff_t at = str_find_str(text, word);
    struct str rest = str_skip(text, at < 0 ? 0 : (size_t)at + word.len), digits;

    return at >= 0 && str_split(&rest, '\r', &digits) && str_to_u64(digits, UINT32_MAX, out);
}

// ---- reports

struct reader { // in whose mailbox it is
    const struct node *node;
    const char *user;
};

/// The sender of the mail; of what went wrong behind a list, the list's owner.
static bool is_reader(const struct ledger_mail *mail, const struct ledger_recipient *r,
                      bool names_list, const struct reader *reader)
{
    if (r->list && !names_list)
        return reader->node->number == r->list && strcmp(reader->user, "u0") == 0;
    return reader->node->number == mail->sender && strcmp(reader->user, "u2") == 0;
}

static void count_action(struct ledger_recipient *r, struct str action)
{
    if (str_eq(action, STR("failed")))
        r->failed++;
    else if (str_eq(action, STR("delayed")))
        r->warned++;
    else
        r->told++;
}

/// A list that is named stands for all its members. False: nobody is meant.
static bool count_report(struct ledger_mail *mail, struct str address, struct str action,
                         const struct reader *reader)
{
    bool is_known = false;

    for (size_t i = 0; i < mail->count; i++) {
        struct ledger_recipient *r = &mail->recipients[i];
        bool is_alias = r->alias[0] && str_case_eq(str_from(r->alias), address);

        if (!is_alias && !str_case_eq(str_from(r->address), address))
            continue;
        CHECK(is_reader(mail, r, is_alias, reader)); // nobody else is told
        CHECK(!mail->is_null || r->list);            // and no report about a report
        count_action(r, action);
        is_known = true;
    }
    return is_known;
}

static bool field_of(struct str line, struct str name, struct str *out)
{
    if (!str_case_starts(line, name))
        return false;
    *out = str_trim(str_skip(line, name.len));
    return true;
}

static void read_report(struct ledger_mail *mail, struct str text, const struct reader *reader)
{
    struct str rest = text, line, address = STR(""), action;
    unsigned named = 0;
    bool is_known;

    CHECK(str_starts(text, STR("Return-Path: <>")));
    while (str_split(&rest, '\n', &line)) {
        if (str_ends(line, STR("\r")))
            line.len--;
        if (field_of(line, STR("Final-Recipient: rfc822;"), &address) ||
            !field_of(line, STR("Action:"), &action))
            continue;
        is_known = count_report(mail, address, action, reader);
        if (!is_known)
            fprintf(stderr, "a report about %.*s, whom the mail was not for\n", STR_ARG(address));
        CHECK(is_known);
        named++;
    }
    CHECK(named > 0);
}

// ---- mails

/// As it was written, behind what servers put on top.
static void check_body(struct str body, uint64_t number)
{
    CLEANUP(buf_drop) struct buf want = {.max = 1 << 20};
    uint64_t lines;
    ptrdiff_t at = str_find_str(body, STR("\r\n\r\n"));

    CHECK(at >= 0 && number_after(body, STR("X-Lines: "), &lines));
    for (uint64_t i = 0; i < lines; i++)
        buf_putf(&want, "%sline %u of mail %u\r\n", i % 7 ? "" : ".", (unsigned)i,
                 (unsigned)number);
    CHECK(str_eq(str_skip(body, (size_t)at + 4), buf_str(&want)));
}

static void read_mail(struct ledger *l, const struct reader *reader, struct str body)
{
    char address[64];
    uint64_t number;

    CHECK(number_after(body, STR("X-Number: "), &number) && number < l->count);
    if (str_find_str(body, STR("Content-Type: multipart/report")) >= 0) {
        read_report(&l->mails[number], body, reader);
        return;
    }
    check_body(body, number);
    snprintf(address, sizeof address, "%s@%s", reader->user, reader->node->domain);
    ledger_taken(l, number, str_from(address));
}

static void read_inbox(struct ledger *l, struct node *n, const char *user)
{
    CLEANUP(buf_drop) struct buf body = {.max = 4 << 20};
    CLEANUP(arena_done) struct arena arena = {0};
    const struct reader reader = {n, user};
    struct account_info info;
    struct store_mailbox inbox;
    struct store_entries entries;
    char address[64];

    arena_init(&arena, 1 << 20);
    snprintf(address, sizeof address, "%s@%s", user, n->domain);
    CHECK(account_get(n->accounts, str_from(address), &arena, &info) == 0);
    CHECK(store_mailbox_by_name(n->store, info.id, STR("INBOX"), &inbox) == 0);
    CHECK(store_entries_get(n->store, inbox.id, 1, UINT32_MAX, &entries) == 0);
    // who was told at RCPT that there is room is not refused at the dot, so a few more may come in
    CHECK(info.quota_messages == 0 || entries.count < 2 * info.quota_messages);
    for (size_t i = 0; i < entries.count; i++) {
        buf_clear(&body);
        CHECK(store_body_load(n->store, &entries.items[i].body, &body) == 0);
        read_mail(l, &reader, buf_str(&body));
    }
    store_entries_done(&entries);
}

void ledger_read(struct ledger *l, struct node *n)
{
    char user[8];

    for (unsigned i = 0; i < NODE_USERS; i++) {
        snprintf(user, sizeof user, "u%u", i);
        read_inbox(l, n, user);
    }
}
