// SPDX-License-Identifier: ISC
//
// Signing in (RFC 3501 6.2.2, RFC 4959), by GNU SASL: SCRAM proves the password without showing it,
// bound to the TLS connection where that can be (-PLUS); else PLAIN, else LOGIN. With a token:
// OAUTHBEARER (RFC 7628) or its elder sister XOAUTH2.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/encoding.h"
#include "fetch/session.h"

#include <errno.h>
#include <gsasl.h>

enum { ROUNDS_MAX = 1000000, STEPS_MAX = 8, LINE_MAX_BYTES = 64 * 1024 };

static void secret_drop(struct buf *b)
{
    if (b->ptr)
        explicit_bzero(b->ptr, b->cap);
    buf_done(b);
}

static bool set_binding(struct fetch_session *s, Gsasl_session *sasl)
{
    static const struct {
        const char *type;
        Gsasl_property property;
    } types[] = {{"tls-exporter", GSASL_CB_TLS_EXPORTER}, {"tls-unique", GSASL_CB_TLS_UNIQUE}};

    for (size_t i = 0; i < 2; i++) {
        char bytes[64], *base64;
        size_t len;

        if (!rt_conn_channel_binding(s->conn, types[i].type, bytes, sizeof bytes, &len))
            continue;
        CHECK(gsasl_base64_to(bytes, len, &base64, NULL) == GSASL_OK);
        gsasl_property_set(sasl, types[i].property, base64);
        gsasl_free(base64);
        return true;
    }
    return false;
}

/// RFC 5802 5.1: the server chooses the rounds, but the time is ours.
static bool has_too_many_rounds(struct str challenge)
{
    CLEANUP(buf_drop) struct buf text = {.max = LINE_MAX_BYTES};
    struct str rest, field;
    uint64_t rounds;

    if (!encoding_decode_base64(&text, challenge))
        return false;
    rest = buf_str(&text);
    while (str_split(&rest, ',', &field))
        if (str_starts(field, STR("i=")) && !str_to_u64(str_skip(field, 2), ROUNDS_MAX, &rounds))
            return true;
    return false;
}

/// [await] Until the end of the command or "+".
static int hear_answer(struct fetch_session *s, unsigned tag)
{
    for (int i = 0; i < 1000; i++) {
        int r = fetch_hear(s);

        if (r < 0 || s->response.kind == IMAP_SAYS_GO_ON || fetch_is_end(s, tag))
            return r;
    }
    return -EPROTO;
}

static int verdict(struct fetch_session *s, struct buf *why)
{
    if (s->response.condition == IMAP_OK)
        return 0;
    fetch_note(s);
    buf_putf(why, "%.*s is not let in: %s", STR_ARG(s->server->user), fetch_words(s));
    return -EACCES;
}

// ---- SASL

/// One step: the server's base64 in, our line out.
static int step(Gsasl_session *sasl, struct str challenge, struct buf *out)
{
    CLEANUP(buf_drop) struct buf text = {.max = LINE_MAX_BYTES};
    char *response = NULL;
    int state;

    buf_put(&text, challenge);
    if (!buf_cstr(&text) || has_too_many_rounds(challenge))
        return GSASL_MECHANISM_PARSE_ERROR;
    state = gsasl_step64(sasl, buf_cstr(&text), &response);
    if (response) {
        buf_put(out, str_from(response));
        explicit_bzero(response, strlen(response));
        gsasl_free(response);
    }
    return state;
}

/// "AUTHENTICATE NAME", with the first response where the server takes it so.
static int begin(struct fetch_session *s, const char *name, Gsasl_session *sasl, unsigned *tag,
                 struct buf *first, int *state)
{
    CLEANUP(secret_drop) struct buf line = {.max = LINE_MAX_BYTES};

    *state = step(sasl, STR(""), first);
    if (*state != GSASL_OK && *state != GSASL_NEEDS_MORE)
        return -EPROTO;
    buf_putf(&line, "AUTHENTICATE %s", name);
    if (fetch_can(s, "SASL-IR")) {
        buf_putf(&line, " %s", first->len ? buf_cstr(first) : "=");
        buf_clear(first);
        first->failed = true; // it is said
    }
    return fetch_ask(s, buf_str(&line), tag);
}

