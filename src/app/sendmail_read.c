// SPDX-License-Identifier: ISC
//
// The message as a program hands it to sendmail: lines that end with LF, perhaps ended by a dot,
// recipients perhaps in the header only.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/word.h"
#include "os/file.h"

#include "app/compose.h"
#include "app/sendmail.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

// ---- addresses

struct str sendmail_address(struct sendmail *s, struct str text)
{
    CLEANUP(buf_drop) struct buf whole = {.max = 1024};
    struct compose_people one = {0};
    struct str bad;

    buf_put(&whole, text);
    // RFC 6409 8.1: a bare name is one of this site
    if (str_find(text, '@') < 0)
        buf_putf(&whole, "@%.*s", STR_ARG(buf_str(&s->origin)));
    if (!buf_ok(&whole) ||
        !compose_people_add(&s->arena, &one, arena_str(&s->arena, buf_str(&whole)), &bad) ||
        one.count != 1)
        return STR_NONE;
    return one.items[0].address;
}

static int add_recipient(struct sendmail *s, struct str text)
{
    struct str address = sendmail_address(s, text);

    if (!address.ptr) {
        fprintf(stderr, "sendmail: %.*s: not an address\n", STR_ARG(text));
        return EX_DATAERR;
    }
    if (s->recipient_count == SENDMAIL_RECIPIENTS_MAX) {
        fprintf(stderr, "sendmail: more than %d recipients\n", SENDMAIL_RECIPIENTS_MAX);
        return EX_DATAERR;
    }
    for (size_t i = 0; i < s->recipient_count; i++) {
        if (str_eq(s->recipients[i], address))
            return EX_OK;
    }
    s->recipients[s->recipient_count++] = address;
    return EX_OK;
}

/// "a, b" of a field or of an argument; names and comments may stand beside the addresses.
static int add_list(struct sendmail *s, struct str list)
{
    struct compose_people people = {0};
    struct str bad, rest = list, one;
    int r = EX_OK;

    if (compose_people_add(&s->arena, &people, list, &bad)) {
        for (size_t i = 0; i < people.count && r == EX_OK; i++)
            r = add_recipient(s, people.items[i].address);
        return r;
    }
    // bare names ("root") are no addresses yet
    while (r == EX_OK && str_split(&rest, ',', &one)) {
        if (str_trim(one).len > 0)
            r = add_recipient(s, str_trim(one));
    }
    return r;
}

// ---- the header

static bool names_recipients(struct str name, bool is_resent)
{
    static const struct str fields[2][3] = {
        {STR("To"), STR("Cc"), STR("Bcc")},
        {STR("Resent-To"), STR("Resent-Cc"), STR("Resent-Bcc")},
    };

    for (size_t i = 0; i < 3; i++) {
        if (str_case_eq(name, fields[is_resent][i]))
            return true;
    }
    return false;
}

static bool is_hidden(struct str name)
{
    return str_case_eq(name, STR("Bcc")) || str_case_eq(name, STR("Resent-Bcc"));
}

static int add_header_recipients(struct sendmail *s, struct str header)
{
    struct header_field field;
    bool is_resent = header_find(header, STR("Resent-To"), &field) ||
                     header_find(header, STR("Resent-Cc"), &field) ||
                     header_find(header, STR("Resent-Bcc"), &field);
    struct header_iter it = header_iter_of(header);
    int r = EX_OK;

    while (r == EX_OK && header_next(&it, &field)) {
        if (names_recipients(field.name, is_resent))
            r = add_list(s, header_unfold(&s->arena, field.value));
    }
    return r;
}

static void put_from(struct sendmail *s, struct buf *out)
{
    const struct passwd *user = getpwuid(getuid());
    const char *name = s->name ? s->name : user && user->pw_gecos ? user->pw_gecos : "";
    struct str gecos = str_from(name);

    if (str_find(gecos, ',') >= 0)
        gecos = str_head(gecos, (size_t)str_find(gecos, ','));
    buf_put(out, STR("From: "));
    if (gecos.len > 0 && address_is_utf8(gecos)) {
        word_put_phrase(out, gecos);
        buf_put_char(out, ' ');
    }
    buf_putf(out, "<%.*s>\r\n", STR_ARG(s->path));
}

/// The fields but Bcc, and those that are missing; then the rest as it is.
static void put_message(struct sendmail *s, struct str message)
{
    size_t header_bytes = header_len(message);
    struct str header = str_head(message, header_bytes);
    struct header_iter it = header_iter_of(header);
    struct header_field field;

    if (!header_find(header, STR("From"), &field) && s->path.len > 0)
        put_from(s, &s->message);
    while (header_next(&it, &field)) {
        bool is_mbox = field.name.len == 0 && field.offset == 0;

        if (!is_mbox && !(s->from_header && is_hidden(field.name)))
            buf_put(&s->message, field.raw);
    }
    if (it.offset == 0 || header_bytes <= it.offset)
        buf_put(&s->message, STR("\r\n"));
    buf_put(&s->message, str_skip(message, it.offset));
}

// ---- reading

/// Without -i a dot alone on a line ends the message.
static struct str until_dot(const struct sendmail *s, struct str message)
{
    struct str rest = message, line;

    while (!s->dot_is_text && str_split(&rest, '\n', &line)) {
        if (str_eq(line, STR(".")) || str_eq(line, STR(".\r")))
            return str_of(message.ptr, (size_t)(line.ptr - message.ptr));
    }
    return message;
}

int sendmail_read(struct sendmail *s)
{
    CLEANUP(buf_drop) struct buf input = {0};
    struct str message;
    int r;

    s->recipients = ARENA_ARRAY(&s->arena, struct str, SENDMAIL_RECIPIENTS_MAX);
    buf_init(&input, SENDMAIL_MESSAGE_MAX);
    r = os_file_read("-", &input);
    if (r < 0) {
        fprintf(stderr, "sendmail: the message: %s\n",
                r == -EFBIG ? "larger than 128 MB" : strerror(-r));
        return r == -EFBIG ? EX_DATAERR : EX_IOERR;
    }
    message = until_dot(s, buf_str(&input));
    r = EX_OK;
    for (size_t i = 0; i < s->word_count && r == EX_OK; i++)
        r = add_list(s, str_from(s->words[i]));
    if (r == EX_OK && s->from_header)
        r = add_header_recipients(s, str_head(message, header_len(message)));
    if (r != EX_OK)
        return r;
    if (s->recipient_count == 0) {
        fputs("sendmail: no recipients: name them, or give -t to take those of the header\n",
              stderr);
        return EX_USAGE;
    }
    buf_init(&s->message, SENDMAIL_MESSAGE_MAX + 4096);
    put_message(s, message);
    return buf_ok(&s->message) ? EX_OK : EX_DATAERR;
}
