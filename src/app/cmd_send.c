// SPDX-License-Identifier: ISC
//
// carteiro send: one mail from the terminal, by any server, with the talk shown on request.
#include "base/arena.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/address.h"
#include "os/file.h"
#include "os/resolve.h"
#include "os/terminal.h"
#include "log/log.h"
#include "rt/rt.h"
#include "rt/tls.h"
#include "send/send.h"
#include "route/preset.h"

#include "app/commands.h"
#include "app/compose.h"
#include "app/config.h"
#include "app/operation.h"
#include "app/secret.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

enum { ARENA_MAX = 512 << 20, FILE_MAX = 96 << 20, ADDRESSES_MAX = 32 };

struct sending {
    const struct call *call;
    struct arena arena;
    const struct route_preset *preset;
    const char *host;
    uint16_t port;
    enum send_tls tls;
    struct buf addresses; // numeric, one a line
    struct buf user, password, message, helo;
    struct compose compose;
    struct compose_people bcc;
    struct compose_attachment attachments[COMPOSE_ATTACHMENTS_MAX];
    struct send_recipient *recipients;
    size_t recipient_count;
    bool is_utf8;
    struct rt *rt;
    struct outcome opened;
    struct outcome *outcomes;
    int code;
};

// ---- where to

static const char *next_preset(const void *arg, size_t at)
{
    (void)arg;
    return at < route_preset_count ? route_presets[at].name : NULL;
}

static int choose_preset(struct sending *s)
{
    const char *name = call_option(s->call, "preset");
    struct str nearest;

    if (name)
        s->preset = route_preset_find(str_from(name));
    if (!name || s->preset)
        return EX_OK;
    nearest = command_nearest(str_from(name), next_preset, NULL);
    return call_fail(s->call, EX_USAGE, "there is no preset \"%s\"; %s%.*s", name,
                     nearest.len ? "did you mean " : "there are gmail, outlook, hotmail, yahoo",
                     STR_ARG(nearest));
}

static int choose_server(struct sending *s)
{
    const struct call *call = s->call;
    uint64_t port;
    int r = choose_preset(s);

    if (r != EX_OK)
        return r;
    if (call_has(call, "tls") + call_has(call, "starttls") + call_has(call, "no-tls") > 1)
        return call_fail(call, EX_USAGE, "--tls, --starttls and --no-tls exclude each other");
    s->host = call_option(call, "server");
    if (!s->host && s->preset)
        s->host = s->preset->host;
    if (!s->host)
        return call_fail(call, EX_USAGE, "--server or --preset is missing; see --help");
    if (!call_number(call, "port", 65535, call_has(call, "tls") ? 465 : 587, &port) || port == 0)
        return EX_USAGE;
    s->port = (uint16_t)port;
    s->tls = SEND_TLS_MUST;
    if (call_has(call, "tls") || (port == 465 && !call_has(call, "starttls")))
        s->tls = SEND_TLS_IMPLICIT;
    if (call_has(call, "no-tls"))
        s->tls = SEND_TLS_NEVER;
    return EX_OK;
}

static int resolve(struct sending *s)
{
    int r = os_resolve(s->host, &s->addresses);

    if (r == -EAGAIN)
        return call_fail(s->call, EX_TEMPFAIL, "%s: DNS does not answer now; try again", s->host);
    if (r < 0)
        return call_fail(s->call, EX_NOHOST, "there is no host %s", s->host);
    return EX_OK;
}

// ---- what

static int add_people(struct sending *s, const char *option, struct compose_people *people)
{
    const char *text;
    size_t at = 0;
    struct str bad;

    while ((text = call_each(s->call, option, &at))) {
        if (!compose_people_add(&s->arena, people, str_from(text), &bad))
            return call_fail(s->call, EX_DATAERR, "--%s %.*s: not an address", option,
                             STR_ARG(bad));
    }
    return EX_OK;
}

static void collect(struct sending *s, const struct compose_people *people)
{
    for (size_t i = 0; i < people->count; i++) {
        s->recipients[s->recipient_count++].address = people->items[i].address;
        s->is_utf8 = s->is_utf8 || compose_is_utf8(people->items[i].address);
    }
}

