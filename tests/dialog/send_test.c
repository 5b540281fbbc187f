// SPDX-License-Identifier: ISC
//
// The client's side of SMTP: against our own server, with every way to sign in, and against servers
// that refuse, lie, drip, babble or vanish, each a script of a few lines.
#include "base/check.h"
#include "base/cleanup.h"
#include "receive/receive.h"
#include "send/send.h"
#include "world.h"

enum { STEPS_MAX = 12, RECIPIENTS_MAX = 3 };

/// What a server answers to a line that begins so; "." is the end of a message. In an answer:
/// "!close" hangs up, "!silent" says nothing, "!tls ..." says it and starts TLS.
struct step {
    const char *line, *answer;
};

struct row {
    const char *name;
    const char *greeting;
    struct step steps[STEPS_MAX];
    enum send_tls tls;
    const char *user;
    bool is_utf8;
    size_t recipient_count;
    unsigned open_code;             // 0: send_open must be DONE
    unsigned codes[RECIPIENTS_MAX]; // of the outcomes
    bool is_dead;
    const char *transcript; // must hold this
};

#define EHLO_PLAIN                                                                                 \
    {                                                                                              \
        "EHLO", "250-fake\r\n250-SIZE 1000\r\n250 PIPELINING\r\n"                                  \
    }
#define MAIL_FINE                                                                                  \
    {                                                                                              \
        "MAIL", "250 2.1.0 ok\r\n"                                                                 \
    }
#define RCPT_FINE                                                                                  \
    {                                                                                              \
        "RCPT", "250 2.1.5 ok\r\n"                                                                 \
    }
#define DATA_FINE                                                                                  \
    {                                                                                              \
        "DATA", "354 go\r\n"                                                                       \
    }
#define END_FINE                                                                                   \
    {                                                                                              \
        ".", "250 2.0.0 kept\r\n"                                                                  \
    }

