// SPDX-License-Identifier: ISC
//
// carteiro import: mail from old boxes into an account.
#include "base/check.h"
#include "base/cleanup.h"
#include "proto/imap/mailbox_name.h"
#include "os/file.h"
#include "os/resolve.h"

#include "app/commands.h"
#include "app/import_run.h"
#include "app/import_url.h"
#include "app/secret.h"

#include <errno.h>

enum { ADDRESSES_MAX = 16 };

/// Another server.
struct far {
    struct import_url url;
    struct buf addresses, password;
    const char *list[ADDRESSES_MAX];
    struct fetch_server server;
};

struct importing {
    const struct call *call;
    struct import_options options;
    struct import_run run;
    const char *path;
    struct buf absolute, name; // the path; and what the state knows the source by
    enum import_kind kind;
    enum mbox_kind mbox;
    struct far far;
};

// ---- another server

static void wipe(struct buf *b)
{
    if (b->ptr)
        explicit_bzero(b->ptr, b->cap);
    buf_done(b);
}

/// Its addresses, in the order in which they are tried.
static int resolve(struct importing *i)
{
    struct far *far = &i->far;
    char *at;
    int r = os_resolve(far->url.host, &far->addresses);

    if (r == -EAGAIN)
        return call_fail(i->call, EX_TEMPFAIL, "%s: DNS does not answer now; try again",
                         far->url.host);
    if (r < 0 || !buf_cstr(&far->addresses))
        return call_fail(i->call, EX_NOHOST, "there is no host %s", far->url.host);
    at = far->addresses.ptr;
    while (*at && far->server.address_count < ADDRESSES_MAX) {
        char *end = at + strcspn(at, "\n");

        far->list[far->server.address_count++] = at;
        at = *end ? end + 1 : end;
        *end = '\0';
    }
    far->server.addresses = far->list;
    return EX_OK;
}

static int choose_server(struct importing *i)
{
    CLEANUP(buf_drop) struct buf prompt = {.max = 1024};
    struct far *far = &i->far;
    int r;

    if (!import_url_parse(i->path, &far->url))
        return call_fail(i->call, EX_USAGE, "%s: it is written imaps://USER@HOST[:PORT]/", i->path);
    r = resolve(i);
    if (r != EX_OK)
        return r;
    buf_putf(&prompt, "Password of %s at %s: ", far->url.user, far->url.host);
    r = secret_password(i->call, buf_cstr(&prompt), false, &far->password);
    if (r != EX_OK)
        return r;
    far->server.port = far->url.port;
    far->server.name = far->url.host;
    far->server.user = str_from(far->url.user);
    far->server.password = buf_str(&far->password);
    far->server.is_token = call_has(i->call, "token");
    far->server.tls = far->url.is_tls               ? FETCH_TLS
                      : call_has(i->call, "no-tls") ? FETCH_CLEAR
                                                    : FETCH_STARTTLS;
    i->kind = IMPORT_IMAP;
    return EX_OK;
}

static int walk_server(struct importing *i)
{
    struct rt_tls_client_config trust = {.verify = !call_has(i->call, "insecure-tls"),
                                         .ca_path = call_option(i->call, "ca-file")};
    struct rt_tls_client *tls = NULL;
    int r = rt_tls_client_new(&trust, &tls, &i->run.why);

    if (r < 0)
        return r;
    i->far.server.tls_client = tls;
    r = import_imap(&i->far.server, &i->run.sink, &i->run.why);
    if (str_starts(buf_str(&i->run.why), STR("no trusted TLS")))
        buf_put(&i->run.why, STR("; --ca-file says whom else to trust"));
    rt_tls_client_free(tls);
    return r;
}

// ---- what was asked for

static const struct {
    const char *name;
    enum import_kind kind;
    enum mbox_kind mbox;
} formats[] = {
    {"maildir", IMPORT_MAILDIR, MBOX_AUTO}, {"mh", IMPORT_MH, MBOX_AUTO},
    {"mbox", IMPORT_MBOX, MBOX_AUTO},       {"mboxrd", IMPORT_MBOX, MBOX_RD},
    {"mboxo", IMPORT_MBOX, MBOX_O},         {"mboxcl", IMPORT_MBOX, MBOX_CL},
    {"mboxcl2", IMPORT_MBOX, MBOX_CL2},
};
enum { FORMATS = sizeof formats / sizeof formats[0] };

