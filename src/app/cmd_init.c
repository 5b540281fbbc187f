// SPDX-License-Identifier: ISC
//
// carteiro init: from nothing to a server that can be started. Everything is checked and made
// before the configuration file appears, so a site that has one is whole.
#include "base/cleanup.h"
#include "os/file.h"
#include "os/process.h"
#include "os/terminal.h"

#include "app/ask.h"
#include "app/certificates.h"
#include "app/commands.h"
#include "app/config_text.h"
#include "app/operation.h"
#include "app/secret.h"
#include "app/site.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GIVEN_MAX = 20, TEXT_MAX = 1 << 20, PEM_MAX = 64 * 1024 };

struct init {
    const struct call *call;
    struct buf config, data, certificate, key; // paths
    struct buf domain, hostname, account, password;
    struct buf text; // of the configuration
    struct buf quoted[5];
    struct config_given given[GIVEN_MAX];
    size_t given_count;
    struct app_config *parsed;
    const char *user; // "" when there is no other to become
};

static void init_done(struct init *i)
{
    struct buf *all[] = {&i->config,   &i->data,    &i->certificate, &i->key, &i->domain,
                         &i->hostname, &i->account, &i->password,    &i->text};

    if (i->password.ptr)
        explicit_bzero(i->password.ptr, i->password.cap);
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
        buf_done(all[k]);
    for (size_t k = 0; k < sizeof i->quoted / sizeof i->quoted[0]; k++)
        buf_done(&i->quoted[k]);
}

// ---- where and who

static int choose_paths(struct init *i)
{
    const char *dir = call_option(i->call, "dir");
    CLEANUP(buf_drop) struct buf base = {0};
    struct str file;
    struct stat st;
    int r;

    buf_init(&base, OS_PATH_MAX);
    if (dir) {
        r = os_path_absolute(dir, &base);
        buf_putf(&i->config, "%.*s/carteiro.conf", STR_ARG(buf_str(&base)));
        buf_putf(&i->data, "%.*s/data", STR_ARG(buf_str(&base)));
    } else {
        r = site_config_path(i->call, &base);
        if (r == 0)
            r = os_path_absolute(buf_cstr(&base), &i->config);
        buf_put(&i->data, str_from(server_settings.items[1].fallback));
    }
    if (r < 0 || !buf_cstr(&i->config) || !buf_cstr(&i->data))
        return call_fail(i->call, EX_USAGE, "the directory: %s",
                         strerror(r < 0 ? -r : ENAMETOOLONG));
    file = buf_str(&i->config);
    file = str_head(file, (size_t)str_find_last(file, '/'));
    buf_putf(&i->certificate, "%.*s/cert.pem", STR_ARG(file));
    buf_putf(&i->key, "%.*s/key.pem", STR_ARG(file));
    if (!buf_cstr(&i->certificate) || !buf_cstr(&i->key))
        return call_fail(i->call, EX_USAGE, "the directory's name is too long");
    if (stat(buf_cstr(&i->config), &st) == 0)
        return call_fail(i->call, EX_CANTCREAT,
                         "%s is there already; look at it with `carteiro check`, or choose another "
                         "--dir",
                         buf_cstr(&i->config));
    return EX_OK;
}

static int choose(struct init *i, const char *option, const char *prompt, struct buf *out)
{
    const char *given = call_option(i->call, option);

    if (given) {
        buf_put(out, str_from(given));
    } else if (!os_is_terminal(STDIN_FILENO) || os_line_ask(prompt, out) < 0) {
        return call_fail(i->call, EX_USAGE, "--%s is missing; see --help", option);
    }
    buf_put(out, STR(""));
    return out->len ? EX_OK : call_fail(i->call, EX_USAGE, "--%s is empty", option);
}