static int choose_people(struct sending *s)
{
    const char *from = call_option(s->call, "from"), *user = call_option(s->call, "user");
    struct compose_people one = {0};
    struct str bad;
    int r = add_people(s, "to", &s->compose.to);

    if (r == EX_OK)
        r = add_people(s, "cc", &s->compose.cc);
    if (r == EX_OK)
        r = add_people(s, "bcc", &s->bcc);
    if (r != EX_OK)
        return r;
    if (!from && user && strchr(user, '@'))
        from = user;
    if (!from)
        return call_fail(s->call, EX_USAGE, "--from is missing");
    if (!compose_people_add(&s->arena, &one, str_from(from), &bad) || one.count != 1)
        return call_fail(s->call, EX_DATAERR, "--from %s: not one address", from);
    s->compose.from = one.items[0];
    s->is_utf8 = compose_is_utf8(s->compose.from.address);
    s->recipients = ARENA_ARRAY(&s->arena, struct send_recipient,
                                s->compose.to.count + s->compose.cc.count + s->bcc.count + 1);
    collect(s, &s->compose.to);
    collect(s, &s->compose.cc);
    collect(s, &s->bcc);
    if (s->recipient_count == 0)
        return call_fail(s->call, EX_USAGE, "--to is missing");
    return EX_OK;
}

static int read_into_arena(struct sending *s, const char *path, struct str *out)
{
    CLEANUP(buf_drop) struct buf bytes = {0};
    int r;

    buf_init(&bytes, FILE_MAX);
    r = os_file_read(path, &bytes);
    if (r < 0)
        return call_fail(s->call, EX_NOINPUT, "%s: %s", path, strerror(-r));
    if (!arena_has_room(&s->arena, bytes.len + 64))
        return call_fail(s->call, EX_DATAERR, "%s: all in all that is too large", path);
    *out = arena_str(&s->arena, buf_str(&bytes));
    return EX_OK;
}

static int choose_text(struct sending *s)
{
    const char *body = call_option(s->call, "body"), *file = call_option(s->call, "body-file");
    int r = EX_OK;

    s->compose.subject =
        str_from(call_has(s->call, "subject") ? call_option(s->call, "subject") : "");
    if (body) {
        s->compose.text = str_from(body);
    } else {
        if (!file && os_is_terminal(STDIN_FILENO))
            fputs("The text, ended by Ctrl-D:\n", stderr);
        r = read_into_arena(s, file ? file : "-", &s->compose.text);
    }
    if (r == EX_OK && (!address_is_utf8(s->compose.text) || !address_is_utf8(s->compose.subject)))
        return call_fail(s->call, EX_DATAERR, "text and subject must be UTF-8; attach other files");
    return r;
}

static int choose_attachments(struct sending *s)
{
    const char *path;
    size_t at = 0;

    s->compose.attachments = s->attachments;
    while ((path = call_each(s->call, "attach", &at))) {
        struct compose_attachment *a = &s->attachments[s->compose.attachment_count];
        struct str name = str_from(path);
        int r;

        if (s->compose.attachment_count == COMPOSE_ATTACHMENTS_MAX)
            return call_fail(s->call, EX_USAGE, "more than %d attachments",
                             COMPOSE_ATTACHMENTS_MAX);
        if (str_find_last(name, '/') >= 0)
            name = str_skip(name, (size_t)str_find_last(name, '/') + 1);
        r = read_into_arena(s, path, &a->bytes);
        if (r != EX_OK)
            return r;
        a->name = address_is_utf8(name) ? name : STR("attachment");
        a->type = compose_type_of(name);
        s->compose.attachment_count++;
    }
    return EX_OK;
}

static int compose(struct sending *s)
{
    time_t now;
    struct tm local;
    int r = choose_people(s);

    if (r == EX_OK)
        r = choose_text(s);
    if (r == EX_OK)
        r = choose_attachments(s);
    if (r != EX_OK)
        return r;
    s->compose.date = rt_wall_s();
    now = (time_t)s->compose.date;
    if (localtime_r(&now, &local))
        s->compose.zone_minutes = (int32_t)(local.tm_gmtoff / 60);
    rt_random_bytes(s->compose.random, sizeof s->compose.random);
    if (!compose_put(&s->compose, &s->message))
        return call_fail(s->call, EX_DATAERR, "the message is too large");
    return EX_OK;
}

static int choose_login(struct sending *s)
{
    const char *user = call_option(s->call, "user");
    CLEANUP(buf_drop) struct buf prompt = {0};

    if (!user)
        return EX_OK;
    buf_put(&s->user, str_from(user));
    if (s->preset && os_is_terminal(STDERR_FILENO) && !s->call->json)
        fprintf(stderr, "%s\n", s->preset->note);
    buf_init(&prompt, 1024);
    buf_putf(&prompt, "Password of %s at %s: ", user, s->host);
    return secret_password(s->call, buf_cstr(&prompt), false, &s->password);
}

// ---- the talk

static void show(void *arg, enum send_side side, struct str line)
{
    static const char *const marks[] = {
        [SEND_CLIENT] = "C: ", [SEND_SERVER] = "S: ", [SEND_NOTE] = "-- "};

    (void)arg;
    fprintf(stderr, "%s%.*s\n", marks[side], STR_ARG(line));
}

