// SPDX-License-Identifier: ISC
#include "app/sendmail.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "mail/address.h"
#include "os/shuttle.h"
#include "log/log.h"
#include "rt/rt.h"
#include "send/send.h"
#include "listen/listen.h"

#include "app/command.h"
#include "app/compose.h"
#include "app/config.h"
#include "app/site.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

enum { ARENA_MAX = 256 << 20 };

// ---- how it was called

enum mode { MODE_SEND, MODE_SMTP, MODE_LIST, MODE_ALIASES, MODE_FLUSH };

static int usage(const char *what)
{
    fprintf(stderr,
            "sendmail: %s\n"
            "usage: sendmail [-t] [-i] [-f SENDER] [-F NAME] [RECIPIENT...] < message\n"
            "       sendmail -bs | -bp | -bi | -q\n",
            what);
    return EX_USAGE;
}

static bool parse_notify(struct sendmail *s, struct str text)
{
    static const struct {
        struct str word;
        unsigned bit;
    } words[] = {
        {STR("never"), ENVELOPE_NOTIFY_NEVER},
        {STR("success"), ENVELOPE_NOTIFY_SUCCESS},
        {STR("failure"), ENVELOPE_NOTIFY_FAILURE},
        {STR("delay"), ENVELOPE_NOTIFY_DELAY},
    };
    struct str word;

    while (str_split(&text, ',', &word)) {
        unsigned before = s->notify;

        for (size_t i = 0; i < 4; i++)
            s->notify |= str_case_eq(word, words[i].word) ? words[i].bit : 0;
        if (s->notify == before)
            return false;
    }
    return true;
}

/// -bs and the like.
static int parse_mode(const char *value, enum mode *mode)
{
    switch (value[0]) {
    case 'm':
        *mode = MODE_SEND;
        return EX_OK;
    case 's':
        *mode = MODE_SMTP;
        return EX_OK;
    case 'p':
        *mode = MODE_LIST;
        return EX_OK;
    case 'i':
        *mode = MODE_ALIASES;
        return EX_OK;
    default:
        return usage("of -b there are -bm, -bs, -bp and -bi here");
    }
}

static int take_option(struct sendmail *s, int option, const char *value, enum mode *mode)
{
    switch (option) {
    case 't':
        s->from_header = true;
        return EX_OK;
    case 'i':
        s->dot_is_text = true;
        return EX_OK;
    case 'o': // -oi is -i; all others change nothing here
        s->dot_is_text |= value[0] == 'i';
        return EX_OK;
    case 'f':
    case 'r':
        s->sender = value;
        return EX_OK;
    case 'F':
        s->name = value;
        return EX_OK;
    case 'C':
        s->config = value;
        return EX_OK;
    case 'v':
        s->verbose = true;
        return EX_OK;
    case 'N':
        return parse_notify(s, str_from(value)) ? EX_OK : usage("-N never|success,failure,delay");
    case 'R':
        s->ret = value[0] == 'h' || value[0] == 'H' ? ENVELOPE_RET_HDRS : ENVELOPE_RET_FULL;
        return EX_OK;
    case 'V':
        s->envid = str_from(value);
        return EX_OK;
    case 'b':
        return parse_mode(value, mode);
    case 'q':
        *mode = MODE_FLUSH;
        return EX_OK;
    case '?':
        return usage("an option that no sendmail has");
    default: // of the sendmail of old: what it asks for is done anyway, or has no meaning here
        return EX_OK;
    }
}

static int parse(struct sendmail *s, int argc, char **argv, enum mode *mode)
{
    int option, r = EX_OK;

    opterr = 0;
    optind = 1;
    while (r == EX_OK &&
           (option = getopt(argc, argv, "A:B:C:F:GIL:N:O:R:UV:X:b:d:f:h:io:p:q::r:tvm")) != -1)
        r = take_option(s, option, optarg ? optarg : "", mode);
    s->words = argv + optind;
    s->word_count = (size_t)(argc - optind);
    return r;
}

// ---- where the server is

/// "mail.example.org" greets for example.org.
static struct str without_host(struct str name)
{
    ptrdiff_t dot = str_find(name, '.');

    if (dot > 0 && str_find(str_skip(name, (size_t)dot + 1), '.') > 0)
        return str_skip(name, (size_t)dot + 1);
    return name;
}