static int exchange(struct fetch_session *s, const char *name, Gsasl_session *sasl, struct buf *why)
{
    CLEANUP(secret_drop) struct buf first = {.max = LINE_MAX_BYTES};
    unsigned tag;
    int state, r = begin(s, name, sasl, &tag, &first, &state);

    if (r == 0)
        r = hear_answer(s, tag);
    for (int i = 0; r == 0 && s->response.kind == IMAP_SAYS_GO_ON; i++) {
        CLEANUP(secret_drop) struct buf line = {.max = LINE_MAX_BYTES};

        if (i == STEPS_MAX)
            return -EPROTO;
        if (buf_ok(&first)) {
            buf_put(&line, buf_str(&first));
            first.failed = true;
        } else if (state == GSASL_NEEDS_MORE) {
            state = step(sasl, s->response.text, &line);
        }
        if (state != GSASL_OK && state != GSASL_NEEDS_MORE) {
            buf_clear(&line);
            buf_put_char(&line, '*');
        }
        r = fetch_say(s, buf_str(&line));
        if (r == 0)
            r = hear_answer(s, tag);
    }
    if (r == 0)
        r = verdict(s, why);
    if (r == 0 && state != GSASL_OK) {
        buf_put(why, STR("the server did not prove that it knows you"));
        r = -EACCES;
    }
    return r;
}

static const char *const MECHANISMS[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1",
                                         "PLAIN"};

static const char *choose(struct fetch_session *s, Gsasl *context, Gsasl_session **out)
{
    for (size_t i = 0; i < sizeof MECHANISMS / sizeof MECHANISMS[0]; i++) {
        char word[64];

        snprintf(word, sizeof word, "AUTH=%s", MECHANISMS[i]);
        if (!fetch_can(s, word) || gsasl_client_start(context, MECHANISMS[i], out) != GSASL_OK)
            continue;
        if (!str_ends(str_from(word), STR("-PLUS")) || set_binding(s, *out))
            return MECHANISMS[i];
        gsasl_finish(*out);
    }
    return NULL;
}

static int authenticate(struct fetch_session *s, Gsasl *context, bool *out_found, struct buf *why)
{
    const struct fetch_server *server = s->server;
    Gsasl_session *sasl = NULL;
    const char *name = choose(s, context, &sasl);
    int r;

    *out_found = name != NULL;
    if (!name)
        return 0;
    gsasl_property_set_raw(sasl, GSASL_AUTHID, server->user.ptr, server->user.len);
    gsasl_property_set_raw(sasl, GSASL_PASSWORD, server->password.ptr, server->password.len);
    r = exchange(s, name, sasl, why);
    gsasl_finish(sasl);
    return r;
}

// ---- LOGIN, tokens

static int login(struct fetch_session *s, struct buf *why)
{
    CLEANUP(secret_drop) struct buf line = {.max = LINE_MAX_BYTES};
    int r;

    if (fetch_can(s, "LOGINDISABLED")) {
        buf_put(why, STR("the server offers no way to sign in we know"));
        return -EACCES;
    }
    buf_put(&line, STR("LOGIN "));
    if (!fetch_put_quoted(&line, s->server->user)) {
        buf_put(why, STR("the user's name cannot be said"));
        return -EACCES;
    }
    buf_put_char(&line, ' ');
    if (!fetch_put_quoted(&line, s->server->password)) {
        buf_put(why, STR("the password cannot be said"));
        return -EACCES;
    }
    r = fetch_command(s, buf_str(&line), NULL, NULL);
    return r < 0 ? r : verdict(s, why);
}

static int present_token(struct fetch_session *s, struct buf *why)
{
    CLEANUP(secret_drop) struct buf plain = {.max = LINE_MAX_BYTES}, line = {.max = LINE_MAX_BYTES};
    const struct fetch_server *server = s->server;
    bool is_new = fetch_can(s, "AUTH=OAUTHBEARER");
    char *base64;
    unsigned tag;
    int r;

    if (!is_new && !fetch_can(s, "AUTH=XOAUTH2")) {
        buf_put(why, STR("the server takes no tokens"));
        return -EACCES;
    }
    buf_putf(&plain,
             is_new ? "n,a=%.*s,\001auth=Bearer %.*s\001\001"
                    : "user=%.*s\001auth=Bearer %.*s\001\001",
             STR_ARG(server->user), STR_ARG(server->password));
    CHECK(gsasl_base64_to(buf_cstr(&plain), plain.len, &base64, NULL) == GSASL_OK);
    buf_putf(&line, "AUTHENTICATE %s %s", is_new ? "OAUTHBEARER" : "XOAUTH2", base64);
    gsasl_free(base64);
    r = fetch_ask(s, buf_str(&line), &tag);
    if (r == 0)
        r = hear_answer(s, tag);
    if (r == 0 && s->response.kind == IMAP_SAYS_GO_ON) { // what is wrong; RFC 7628 3.2.3
        r = fetch_say(s, STR("AQ=="));
        if (r == 0)
            r = hear_answer(s, tag);
    }
    return r < 0 ? r : verdict(s, why);
}

int fetch_auth(struct fetch_session *s, struct buf *why)
{
    Gsasl *context;
    bool is_found;
    int r;

    if (s->server->is_token)
        return present_token(s, why);
    CHECK(gsasl_init(&context) == GSASL_OK);
    r = authenticate(s, context, &is_found, why);
    gsasl_done(context);
    return r == 0 && !is_found ? login(s, why) : r;
}