/// The host's addresses, in the order in which they are tried.
static void list_addresses(struct sending *s, struct send_server *server)
{
    struct str rest = buf_str(&s->addresses), address;
    const char **list = ARENA_ARRAY(&s->arena, const char *, ADDRESSES_MAX);

    while (server->address_count < ADDRESSES_MAX && str_split(&rest, '\n', &address) && address.len)
        list[server->address_count++] = arena_str(&s->arena, address).ptr;
    server->addresses = list;
}

static int talk(void *arg)
{
    struct sending *s = arg;
    struct rt_tls_client_config trust = {.verify = !call_has(s->call, "insecure"),
                                         .ca_path = call_option(s->call, "ca-file")};
    struct send_server server = {
        .port = s->port,
        .name = s->host,
        .tls = s->tls,
        .helo = buf_str(&s->helo),
        .user = buf_str(&s->user),
        .password = buf_str(&s->password),
        .allow_plain_login = call_has(s->call, "insecure"),
        .transcript = call_has(s->call, "transcript") ? show : NULL,
    };
    struct send_mail mail = {
        .sender = s->compose.from.address,
        .recipients = s->recipients,
        .recipient_count = s->recipient_count,
        .message = buf_str(&s->message),
        .size = s->message.len,
        .is_utf8 = s->is_utf8,
    };
    CLEANUP(buf_drop) struct buf why = {0};
    struct rt_tls_client *tls = NULL;
    struct send_session *session = NULL;
    struct send_config *deadlines = arena_alloc(&s->arena, send_settings.size);

    buf_init(&why, 4096);
    for (size_t i = 0; i < send_settings.count; i++)
        CHECK(app_config_set(deadlines, &send_settings.items[i],
                             str_from(send_settings.items[i].fallback), &s->arena, &why));
    server.config = deadlines;
    if (rt_tls_client_new(&trust, &tls, &why) < 0) {
        s->code = call_fail(s->call, EX_CONFIG, "%s", buf_cstr(&why));
    } else {
        server.tls_client = tls;
        list_addresses(s, &server);
        s->opened = send_open(&server, &s->arena, &session, NULL);
        if (s->opened.verdict == DONE)
            send_mail(session, &mail, &s->arena, s->outcomes);
        send_close(session);
        rt_tls_client_free(tls);
    }
    rt_stop(s->rt);
    return 0;
}

// ---- what became of it

static int code_of(const struct outcome *o)
{
    if (o->verdict == DONE)
        return EX_OK;
    if (o->code == 530 || o->code == 534 || o->code == 535 || o->code == 538)
        return EX_NOPERM;
    return o->verdict == LATER ? EX_TEMPFAIL : EX_UNAVAILABLE;
}

static void put_outcome(const struct sending *s, struct str recipient, const struct outcome *o,
                        json_t *list)
{
    static const char *const words[] = {[DONE] = "sent", [LATER] = "later", [NEVER] = "refused"};

    if (s->call->json) {
        json_array_append_new(
            list, json_pack("{s:o, s:s, s:i, s:o, s:o}", "recipient", operation_json(recipient),
                            "verdict", words[o->verdict], "code", (int)o->code, "enhanced",
                            operation_json(o->enhanced), "text", operation_json(o->text)));
        return;
    }
    fprintf(o->verdict == DONE ? stdout : stderr, "%.*s: %s: %u %.*s%s%.*s\n", STR_ARG(recipient),
            words[o->verdict], o->code, STR_ARG(o->enhanced), o->enhanced.len ? " " : "",
            STR_ARG(o->text));
}

static int tell(const struct sending *s)
{
    json_t *list = json_array();
    int code = EX_OK;

    if (s->opened.verdict != DONE) {
        bool untrusted = str_eq(s->opened.enhanced, STR("4.7.5"));

        json_decref(list);
        return call_fail(s->call, untrusted ? EX_UNAVAILABLE : code_of(&s->opened),
                         "%s: %u %.*s %.*s%s", s->host, s->opened.code, STR_ARG(s->opened.enhanced),
                         STR_ARG(s->opened.text),
                         untrusted ? "; name its certificate or authority with --ca-file, or take "
                                     "any with --insecure"
                                   : "");
    }
    for (size_t i = 0; i < s->recipient_count; i++) {
        put_outcome(s, s->recipients[i].address, &s->outcomes[i], list);
        if (code == EX_OK)
            code = code_of(&s->outcomes[i]);
    }
    if (s->call->json)
        call_print_json(json_pack("{s:o}", "outcomes", list));
    else
        json_decref(list);
    return code;
}

