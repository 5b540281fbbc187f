// SPDX-License-Identifier: ISC
//
// Plays every row against the client's side of SMTP, in the simulator: as it is, with every byte
// travelling alone, and cut at random; and a good server whose connection is reset behind every
// byte. Time is virtual and the deadlines are those of RFC 5321, so a server that is silent costs
// nothing here, and one that can hold us up longer than an hour is found out.
//
//   farside [NAME]     only rows whose name holds this, with the talk shown
#include "far.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "mail/address.h"
#include "log/log.h"
#include "rt/sim/sim.h"

#include "../dialog/world.h"

#include <errno.h>

enum {
    PATIENCE_MS = 3600 * 1000, // for one mail, or for opening
    GOOD_BYE_MS = 10 * 1000,
    ARENA_BYTES = 4 << 20,
    TRANSCRIPT_MAX = 4 << 20,
    RECIPIENTS_MAX = 200,
    CUT_BYTES_MAX = 260, // more than the client says in one short session
};

struct stage {
    struct world world; // of which only the certificate is used
    struct send_config config;
    struct far far;
    const struct far_row *row;
    const char *mode;
    struct rt *rt;
    uint16_t port;
    struct buf transcript;
    struct arena arena;
    struct send_recipient recipients[RECIPIENTS_MAX];
    char addresses[RECIPIENTS_MAX][40];
    bool is_loud;
    int failures, played;
    unsigned done; // recipients, in play_cuts
};

static void expect(struct stage *s, bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s (%s): %s\n%.*s\n", s->row->name, s->mode, what,
            STR_ARG(str_head(buf_str(&s->transcript), 3000)));
    s->failures++;
}

static void on_transcript(void *arg, enum send_side side, struct str line)
{
    struct stage *s = arg;

    expect(s, address_is_utf8(line), "a transcript that is no UTF-8");
    for (size_t i = 0; i < line.len; i++)
        expect(s, (unsigned char)line.ptr[i] >= ' ' && line.ptr[i] != 127,
               "a transcript that steers");
    buf_putf(&s->transcript, "%c %.*s\n", "CSN"[side], STR_ARG(line));
}

// ---- the mail

/// Byte `at` of the message: lines of letters, some of them beginning with a dot.
static char byte_at(uint64_t at)
{
    return at % 70 == 68 ? '\r' : at % 70 == 69 ? '\n' : at % 70 == 0 ? '.' : 'a' + (char)(at % 26);
}

static ssize_t read_message(void *arg, uint64_t offset, void *to, size_t len)
{
    const struct stage *s = arg;
    const struct far_mail *mail = &s->row->mail;
    char *bytes = to;

    CHECK(offset + len <= mail->size && len <= 64 * 1024);
    rt_sleep(1);
    if (mail->fails_at && offset + len > mail->fails_at)
        return -EIO;
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_at(offset + i);
    return (ssize_t)len;
}

static struct str text(const char *given, const char *otherwise)
{
    return str_from(given ? given : otherwise);
}

static void fill_recipients(struct stage *s)
{
    const struct far_mail *mail = &s->row->mail;

    for (size_t i = 0; i < mail->recipient_count; i++) {
        snprintf(s->addresses[i], sizeof s->addresses[i], "r%zu@example.test", i);
        s->recipients[i] = (struct send_recipient){i == 0 ? text(mail->recipient, s->addresses[i])
                                                          : str_from(s->addresses[i]),
                                                   mail->notify, text(mail->orcpt, "")};
    }
}

static struct send_mail mail_of(struct stage *s)
{
    const struct far_mail *mail = &s->row->mail;
    struct str message = text(mail->message, "Subject: x\r\n\r\n.dot\r\nx");

    return (struct send_mail){
        .sender = text(mail->sender, "ana@example.test"),
        .recipients = s->recipients,
        .recipient_count = mail->recipient_count,
        .message = message,
        .size = mail->size ? mail->size : message.len,
        .read = mail->size ? read_message : NULL,
        .arg = s,
        .body = mail->body,
        .is_utf8 = mail->is_utf8,
        .requires_tls = mail->requires_tls,
        .envid = text(mail->envid, ""),
        .ret = mail->ret,
        .by = mail->by,
        .by_s = rt_wall_s() + mail->by_in_s,
        .priority = mail->priority,
    };
}

static unsigned code_at(const unsigned *codes, size_t i)
{
    while (i > 0 && (i >= FAR_CODES_MAX || codes[i] == 0))
        i--;
    return codes[i];
}

static bool is_clean(struct str words)
{
    for (size_t i = 0; i < words.len; i++) {
        unsigned char c = (unsigned char)words.ptr[i];

        if ((c < ' ' && c != '\n') || c >= 127)
            return false;
    }
    return words.len <= 1000;
}