static int choose_format(struct importing *i)
{
    const char *name = call_option(i->call, "format");
    int r;

    for (size_t k = 0; name && k < FORMATS; k++) {
        if (strcmp(name, formats[k].name) != 0)
            continue;
        i->kind = formats[k].kind;
        i->mbox = formats[k].mbox;
        return EX_OK;
    }
    if (name)
        return call_fail(i->call, EX_USAGE,
                         "there is no format \"%s\"; one of maildir, mh, mbox, "
                         "mboxrd, mboxo, mboxcl, mboxcl2",
                         name);
    r = import_kind_find(i->path, &i->kind);
    if (r < 0 && strstr(i->path, "://"))
        return call_fail(i->call, EX_USAGE, "%s: mail is taken from imaps:// and imap:// only",
                         i->path);
    if (r < 0)
        return call_fail(i->call, r == -EACCES ? EX_NOPERM : EX_NOINPUT, "%s: %s", i->path,
                         strerror(-r));
    return i->kind == IMPORT_UNKNOWN
               ? call_fail(i->call, EX_DATAERR,
                           "%s: neither a Maildir nor MH nor mbox; --format says what it is",
                           i->path)
               : EX_OK;
}

/// "2026-01-31"
static bool parse_day(struct str text, int64_t *out)
{
    struct str year, month, day;
    uint64_t y, m, d;

    if (!str_split(&text, '-', &year) || !str_split(&text, '-', &month) ||
        !str_split(&text, '-', &day) || text.ptr || !str_to_u64(year, 9999, &y) ||
        !str_to_u64(month, 12, &m) || !str_to_u64(day, 31, &d) || m == 0 || d == 0)
        return false;
    *out = date_days_from_civil((int64_t)y, (unsigned)m, (unsigned)d) * 86400;
    return true;
}

static bool is_bad_name(const char *name)
{
    return name && !imap_name_is_valid(str_from(name));
}

static int choose_options(struct importing *i)
{
    const struct call *call = i->call;
    struct import_options *o = &i->options;
    const char *since = call_option(call, "since");

    *o = (struct import_options){.address = call->args[0],
                                 .mailbox = call_option(call, "mailbox"),
                                 .into = call_option(call, "into"),
                                 .keep_names = call_has(call, "keep-names"),
                                 .no_flags = call_has(call, "no-flags"),
                                 .is_dry = call_has(call, "dry-run"),
                                 .ignore_quota = call_has(call, "ignore-quota"),
                                 .again = call_has(call, "again"),
                                 .has_since = since != NULL};
    if (o->mailbox && o->into)
        return call_fail(call, EX_USAGE, "--mailbox and --into exclude each other");
    if (is_bad_name(o->mailbox) || is_bad_name(o->into))
        return call_fail(
            call, EX_USAGE,
            "no mailbox can be called \"%s\": levels are apart by one slash each, with "
            "none at the ends",
            o->mailbox ? o->mailbox : o->into);
    if (since && !parse_day(str_from(since), &o->since))
        return call_fail(call, EX_USAGE, "--since %s: a day is written 2026-01-31", since);
    return EX_OK;
}

/// What the state knows it by: the same source into another place is another import.
static int name_source(struct importing *i)
{
    const struct import_options *o = &i->options;
    const char *name = call_option(i->call, "name");

    if (name)
        buf_put(&i->name, str_from(name));
    else if (i->kind == IMPORT_IMAP)
        buf_putf(&i->name, "imap://%s@%s:%u/", i->far.url.user, i->far.url.host,
                 (unsigned)i->far.url.port);
    else
        buf_put(&i->name, buf_str(&i->absolute));
    if (o->mailbox || o->into)
        buf_putf(&i->name, " -> %s%s", o->mailbox ? o->mailbox : o->into, o->into ? "/" : "");
    i->options.source = buf_cstr(&i->name);
    return i->options.source ? EX_OK : call_fail(i->call, EX_USAGE, "the name is too long");
}

// ---- doing it

static int walk(struct importing *i)
{
    switch (i->kind) {
    case IMPORT_MAILDIR:
        return import_maildir(i->path, &i->run.sink);
    case IMPORT_IMAP:
        return walk_server(i);
    case IMPORT_MH:
        return import_mh(i->path, &i->run.sink);
    default:
        return import_mbox(i->path, i->mbox, &i->run.sink);
    }
}

static int talk(void *arg, struct parley *p)
{
    struct importing *i = arg;
    int r = import_run_begin(&i->run, p);

    if (r == 0) {
        os_progress_begin(&i->run.progress, "import", i->kind == IMPORT_MBOX ? "KB" : "messages");
        r = walk(i);
    }
    return import_run_end(&i->run, r);
}