static int choose_names(struct init *i)
{
    CLEANUP(buf_drop) struct buf account = {0};
    int r = choose(i, "domain", "The domain whose mail it takes in (example.org): ", &i->domain);

    buf_init(&account, 320);
    if (r == EX_OK)
        r = choose(i, "account", "The first account (ana): ", &account);
    if (r != EX_OK)
        return r;
    buf_put(&i->account, buf_str(&account));
    if (str_find(buf_str(&account), '@') < 0)
        buf_putf(&i->account, "@%.*s", STR_ARG(buf_str(&i->domain)));
    if (call_has(i->call, "hostname"))
        buf_put(&i->hostname, str_from(call_option(i->call, "hostname")));
    else
        buf_putf(&i->hostname, "mail.%.*s", STR_ARG(buf_str(&i->domain)));
    return EX_OK;
}

static int choose_user(struct init *i)
{
    const char *user = call_option(i->call, "user");
    uid_t uid;
    gid_t gid;

    i->user = "";
    if (geteuid() != 0)
        return EX_OK;
    if (user && os_user_find(user, &uid, &gid) < 0)
        return call_fail(i->call, EX_NOUSER,
                         "there is no user \"%s\"; make it with: adduser --system --group %s", user,
                         user);
    if (!user && !call_has(i->call, "dir") && os_user_find("carteiro", &uid, &gid) == 0)
        user = "carteiro";
    i->user = user ? user : "";
    return EX_OK;
}

// ---- the text of the configuration

static void give(struct init *i, const char *title, const char *name, const char *value)
{
    if (i->given_count < GIVEN_MAX)
        i->given[i->given_count++] = (struct config_given){title, name, value};
}

static const char *quote(struct init *i, size_t at, struct str text)
{
    config_text_quote(&i->quoted[at], text);
    return buf_cstr(&i->quoted[at]);
}

static int give_ports(struct init *i)
{
    static const struct {
        const char *name, *unprivileged;
    } ports[] = {
        {"smtp", "2525"},        {"submission", "2587"}, {"submission_alt", "2526"},
        {"submissions", "2465"}, {"imap", "1143"},       {"imaps", "1993"},
        {"pop3", "1110"},        {"pop3s", "1995"},
    };
    const char *which = call_option(i->call, "ports");

    if (call_has(i->call, "unprivileged"))
        which = "unprivileged";
    if (!which || strcmp(which, "standard") == 0) {
        give(i, "listen", "submission_alt", "2525");
        give(i, "listen", "sendmail", "\"/run/carteiro/sendmail.sock\"");
        return EX_OK;
    }
    if (strcmp(which, "unprivileged") != 0 && strcmp(which, "any") != 0)
        return call_fail(i->call, EX_USAGE, "--ports is one of standard, unprivileged, any");
    give(i, "listen", "addresses", "{\"127.0.0.1\"}");
    give(i, "listen", "sendmail", "\"run/sendmail.sock\"");
    for (size_t k = 0; k < sizeof ports / sizeof ports[0]; k++)
        give(i, "listen", ports[k].name, which[0] == 'a' ? "65536" : ports[k].unprivileged);
    give(i, "listen", "lmtp", which[0] == 'a' ? "\"127.0.0.1:65536\"" : "\"127.0.0.1:2424\"");
    return EX_OK;
}

static int write_text(struct init *i)
{
    give(i, "", "hostname", quote(i, 0, buf_str(&i->hostname)));
    give(i, "", "data", quote(i, 1, buf_str(&i->data)));
    give(i, "", "certificate", quote(i, 2, buf_str(&i->certificate)));
    give(i, "", "key", quote(i, 3, buf_str(&i->key)));
    if (i->user[0])
        give(i, "", "user", quote(i, 4, str_from(i->user)));
    if (give_ports(i) != EX_OK)
        return EX_USAGE;
    config_text_put(&i->text, i->given, i->given_count);
    return EX_OK;
}

// ---- making it

static int cannot(const struct init *i, const char *path, int error)
{
    return call_fail(i->call, EX_CANTCREAT, "%s: %s", path, strerror(-error));
}

