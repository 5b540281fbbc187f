// SPDX-License-Identifier: ISC
//
// Written for somebody who has never heard of SMTP: what happened, to which recipient, why, and
// what can be done; the server's own words come last. The reason is chosen by the enhanced status
// code (RFC 3463).
#include "mail/report_words.h"

#include "base/cleanup.h"

#include "mail/address.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/word.h"

enum { SUBJECT_SHOWN_MAX = 200, LANGUAGES = 2 };

struct reason {
    const char *code; // without its class; a prefix
    const char *why[LANGUAGES];
    const char *cure[LANGUAGES];
};

// clang-format off
static const struct reason reasons[] = {
    {"1.1", {"There is no mailbox of that name at the recipient's provider.",
             "Não existe caixa postal com esse nome no provedor do destinatário."},
            {"Check the spelling of the address, or ask the person for the right one.",
             "Confira a grafia do endereço ou peça o endereço certo à pessoa."}},
    {"1.10", {"The domain behind the @ says that it takes no mail at all.",
              "O domínio depois do @ declara que não recebe nenhum e-mail."},
             {"Ask the person for another address.",
              "Peça outro endereço à pessoa."}},
    {"1.2", {"The domain behind the @ does not exist.",
             "O domínio depois do @ não existe."},
            {"Check the spelling of what stands behind the @.",
             "Confira a grafia do que vem depois do @."}},
    {"1.3", {"The address is not written as an address must be.",
             "O endereço não está escrito na forma correta."},
            {"Check the spelling of the address.",
             "Confira a grafia do endereço."}},
    {"1.6", {"The person has moved and left no new address there.",
             "A pessoa mudou de endereço e não deixou o novo."},
            {"Ask the person for the new address.",
             "Peça o novo endereço à pessoa."}},
    {"2.1", {"The mailbox is switched off.",
             "A caixa postal está desativada."},
            {"Reach the person in another way.",
             "Procure a pessoa por outro meio."}},
    {"2.2", {"The recipient's mailbox is full.",
             "A caixa postal do destinatário está cheia."},
            {"Try again later, or tell the person in another way.",
             "Tente mais tarde ou avise a pessoa por outro meio."}},
    {"2.3", {"The mail is larger than that mailbox takes.",
             "A mensagem é maior do que essa caixa postal aceita."},
            {"Send it with smaller attachments.",
             "Envie com anexos menores."}},
    {"3.4", {"The mail is larger than the other server takes.",
             "A mensagem é maior do que o outro servidor aceita."},
            {"Send it with smaller attachments.",
             "Envie com anexos menores."}},
    {"4.1", {"The recipient's mail server does not answer.",
             "O servidor de e-mail do destinatário não responde."},
            {"Often this passes by itself. Send the mail again later.",
             "Muitas vezes isso se resolve sozinho. Envie de novo mais tarde."}},
    {"4.3", {"The way to the recipient's mail server could not be found out (DNS).",
             "Não foi possível descobrir o caminho até o servidor do destinatário (DNS)."},
            {"Check what stands behind the @; if it is right, try again later.",
             "Confira o que vem depois do @; se estiver certo, tente mais tarde."}},
    {"4.4", {"There is no mail server for the domain behind the @.",
             "Não há servidor de e-mail para o domínio depois do @."},
            {"Check the spelling of what stands behind the @.",
             "Confira a grafia do que vem depois do @."}},
    {"4.6", {"The mail went in circles between servers.",
             "A mensagem ficou circulando entre servidores."},
            {"Only the administrators of the servers can mend that; show them this report.",
             "Só os administradores dos servidores podem corrigir; mostre-lhes este aviso."}},
    {"4.7", {"The recipient's server did not take the mail in all the time we tried.",
             "O servidor do destinatário não aceitou a mensagem durante todo o prazo de tentativas."},
            {"Reach the person in another way, or send it again later.",
             "Procure a pessoa por outro meio ou envie de novo mais tarde."}},
    {"6.7", {"The address or the mail has letters that the other server does not understand.",
             "O endereço ou a mensagem tem letras que o outro servidor não entende."},
            {"Ask the person for an address in plain letters.",
             "Peça à pessoa um endereço com letras simples."}},
    {"6.", {"The other server cannot take a mail of this form.",
            "O outro servidor não aceita uma mensagem neste formato."},
           {"Send it as plain text, or attachments in another form.",
            "Envie como texto simples ou os anexos em outro formato."}},
    {"7.30", {"The way to the recipient cannot be protected as this mail demands.",
              "O caminho até o destinatário não pode ser protegido como esta mensagem exige."},
             {"Send it without that demand if you can accept an open way.",
              "Envie sem essa exigência se puder aceitar um caminho aberto."}},
    {"7.", {"The recipient's server refused the mail by its own rules, or because it does not trust the sender.",
            "O servidor do destinatário recusou a mensagem por regras próprias ou por não confiar no remetente."},
           {"Read its words below; if they do not help, show them to your administrator.",
            "Leia as palavras dele abaixo; se não ajudarem, mostre-as ao seu administrador."}},
    {"", {"The recipient's server did not take the mail.",
          "O servidor do destinatário não aceitou a mensagem."},
         {"Read its words below; if they do not help, show them to your administrator.",
          "Leia as palavras dele abaixo; se não ajudarem, mostre-as ao seu administrador."}},
};