static void send_one(struct stage *s, struct send_session *session, const unsigned *codes)
{
    struct outcome outcomes[RECIPIENTS_MAX];
    struct send_mail mail = mail_of(s);
    uint64_t begun_us = rt_now_us();

    send_mail(session, &mail, &s->arena, outcomes);
    expect(s, rt_now_us() - begun_us < PATIENCE_MS * 1000ULL, "the mail took too long");
    for (size_t i = 0; i < mail.recipient_count; i++) {
        const struct outcome *o = &outcomes[i];

        buf_putf(&s->transcript, "= %zu: %u %.*s %.*s\n", i, o->code, STR_ARG(o->enhanced),
                 STR_ARG(o->text));
        expect(s, o->code == code_at(codes, i), "another outcome");
        expect(s, o->verdict == outcome_verdict(o->code), "a verdict that is not its code's");
        expect(s, is_clean(o->text), "words that are not clean");
        expect(s, o->enhanced.len == 0 || o->enhanced.ptr[0] == (char)('0' + o->code / 100),
               "an enhanced code of another class");
    }
}

// ---- what came of it

static size_t count_of(struct str in, const char *what)
{
    size_t count = 0;
    ptrdiff_t at;

    while ((at = str_find_str(in, str_from(what))) >= 0) {
        count++;
        in = str_skip(in, (size_t)at + 1);
    }
    return count;
}

/// A message that was kept is all of it, byte for byte.
static void check_got(struct stage *s)
{
    const struct far_row *row = s->row;
    struct str got = buf_str(&s->far.got);

    if (row->got)
        expect(s, str_find_str(got, str_from(row->got)) >= 0, row->got);
    if (row->mail.size == 0 || s->far.kept == 0)
        return;
    for (size_t i = 0; i < row->mail.size && i < got.len; i++) {
        if (got.ptr[i] != byte_at(i)) {
            expect(s, false, "the message is not what was sent");
            return;
        }
    }
}

static void check_end(struct stage *s)
{
    const struct far_row *row = s->row;
    struct str transcript = buf_str(&s->transcript);

    if (row->transcript)
        expect(s, count_of(transcript, row->transcript) > 0, row->transcript);
    if (row->never)
        expect(s, count_of(transcript, row->never) == 0, row->never);
    expect(s, count_of(transcript, "tigres") == 0, "the password is shown");
    expect(s, s->far.kept == row->kept, "another number of messages came to their end");
    check_got(s);
}

static struct send_server server_of(struct stage *s)
{
    static const char *const ADDRESSES[] = {"192.0.2.99"};

    return (struct send_server){.config = &s->config,
                                .addresses = ADDRESSES,
                                .address_count = 1,
                                .port = s->port,
                                .name = "mail.example.test",
                                .is_lmtp = s->row->is_lmtp,
                                .tls = s->row->tls,
                                .tls_client = s->world.tls_client,
                                .helo = STR("client.test"),
                                .user = text(s->row->user, ""),
                                .password = STR(WORLD_PASSWORD),
                                .transcript = on_transcript,
                                .arg = s};
}

static int play_task(void *arg)
{
    struct stage *s = arg;
    const struct far_row *row = s->row;
    struct send_server server = server_of(s);
    struct send_session *session;
    uint64_t begun_us = rt_now_us();
    unsigned trouble = 0;
    struct outcome outcome = send_open(&server, &s->arena, &session, &trouble);

    expect(s, rt_now_us() - begun_us < PATIENCE_MS * 1000ULL, "opening took too long");
    expect(s, (session != NULL) == (outcome.verdict == DONE), "a session, or a reason why not");
    expect(s, row->open_code ? outcome.code == row->open_code : session != NULL,
           "another end of opening");
    expect(s, (trouble & row->trouble) == row->trouble, "another trouble");
    if (session) {
        send_one(s, session, row->codes);
        if (row->again[0])
            send_one(s, session, row->again);
        expect(s, send_is_dead(session) == row->is_dead, row->is_dead ? "not dead" : "dead");
    }
    begun_us = rt_now_us();
    send_close(session);
    expect(s, rt_now_us() - begun_us < GOOD_BYE_MS * 1000ULL, "QUIT took too long");
    rt_stop(s->rt);
    return 0;
}

// ---- rows and modes

static void run_sim(struct stage *s, const char *mode, uint64_t seed,
                    const struct rt_sim_config *sim, int (*task)(void *arg))
{
    struct rt_listen what = {.address = "0.0.0.0",
                             .port = 25,
                             .protocol = &far_protocol,
                             .context = &s->far,
                             .tls = s->row->tls == SEND_TLS_IMPLICIT ? s->world.tls : NULL};

    s->mode = mode;
    s->far.row = s->row;
    s->far.tls = s->world.tls;
    s->far.kept = 0;
    buf_clear(&s->far.got);
    buf_clear(&s->transcript);
    arena_reset(&s->arena);
    fill_recipients(s);
    CHECK(rt_sim_new(seed, sim, &s->rt) == 0);
    CHECK(rt_listen(s->rt, &what, &s->port) == 0);
    expect(s, rt_run(s->rt, task, s) == 0, "something waits for ever");
    rt_free(s->rt);
    s->played++;
}

