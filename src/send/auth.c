// SPDX-License-Identifier: ISC
//
// AUTH (RFC 4954), the client's side, by GNU SASL: the best of what both know. SCRAM proves the
// password without showing it, and -PLUS binds the proof to this TLS connection, so that nobody in
// the middle can use it; with SCRAM the server has to prove that it knows the password, too.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/encoding.h"
#include "proto/smtp/limits.h"
#include "send/session.h"

#include <errno.h>
#include <gsasl.h>

enum { ROUNDS_MAX = 1000000 }; // of SCRAM: a second

static const struct mechanism {
    const char *name;
    bool is_client_first; // has an initial response
    bool is_bound;        // needs a channel binding
} MECHANISMS[] = {
    {"SCRAM-SHA-256-PLUS", true, true},
    {"SCRAM-SHA-256", true, false},
    {"PLAIN", true, false},
    {"LOGIN", false, false},
};

/// The binding of this connection, in base64 as GNU SASL wants it, as that property.
static bool set_binding(struct send_session *s, Gsasl_session *sasl)
{
    static const struct {
        const char *type;
        Gsasl_property property;
    } TYPES[] = {{"tls-exporter", GSASL_CB_TLS_EXPORTER}, {"tls-unique", GSASL_CB_TLS_UNIQUE}};

    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        char bytes[64], *base64;
        size_t len;

        if (!rt_conn_channel_binding(s->conn, TYPES[i].type, bytes, sizeof bytes, &len))
            continue;
        CHECK(gsasl_base64_to(bytes, len, &base64, NULL) == GSASL_OK);
        gsasl_property_set(sasl, TYPES[i].property, base64);
        gsasl_free(base64);
        return true;
    }
    return false;
}

/// The first mechanism both know, begun; NULL: none.
static const struct mechanism *begin(struct send_session *s, Gsasl *context, Gsasl_session **out)
{
    for (size_t i = 0; i < sizeof MECHANISMS / sizeof *MECHANISMS; i++) {
        const struct mechanism *m = &MECHANISMS[i];

        if (!smtp_offer_has_mechanism(&s->offer, str_from(m->name)) ||
            gsasl_client_start(context, m->name, out) != GSASL_OK)
            continue;
        if (!m->is_bound || set_binding(s, *out))
            return m;
        gsasl_finish(*out);
    }
    return NULL;
}

static void set_property(Gsasl_session *sasl, Gsasl_property property, struct str value)
{
    gsasl_property_set_raw(sasl, property, value.ptr ? value.ptr : "", value.len);
}

/// RFC 5802 5.1: the server chooses the rounds, but the time is ours.
static bool has_too_many_rounds(struct str challenge)
{
    CLEANUP(buf_drop) struct buf text = {.max = SMTP_REPLY_BYTES_MAX};
    struct str rest, field;
    uint64_t rounds;

    if (!encoding_decode_base64(&text, challenge))
        return false; // not for us to judge
    rest = buf_str(&text);
    while (str_split(&rest, ',', &field))
        if (str_starts(field, STR("i=")) && !str_to_u64(str_skip(field, 2), ROUNDS_MAX, &rounds))
            return true;
    return false;
}

struct step {
    Gsasl_session *sasl;
    const char *challenge;
    char *response;
    int state;
};

static int run_step(void *arg)
{
    struct step *step = arg;

    step->state = gsasl_step64(step->sasl, step->challenge, &step->response);
    return 0;
}

/// [await] One step: the server's base64 in, ours out (to be freed with gsasl_free). With SCRAM it
/// takes as many milliseconds as the server demands rounds: away from the loop with it.
static int step(const struct send_session *s, Gsasl_session *sasl, struct str challenge, char **out)
{
    CLEANUP(buf_drop) struct buf text = {.max = SMTP_REPLY_BYTES_MAX + 1};
    struct step step = {.sasl = sasl};

    *out = NULL;
    buf_put(&text, challenge);
    step.challenge = buf_cstr(&text);
    if (!step.challenge)
        return GSASL_BASE64_ERROR;
    if (has_too_many_rounds(challenge))
        return GSASL_MECHANISM_PARSE_ERROR;
    if (s->server->pool)
        rt_call(s->server->pool, run_step, &step);
    else
        run_step(&step);
    *out = step.response;
    return step.state;
}