/// The directory belongs to whom the server will be.
static int hand_over(const struct init *i, const char *path)
{
    uid_t uid;
    gid_t gid;

    if (!i->user[0])
        return 0;
    if (os_user_find(i->user, &uid, &gid) < 0 || chown(path, uid, gid) < 0)
        return -errno;
    return 0;
}

static int make_directories(const struct init *i)
{
    CLEANUP(buf_drop) struct buf dir = {0};
    struct str file = buf_str(&i->config);
    int r;

    buf_init(&dir, OS_PATH_MAX);
    buf_put(&dir, str_head(file, (size_t)str_find_last(file, '/')));
    if (dir.len == 0)
        buf_put_char(&dir, '/');
    r = os_directories_make(buf_cstr(&dir), 0755);
    if (r < 0)
        return cannot(i, buf_cstr(&dir), r);
    r = os_directories_make(i->data.ptr, 0700);
    if (r == 0)
        r = hand_over(i, i->data.ptr);
    return r < 0 ? cannot(i, i->data.ptr, r) : EX_OK;
}

/// Those that are there already are used: somebody brought them.
static int make_certificate(const struct init *i)
{
    CLEANUP(buf_drop) struct buf certificate = {0};
    CLEANUP(buf_drop) struct buf key = {0};
    struct stat st;
    int r;

    if (stat(i->certificate.ptr, &st) == 0 && stat(i->key.ptr, &st) == 0)
        return EX_OK;
    buf_init(&certificate, PEM_MAX);
    buf_init(&key, PEM_MAX);
    r = certificate_self_signed(buf_str(&i->hostname), buf_str(&i->domain), &certificate, &key);
    if (r < 0)
        return call_fail(i->call, EX_DATAERR, "no certificate can be made for \"%s\"",
                         buf_cstr(&((struct init *)i)->hostname));
    r = os_file_replace(i->key.ptr, buf_str(&key), 0600);
    if (r == 0)
        r = hand_over(i, i->key.ptr);
    explicit_bzero(key.ptr, key.len);
    if (r < 0)
        return cannot(i, i->key.ptr, r);
    r = os_file_replace(i->certificate.ptr, buf_str(&certificate), 0644);
    return r < 0 ? cannot(i, i->certificate.ptr, r) : EX_OK;
}

/// In a process of its own: it becomes the user of the data, who may not write the configuration.
static int make_first_account(void *arg)
{
    const struct init *i = arg;
    const struct app_config *config = i->parsed;
    json_t *result = NULL;
    int r = ask_with(i->call, config,
                     json_pack("{s:s, s:o, s:o, s:o}", "op", "account.add", "make_domain",
                               operation_json(buf_str(&i->domain)), "address",
                               operation_json(buf_str(&i->account)), "password",
                               operation_json(buf_str(&i->password))),
                     &result);

    if (r == EX_OK)
        json_decref(result);
    return r;
}

static int make_site(struct init *i)
{
    CLEANUP(buf_drop) struct buf why = {0};
    struct app_config *config = NULL;
    int r;

    buf_init(&why, 32 * 1024);
    if (app_config_parse(buf_str(&i->text), i->config.ptr, &config, &why) < 0)
        return call_fail(i->call, EX_DATAERR, "%s", buf_cstr(&why));
    r = make_directories(i);
    if (r == EX_OK)
        r = make_certificate(i);
    i->parsed = config;
    if (r == EX_OK)
        r = os_apart(make_first_account, i);
    if (r < 0)
        r = call_fail(i->call, EX_OSERR, "%s", strerror(-r));
    app_config_free(config);
    if (r != EX_OK)
        return r;
    r = os_file_create(i->config.ptr, buf_str(&i->text), 0644);
    return r < 0 ? cannot(i, i->config.ptr, r) : EX_OK;
}