static void use_config(struct sendmail *s, const struct app_config *config)
{
    const struct server_config *server = APP_CONFIG(config, server_config, server_settings);
    const struct listen_config *listen = APP_CONFIG(config, listen_config, listen_settings);
    CLEANUP(buf_drop) struct buf host = {.max = 256};

    if (listen->sendmail.len > 0)
        site_path(config, listen->sendmail, &s->socket);
    site_hostname(server, &host);
    buf_put(&s->origin, server->origin.len ? server->origin : without_host(buf_str(&host)));
}

/// Most who call this may not read everything of the site, and need not: there are defaults.
static void find_site(struct sendmail *s)
{
    struct call call = {.option_count = s->config ? 1 : 0};
    CLEANUP(buf_drop) struct buf path = {.max = OS_PATH_MAX}, why = {.max = 32768};
    struct app_config *config = NULL;
    char host[256] = "localhost";

    call.options[0].name = "config";
    call.options[0].value = s->config;
    buf_init(&s->socket, OS_PATH_MAX);
    buf_init(&s->origin, 512);
    if (site_config_path(&call, &path) == 0 &&
        app_config_load(buf_cstr(&path), &config, &why) == 0) {
        use_config(s, config);
        app_config_free(config);
    }
    if (s->socket.len == 0)
        buf_put(&s->socket, STR("/run/carteiro/sendmail.sock"));
    gethostname(host, sizeof host - 1);
    if (s->origin.len == 0)
        buf_put(&s->origin, without_host(str_from(host)));
}

static int no_server(const struct sendmail *s, int error)
{
    fprintf(stderr, "sendmail: the mail server does not answer at %.*s (%s); try again later\n",
            STR_ARG(buf_str(&s->socket)), strerror(-error));
    return EX_TEMPFAIL;
}

// ---- one mail

static int choose_sender(struct sendmail *s)
{
    const struct passwd *user = getpwuid(getuid());
    const char *text = s->sender ? s->sender : user ? user->pw_name : "nobody";

    if (strcmp(text, "<>") == 0 || (s->sender && !text[0])) {
        s->path = STR("");
        return EX_OK;
    }
    s->path = sendmail_address(s, str_from(text));
    if (s->path.ptr)
        return EX_OK;
    fprintf(stderr, "sendmail: -f %s: not an address\n", text);
    return EX_DATAERR;
}

struct handing {
    struct sendmail *s;
    struct rt *rt;
    int code;
};

static void show(void *arg, enum send_side side, struct str line)
{
    (void)arg;
    if (side != SEND_NOTE)
        fprintf(stderr, "%s %.*s\n", side == SEND_CLIENT ? ">>>" : "<<<", STR_ARG(line));
}

static int code_of(const struct outcome *o)
{
    if (o->verdict == DONE)
        return EX_OK;
    if (o->verdict == LATER)
        return EX_TEMPFAIL;
    return str_starts(o->enhanced, STR("5.1.")) ? EX_NOUSER : EX_UNAVAILABLE;
}

static void send_all(struct handing *h, struct send_session *session)
{
    struct sendmail *s = h->s;
    struct send_recipient *to = ARENA_ARRAY(&s->arena, struct send_recipient, s->recipient_count);
    struct outcome *outcomes = ARENA_ARRAY(&s->arena, struct outcome, s->recipient_count);
    struct send_mail mail = {
        .sender = s->path,
        .recipients = to,
        .recipient_count = s->recipient_count,
        .message = buf_str(&s->message),
        .size = s->message.len,
        .body = ENVELOPE_BODY_8BITMIME,
        .envid = s->envid,
        .ret = (enum envelope_ret)s->ret,
    };

    mail.is_utf8 = compose_is_utf8(s->path);
    for (size_t i = 0; i < s->recipient_count; i++) {
        to[i] = (struct send_recipient){.address = s->recipients[i], .notify = s->notify};
        mail.is_utf8 |= compose_is_utf8(s->recipients[i]);
    }
    send_mail(session, &mail, &s->arena, outcomes);
    for (size_t i = 0; i < s->recipient_count; i++) {
        if (outcomes[i].verdict == DONE)
            continue;
        fprintf(stderr, "sendmail: %.*s: %u %.*s %.*s\n", STR_ARG(s->recipients[i]),
                outcomes[i].code, STR_ARG(outcomes[i].enhanced), STR_ARG(outcomes[i].text));
        h->code = code_of(&outcomes[i]);
    }
}