static const char *const subjects[][LANGUAGES] = {
    [REPORT_FAILED] = {"Your mail could not be delivered", "Sua mensagem não pôde ser entregue"},
    [REPORT_DELAYED] = {"Your mail is delayed, we keep trying", "Sua mensagem está atrasada, continuamos tentando"},
    [REPORT_DELIVERED] = {"Your mail was delivered", "Sua mensagem foi entregue"},
    [REPORT_RELAYED] = {"Your mail was passed on", "Sua mensagem foi repassada"},
    [REPORT_EXPANDED] = {"Your mail was passed on", "Sua mensagem foi repassada"},
};

static const char *const happened[][LANGUAGES] = {
    [REPORT_FAILED] = {"Your mail did not reach these recipients, and will not be tried again:",
                       "Sua mensagem não chegou a estes destinatários e não será tentada de novo:"},
    [REPORT_DELAYED] = {"Your mail has not reached these recipients yet. You need not do anything: it is tried again by itself.",
                        "Sua mensagem ainda não chegou a estes destinatários. Não é preciso fazer nada: novas tentativas são automáticas."},
    [REPORT_DELIVERED] = {"Your mail was put into the mailbox of these recipients:",
                          "Sua mensagem foi colocada na caixa postal destes destinatários:"},
    [REPORT_RELAYED] = {"Your mail was handed to the server of these recipients, which does not report further:",
                        "Sua mensagem foi entregue ao servidor destes destinatários, que não envia outros avisos:"},
    [REPORT_EXPANDED] = {"These addresses stand for several recipients; your mail was passed on to all of them:",
                         "Estes endereços representam vários destinatários; sua mensagem foi repassada a todos:"},
};

enum phrase { INTRODUCTION, SUBJECT, SENT, WROTE, CURE, SAID, WE_SAY, UNTIL, TALK, MORE, BELOW };

static const char *const phrases[][LANGUAGES] = {
    [INTRODUCTION] = {"This is the mail server %.*s. It writes about a mail of yours:",
                      "Este é o servidor de e-mail %.*s. O aviso é sobre uma mensagem sua:"},
    [SUBJECT] = {"Subject", "Assunto"},
    [SENT] = {"Sent", "Enviada"},
    [WROTE] = {"you wrote to", "você escreveu para"},
    [CURE] = {"What to do", "O que fazer"},
    [SAID] = {"The server %.*s said:", "O servidor %.*s disse:"},
    [WE_SAY] = {"Details:", "Detalhes:"},
    [UNTIL] = {"It is tried until", "As tentativas vão até"},
    [TALK] = {"How the talk between the servers went (for the administrator):",
              "A conversa entre os servidores (para o administrador):"},
    [MORE] = {"... and %zu more recipients.", "... e mais %zu destinatários."},
    [BELOW] = {"Behind this text follow details for programs, and your mail or its header.",
               "Depois deste texto vêm detalhes para programas e a sua mensagem ou o cabeçalho dela."},
};
// clang-format on

static unsigned language_of(const struct report *report)
{
    return str_case_starts(report->language, STR("pt")) ? 1 : 0;
}

static const char *say(const struct report *report, enum phrase phrase)
{
    return phrases[phrase][language_of(report)];
}

/// The first of the enum is the worst.
static enum report_action worst(const struct report *report)
{
    enum report_action action = report->recipients[0].action;

    for (size_t i = 1; i < report->count; i++)
        if (report->recipients[i].action < action)
            action = report->recipients[i].action;
    return action;
}

struct str report_subject(const struct report *report)
{
    return str_from(subjects[worst(report)][language_of(report)]);
}

void report_put_status(struct buf *out, const struct report_recipient *r)
{
    static const char classes[] = {
        [REPORT_FAILED] = '5',  [REPORT_DELAYED] = '4',  [REPORT_DELIVERED] = '2',
        [REPORT_RELAYED] = '2', [REPORT_EXPANDED] = '2',
    };

    if (r->status.len > 0)
        buf_put(out, r->status);
    else
        buf_putf(out, "%c.0.0", classes[r->action]);
}

/// "1.1" must not stand for "1.10": after a digit a code ends.
static bool is_code(struct str status, struct str code)
{
    if (!str_starts(status, code))
        return false;
    return code.len == 0 || code.ptr[code.len - 1] == '.' || status.len == code.len;
}

static const struct reason *reason_of(const struct report_recipient *r)
{
    struct str code = str_skip(r->status, 2);
    size_t i = 0;

    while (!is_code(code, str_from(reasons[i].code)))
        i++;
    return &reasons[i];
}