static void play(struct stage *s, const char *mode, uint64_t seed, const struct rt_sim_config *sim)
{
    run_sim(s, mode, seed, sim, play_task);
    check_end(s);
    if (s->is_loud)
        printf("%s (%s)\n%.*s\n", s->row->name, mode, STR_ARG(buf_str(&s->transcript)));
}

static void play_row(struct stage *s)
{
    struct rt_sim_config whole = rt_sim_calm, bytes = rt_sim_calm, cut = rt_sim_calm;

    bytes.bytewise = RT_SIM_PPM;
    cut.split = RT_SIM_PPM / 3;
    cut.window_bytes = 5000;
    play(s, "whole", 1, &whole);
    play(s, "byte by byte", 2, &bytes);
    for (uint64_t seed = 3; seed < 6; seed++)
        play(s, "cut", seed, &cut);
}

static void play_rows(struct stage *s, const struct far_rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->count; i++) {
        s->row = &rows->rows[i];
        if (!name || strstr(s->row->name, name))
            play_row(s);
    }
}

// ---- cuts

static int cut_task(void *arg)
{
    struct stage *s = arg;
    struct send_server server = server_of(s);
    struct send_session *session;
    struct outcome outcomes[RECIPIENTS_MAX];
    struct outcome opened = send_open(&server, &s->arena, &session, NULL);

    expect(s, opened.verdict != NEVER, "a cut is no reason for NEVER");
    if (session) {
        struct send_mail mail = mail_of(s);

        send_mail(session, &mail, &s->arena, outcomes);
        for (size_t i = 0; i < mail.recipient_count; i++) {
            expect(s, outcomes[i].verdict != NEVER, "a cut is no reason for NEVER");
            expect(s, outcomes[i].verdict != DONE || s->far.kept == 1, "DONE, and nobody has it");
            s->done += outcomes[i].verdict == DONE;
        }
    }
    send_close(session);
    rt_stop(s->rt);
    return 0;
}

/// A good server, and the connection is reset behind each byte of ours: what the server did not
/// keep whole is never DONE.
static void play_cuts(struct stage *s)
{
    static const struct far_row ROWS[] = {
        {"cut, in lines",
         FAR_HELLO,
         {FAR_PIPELINING, FAR_MAIL, FAR_RCPT, FAR_DATA, FAR_END},
         .mail = {.recipient_count = 2}},
        {"cut, in chunks",
         FAR_HELLO,
         {FAR_EHLO("250-BINARYMIME\r\n250-CHUNKING\r\n"),
          FAR_MAIL,
          FAR_RCPT,
          {"LAST", "250 2.0.0 kept\r\n"}},
         .mail = {.recipient_count = 2, .body = ENVELOPE_BODY_BINARYMIME}},
    };

    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        s->row = &ROWS[i];
        s->done = 0;
        for (uint64_t bytes = 1; bytes <= CUT_BYTES_MAX; bytes++) {
            struct rt_sim_config cut = rt_sim_calm;

            cut.cut_after_bytes = bytes;
            run_sim(s, "cut off", bytes, &cut, cut_task);
        }
        // with the last ones all was said
        expect(s, s->done > 0 && s->done < 2 * CUT_BYTES_MAX, "some whole, some not");
    }
}

int main(int argc, char **argv)
{
    struct stage *s = calloc(1, sizeof *s);
    int failures;

    CHECK(s);
    log_set_level(LOG_ERROR);
    world_init(&s->world);
    world_defaults(&s->world, &send_settings, &s->config);
    arena_init(&s->arena, ARENA_BYTES);
    buf_init(&s->transcript, TRANSCRIPT_MAX);
    buf_init(&s->far.got, 4 << 20);
    s->is_loud = argc > 1;
    play_rows(s, &far_rows_open, argc > 1 ? argv[1] : NULL);
    play_rows(s, &far_rows_mail, argc > 1 ? argv[1] : NULL);
    play_rows(s, &far_rows_fit, argc > 1 ? argv[1] : NULL);
    if (!s->is_loud)
        play_cuts(s);
    printf("%zu servers, %d talks, %d failures\n",
           far_rows_open.count + far_rows_mail.count + far_rows_fit.count, s->played, s->failures);
    failures = s->failures;
    arena_done(&s->arena);
    buf_done(&s->transcript);
    buf_done(&s->far.got);
    world_done(&s->world);
    free(s);
    return failures ? 1 : 0;
}