static int hand_over(void *arg)
{
    struct handing *h = arg;
    struct sendmail *s = h->s;
    CLEANUP(buf_drop) struct buf why = {.max = 4096};
    struct send_config *deadlines = arena_alloc(&s->arena, send_settings.size);
    const char *address = buf_cstr(&s->socket);
    struct send_server server = {
        .config = deadlines,
        .addresses = &address,
        .address_count = 1,
        .name = "localhost",
        .tls = SEND_TLS_NEVER,
        .helo = buf_str(&s->origin),
        .transcript = s->verbose ? show : NULL,
    };
    struct send_session *session = NULL;
    struct outcome opened;

    for (size_t i = 0; i < send_settings.count; i++)
        CHECK(app_config_set(deadlines, &send_settings.items[i],
                             str_from(send_settings.items[i].fallback), &s->arena, &why));
    opened = send_open(&server, &s->arena, &session, NULL);
    if (opened.verdict == DONE)
        send_all(h, session);
    else
        h->code = no_server(s, -ECONNREFUSED);
    send_close(session);
    rt_stop(h->rt);
    return 0;
}

static int send_one(struct sendmail *s)
{
    struct rt_config one = {.loops = 1};
    struct handing handing = {.s = s};
    int r = choose_sender(s);

    if (r == EX_OK)
        r = sendmail_read(s);
    if (r != EX_OK)
        return r;
    log_set_level(LOG_ERROR);
    r = rt_new(&one, &handing.rt);
    if (r < 0)
        return EX_OSERR;
    r = rt_run(handing.rt, hand_over, &handing);
    rt_free(handing.rt);
    return r < 0 ? EX_OSERR : handing.code;
}

// ---- the other modes

static int speak_smtp(struct sendmail *s)
{
    int fd = os_unix_connect(buf_cstr(&s->socket));

    if (fd < 0)
        return no_server(s, fd);
    return os_shuttle(fd) < 0 ? EX_IOERR : EX_OK;
}

/// As `carteiro WORDS`.
static int run_command(const struct sendmail *s, const char *verb, const char *option)
{
    char *words[8] = {(char *)"carteiro", (char *)"queue", (char *)(uintptr_t)verb};
    int count = 3;

    if (option)
        words[count++] = (char *)(uintptr_t)option;
    if (s->config) {
        words[count++] = (char *)"--config";
        words[count++] = (char *)(uintptr_t)s->config;
    }
    return command_main(count, words);
}

static int run(struct sendmail *s, enum mode mode)
{
    switch (mode) {
    case MODE_LIST:
        return run_command(s, "list", NULL);
    case MODE_FLUSH:
        return run_command(s, "retry", "--all");
    case MODE_ALIASES: // changed at once by `carteiro alias`; there is nothing to rebuild
        return EX_OK;
    case MODE_SMTP:
        find_site(s);
        return speak_smtp(s);
    case MODE_SEND:
        find_site(s);
        return send_one(s);
    }
    return EX_USAGE;
}

static bool is_called(const char *program, enum mode *mode)
{
    static const struct {
        const char *name;
        enum mode mode;
    } names[] = {{"sendmail", MODE_SEND}, {"mailq", MODE_LIST}, {"newaliases", MODE_ALIASES}};
    const char *slash = strrchr(program, '/');

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(slash ? slash + 1 : program, names[i].name) != 0)
            continue;
        *mode = names[i].mode;
        return true;
    }
    return false;
}

bool sendmail_main(int argc, char **argv, int *out_code)
{
    struct sendmail s = {0};
    enum mode mode;

    if (argc > 1 && is_called(argv[0], &mode) == false && strcmp(argv[1], "sendmail") == 0 &&
        !(argc > 2 && strcmp(argv[2], "--help") == 0)) {
        argv++;
        argc--;
    }
    if (argc < 1 || !is_called(argv[0], &mode))
        return false;
    arena_init(&s.arena, ARENA_MAX);
    *out_code = parse(&s, argc, argv, &mode);
    if (*out_code == EX_OK)
        *out_code = run(&s, mode);
    buf_done(&s.socket);
    buf_done(&s.origin);
    buf_done(&s.message);
    arena_done(&s.arena);
    return true;
}