static void say_secret(struct send_session *s, const char *before, char *secret)
{
    CLEANUP(buf_drop) struct buf line = {.max = SMTP_AUTH_LINE_MAX};
    CLEANUP(buf_drop) struct buf shown = {.max = 256};

    buf_putf(&line, "%s%s", before, secret ? secret : "");
    buf_putf(&shown, "%s%s", before, secret && *secret ? "****" : "");
    send_say(s, buf_str(&line), buf_cstr(&shown));
    if (line.ptr)
        explicit_bzero(line.ptr, line.cap);
    if (secret) {
        explicit_bzero(secret, strlen(secret));
        gsasl_free(secret);
    }
}

/// "AUTH NAME" with the initial response, if it has one. The state of the exchange, or -errno.
static int say_first(struct send_session *s, const struct mechanism *m, Gsasl_session *sasl)
{
    CLEANUP(buf_drop) struct buf command = {.max = 64};
    char *response = NULL;
    int state = GSASL_NEEDS_MORE;

    if (m->is_client_first)
        state = step(s, sasl, STR(""), &response);
    if (state != GSASL_OK && state != GSASL_NEEDS_MORE)
        return -EPROTO;
    buf_putf(&command, m->is_client_first ? "AUTH %s " : "AUTH %s", m->name);
    say_secret(s, buf_cstr(&command), response);
    return state;
}

/// Challenge by challenge, until the server says something else than 334. 0 or -errno.
static int exchange(struct send_session *s, const struct mechanism *m, Gsasl_session *sasl,
                    bool *out_is_proved)
{
    int state = say_first(s, m, sasl);
    int r = state < 0 ? state : send_hear(s, s->server->config->command);

    for (int round = 0; r == 0 && s->reply.code == 334; round++) {
        char *response = NULL;

        if (round == 8)
            return -EPROTO;
        if (state == GSASL_NEEDS_MORE)
            state = step(s, sasl, buf_str(&s->reply.text), &response);
        if (state != GSASL_OK && state != GSASL_NEEDS_MORE)
            send_say(s, STR("*"), NULL); // what it says cannot be: no more of us
        else
            say_secret(s, "", response);
        r = send_hear(s, s->server->config->command);
    }
    *out_is_proved = state == GSASL_OK;
    return r;
}

static struct outcome sign_in(struct send_session *s, struct arena *arena, Gsasl *context)
{
    Gsasl_session *sasl = NULL;
    const struct mechanism *m = begin(s, context, &sasl);
    bool is_proved = false;
    int r;

    if (!m)
        return send_own(arena, NEVER, 504, "5.5.4", "the server offers no way to sign in we know");
    set_property(sasl, GSASL_AUTHID, s->server->user);
    set_property(sasl, GSASL_PASSWORD, s->server->password);
    s->is_secret = true;
    r = exchange(s, m, sasl, &is_proved);
    s->is_secret = false;
    gsasl_finish(sasl);
    if (r < 0) {
        s->is_dead = true;
        return send_broken(s, arena, r);
    }
    if (s->reply.code != 235) {
        struct outcome outcome = send_outcome(s, arena);

        return outcome.verdict == DONE ? send_broken(s, arena, -EPROTO) : outcome;
    }
    if (!is_proved)
        return send_own(arena, NEVER, 535, "5.7.0", "the server did not prove that it knows you");
    return (struct outcome){.verdict = DONE};
}

struct outcome send_auth(struct send_session *s, struct arena *arena)
{
    struct rt_tls_info info;
    struct outcome outcome;
    Gsasl *context;

    if (!s->server->allow_plain_login && !rt_conn_tls(s->conn, &info))
        return send_own(arena, NEVER, 538, "5.7.11", "no password is sent without TLS");
    CHECK(gsasl_init(&context) == GSASL_OK);
    outcome = sign_in(s, arena, context);
    gsasl_done(context);
    return outcome;
}
