// SPDX-License-Identifier: ISC
#include "app/compose.h"

#include "base/cleanup.h"
#include "mail/address.h"
#include "mail/address_list.h"
#include "mail/date.h"
#include "mail/encoding.h"
#include "mail/header.h"
#include "mail/param.h"
#include "mail/word.h"

enum { FIELD_MAX = 1 << 20, BOUNDARY_BYTES = 12 };

// ---- people

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] & 0x80)
            return false;
    }
    return true;
}

bool compose_is_utf8(struct str address)
{
    return !is_ascii(address);
}

/// The local part as an envelope wants it: as it is, or between quotes.
static void put_local(struct buf *out, struct str local, bool quoted)
{
    for (size_t i = 0; i < local.len; i++) {
        if (quoted && i == 0)
            buf_put_char(out, '"');
        if (quoted && (local.ptr[i] == '"' || local.ptr[i] == '\\'))
            buf_put_char(out, '\\');
        buf_put_char(out, local.ptr[i]);
    }
    buf_put(out, quoted ? STR("\"@") : STR("@"));
}

/// One entry of a list as a person; the domain in the form that needs no extension. The reader of
/// lists is mild: what it made of "a b@c" is an address only if somebody wrote quotes.
static bool take_person(struct arena *arena, const struct address_entry *entry, bool may_quote,
                        struct compose_person *out)
{
    CLEANUP(buf_drop) struct buf text = {0};
    CLEANUP(buf_drop) struct buf name = {0};
    struct address address;
    bool ok = false;

    buf_init(&text, 1024);
    buf_init(&name, FIELD_MAX);
    for (int quoted = 0; !ok && quoted <= may_quote; quoted++) {
        buf_clear(&text);
        put_local(&text, entry->mailbox, quoted);
        ok = entry->host.len && address_put_domain(&text, entry->host) && buf_ok(&text) &&
             address_parse(buf_str(&text), ADDRESS_UTF8, &address);
    }
    if (!ok)
        return false;
    word_put_decoded(&name, entry->name);
    out->address = arena_str(arena, buf_str(&text));
    out->name = arena_str(arena, buf_str(&name));
    return true;
}

/// Without names and quotes, a blank inside an address is a slip, which the mild reader would mend
/// into somebody else's address. Control characters come from no keyboard.
static bool has_slip(struct str text)
{
    struct str rest = text, one;

    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ' && text.ptr[i] != '\t')
            return true;
    }
    if (str_find(text, '<') >= 0 || str_find(text, '"') >= 0)
        return false;
    while (str_split(&rest, ',', &one)) {
        one = str_trim(one);
        if (str_find(one, ' ') >= 0 || str_find(one, '\t') >= 0)
            return true;
    }
    return false;
}

bool compose_people_add(struct arena *arena, struct compose_people *people, struct str text,
                        struct str *bad)
{
    struct address_list list;
    struct address_entry entry;
    size_t before = people->count;

    *bad = text;
    if (has_slip(text))
        return false;
    if (!people->items)
        people->items = ARENA_ARRAY(arena, struct compose_person, COMPOSE_RECIPIENTS_MAX);
    address_list_begin(&list, arena, text);
    while (address_list_next(&list, &entry)) {
        if (!entry.host.ptr) // a group's start or end
            continue;
        if (people->count == COMPOSE_RECIPIENTS_MAX ||
            !take_person(arena, &entry, str_find(text, '"') >= 0, &people->items[people->count]))
            return false;
        people->count++;
    }
    return people->count > before;
}

static void put_people(struct buf *out, struct str field, const struct compose_person *items,
                       size_t count)
{
    CLEANUP(buf_drop) struct buf value = {0};

    if (count == 0)
        return;
    buf_init(&value, FIELD_MAX);
    for (size_t i = 0; i < count; i++) {
        buf_put(&value, i ? STR(", ") : STR(""));
        if (items[i].name.len) {
            word_put_phrase(&value, items[i].name);
            buf_putf(&value, " <%.*s>", STR_ARG(items[i].address));
        } else {
            buf_put(&value, items[i].address);
        }
    }
    header_put(out, field, buf_str(&value));
}

// ---- the header

static void put_hex(struct buf *out, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_putf(out, "%02x", bytes[i]);
}

static void put_message_id(struct buf *out, const struct compose *c)
{
    ptrdiff_t at = str_find_last(c->from.address, '@');
    CLEANUP(buf_drop) struct buf value = {0};

    buf_init(&value, 1024);
    buf_put_char(&value, '<');
    put_hex(&value, c->random, BOUNDARY_BYTES);
    buf_putf(&value, "%.*s>", STR_ARG(str_skip(c->from.address, (size_t)at)));
    header_put(out, STR("Message-ID"), buf_str(&value));
}

static void put_header(struct buf *out, const struct compose *c)
{
    CLEANUP(buf_drop) struct buf value = {0};

    buf_init(&value, FIELD_MAX);
    put_people(out, STR("From"), &c->from, 1);
    put_people(out, STR("To"), c->to.items, c->to.count);
    put_people(out, STR("Cc"), c->cc.items, c->cc.count);
    // RFC 5322 has it optional, but mail without any To or Cc is taken for spam by many.
    if (c->to.count == 0 && c->cc.count == 0)
        header_put(out, STR("To"), STR("undisclosed-recipients:;"));
    word_put(&value, c->subject);
    header_put(out, STR("Subject"), buf_str(&value));
    buf_clear(&value);
    date_put(&value, (struct date){c->date, c->zone_minutes, false});
    header_put(out, STR("Date"), buf_str(&value));
    put_message_id(out, c);
    buf_put(out, STR("MIME-Version: 1.0\r\n"));
}

