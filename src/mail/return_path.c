// SPDX-License-Identifier: ISC
#include "mail/return_path.h"

#include "base/cleanup.h"
#include "base/scan.h"
#include "crypto/hmac.h"

enum {
    CODE_LEN = 8, // 40 bits
    DAY_LEN = 2,
    DAYS_CYCLE = 1024, // what DAY_LEN digits can say
    ID_LEN = 16,
    PATH_MAX_BYTES = ADDRESS_PATH_MAX - 2,
};

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

static int digit_of(char c)
{
    c = char_lower(c);
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

// ---- the code

/// Over the lower-case form, for letters may change on the way. `use` keeps the codes of one form
/// from being good for another.
static void put_code(struct buf *out, struct str secret, const char *use, struct str text)
{
    CLEANUP(buf_drop) struct buf what = {0};
    uint8_t mac[HMAC_BYTES];
    uint64_t bits = 0;

    buf_init(&what, 4096);
    buf_put(&what, str_from(use));
    for (size_t i = 0; i < text.len; i++)
        buf_put_char(&what, char_lower(text.ptr[i]));
    hmac_sha256(secret, buf_str(&what), mac);
    for (int i = 0; i < 5; i++)
        bits = bits << 8 | mac[i];
    for (int i = CODE_LEN - 1; i >= 0; i--)
        buf_put_char(out, digits[bits >> (5 * i) & 31]);
}

static bool is_code(struct str code, struct str secret, const char *use, struct str text)
{
    CLEANUP(buf_drop) struct buf right = {0};
    unsigned difference = 0;

    buf_init(&right, CODE_LEN);
    put_code(&right, secret, use, text);
    if (code.len != right.len)
        return false;
    for (size_t i = 0; i < code.len; i++) // in constant time
        difference |= (unsigned)(char_lower(code.ptr[i]) ^ right.ptr[i]);
    return difference == 0;
}

static void put_day(struct buf *out, int64_t day)
{
    unsigned d = (unsigned)(day % DAYS_CYCLE);

    buf_put_char(out, digits[d >> 5]);
    buf_put_char(out, digits[d & 31]);
}

static bool is_day_recent(struct str text, int64_t day)
{
    int64_t made;

    if (text.len != DAY_LEN || digit_of(text.ptr[0]) < 0 || digit_of(text.ptr[1]) < 0)
        return false;
    made = digit_of(text.ptr[0]) << 5 | digit_of(text.ptr[1]);
    return (day % DAYS_CYCLE - made + DAYS_CYCLE) % DAYS_CYCLE <= RETURN_PATH_DAYS;
}

// ---- lists

static bool split(struct str address, struct str *local, struct str *domain)
{
    ptrdiff_t at = str_find_last(address, '@');

    if (at <= 0)
        return false;
    *local = str_head(address, (size_t)at);
    *domain = str_skip(address, (size_t)at + 1);
    return domain->len > 0;
}

/// What the code of a list's return path stands for.
static void put_list_text(struct buf *out, struct str local, struct str domain, struct str id)
{
    buf_putf(out, "%.*s@%.*s %.*s", STR_ARG(local), STR_ARG(domain), STR_ARG(id));
}

static bool append_short(struct buf *out, const struct buf *path)
{
    if (!buf_ok(path) || path->len > PATH_MAX_BYTES)
        return false;
    buf_put(out, buf_str(path));
    return true;
}

bool return_path_put_list(struct buf *out, struct str secret, struct str list, uint64_t id)
{
    CLEANUP(buf_drop) struct buf path = {0}, text = {0};
    struct str local, domain;
    char hex[ID_LEN + 1];

    if (!split(list, &local, &domain) || local.ptr[0] == '"')
        return false;
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)id);
    buf_init(&text, 2048);
    buf_init(&path, 2048);
    put_list_text(&text, local, domain, str_from(hex));
    buf_putf(&path, "%.*s-bounces+%s-", STR_ARG(local), hex);
    put_code(&path, secret, "list ", buf_str(&text));
    buf_putf(&path, "@%.*s", STR_ARG(domain));
    return append_short(out, &path);
}

static bool read_id(struct str text, uint64_t *out)
{
    uint64_t id = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (char_hex(text.ptr[i]) < 0)
            return false;
        id = id << 4 | (unsigned)char_hex(text.ptr[i]);
    }
    *out = id;
    return text.len == ID_LEN;
}

/// "crew-bounces" "+" id "-" code
static enum return_path_kind parse_list(struct str local, struct str domain, struct str secret,
                                        struct buf *out, uint64_t *out_id)
{
    CLEANUP(buf_drop) struct buf text = {0};
    const size_t tail = ID_LEN + 1 + CODE_LEN;
    struct str name, id, code;
    uint64_t number;