static const struct row ROWS[] = {
    {"all is well",
     "220 fake\r\n",
     {EHLO_PLAIN, MAIL_FINE, RCPT_FINE, DATA_FINE, END_FINE},
     .recipient_count = 2,
     .codes = {250, 250},
     .transcript = "C MAIL FROM:<ana@example.test> SIZE=21"},
    {"a greeting of many lines",
     "220-fake\r\n220-and\r\n220 more\r\n",
     {EHLO_PLAIN, MAIL_FINE, RCPT_FINE, DATA_FINE, END_FINE},
     .recipient_count = 1,
     .codes = {250}},
    {"only HELO",
     "220 fake\r\n",
     {{"EHLO", "502 what\r\n"},
      {"HELO", "250 fake\r\n"},
      MAIL_FINE,
      RCPT_FINE,
      DATA_FINE,
      END_FINE},
     .recipient_count = 2,
     .codes = {250, 250},
     .transcript = "C MAIL FROM:<ana@example.test>\n"},
    {"no service", "554 5.7.1 go away\r\n", {{0}}, .open_code = 554},
    {"service later", "421 4.3.2 busy\r\n", {{0}}, .open_code = 421},
    {"no greeting", "!silent", {{0}}, .open_code = 451},
    {"hangs up at once", "!close", {{0}}, .open_code = 451},
    {"not SMTP", "SSH-2.0-OpenSSH\r\n", {{0}}, .open_code = 451},
    {"another code in the second line", "220-a\r\n250 b\r\n", {{0}}, .open_code = 451},
    {"a greeting that is another yes", "250 hello\r\n", {{0}}, .open_code = 451},
    {"no answer to EHLO", "220 fake\r\n", {{"EHLO", "!silent"}}, .open_code = 451},
    {"EHLO and HELO refused",
     "220 fake\r\n",
     {{"EHLO", "550 no\r\n"}, {"HELO", "550 5.7.1 no\r\n"}},
     .open_code = 550},
    {"TLS is a must and not offered",
     "220 fake\r\n",
     {EHLO_PLAIN},
     .tls = SEND_TLS_MUST,
     .open_code = 454},
    {"TLS is offered and refused",
     "220 fake\r\n",
     {{"EHLO", "250-fake\r\n250 STARTTLS\r\n"}, {"STARTTLS", "454 4.7.0 not now\r\n"}},
     .tls = SEND_TLS_MUST,
     .open_code = 454},
    {"TLS may be, is refused: goes on without",
     "220 fake\r\n",
     {{"EHLO", "250-fake\r\n250 STARTTLS\r\n"},
      {"STARTTLS", "454 4.7.0 not now\r\n"},
      MAIL_FINE,
      RCPT_FINE,
      DATA_FINE,
      END_FINE},
     .tls = SEND_TLS_MAY,
     .recipient_count = 1,
     .codes = {250}},
    {"something behind the 220 of STARTTLS",
     "220 fake\r\n",
     {{"EHLO", "250-fake\r\n250 STARTTLS\r\n"}, {"STARTTLS", "!tls 220 go\r\n250 injected\r\n"}},
     .tls = SEND_TLS_MUST,
     .open_code = 451},
    {"what was offered before TLS does not count after",
     "220 fake\r\n",
     {{"EHLO", "250-fake\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"},
      {"STARTTLS", "!tls 220 go\r\n"},
      {"EHLO", "250 fake\r\n"}},
     .tls = SEND_TLS_MUST,
     .user = "ana",
     .open_code = 504},
    {"no password without TLS",
     "220 fake\r\n",
     {{"EHLO", "250-fake\r\n250 AUTH PLAIN LOGIN\r\n"}},
     .user = "ana",
     .open_code = 538},
    {"nor when TLS may be and is not",
     "220 fake\r\n",
     {{"EHLO", "250-fake\r\n250 AUTH PLAIN LOGIN\r\n"}},
     .tls = SEND_TLS_MAY,
     .user = "ana",
     .open_code = 538},
    {"SCRAM without the server's proof",
     "220 fake\r\n",
     {{"EHLO", "250-fake\r\n250 AUTH SCRAM-SHA-256\r\n"}, {"AUTH", "235 2.7.0 welcome\r\n"}},
     .tls = SEND_TLS_IMPLICIT,
     .user = "ana",
     .open_code = 535},
    {"SCRAM with nonsense",
     "220 fake\r\n",
     {{"EHLO", "250-fake\r\n250 AUTH SCRAM-SHA-256\r\n"},
      {"AUTH", "334 bm9uc2Vuc2U=\r\n"},
      {"*", "501 5.7.0 cancelled\r\n"}},
     .tls = SEND_TLS_IMPLICIT,
     .user = "ana",
     .open_code = 501},
    {"endless challenges",
     "220 fake\r\n",
     {{"EHLO", "250-fake\r\n250 AUTH LOGIN\r\n"}, {"", "334 VXNlciBOYW1l\r\n"}},
     .tls = SEND_TLS_IMPLICIT,
     .user = "ana",
     .open_code = 451},
    {"PLAIN",
     "220 fake\r\n",
     {{"EHLO", "250-fake\r\n250 AUTH LOGIN PLAIN\r\n"},
      {"AUTH PLAIN AGFuYQB0cmVzIHRyaXN0ZXMgdGlncmVz", "235 2.7.0 welcome\r\n"}},
     .tls = SEND_TLS_IMPLICIT,
     .user = "ana"},
    {"LOGIN",
     "220 fake\r\n",
     {{"EHLO", "250-fake\r\n250 AUTH LOGIN\r\n"},
      {"AUTH LOGIN", "334 VXNlcm5hbWU6\r\n"},
      {"YW5h", "334 UGFzc3dvcmQ6\r\n"},
      {"dHJlcyB0cmlzdGVzIHRpZ3Jlcw==", "235 2.7.0 welcome\r\n"}},
     .tls = SEND_TLS_IMPLICIT,
     .user = "ana"},
    {"wrong password",
     "220 fake\r\n",
     {{"EHLO", "250-fake\r\n250 AUTH PLAIN\r\n"}, {"AUTH PLAIN", "535 5.7.8 no\r\n"}},
     .tls = SEND_TLS_IMPLICIT,
     .user = "ana",
     .open_code = 535,
     .transcript = "C AUTH PLAIN ****\n"},
    {"the sender is refused",
     "220 fake\r\n",
     {EHLO_PLAIN, {"MAIL", "550 5.7.1 not you\r\n"}, {"RSET", "250 ok\r\n"}},
     .recipient_count = 2,
     .codes = {550, 550}},
    {"one of three is refused, one later",
     "220 fake\r\n",
     {EHLO_PLAIN,
      MAIL_FINE,
      {"RCPT TO:<r0", "550 5.1.1 no\r\n"},
      {"RCPT TO:<r1", "452 4.5.3 full\r\n"},
      RCPT_FINE,
      DATA_FINE,
      END_FINE},
     .recipient_count = 3,
     .codes = {550, 452, 250}},
    {"all are refused: no DATA",
     "220 fake\r\n",
     {EHLO_PLAIN, MAIL_FINE, {"RCPT", "550 5.1.1 no\r\n"}, {"RSET", "250 ok\r\n"}},
     .recipient_count = 2,
     .codes = {550, 550},
     .transcript = "C RSET\n"},
    {"DATA is refused",
     "220 fake\r\n",
     {EHLO_PLAIN, MAIL_FINE, RCPT_FINE, {"DATA", "554 5.5.1 no\r\n"}, {"RSET", "250 ok\r\n"}},
     .recipient_count = 1,
     .codes = {554}},
    {"250 to DATA",
     "220 fake\r\n",
     {EHLO_PLAIN, MAIL_FINE, RCPT_FINE, {"DATA", "250 ok\r\n"}},
     .recipient_count = 1,
     .codes = {451},
     .is_dead = true},
    {"the message is refused",
     "220 fake\r\n",
     {EHLO_PLAIN,
      MAIL_FINE,
      RCPT_FINE,
      DATA_FINE,
      {".", "554 5.6.0 spam\r\n"},
      {"RSET", "250 ok\r\n"}},
     .recipient_count = 1,
     .codes = {554}},
    {"421 to a recipient",
     "220 fake\r\n",
     {EHLO_PLAIN, MAIL_FINE, {"RCPT TO:<r0", "250 ok\r\n"}, {"RCPT", "421 4.7.0 enough\r\n"}},
     .recipient_count = 3,
     .codes = {451, 421, 451},
     .is_dead = true},
    {"vanishes at the final dot",
     "220 fake\r\n",
     {EHLO_PLAIN, MAIL_FINE, RCPT_FINE, DATA_FINE, {".", "!close"}},
     .recipient_count = 1,
     .codes = {451},
     .is_dead = true},
    {"silent at the final dot",
     "220 fake\r\n",
     {EHLO_PLAIN, MAIL_FINE, RCPT_FINE, DATA_FINE, {".", "!silent"}},
     .recipient_count = 1,
     .codes = {451},
     .is_dead = true},
    {"SMTPUTF8 was said, is not offered and not needed",
     "220 fake\r\n",
     {EHLO_PLAIN, MAIL_FINE, RCPT_FINE, DATA_FINE, END_FINE},
     .recipient_count = 1,
     .is_utf8 = true,
     .codes = {250}},
    {"too large",
     "220 fake\r\n",
     {{"EHLO", "250-fake\r\n250 SIZE 10\r\n"}},
     .recipient_count = 1,
     .codes = {552}},
    {"endless reply", "220 fake\r\n", {{"EHLO", "!endless"}}, .open_code = 451},
    {"endless line", "220 fake\r\n", {{"EHLO", "!long"}}, .open_code = 451},
};

