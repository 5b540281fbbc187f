// SPDX-License-Identifier: ISC
//
// The client's side of SMTP against our own server, with every way to sign in. Servers that
// misbehave are in tests/farside.
#include "base/check.h"
#include "base/cleanup.h"
#include "receive/receive.h"
#include "send/send.h"
#include "world.h"

struct stage {
    struct world world;
    struct receive_config config;
    struct receive *receive;
    uint16_t ports[2]; // submission, submissions
    struct buf transcript;
    struct arena arena;
    int failures;
};

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

/// The same certificate, looked at in different ways.
static void play_policies(struct stage *stage)
{
    static const char *const RIGHT[] = {"other.example.test", "mail.example.test"};
    static const char *const WRONG[] = {"other.example.test"};
    static const struct dns_tlsa TLSA[] = {{.usage = 0, .selector = 0, .matching = 1}};
    const struct {
        struct rt_tls_policy policy;
        unsigned trouble;
    } rows[] = {
        {{.verify = RT_VERIFY_NONE, .server_name = "other.example.test"}, 0},
        {{.verify = RT_VERIFY_PKIX, .names = RIGHT, .name_count = 2}, 0},
        {{.verify = RT_VERIFY_PKIX, .names = WRONG, .name_count = 1},
         SEND_TLS_UNTRUSTED | SEND_TLS_WRONG_NAME},
        {{.verify = RT_VERIFY_DANE,
          .server_name = "mail.example.test",
          .records = TLSA,
          .record_count = 1},
         SEND_TLSA_UNUSABLE},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct send_server server = server_of(stage, stage->ports[0]);
        struct send_session *session;
        unsigned trouble = 0;

        server.tls = SEND_TLS_MUST;
        server.policy = &rows[i].policy;
        send_open(&server, &stage->arena, &session, &trouble);
        expect(stage, "policy", trouble == rows[i].trouble, "the trouble");
        expect(stage, "policy", (session != NULL) == (trouble == 0), "a session");
        send_close(session);
    }
}

static int play_task(void *arg)
{
    struct stage *stage = arg;
    CLEANUP(buf_drop) struct buf why = {.max = 4096};

    stage->world.account.plaintext_login = true; // so that SCRAM without a binding is met, too
    world_open(&stage->world);
    begin_own(stage);
    play_own(stage, SEND_TLS_MUST, "C AUTH SCRAM-SHA-256-PLUS ****\n");
    play_own(stage, SEND_TLS_MAY, "C AUTH SCRAM-SHA-256-PLUS ****\n");
    play_own(stage, SEND_TLS_IMPLICIT, "C AUTH SCRAM-SHA-256-PLUS ****\n");
    play_own(stage, SEND_TLS_NEVER, "C AUTH SCRAM-SHA-256 ****\n");
    play_wrong_name(stage);
    play_policies(stage);
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
    printf("9 servers, %d failures\n", failures);
    return failures ? 1 : 0;
}