static int work(struct importing *i)
{
    int code = choose_options(i), r;

    if (code != EX_OK)
        return code;
    r = os_path_absolute(i->path, &i->absolute);
    if (r < 0)
        return call_fail(i->call, EX_USAGE, "%s: %s", i->path, strerror(-r));
    code = import_url_is(i->path) ? choose_server(i) : choose_format(i);
    if (code == EX_OK)
        code = name_source(i);
    if (code != EX_OK)
        return code;
    import_run_init(&i->run, i->call, &i->options);
    code = parley_run(i->call, talk, i);
    import_run_done(&i->run);
    return code;
}

static int run_import(struct call *call)
{
    struct importing *i = calloc(1, sizeof *i);
    int code;

    CHECK(i);
    i->call = call;
    i->path = call->args[1];
    buf_init(&i->absolute, OS_PATH_MAX);
    buf_init(&i->name, 4 * OS_PATH_MAX);
    buf_init(&i->far.addresses, 64 * 1024);
    buf_init(&i->far.password, 16 * 1024);
    code = work(i);
    buf_done(&i->absolute);
    buf_done(&i->name);
    buf_done(&i->far.addresses);
    wipe(&i->far.password);
    free(i);
    return code;
}

static const struct command_option options[] = {
    {"format", 0, "FORMAT",
     "What it is, where that cannot be seen: maildir, mh, mbox (mboxrd, mboxo, mboxcl, mboxcl2)"},
    {"mailbox", 0, "NAME", "Put all messages into this one mailbox"},
    {"into", 0, "NAME", "Put all mailboxes below this one, INBOX too"},
    {"keep-names", 0, NULL, "Do not put \"Sent Items\" into the account's mailbox for sent mail"},
    {"only", 0, "PATTERN", "Only mailboxes that match; * stands for anything, % for one level"},
    {"exclude", 0, "PATTERN", "None of the mailboxes that match"},
    {"since", 0, "DAY", "Only messages that came on this day (2026-01-31) or later"},
    {"no-flags", 0, NULL, "All messages come as new ones, without flags and keywords"},
    {"dry-run", 'n', NULL, "Say what would be taken, and take nothing"},
    {"again", 0, NULL, "Forget what was taken from this source before, and take all of it"},
    {"name", 0, "NAME", "Remember what was taken under this name instead of the source's own"},
    SECRET_OPTION,
    {"token", 0, NULL, "The password is an OAuth token (OAUTHBEARER, XOAUTH2)"},
    {"ca-file", 0, "FILE", "Trust these authorities (PEM) instead of the system's"},
    {"insecure-tls", 0, NULL, "Take any certificate of the other server"},
    {"no-tls", 0, NULL, "imap:// without STARTTLS: anybody on the way reads the password"},
    {"ignore-quota", 0, NULL, "Also where the account has no room for it"},
};

const struct command command_import = {
    .name = "import",
    .summary = "Take over mail from Maildir, mbox, MH or another server",
    .args = "ADDRESS SOURCE",
    .args_min = 2,
    .args_max = 2,
    .help =
        "SOURCE is a Maildir (folders of Maildir++, nested ones, trees of Maildirs), an mbox file "
        "or "
        "a directory of them, a tree of MH folders, or another server: imaps://USER@HOST/ "
        "(imap:// for STARTTLS). Flags, keywords, dates, mailboxes and "
        "subscriptions are kept.\n\n"
        "Begin it, stop it, kill it, begin it again: it goes on where it was. What was taken is "
        "remembered with the messages themselves, so that nothing is missing and nothing comes "
        "twice; run it once more later and it takes what is new. Flags that changed meanwhile are "
        "not carried over.\n\n"
        "Messages are kept byte by byte (8-bit characters and NULs, too), but for line ends: a "
        "line "
        "that ends in LF alone gets CRLF (RFC 5322). What mail programs leave in the header in an "
        "mbox (Status, X-Status, X-Keywords, X-UID, Mozilla's at the top) becomes flags and "
        "goes.\n\n"
        "It works while the server runs and while it does not. What could not be taken is told "
        "with its place; then, the exit status is 65.",
    COMMAND_OPTIONS(options),
    .examples =
        "carteiro import ana@example.org ~ana/Maildir --dry-run\n"
        "carteiro import ana@example.org ~ana/Maildir\n"
        "carteiro import ana@example.org /var/mail/ana\n"
        "carteiro import ana@example.org imaps://ana@old.example.net/ --password-file secret\n"
        "# an archive of many mboxes, below a mailbox of its own\n"
        "carteiro import ana@example.org ~/Mail --into Old",
    .run = run_import,
};