// ---- a server made of a script

struct fake {
    struct rt_conn *conn;
    const struct row *row;
    size_t next; // steps are looked for from here on, then from the first
};

struct stage {
    struct world world;
    struct receive_config config;
    struct receive *receive;
    uint16_t ports[2]; // submission, submissions
    const struct row *row;
    struct buf transcript;
    struct arena arena;
    int failures;
};

static int babble(struct fake *f, const char *piece, int times)
{
    for (int i = 0; i < times; i++) {
        if (rt_put(f->conn, str_from(piece)) < 0)
            break;
    }
    return RT_CLOSE;
}

static int answer(struct fake *f, const char *text)
{
    const struct stage *stage = rt_conn_context(f->conn);
    int r;

    if (strcmp(text, "!silent") == 0)
        return RT_NEXT;
    if (strcmp(text, "!close") == 0)
        return RT_CLOSE;
    if (strcmp(text, "!endless") == 0)
        return babble(f, "250-and on\r\n", 1000000);
    if (strcmp(text, "!long") == 0)
        return babble(f, "250 and on and on and on and on ", 1000000);
    if (strncmp(text, "!tls ", 5) != 0) {
        rt_put(f->conn, str_from(text));
        return RT_NEXT;
    }
    rt_put(f->conn, str_from(text + 5));
    r = rt_start_tls(f->conn, stage->world.tls);
    return r < 0 ? r : RT_NEXT;
}

