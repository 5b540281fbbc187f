// SPDX-License-Identifier: ISC
//
// Any lines as a client's side of a SASL exchange. The first line is the mechanism; a following
// line that begins with "!" is encoded in base64 here, so that the fuzzer reaches the mechanisms
// and not only the decoder. Nobody may come in: the accounts' passwords are random.
#include "account/auth.h"
#include "account/testing.h"

#include <pthread.h>
#include <semaphore.h>
#include <sodium.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool bind_any(void *arg, const char *type, char *to, size_t max, size_t *out_len)
{
    (void)arg;
    if (!str_eq(str_from(type), STR("tls-exporter")) || max < 32)
        return false;
    memset(to, 7, 32);
    *out_len = 32;
    return true;
}

static void put_line(struct buf *out, struct str line)
{
    struct str raw = str_skip(line, 1);
    size_t len = sodium_base64_encoded_len(raw.len, sodium_base64_VARIANT_ORIGINAL);
    char *to;

    buf_clear(out);
    if (!str_starts(line, STR("!"))) {
        buf_put(out, line);
        return;
    }
    to = buf_room(out, len);
    CHECK(to);
    sodium_bin2base64(to, len, (const uint8_t *)raw.ptr, raw.len, sodium_base64_VARIANT_ORIGINAL);
    buf_added(out, len - 1);
}

static void talk(struct world *w, struct str input)
{
    struct account_peer peer = {
        .service = "fuzz", .ip = STR("192.0.2.1"), .is_private = true, .binding = bind_any};
    struct account_auth *auth;
    struct buf line, challenge;
    struct str piece;
    int r = ACCOUNT_AUTH_MORE;

    if (!str_split(&input, '\n', &piece) ||
        account_auth_begin(w->accounts, &peer, piece, &auth) != 0)
        return;
    buf_init(&line, 1 << 20);
    buf_init(&challenge, ACCOUNT_AUTH_LINE_MAX * 4);
    while (r == ACCOUNT_AUTH_MORE && str_split(&input, '\n', &piece)) {
        put_line(&line, piece);
        r = account_auth_step(auth, buf_str(&line), &challenge);
        CHECK(r != ACCOUNT_AUTH_OK && r != ACCOUNT_AUTH_NO_MECHANISM);
        for (size_t i = 0; i < challenge.len; i++)
            CHECK(challenge.ptr[i] > ' ' && challenge.ptr[i] <= 'z');
    }
    buf_done(&line);
    buf_done(&challenge);
    account_auth_free(auth);
}

// The world is made once, on a thread of its own; inputs are handed to its task one by one.
static struct {
    struct world world;
    struct rt_waiter given; // an input
    sem_t taken;            // the task waits for the next one
    struct str input;
} stage;

static void body(struct world *w)
{
    struct buf password, why;

    buf_init(&password, 64);
    buf_init(&why, 256);
    world_domain(w, "example.test", NULL);
    world_account(w, "ana@example.test", NULL);
    CHECK(account_app_password_add(w->accounts, STR("ana@example.test"), STR("x"), &password,
                                   &why) == 0);
    buf_done(&password);
    buf_done(&why);
    for (;;) {
        rt_waiter_init(&stage.given);
        CHECK(sem_post(&stage.taken) == 0);
        CHECK(rt_wait(&stage.given, false) == 0);
        talk(w, stage.input);
    }
}

static void *stage_main(void *arg)
{
    (void)arg;
    stage.world.config = world_config();
    stage.world.config.login_failures_max = 1000000000;
    // The bearer mechanisms are there; their keys are not.
    stage.world.config.oauth_issuer = STR("https://login.example.test");
    stage.world.config.oauth_audience = STR("mail");
    stage.world.config.oauth_claim = STR("email");
    stage.world.config.oauth_jwks = STR("/nowhere/keys");
    world_run(&stage.world, body);
    return NULL;
}

static void wait_for_task(void)
{
    while (sem_wait(&stage.taken) < 0)
        ;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pthread_t thread;

    if (size > 65536)
        return 0;
    if (!thread) {
        CHECK(sem_init(&stage.taken, 0, 0) == 0);
        CHECK(pthread_create(&thread, NULL, stage_main, NULL) == 0);
        wait_for_task();
    }
    stage.input = str_of(data, size);
    rt_wake_up(&stage.given, 0);
    wait_for_task();
    return 0;
}