static int run_talk(struct sending *s)
{
    struct rt_config one = {.loops = 1};
    int r;

    s->outcomes = ARENA_ARRAY(&s->arena, struct outcome, s->recipient_count);
    log_set_level(LOG_ERROR);
    r = rt_new(&one, &s->rt);
    if (r < 0)
        return call_fail(s->call, EX_OSERR, "cannot start: %s", strerror(-r));
    r = rt_run(s->rt, talk, s);
    rt_free(s->rt);
    if (r < 0)
        return call_fail(s->call, EX_OSERR, "%s", strerror(-r));
    return s->code == EX_OK ? tell(s) : s->code;
}

static int work(struct sending *s)
{
    char name[256] = "";
    int r = choose_server(s);

    if (r == EX_OK)
        r = compose(s);
    if (r != EX_OK)
        return r;
    if (call_has(s->call, "print")) {
        fwrite(s->message.ptr, 1, s->message.len, stdout);
        return EX_OK;
    }
    // A name without a dot means nothing to anybody; RFC 5321 4.1.4 lets clients be modest.
    gethostname(name, sizeof name - 1);
    buf_put(&s->helo, address_domain_is_valid(str_from(name), ADDRESS_STRICT) && strchr(name, '.')
                          ? str_from(name)
                          : STR("localhost"));
    r = resolve(s);
    if (r == EX_OK)
        r = choose_login(s);
    return r == EX_OK ? run_talk(s) : r;
}

static int run_send(struct call *call)
{
    struct sending *s = calloc(1, sizeof *s);
    int r;

    CHECK(s);
    s->call = call;
    arena_init(&s->arena, ARENA_MAX);
    buf_init(&s->addresses, 64 * 1024);
    buf_init(&s->user, 1024);
    buf_init(&s->password, 2048);
    buf_init(&s->message, COMPOSE_MESSAGE_MAX);
    buf_init(&s->helo, 256);
    r = work(s);
    if (s->password.ptr)
        explicit_bzero(s->password.ptr, s->password.cap);
    buf_done(&s->addresses);
    buf_done(&s->user);
    buf_done(&s->password);
    buf_done(&s->message);
    buf_done(&s->helo);
    arena_done(&s->arena);
    free(s);
    return r;
}

static const struct command_option options[] = {
    {"preset", 0, "NAME", "gmail, outlook, hotmail or yahoo: their server, port 587 with STARTTLS"},
    {"server", 's', "HOST", "The server to hand it to"},
    {"port", 'p', "PORT", "587 by default, 465 with --tls"},
    {"starttls", 0, NULL, "Encrypt by STARTTLS or send nothing (the default)"},
    {"tls", 0, NULL, "Encrypt from the first byte (port 465)"},
    {"no-tls", 0, NULL, "Do not encrypt; a password is then sent only with --insecure"},
    {"ca-file", 0, "FILE", "Trust the authorities in FILE (PEM) instead of the system's"},
    {"insecure", 0, NULL, "Take any certificate"},
    {"user", 'u', "USER", "Sign in as USER"},
    SECRET_OPTION,
    {"from", 'f', "ADDRESS", "The sender; USER by default"},
    {"to", 't', "ADDRESS", "A recipient, \"Name <address>\" too; may be given several times"},
    {"cc", 0, "ADDRESS", "A recipient of a copy"},
    {"bcc", 0, "ADDRESS", "A recipient whom the others do not see"},
    {"subject", 0, "TEXT", "What it is about"},
    {"body", 'b', "TEXT", "The text; else standard input is read"},
    {"body-file", 0, "FILE", "The text from a file"},
    {"attach", 'a', "FILE", "Attach a file; may be given several times"},
    {"transcript", 0, NULL, "Show the talk with the server on standard error"},
    {"print", 0, NULL, "Print the message instead of sending it"},
};

const struct command command_send = {
    .name = "send",
    .summary = "Send a mail from the terminal, by this or any other server",
    .help =
        "Hands one mail to a server and says what became of it for each recipient. Exit status: "
        "0 when all were taken, 75 when trying again may help, 69 when one was refused, 77 when "
        "signing in failed.\n"
        "\n"
        "The presets need a password that the provider makes for one program (an app password):\n"
        "  gmail             smtp.gmail.com, port 587; Google account, Security, App passwords\n"
        "  outlook, hotmail  smtp-mail.outlook.com, port 587; account.microsoft.com, Security\n"
        "  yahoo             smtp.mail.yahoo.com, port 587; Account security, App password",
    COMMAND_OPTIONS(options),
    .examples =
        "carteiro send --preset gmail --user ana@gmail.com --to bruno@example.org \\\n"
        "    --subject Hello --body \"How are you?\"\n"
        "# with attachments, the talk shown\n"
        "carteiro send --server mail.example.org --user ana@example.org --to bruno@example.org \\\n"
        "    --subject Report --attach report.pdf --transcript < report.txt",
    .run = run_send,
};