static const char *find(struct fake *f, struct str line)
{
    for (size_t i = 0; i < 2 * STEPS_MAX; i++) {
        size_t at = (f->next + i) % STEPS_MAX;
        const struct step *step = &f->row->steps[at];

        if (step->line && str_starts(line, str_from(step->line))) {
            f->next = str_starts(line, STR("RCPT")) ? 0 : at + 1;
            return step->answer;
        }
    }
    return str_eq(line, STR("QUIT")) ? "221 bye\r\n" : "500 not in the script\r\n";
}

static int fake_open(void *session, struct rt_conn *conn)
{
    struct fake *f = session;
    const struct stage *stage = rt_conn_context(conn);

    f->conn = conn;
    f->row = stage->row;
    return answer(f, f->row->greeting);
}

static int fake_command(void *session, struct rt_conn *conn)
{
    struct fake *f = session;
    struct str line;
    int r = rt_line(conn, 4000, &line);
    const char *text;

    if (r < 0)
        return r;
    text = find(f, line);
    r = answer(f, text);
    if (r != RT_NEXT || strncmp(text, "354", 3) != 0)
        return r;
    do {
        r = rt_line(conn, 4000, &line);
    } while (r == 0 && !str_eq(line, STR(".")));
    return r < 0 ? r : answer(f, find(f, line));
}

static const struct rt_protocol FAKE = {.name = "fake",
                                        .session_size = sizeof(struct fake),
                                        .open = fake_open,
                                        .command = fake_command};

// ---- the client

static const struct send_config PATIENT = {60000, 60000, 60000, 60000, 60000, 60000};

static void on_transcript(void *arg, enum send_side side, struct str line)
{
    struct stage *stage = arg;

    buf_putf(&stage->transcript, "%c %.*s\n", "CSN"[side], STR_ARG(line));
}

static struct send_server server_of(struct stage *stage, uint16_t port)
{
    static const char *const ADDRESSES[] = {"127.0.0.1"};

    buf_clear(&stage->transcript);
    return (struct send_server){.config = &PATIENT,
                                .addresses = ADDRESSES,
                                .address_count = 1,
                                .port = port,
                                .name = "mail.example.test",
                                .tls_client = stage->world.tls_client,
                                .helo = STR("client.test"),
                                .password = STR(WORLD_PASSWORD),
                                .transcript = on_transcript,
                                .arg = stage};
}