// ---- the parts

/// Lines with CRLF, no line too long, nothing but ASCII: then it can go as it is.
static bool is_plain(struct str text)
{
    size_t column = 0;

    for (size_t i = 0; i < text.len; i++) {
        if ((text.ptr[i] & 0x80) || text.ptr[i] == '\0' ||
            (text.ptr[i] == '\r' && (i + 1 == text.len || text.ptr[i + 1] != '\n')))
            return false;
        column = text.ptr[i] == '\n' ? 0 : column + 1;
        if (column > HEADER_FOLD_COLUMNS * 10)
            return false;
    }
    return true;
}

static void put_lines(struct buf *out, struct str text)
{
    struct str rest = text, line;

    while (str_split(&rest, '\n', &line)) {
        if (str_ends(line, STR("\r")))
            line.len--;
        if (!rest.ptr && line.len == 0)
            break;
        buf_put(out, line);
        buf_put(out, STR("\r\n"));
    }
}

/// More than a third of it beyond ASCII: base64 is shorter than quoted-printable.
static bool is_foreign(struct str text)
{
    size_t high = 0;

    for (size_t i = 0; i < text.len; i++)
        high += (text.ptr[i] & 0x80) != 0;
    return high > text.len / 3;
}

static void put_text(struct buf *out, struct str text)
{
    buf_put(out, STR("Content-Type: text/plain; charset=utf-8\r\n"));
    if (is_plain(text)) {
        buf_put(out, STR("Content-Transfer-Encoding: 7bit\r\n\r\n"));
        put_lines(out, text);
    } else if (is_foreign(text)) {
        CLEANUP(buf_drop) struct buf lines = {0};

        buf_init(&lines, COMPOSE_MESSAGE_MAX);
        put_lines(&lines, text);
        buf_put(out, STR("Content-Transfer-Encoding: base64\r\n\r\n"));
        encoding_put_base64_lines(out, buf_str(&lines));
    } else {
        buf_put(out, STR("Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
        encoding_put_quoted_printable(out, text);
        if (!str_ends(text, STR("\n")))
            buf_put(out, STR("\r\n"));
    }
}

static void put_attachment(struct buf *out, const struct compose_attachment *a)
{
    CLEANUP(buf_drop) struct buf value = {0};

    buf_init(&value, FIELD_MAX);
    buf_put(&value, a->type);
    param_put(&value, STR("name"), a->name);
    header_put(out, STR("Content-Type"), buf_str(&value));
    buf_clear(&value);
    buf_put(&value, STR("attachment"));
    param_put(&value, STR("filename"), a->name);
    header_put(out, STR("Content-Disposition"), buf_str(&value));
    buf_put(out, STR("Content-Transfer-Encoding: base64\r\n\r\n"));
    encoding_put_base64_lines(out, a->bytes);
}

bool compose_put(const struct compose *c, struct buf *out)
{
    CLEANUP(buf_drop) struct buf boundary = {0};

    put_header(out, c);
    if (c->attachment_count == 0) {
        put_text(out, c->text);
        return buf_ok(out);
    }
    // "=_" stands in neither encoding, and nobody can guess the rest.
    buf_init(&boundary, 64);
    buf_put(&boundary, STR("=_"));
    put_hex(&boundary, c->random + BOUNDARY_BYTES, BOUNDARY_BYTES);
    buf_putf(out, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n", buf_cstr(&boundary));
    buf_putf(out, "--%s\r\n", buf_cstr(&boundary));
    put_text(out, c->text);
    for (size_t i = 0; i < c->attachment_count; i++) {
        buf_putf(out, "\r\n--%s\r\n", buf_cstr(&boundary));
        put_attachment(out, &c->attachments[i]);
    }
    buf_putf(out, "\r\n--%s--\r\n", buf_cstr(&boundary));
    return buf_ok(out);
}

struct str compose_type_of(struct str file_name)
{
    static const struct {
        struct str ending, type;
    } types[] = {
        {STR(".txt"), STR("text/plain; charset=utf-8")},
        {STR(".pdf"), STR("application/pdf")},
        {STR(".png"), STR("image/png")},
        {STR(".jpg"), STR("image/jpeg")},
        {STR(".jpeg"), STR("image/jpeg")},
        {STR(".gif"), STR("image/gif")},
        {STR(".webp"), STR("image/webp")},
        {STR(".svg"), STR("image/svg+xml")},
        {STR(".html"), STR("text/html; charset=utf-8")},
        {STR(".csv"), STR("text/csv; charset=utf-8")},
        {STR(".json"), STR("application/json")},
        {STR(".xml"), STR("application/xml")},
        {STR(".zip"), STR("application/zip")},
        {STR(".gz"), STR("application/gzip")},
        {STR(".ics"), STR("text/calendar; charset=utf-8")},
        {STR(".mp3"), STR("audio/mpeg")},
        {STR(".mp4"), STR("video/mp4")},
    };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (file_name.len > types[i].ending.len &&
            str_case_eq(str_skip(file_name, file_name.len - types[i].ending.len), types[i].ending))
            return types[i].type;
    }
    return STR("application/octet-stream");
}