static int tell(struct init *i)
{
    const char *config = buf_cstr(&i->config);

    if (i->call->json)
        return call_print_json(
            json_pack("{s:s, s:s, s:s, s:s, s:s}", "config", config, "data", buf_cstr(&i->data),
                      "certificate", buf_cstr(&i->certificate), "account", buf_cstr(&i->account),
                      "hostname", buf_cstr(&i->hostname)));
    printf("Made the site of %s:\n"
           "  configuration  %s\n"
           "  data           %s\n"
           "  certificate    %s (self-signed: clients will ask; replace it when you have one)\n"
           "  account        %s\n"
           "\n"
           "Next:\n"
           "  carteiro check --config %s\n"
           "  carteiro serve --config %s\n"
           "  carteiro account add SOMEBODY@%s --config %s\n",
           buf_cstr(&i->domain), config, buf_cstr(&i->data), buf_cstr(&i->certificate),
           buf_cstr(&i->account), config, config, buf_cstr(&i->domain), config);
    return EX_OK;
}

static int work(struct init *i)
{
    CLEANUP(buf_drop) struct buf prompt = {0};
    int r = choose_paths(i);

    if (r == EX_OK)
        r = choose_names(i);
    if (r == EX_OK)
        r = choose_user(i);
    if (r == EX_OK)
        r = write_text(i);
    if (r != EX_OK)
        return r;
    buf_init(&prompt, 512);
    buf_putf(&prompt, "Password for %.*s: ", STR_ARG(buf_str(&i->account)));
    r = secret_password(i->call, buf_cstr(&prompt), true, &i->password);
    if (r == EX_OK)
        r = make_site(i);
    return r == EX_OK ? tell(i) : r;
}

static int run_init(struct call *call)
{
    struct init i = {.call = call};
    int r;

    buf_init(&i.config, OS_PATH_MAX);
    buf_init(&i.data, OS_PATH_MAX);
    buf_init(&i.certificate, OS_PATH_MAX);
    buf_init(&i.key, OS_PATH_MAX);
    buf_init(&i.domain, 256);
    buf_init(&i.hostname, 256);
    buf_init(&i.account, 512);
    buf_init(&i.password, 2048);
    buf_init(&i.text, TEXT_MAX);
    for (size_t k = 0; k < sizeof i.quoted / sizeof i.quoted[0]; k++)
        buf_init(&i.quoted[k], 2 * OS_PATH_MAX);
    umask(022);
    r = work(&i);
    init_done(&i);
    return r;
}

static const struct command_option options[] = {
    {"dir", 'd', "DIR", "Keep everything below DIR instead of /etc/carteiro and /var/lib/carteiro"},
    {"domain", 0, "DOMAIN", "Whose mail it takes in"},
    {"account", 'a', "ADDRESS", "The first account; \"ana\" is enough"},
    SECRET_OPTION,
    {"hostname", 0, "NAME", "By which name it greets; mail.DOMAIN by default"},
    {"user", 'u', "USER", "Whom the server becomes when root starts it"},
    {"unprivileged", 0, NULL,
     "On 127.0.0.1 and ports that need no rights: 2525, 2587, 2465, 2526, 1143, 1993, 1110, 1995"},
    {"ports", 0, "WHICH", "standard, unprivileged, or any: the kernel chooses (DATA/ports tells)"},
};

const struct command command_init = {
    .name = "init",
    .summary = "Make a site: configuration, certificate, domain and first account",
    .help = "Writes a configuration in which every setting is explained, makes the data directory, "
            "a self-signed certificate, the domain and its first account. What is not given is "
            "asked on the terminal. Nothing that exists is overwritten.",
    COMMAND_OPTIONS(options),
    .examples = "sudo carteiro init --domain example.org --account ana\n"
                "# a throw-away site, without rights and questions\n"
                "carteiro init --dir try --domain example.test --account ana \\\n"
                "    --password-file secret.txt --unprivileged",
    .run = run_init,
};