static void expect(struct stage *stage, const char *name, bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s: not %s\n%.*s", name, what,
            STR_ARG(str_head(buf_str(&stage->transcript), 2000)));
    stage->failures++;
}

static void check_outcomes(struct stage *stage, const struct row *row, struct send_session *session)
{
    static const struct send_recipient TO[] = {{STR("r0@example.test"), 0, STR("")},
                                               {STR("r1@example.test"), 0, STR("")},
                                               {STR("r2@example.test"), 0, STR("")}};
    struct send_mail mail = {.sender = STR("ana@example.test"),
                             .recipients = TO,
                             .recipient_count = row->recipient_count,
                             .message = STR("Subject: x\r\n\r\n.dot\r\nx"),
                             .size = 21,
                             .is_utf8 = row->is_utf8};
    struct outcome outcomes[RECIPIENTS_MAX];

    send_mail(session, &mail, &stage->arena, outcomes);
    for (size_t i = 0; i < row->recipient_count; i++) {
        expect(stage, row->name, outcomes[i].code == row->codes[i], "the outcome");
        expect(stage, row->name, outcomes[i].verdict == outcome_verdict(row->codes[i]),
               "the verdict");
    }
    expect(stage, row->name, send_is_dead(session) == row->is_dead, "as dead");
}

/// A server that will never answer is not waited for long.
static bool is_silent(const struct row *row)
{
    bool is = strcmp(row->greeting, "!silent") == 0;

    for (size_t i = 0; i < STEPS_MAX; i++)
        is |= row->steps[i].answer && strcmp(row->steps[i].answer, "!silent") == 0;
    return is;
}

static void play_row(struct stage *stage, const struct row *row)
{
    static const struct send_config HASTY = {60000, 300, 300, 300, 300, 300};
    struct rt_listen what = {.address = "127.0.0.1",
                             .protocol = &FAKE,
                             .context = stage,
                             .tls = row->tls == SEND_TLS_IMPLICIT ? stage->world.tls : NULL};
    struct send_server server;
    struct send_session *session;
    struct outcome outcome;
    uint16_t port;

    stage->row = row;
    CHECK(rt_listen(stage->world.rt, &what, &port) == 0);
    server = server_of(stage, port);
    server.config = is_silent(row) ? &HASTY : &PATIENT;
    server.tls = row->tls;
    server.user = str_from(row->user ? row->user : "");
    outcome = send_open(&server, &stage->arena, &session, NULL);
    expect(stage, row->name, (session != NULL) == (outcome.verdict == DONE), "a session");
    expect(stage, row->name, row->open_code ? outcome.code == row->open_code : session != NULL,
           "the end of opening");
    if (session)
        check_outcomes(stage, row, session);
    send_close(session);
    if (row->transcript)
        expect(stage, row->name,
               str_find_str(buf_str(&stage->transcript), str_from(row->transcript)) >= 0,
               "in the transcript");
    expect(stage, row->name, str_find_str(buf_str(&stage->transcript), STR("tigres")) < 0,
           "without the password");
}

// ---- against our own server

static void begin_own(struct stage *stage)
{
    struct receive_doors doors = {.config = &stage->config,
                                  .host_name = STR("mail.example.test"),
                                  .accounts = stage->world.accounts,
                                  .route = &stage->world.route,
                                  .queue = &stage->world.queue,
                                  .tls = stage->world.tls};
    struct rt_listen what = {.address = "127.0.0.1", .protocol = &receive_smtp};

    CHECK(receive_new(&doors, &stage->receive) == 0);
    what.context = receive_context(stage->receive, RECEIVE_SUBMISSION);
    CHECK(rt_listen(stage->world.rt, &what, &stage->ports[0]) == 0);
    what.tls = stage->world.tls;
    CHECK(rt_listen(stage->world.rt, &what, &stage->ports[1]) == 0);
}

