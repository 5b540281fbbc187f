// SPDX-License-Identifier: ISC
#include "ledger.h"

#include "base/check.h"
#include "base/cleanup.h"

#include <stdio.h>

// ---- finding

static bool number_after(struct str text, struct str word, uint64_t *out)
{
    ptrdiff_t at = str_find_str(text, word);
    struct str rest = str_skip(text, at < 0 ? 0 : (size_t)at + word.len), digits;

    return at >= 0 && str_split(&rest, '\r', &digits) && str_to_u64(digits, UINT32_MAX, out);
}

static struct ledger_recipient *recipient_of(struct ledger_mail *mail, struct str address)
{
    for (size_t i = 0; i < mail->count; i++) {
        if (str_case_eq(str_from(mail->recipients[i].address), address) ||
            (mail->recipients[i].alias[0] &&
             str_case_eq(str_from(mail->recipients[i].alias), address)))
            return &mail->recipients[i];
    }
    return NULL;
}

void ledger_taken(struct ledger *l, uint64_t number, struct str recipient)
{
    struct ledger_recipient *r;

    CHECK(number < l->count);
    r = recipient_of(&l->mails[number], recipient);
    CHECK(r); // nobody else may get it
    r->delivered++;
}

static void tell_stranger(const struct ledger_mail *mail, uint64_t number, struct str line)
{
    fprintf(stderr, "mail %u: %.*s, but it was for", (unsigned)number, STR_ARG(line));
    for (size_t i = 0; i < mail->count; i++)
        fprintf(stderr, " %s (%s)", mail->recipients[i].address, mail->recipients[i].alias);
    fputc('\n', stderr);
}

/// A report of a failure: each recipient that it names.
static void read_report(struct ledger *l, struct str text, uint64_t number)
{
    struct str rest = text, line;
    bool has_failed = str_find_str(text, STR("Action: failed")) >= 0;

    if (!has_failed)
        return;
    l->reports++;
    while (str_split(&rest, '\n', &line)) {
        struct ledger_recipient *r;

        if (str_ends(line, STR("\r")))
            line.len--;
        if (!str_starts(line, STR("Final-Recipient: rfc822;")))
            continue;
        r = recipient_of(&l->mails[number],
                         str_trim(str_skip(line, sizeof "Final-Recipient: rfc822;" - 1)));
        if (!r)
            tell_stranger(&l->mails[number], number, line);
        CHECK(r); // a report is about somebody the mail was for
        r->bounced++;
    }
}

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

static void read_mail(struct ledger *l, struct node *n, const char *user, struct str body)
{
    struct ledger_recipient *r;
    char address[64];
    uint64_t number;

    CHECK(number_after(body, STR("X-Number: "), &number) && number < l->count);
    if (str_find_str(body, STR("Content-Type: multipart/report")) >= 0) {
        CHECK(str_starts(body, STR("Return-Path: <>")));
        CHECK(!l->mails[number].is_null);
        read_report(l, body, number);
        return;
    }
    check_body(body, number);
    snprintf(address, sizeof address, "%s@%s", user, n->domain);
    r = recipient_of(&l->mails[number], str_from(address));
    CHECK(r); // nobody gets mail that was not for him
    r->delivered++;
}

static void read_inbox(struct ledger *l, struct node *n, const char *user)
{
    CLEANUP(buf_drop) struct buf body = {.max = 4 << 20};
    struct account_info info;
    struct store_mailbox inbox;
    struct store_entries entries;
    struct arena arena;
    char address[64];

    arena_init(&arena, 1 << 20);
    snprintf(address, sizeof address, "%s@%s", user, n->domain);
    CHECK(account_get(n->accounts, str_from(address), &arena, &info) == 0);
    CHECK(store_mailbox_by_name(n->store, info.id, STR("INBOX"), &inbox) == 0);
    CHECK(store_entries_get(n->store, inbox.id, 1, UINT32_MAX, &entries) == 0);
    for (size_t i = 0; i < entries.count; i++) {
        buf_clear(&body);
        CHECK(store_body_load(n->store, &entries.items[i].body, &body) == 0);
        read_mail(l, n, user, buf_str(&body));
    }
    store_entries_done(&entries);
    arena_done(&arena);
}

void ledger_read(struct ledger *l, struct node *n)
{
    char user[8];

    for (unsigned i = 0; i < NODE_USERS; i++) {
        snprintf(user, sizeof user, "u%u", i);
        read_inbox(l, n, user);
    }
}

// ---- checking

static bool is_wrong(const struct ledger_mail *mail, const struct ledger_recipient *r,
                     enum ledger_rule rule, unsigned crashes, const char **why)
{
    unsigned more = rule == LEDGER_EXACT ? 0 : rule == LEDGER_CRASHES ? crashes : 1000;

    *why = NULL;
    if (mail->is_acknowledged && !r->delivered && !r->bounced && !mail->is_null)
        *why = "lost";
    else if (r->is_local && r->delivered > 1)
        *why = "delivered twice to a local recipient";
    else if (r->delivered > 1 + more)
        *why = "delivered too often";
    else if (r->bounced > 1 + more)
        *why = "reported too often";
    else if (rule == LEDGER_EXACT && r->delivered + r->bounced > 1)
        *why = "delivered and reported as failed";
    return *why != NULL;
}

bool ledger_check(const struct ledger *l, enum ledger_rule rule, unsigned crashes)
{
    bool is_right = true;

    for (unsigned i = 0; i < l->count; i++) {
        const struct ledger_mail *mail = &l->mails[i];
        const char *why;

        for (size_t k = 0; k < mail->count; k++) {
            const struct ledger_recipient *r = &mail->recipients[k];

            if (!is_wrong(mail, r, rule, crashes, &why))
                continue;
            printf("mail %u (%sacknowledged, from d%u.test) to %s: %s (delivered %u, reported %u, "
                   "crashes %u)\n",
                   i, mail->is_acknowledged ? "" : "not ", mail->sender, r->address, why,
                   r->delivered, r->bounced, crashes);
            is_right = false;
        }
    }
    return is_right;
}