    if (local.len <= tail + sizeof("-bounces+") - 1)
        return RETURN_PATH_NONE;
    name = str_head(local, local.len - tail);
    id = str_head(str_skip(local, name.len), ID_LEN);
    code = str_skip(local, name.len + ID_LEN + 1);
    if (!str_case_eq(str_skip(name, name.len - 9), STR("-bounces+")) || !read_id(id, &number) ||
        local.ptr[name.len + ID_LEN] != '-')
        return RETURN_PATH_NONE;
    name.len -= 9;
    buf_init(&text, 2048);
    put_list_text(&text, name, domain, id);
    if (!is_code(code, secret, "list ", buf_str(&text)))
        return RETURN_PATH_INVALID;
    buf_putf(out, "%.*s@%.*s", STR_ARG(name), STR_ARG(domain));
    *out_id = number;
    return RETURN_PATH_LIST;
}

// ---- passing on

/// SRS0=code=day=domain=local
static void put_srs0(struct buf *out, struct str secret, const struct address *sender, int64_t day)
{
    CLEANUP(buf_drop) struct buf text = {0};

    buf_init(&text, 2048);
    put_day(&text, day);
    buf_putf(&text, "=%.*s=%.*s", STR_ARG(sender->domain), STR_ARG(sender->local));
    buf_put(out, STR("SRS0="));
    put_code(out, secret, "srs0 ", buf_str(&text));
    buf_putf(out, "=%.*s", STR_ARG(buf_str(&text)));
}

/// SRS1=code=host=rest: `rest` is what follows "SRS0" at the first host that passed it on, its
/// separator with it; only that host can read it.
static void put_srs1(struct buf *out, struct str secret, struct str host, struct str rest)
{
    CLEANUP(buf_drop) struct buf text = {0};

    buf_init(&text, 2048);
    buf_putf(&text, "%.*s=%.*s", STR_ARG(host), STR_ARG(rest));
    buf_put(out, STR("SRS1="));
    put_code(out, secret, "srs1 ", buf_str(&text));
    buf_putf(out, "=%.*s", STR_ARG(buf_str(&text)));
}

static bool is_srs(struct str local, char digit)
{
    return local.len > 5 && str_case_starts(local, STR("SRS")) && local.ptr[3] == digit &&
           (local.ptr[4] == '=' || local.ptr[4] == '+' || local.ptr[4] == '-');
}

/// Of SRS1 of another host: who was first, and what it wrote.
static bool take_srs1(struct str local, struct str *host, struct str *rest)
{
    struct str left = str_skip(local, 5), code;

    if (!str_split(&left, '=', &code) || !left.ptr || !str_split(&left, '=', host) || !left.ptr ||
        host->len == 0 || left.len < 2)
        return false;
    *rest = left;
    return true;
}

bool return_path_put_forward(struct buf *out, struct str secret, const struct address *sender,
                             struct str domain, int64_t day)
{
    CLEANUP(buf_drop) struct buf path = {0};
    struct str host, rest;

    if (sender->is_quoted || sender->is_literal || sender->local.len == 0)
        return false;
    buf_init(&path, 2048);
    if (is_srs(sender->local, '0'))
        put_srs1(&path, secret, sender->domain, str_skip(sender->local, 4));
    else if (is_srs(sender->local, '1') && take_srs1(sender->local, &host, &rest))
        put_srs1(&path, secret, host, rest);
    else
        put_srs0(&path, secret, sender, day);
    buf_putf(&path, "@%.*s", STR_ARG(domain));
    return append_short(out, &path);
}

static enum return_path_kind parse_srs0(struct str local, struct str secret, int64_t day,
                                        struct buf *out)
{
    struct str left = str_skip(local, 5), code, when, domain, text;

    if (!str_split(&left, '=', &code) || !left.ptr)
        return RETURN_PATH_INVALID;
    text = left;
    if (!str_split(&left, '=', &when) || !left.ptr || !str_split(&left, '=', &domain) ||
        !left.ptr || left.len == 0 || domain.len == 0)
        return RETURN_PATH_INVALID;
    if (!is_code(code, secret, "srs0 ", text) || !is_day_recent(when, day))
        return RETURN_PATH_INVALID;
    buf_putf(out, "%.*s@%.*s", STR_ARG(left), STR_ARG(domain));
    return RETURN_PATH_FORWARD;
}

static enum return_path_kind parse_srs1(struct str local, struct str secret, struct buf *out)
{
    struct str left = str_skip(local, 5), code, host, text;

    if (!str_split(&left, '=', &code) || !left.ptr)
        return RETURN_PATH_INVALID;
    text = left;
    if (!str_split(&left, '=', &host) || !left.ptr || left.len < 2 || host.len == 0 ||
        !is_code(code, secret, "srs1 ", text))
        return RETURN_PATH_INVALID;
    buf_putf(out, "SRS0%.*s@%.*s", STR_ARG(left), STR_ARG(host));
    return RETURN_PATH_FORWARD;
}

enum return_path_kind return_path_parse(struct str local, struct str domain, struct str secret,
                                        int64_t day, struct buf *out, uint64_t *out_id)
{
    if (secret.len == 0)
        return RETURN_PATH_NONE;
    if (is_srs(local, '0'))
        return parse_srs0(local, secret, day, out);
    if (is_srs(local, '1'))
        return parse_srs1(local, secret, out);
    return parse_list(local, domain, secret, out, out_id);
}