static void play_own(struct stage *stage, enum send_tls tls, const char *signed_in)
{
    static const struct send_recipient TO[] = {{STR("bruno@example.test"), 0, STR("")},
                                               {STR("nobody@example.test"), 0, STR("")},
                                               {STR("a>b@example.test"), 0, STR("")}};
    struct send_server server = server_of(stage, stage->ports[tls == SEND_TLS_IMPLICIT]);
    struct send_mail mail = {.sender = STR("ana@example.test"),
                             .recipients = TO,
                             .recipient_count = 3,
                             .message = STR("Subject: x\n\n.dot\n"),
                             .size = 17,
                             .body = ENVELOPE_BODY_8BITMIME};
    struct outcome outcome, outcomes[3];
    struct send_session *session;

    server.tls = tls;
    server.allow_plain_login = tls == SEND_TLS_NEVER;
    server.user = STR("ana@example.test");
    outcome = send_open(&server, &stage->arena, &session, NULL);
    expect(stage, "own server", outcome.verdict == DONE, "open");
    for (int i = 0; i < 2 && session; i++) {
        send_mail(session, &mail, &stage->arena, outcomes);
        expect(stage, "own server", outcomes[0].code == 250, "250");
        expect(stage, "own server", outcomes[1].code == 550, "550");
        expect(stage, "own server", outcomes[2].code == 553, "553");
    }
    expect(stage, signed_in, str_find_str(buf_str(&stage->transcript), str_from(signed_in)) >= 0,
           "how it signed in");
    send_close(session);
}

/// A server with another name than its certificate's is not talked to.
static void play_wrong_name(struct stage *stage)
{
    struct send_server server = server_of(stage, stage->ports[1]);
    struct send_session *session;
    struct outcome outcome;

    server.tls = SEND_TLS_IMPLICIT;
    server.name = "other.example.test";
    outcome = send_open(&server, &stage->arena, &session, NULL);
    expect(stage, "wrong name", !session && outcome.verdict == LATER, "refused");
    send_close(session);
}

static int play_task(void *arg)
{
    struct stage *stage = arg;
    CLEANUP(buf_drop) struct buf why = {.max = 4096};

    stage->world.account.plaintext_login = true; // so that SCRAM without a binding is met, too
    world_open(&stage->world);
    begin_own(stage);
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        play_row(stage, &ROWS[i]);
    play_own(stage, SEND_TLS_MUST, "C AUTH SCRAM-SHA-256-PLUS ****\n");
    play_own(stage, SEND_TLS_MAY, "C AUTH SCRAM-SHA-256-PLUS ****\n");
    play_own(stage, SEND_TLS_IMPLICIT, "C AUTH SCRAM-SHA-256-PLUS ****\n");
    play_own(stage, SEND_TLS_NEVER, "C AUTH SCRAM-SHA-256 ****\n");
    play_wrong_name(stage);
    world_check(&stage->world, STR("inbox"), STR("bruno 8"), &why);
    world_check(&stage->world, STR("mail"), STR("bruno has Subject: x\\r\\nDate:"), &why);
    world_check(&stage->world, STR("mail"), STR("bruno has \\r\\n\\r\\n.dot\\r\\n"), &why);
    expect(stage, "own server", why.len == 0, "kept");
    rt_drain(stage->world.rt, 1000);
    return 0;
}

int main(void)
{
    struct stage *stage = calloc(1, sizeof *stage);
    int failures;

    CHECK(stage);
    world_init(&stage->world);
    world_defaults(&stage->world, &receive_settings, &stage->config);
    arena_init(&stage->arena, 16 << 20);
    buf_init(&stage->transcript, 4 << 20);
    CHECK(world_run(&stage->world, play_task, stage) == 0);
    failures = stage->failures;
    receive_free(stage->receive);
    arena_done(&stage->arena);
    buf_done(&stage->transcript);
    world_done(&stage->world);
    free(stage);
    printf("%zu servers, %d failures\n", sizeof ROWS / sizeof *ROWS + 5, failures);
    return failures ? 1 : 0;
}
