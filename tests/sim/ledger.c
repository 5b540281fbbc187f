// SPDX-License-Identifier: ISC
#include "ledger.h"

#include "base/check.h"
#include "base/cleanup.h"

#include <stdio.h>

void ledger_init(struct ledger *l)
{
    map_init(&l->numbers, (uint64_t[2]){1, 2});
}

void ledger_done(struct ledger *l)
{
    map_done(&l->numbers);
}

void ledger_taken(struct ledger *l, uint64_t number, struct str recipient)
{
    struct ledger_mail *mail;
    bool is_known = false;

    CHECK(number < l->count);
    mail = &l->mails[number];
    for (size_t i = 0; i < mail->count && !is_known; i++) {
        is_known = str_case_eq(str_from(mail->recipients[i].address), recipient);
        mail->recipients[i].delivered += is_known;
    }
    CHECK(is_known); // nobody gets a mail that was not for him
}

// ---- stories

static void name_mail(struct ledger *l, uint64_t mail_id, uintptr_t number_and_one)
{
    map_put_u64(&l->numbers, mail_id, (void *)number_and_one);
}

static uintptr_t number_of(const struct ledger *l, uint64_t mail_id)
{
    return (uintptr_t)map_get_u64(&l->numbers, mail_id);
}

/// What follows `key` up to one of `ends`; "" when it is not there.
static struct str value_of(struct str text, struct str key, const char *ends)
{
    ptrdiff_t at = str_find_str(text, key);
    struct str rest = str_skip(text, at < 0 ? text.len : (size_t)at + key.len);
    size_t len = 0;

    while (len < rest.len && !strchr(ends, rest.ptr[len]))
        len++;
    return str_head(rest, len);
}

static uint64_t hex_of(struct str text)
{
    uint64_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        const char *digit = strchr("0123456789abcdef", text.ptr[i]);

        CHECK(digit && *digit);
        n = n << 4 | (uint64_t)(digit - "0123456789abcdef");
    }
    return n;
}

/// "kept ... message_id=<7@client.test>": a mail of a client's; or <REPORT.MAIL@host>: a report.
static void note_kept(struct ledger *l, uint64_t mail_id, struct str text)
{
    struct str name = value_of(text, STR("message_id=<"), "@ "), about;
    uint64_t number;

    if (str_find_str(text, STR("@client.test>")) >= 0) {
        CHECK(str_to_u64(name, LEDGER_MAILS_MAX, &number));
        name_mail(l, mail_id, (uintptr_t)number + 1);
        return;
    }
    about = value_of(name, STR("."), "");
    if (number_of(l, hex_of(about)))
        name_mail(l, mail_id, number_of(l, hex_of(about)));
}

static bool is_doubt(const struct ledger *l, struct str text)
{
    if (str_starts(text, STR("results cannot be kept")))
        return true;
    return str_starts(text, STR("later ")) &&
           (str_find_str(text, STR(" enhanced=4.4.2 ")) >= 0 ||
            (l->has_bad_disks && str_find_str(text, STR(" enhanced=4.3.0 ")) >= 0));
}

void ledger_story(void *arg, uint64_t mail_id, int64_t wall_us, const char *where, struct str text)
{
    struct ledger *l = arg;
    struct str place = str_from(where);
    uintptr_t number = number_of(l, mail_id);

    (void)wall_us;
    l->stories++;
    if (str_eq(place, STR("queue/accept")) && str_starts(text, STR("kept ")))
        note_kept(l, mail_id, text);
    else if (str_eq(place, STR("queue/report")) && str_starts(text, STR("made ")) && number)
        name_mail(l, hex_of(value_of(text, STR("report="), " ")), number);
    else if (str_eq(place, STR("queue/attempt")) && number && is_doubt(l, text))
        l->mails[number - 1].doubts++;
}

// ---- checking

static bool wants(const struct ledger_recipient *r, unsigned what)
{
    unsigned given = r->notify ? r->notify : ENVELOPE_NOTIFY_FAILURE | ENVELOPE_NOTIFY_DELAY;

    return (given & what) != 0;
}

/// How many copies may there be more than one?
static unsigned more_of(const struct ledger_mail *mail, enum ledger_rule rule, unsigned crashes)
{
    unsigned doubts = mail->doubts + mail->client_doubts;

    if (rule == LEDGER_EXACT)
        return 0;
    return rule == LEDGER_CRASHES && doubts > crashes ? crashes : doubts;
}

/// Silence was asked for: then only a server of ours must have it for sure.
static bool is_lost(const struct ledger_mail *mail, const struct ledger_recipient *r)
{
    bool is_told = !mail->is_null && (r->list || wants(r, ENVELOPE_NOTIFY_FAILURE));

    return mail->is_acknowledged && r->is_promised && !r->delivered && !r->failed &&
           (r->is_local || is_told);
}

static const char *wrong_report(const struct ledger_mail *mail, const struct ledger_recipient *r,
                                unsigned more)
{
    if (!r->list && r->failed && !wants(r, ENVELOPE_NOTIFY_FAILURE))
        return "a failure was reported to who did not ask";
    if (!r->list && r->warned && !wants(r, ENVELOPE_NOTIFY_DELAY))
        return "a delay was reported to who did not ask";
    if (r->told && !wants(r, ENVELOPE_NOTIFY_SUCCESS))
        return "a success was reported to who did not ask";
    if (r->told > 1 + more)
        return "a success was reported too often";
    if (r->warned > 2 * (1 + more))
        return "a delay was reported too often";
    if (mail->is_acknowledged && r->is_promised && r->delivered && !r->told && !r->failed &&
        !mail->is_null && !mail->doubts && wants(r, ENVELOPE_NOTIFY_SUCCESS))
        return "the sender asked, and was not told of the success";
    return NULL;
}

static const char *what_is_wrong(const struct ledger_mail *mail, const struct ledger_recipient *r,
                                 enum ledger_rule rule, unsigned crashes)
{
    unsigned more = more_of(mail, rule, crashes);

    if (is_lost(mail, r))
        return "lost";
    if (mail->is_acknowledged && r->is_promised && r->is_real && !r->delivered)
        return "given up, although it could have been delivered";
    if (r->is_local && r->delivered > 1 + mail->client_doubts)
        return "delivered twice to a local recipient";
    if (r->delivered + r->failed > 1 + more)
        return "delivered or reported too often";
    return wrong_report(mail, r, more);
}

bool ledger_check(const struct ledger *l, enum ledger_rule rule, unsigned crashes)
{
    bool is_right = true;

    for (unsigned i = 0; i < l->count; i++) {
        const struct ledger_mail *mail = &l->mails[i];

        for (size_t k = 0; k < mail->count; k++) {
            const struct ledger_recipient *r = &mail->recipients[k];
            const char *why = what_is_wrong(mail, r, rule, crashes);

            if (!why)
                continue;
            printf("mail %u (%sacknowledged, from d%u.test) to %s (%s, notify %u): %s (delivered "
                   "%u, failed %u, told %u, warned %u; doubts %u, of the client %u; crashes %u)\n",
                   i, mail->is_acknowledged ? "" : "not ", mail->sender, r->address, r->alias,
                   r->notify, why, r->delivered, r->failed, r->told, r->warned, mail->doubts,
                   mail->client_doubts, crashes);
            is_right = false;
        }
    }
    return is_right;
}
