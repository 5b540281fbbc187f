// SPDX-License-Identifier: ISC
//
// AUTH (RFC 4954): the lines of a SASL exchange go to account and back. Not before TLS (unless the
// configuration says so), once in a session, not within a mail.
#include "proto/smtp/limits.h"
#include "receive/smtp/session.h"

#include <errno.h>

static const struct {
    int answer;
    unsigned code;
    const char *status, *text;
} ANSWERS[] = {
    {ACCOUNT_AUTH_OK, 235, "2.7.0", "welcome"},
    {ACCOUNT_AUTH_REFUSED, 535, "5.7.8", "user or password is wrong"},
    {ACCOUNT_AUTH_CANCELLED, 501, "5.7.0", "cancelled"},
    {ACCOUNT_AUTH_MALFORMED, 501, "5.5.2", "not what the mechanism says"},
    {ACCOUNT_AUTH_NO_MECHANISM, 504, "5.5.4", "no such mechanism here; EHLO lists them"},
    {ACCOUNT_AUTH_NEEDS_TLS, 538, "5.7.11", "encryption required: STARTTLS first"},
    {ACCOUNT_AUTH_LATER, 454, "4.7.0", "too many failures, try again later"},
};

static void say_answer(struct receive_session *s, int answer)
{
    struct log_line l;

    if (answer == ACCOUNT_AUTH_REFUSED || answer == ACCOUNT_AUTH_LATER)
        s->login_failures++;
    for (size_t i = 0; i < sizeof ANSWERS / sizeof *ANSWERS; i++) {
        if (ANSWERS[i].answer == answer) {
            receive_say(s, ANSWERS[i].code, ANSWERS[i].status, ANSWERS[i].text);
            receive_log(s, &l, LOG_INFO, "receive/auth", answer ? "refused" : "signed in");
            if (!answer)
                log_text(&l, "user", s->identity->address);
            log_u64(&l, "code", ANSWERS[i].code);
            log_end(&l);
            return;
        }
    }
    receive_say(s, 454, "4.7.0", "signing in does not work now, try again later");
}

/// The client's next line of the exchange, copied: account may wait with it. 0, 1 (it was too long,
/// which was said) or -errno.
static int read_response(struct receive_session *s, struct buf *out)
{
    struct str line;
    int r = rt_line(s->conn, SMTP_AUTH_LINE_MAX, &line);

    if (r < 0)
        return r;
    if (r == RT_LINE_TOO_LONG) {
        // RFC 4954 4
        receive_say(s, 500, "5.5.6", "that line is too long");
        return 1;
    }
    buf_clear(out);
    buf_put(out, line);
    return 0;
}

/// Steps until account has decided. Its answer, or -errno; *out_said: the client has its reply.
static int exchange(struct receive_session *s, struct account_auth *auth, struct str initial,
                    bool *out_said)
{
    CLEANUP(buf_drop) struct buf challenge = {.max = SMTP_AUTH_LINE_MAX};
    CLEANUP(buf_drop) struct buf response = {.max = SMTP_AUTH_LINE_MAX};
    int r = account_auth_step(auth, initial, &challenge);

    while (r == ACCOUNT_AUTH_MORE) {
        rt_putf(s->conn, "334 %.*s\r\n", STR_ARG(buf_str(&challenge)));
        r = read_response(s, &response);
        if (r != 0) {
            *out_said = r > 0;
            break;
        }
        r = account_auth_step(auth, buf_str(&response), &challenge);
    }
    explicit_bzero(response.ptr ? response.ptr : (char *)&r, response.ptr ? response.cap : 0);
    return r;
}

static void sign_in(struct receive_session *s, const struct account_auth *auth)
{
    struct account_identity *identity = malloc(sizeof *identity);

    CHECK(identity);
    *identity = *account_auth_identity(auth);
    s->identity = identity;
}

/// The initial response as account takes it, copied from the line.
static struct str initial_of(const struct smtp_auth *command, struct buf *copy)
{
    if (!command->has_initial)
        return STR_NONE;
    buf_put(copy, command->initial.len > 0 ? command->initial : STR("="));
    return buf_str(copy);
}

static int run(struct receive_session *s, const struct smtp_auth *command)
{
    struct account_peer peer = account_peer_of(s->conn, "smtp");
    CLEANUP(buf_drop) struct buf copy = {.max = SMTP_AUTH_LINE_MAX};
    struct account_auth *auth = NULL;
    bool was_said = false;
    int r = account_auth_begin(s->receive->doors.accounts, &peer, command->mechanism, &auth);

    if (r == 0)
        r = exchange(s, auth, initial_of(command, &copy), &was_said);
    if (r == ACCOUNT_AUTH_OK)
        sign_in(s, auth);
    account_auth_free(auth);
    if (copy.ptr)
        explicit_bzero(copy.ptr, copy.cap);
    if (!was_said && r != -ETIMEDOUT && r != -ECANCELED && r != -ECONNRESET)
        say_answer(s, r);
    return r == -ETIMEDOUT || r == -ECANCELED || r == -ECONNRESET ? r : 0;
}

int receive_on_auth(struct receive_session *s, const struct smtp_command *c)
{
    struct smtp_auth command;
    const struct smtp_fault *fault = smtp_auth_parse(c->argument, &command);

    if (s->identity)
        receive_say(s, 503, "5.5.1", "signed in already");
    else if (!s->is_esmtp)
        receive_say(s, 503, "5.5.1", "EHLO first");
    else if (s->role == RECEIVE_LMTP || (s->role == RECEIVE_MX && !s->limits->config.mx_login))
        receive_say(s, 502, "5.5.1", "no AUTH on this port");
    else if (fault)
        receive_say_fault(s, fault);
    else
        return run(s, &command);
    return 0;
}