/// Each line behind `indent`. Control characters, which an answer may hold, become blanks, and
/// bytes that are no UTF-8 question marks.
static void put_lines(struct buf *out, const char *indent, struct str text)
{
    struct str line;

    while (text.ptr && str_split(&text, '\n', &line)) {
        bool is_utf8 = address_is_utf8(line);

        buf_put(out, str_from(indent));
        for (size_t i = 0; i < line.len; i++) {
            unsigned char c = (unsigned char)line.ptr[i];

            buf_put_char(out, c < 32 || c == 127 ? ' ' : c > 127 && !is_utf8 ? '?' : (char)c);
        }
        buf_put_char(out, '\n');
    }
}

static void put_date(struct buf *out, const char *label, int64_t seconds)
{
    buf_putf(out, "    %s: ", label);
    date_put(out, (struct date){.seconds = seconds});
    buf_put_char(out, '\n');
}

static void put_subject(struct buf *out, const struct report *report)
{
    CLEANUP(buf_drop) struct buf subject = {0};
    struct header_field field;
    struct str shown;

    if (!header_find(report->original, STR("Subject"), &field))
        return;
    buf_init(&subject, 64 << 10);
    word_put_decoded(&subject, field.value);
    shown = str_head(buf_str(&subject), SUBJECT_SHOWN_MAX);
    while (shown.len > 0 && shown.len < subject.len &&
           ((unsigned char)subject.ptr[shown.len] & 0xc0) == 0x80)
        shown.len--;
    buf_putf(out, "    %s: ", say(report, SUBJECT));
    put_lines(out, "", shown.len > 0 ? shown : STR("-"));
}

static void put_why(struct buf *out, const struct report *report, const struct report_recipient *r)
{
    const struct reason *reason = reason_of(r);
    unsigned language = language_of(report);

    if (r->action == REPORT_FAILED || r->action == REPORT_DELAYED)
        buf_putf(out, "      %s\n", reason->why[language]);
    if (r->action == REPORT_FAILED)
        buf_putf(out, "      %s: %s\n", say(report, CURE), reason->cure[language]);
    if (r->action == REPORT_DELAYED && r->retry_until_s != 0) {
        buf_put(out, STR("  "));
        put_date(out, say(report, UNTIL), r->retry_until_s);
    }
}

static void put_reply(struct buf *out, const struct report *report,
                      const struct report_recipient *r)
{
    CLEANUP(buf_drop) struct buf reply = {0};

    if (r->text.len == 0 || (r->action != REPORT_FAILED && r->action != REPORT_DELAYED))
        return;
    buf_put(out, STR("      "));
    if (r->host.len > 0)
        buf_putf(out, say(report, SAID), STR_ARG(r->host));
    else
        buf_put(out, str_from(say(report, WE_SAY)));
    buf_put_char(out, '\n');
    buf_init(&reply, 64 << 10);
    if (r->code != 0)
        buf_putf(&reply, "%u ", r->code);
    if (r->status.len > 0)
        buf_putf(&reply, "%.*s ", STR_ARG(r->status));
    buf_put(&reply, r->text);
    put_lines(out, "        ", buf_str(&reply));
}

static void put_recipient(struct buf *out, const struct report *report,
                          const struct report_recipient *r)
{
    buf_putf(out, "\n    %.*s", STR_ARG(r->address));
    if (r->original.len > 0 && !str_eq(r->original, r->address))
        buf_putf(out, " (%s %.*s)", say(report, WROTE), STR_ARG(r->original));
    buf_put_char(out, '\n');
    put_why(out, report, r);
    put_reply(out, report, r);
}

static void put_action(struct buf *out, const struct report *report, enum report_action action)
{
    bool is_first = true;

    for (size_t i = 0; i < report->count && i < REPORT_RECIPIENTS_MAX; i++) {
        if (report->recipients[i].action != action)
            continue;
        if (is_first)
            buf_putf(out, "\n%s\n", happened[action][language_of(report)]);
        is_first = false;
        put_recipient(out, report, &report->recipients[i]);
    }
}

/// Recipients of one transaction share it.
static void put_talk(struct buf *out, const struct report *report)
{
    struct str last = STR("");

    for (size_t i = 0; i < report->count && i < REPORT_RECIPIENTS_MAX; i++) {
        struct str dialogue = report->recipients[i].dialogue;

        if (dialogue.len == 0 || str_eq(dialogue, last))
            continue;
        buf_putf(out, "\n%s\n\n", say(report, TALK));
        put_lines(out, "    ", dialogue);
        last = dialogue;
    }
}

void report_put_words(struct buf *out, const struct report *report)
{
    buf_putf(out, say(report, INTRODUCTION), STR_ARG(report->host));
    buf_put(out, STR("\n\n"));
    put_subject(out, report);
    put_date(out, say(report, SENT), report->arrived_s);
    for (int action = REPORT_FAILED; action <= REPORT_EXPANDED; action++)
        put_action(out, report, (enum report_action)action);
    if (report->count > REPORT_RECIPIENTS_MAX) {
        buf_put(out, STR("\n    "));
        buf_putf(out, say(report, MORE), report->count - REPORT_RECIPIENTS_MAX);
        buf_put_char(out, '\n');
    }
    put_talk(out, report);
    buf_putf(out, "\n%s\n", say(report, BELOW));
}
