// SPDX-License-Identifier: ISC
#include "mail/structure.h"

#include "base/arena.h"
#include "mail/address_list.h"
#include "mail/header.h"

enum {
    QUOTED_MAX = 1000,          // longer strings are literals
    FIELD_TEXT_MAX = 64 * 1024, // bytes of Subject and the like that are told
    ARENA_MAX = 8 * ADDRESS_LIST_TEXT_MAX,
};

static bool is_quotable(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if ((c < 32 && c != '\t') || c >= 127)
            return false;
    }
    return s.len <= QUOTED_MAX;
}

static void put_literal(struct buf *out, struct str s)
{
    char *to;

    buf_putf(out, "{%zu}\r\n", s.len);
    to = buf_room(out, s.len);
    if (!to)
        return;
    for (size_t i = 0; i < s.len; i++)
        to[i] = s.ptr[i] ? s.ptr[i] : ' ';
    buf_added(out, s.len);
}

void structure_put_string(struct buf *out, struct str s)
{
    if (!is_quotable(s)) {
        put_literal(out, s);
        return;
    }
    buf_put_char(out, '"');
    while (s.len) {
        size_t plain = 0;

        while (plain < s.len && s.ptr[plain] != '"' && s.ptr[plain] != '\\')
            plain++;
        buf_put(out, str_head(s, plain));
        s = str_skip(s, plain);
        if (s.len) {
            buf_put_char(out, '\\');
            buf_put_char(out, s.ptr[0]);
            s = str_skip(s, 1);
        }
    }
    buf_put_char(out, '"');
}

void structure_put_nstring(struct buf *out, struct str s)
{
    if (s.ptr)
        structure_put_string(out, s);
    else
        buf_put(out, STR("NIL"));
}

// --- ENVELOPE ---

enum envelope_field { DATE, SUBJECT, FROM, SENDER, REPLY_TO, TO, CC, BCC, IN_REPLY_TO, MESSAGE_ID };

static const struct str envelope_names[] = {
    [DATE] = STR("Date"),
    [SUBJECT] = STR("Subject"),
    [FROM] = STR("From"),
    [SENDER] = STR("Sender"),
    [REPLY_TO] = STR("Reply-To"),
    [TO] = STR("To"),
    [CC] = STR("Cc"),
    [BCC] = STR("Bcc"),
    [IN_REPLY_TO] = STR("In-Reply-To"),
    [MESSAGE_ID] = STR("Message-ID"),
};

enum { ENVELOPE_FIELDS = sizeof(envelope_names) / sizeof(envelope_names[0]) };

// The first field of each name; ptr NULL where there is none.
static void collect_fields(struct str header, struct str values[ENVELOPE_FIELDS])
{
    struct header_iter it = header_iter_of(header);
    struct header_field f;

    memset(values, 0, ENVELOPE_FIELDS * sizeof(values[0]));
    while (header_next(&it, &f)) {
        for (size_t i = 0; i < ENVELOPE_FIELDS; i++) {
            if (!values[i].ptr && str_case_eq(f.name, envelope_names[i])) {
                values[i] = f.value;
                break;
            }
        }
    }
}

static void put_text(struct buf *out, struct arena *a, struct str value)
{
    struct str text = header_unfold(a, str_head(value, FIELD_TEXT_MAX));

    structure_put_nstring(out, value.ptr ? text : STR_NONE);
    arena_reset(a);
}

// False when there is no address: nothing was put.
static bool put_addresses(struct buf *out, struct arena *a, struct str value)
{
    struct address_list list;
    struct address_entry e;
    bool has_one = false;

    address_list_begin(&list, a, value);
    while (address_list_next(&list, &e)) {
        buf_put(out, has_one ? STR("(") : STR("(("));
        structure_put_nstring(out, e.name);
        buf_put_char(out, ' ');
        structure_put_nstring(out, e.adl);
        buf_put_char(out, ' ');
        structure_put_nstring(out, e.mailbox);
        buf_put_char(out, ' ');
        structure_put_nstring(out, e.host);
        buf_put_char(out, ')');
        has_one = true;
    }
    if (has_one)
        buf_put_char(out, ')');
    arena_reset(a);
    return has_one;
}

static void put_addresses_or(struct buf *out, struct arena *a, struct str value, struct str instead)
{
    buf_put_char(out, ' ');
    if (!put_addresses(out, a, value) && !put_addresses(out, a, instead))
        buf_put(out, STR("NIL"));
}

void structure_put_envelope(struct buf *out, struct str header)
{
    struct str values[ENVELOPE_FIELDS];
    struct arena a;

    arena_init(&a, ARENA_MAX);
    collect_fields(header, values);
    buf_put_char(out, '(');
    put_text(out, &a, values[DATE]);
    buf_put_char(out, ' ');
    put_text(out, &a, values[SUBJECT]);
    put_addresses_or(out, &a, values[FROM], STR_NONE);
    put_addresses_or(out, &a, values[SENDER], values[FROM]);
    put_addresses_or(out, &a, values[REPLY_TO], values[FROM]);
    put_addresses_or(out, &a, values[TO], STR_NONE);
    put_addresses_or(out, &a, values[CC], STR_NONE);
    put_addresses_or(out, &a, values[BCC], STR_NONE);
    buf_put_char(out, ' ');
    put_text(out, &a, values[IN_REPLY_TO]);
    buf_put_char(out, ' ');
    put_text(out, &a, values[MESSAGE_ID]);
    buf_put_char(out, ')');
    arena_done(&a);
}

// --- BODY ---

static void put_params(struct buf *out, const struct param_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        buf_put(out, i ? STR(" ") : STR("("));
        structure_put_string(out, list->params[i].name);
        buf_put_char(out, ' ');
        structure_put_string(out, list->params[i].value);
    }
    buf_put(out, list->count ? STR(")") : STR("NIL"));
}

static void put_disposition(struct buf *out, const struct mime_part *part)
{
    if (!part->disposition.ptr) {
        buf_put(out, STR(" NIL"));
        return;
    }
    buf_put(out, STR(" ("));
    structure_put_string(out, part->disposition);
    buf_put_char(out, ' ');
    put_params(out, &part->disposition_params);
    buf_put_char(out, ')');
}

// "en (English)" without its comment
static struct str language_tag(struct str item)
{
    size_t len = 0;

    item = str_trim(item);
    while (len < item.len && !strchr(" \t(", item.ptr[len]))
        len++;
    return str_head(item, len);
}

// Content-Language: en, pt (RFC 3282)
static void put_languages(struct buf *out, struct str value)
{
    struct str rest = value, language;
    bool has_one = false;

    buf_put_char(out, ' ');
    while (str_split(&rest, ',', &language)) {
        language = language_tag(language);
        if (language.len == 0)
            continue;
        buf_put_char(out, has_one ? ' ' : '(');
        structure_put_string(out, language);
        has_one = true;
    }
    buf_put(out, has_one ? STR(")") : STR("NIL"));
}

// What multiparts and leaves have in common at their ends: disposition, language, location.
static void put_extension(struct buf *out, const struct mime_part *part)
{
    put_disposition(out, part);
    put_languages(out, part->language);
    buf_put_char(out, ' ');
    structure_put_nstring(out, part->location);
}

static void put_md5_and_extension(struct buf *out, const struct mime_part *part)
{
    buf_put_char(out, ' ');
    structure_put_nstring(out, part->md5);
    put_extension(out, part);
}

static void put_type(struct buf *out, const struct mime_part *part)
{
    bool is_default =
        !part->has_type && !part->params.count && mime_is_type(part, STR("text"), STR("plain"));

    if (part->is_opaque) {
        buf_put(out, STR("\"application\" \"octet-stream\" NIL"));
        return;
    }
    structure_put_string(out, part->type);
    buf_put_char(out, ' ');
    structure_put_string(out, part->subtype);
    buf_put_char(out, ' ');
    if (is_default)
        buf_put(out, STR("(\"charset\" \"us-ascii\")")); // RFC 2045 5.2
    else
        put_params(out, &part->params);
}

// body-fields: from the type to the octets
static void put_fields(struct buf *out, const struct mime_part *part)
{
    put_type(out, part);
    buf_put_char(out, ' ');
    structure_put_nstring(out, part->id);
    buf_put_char(out, ' ');
    structure_put_nstring(out, part->description);
    buf_put_char(out, ' ');
    structure_put_string(out, part->encoding.ptr ? part->encoding : STR("7bit"));
    buf_putf(out, " %zu", part->end - part->body);
}

static void put_begin(struct buf *out, const struct mime *m, size_t i,
                      const struct structure_source *source)
{
    const struct mime_part *part = &m->parts[i];

    buf_put_char(out, '(');
    if (part->kind == MIME_MULTIPART)
        return;
    put_fields(out, part);
    if (part->kind == MIME_MESSAGE) {
        buf_put_char(out, ' ');
        structure_put_envelope(out, source->header(source->arg, i + 1));
        buf_put_char(out, ' ');
    }
}

static void put_end(struct buf *out, const struct mime_part *part, bool is_extended)
{
    if (part->kind == MIME_MULTIPART) {
        buf_put_char(out, ' ');
        structure_put_string(out, part->subtype);
        if (is_extended) {
            buf_put_char(out, ' ');
            put_params(out, &part->params);
            put_extension(out, part);
        }
        buf_put_char(out, ')');
        return;
    }
    if (part->kind == MIME_MESSAGE ||
        (!part->is_opaque && mime_is_type(part, STR("text"), STR(""))))
        buf_putf(out, " %zu", part->body_lines);
    if (is_extended)
        put_md5_and_extension(out, part);
    buf_put_char(out, ')');
}

// Parts stand in the order in which they open; the depth of the next one tells how many close.
void structure_put_body_from(struct buf *out, const struct mime *m,
                             const struct structure_source *source, bool is_extended)
{
    for (size_t i = 0; i < m->count && buf_ok(out); i++) {
        unsigned next_depth = i + 1 < m->count ? m->parts[i + 1].depth : 0;

        put_begin(out, m, i, source);
        for (int at = (int)i; at >= 0 && m->parts[at].depth >= next_depth; at = m->parts[at].parent)
            put_end(out, &m->parts[at], is_extended);
    }
}

struct whole {
    const struct mime *m;
    struct str message;
};

static struct str header_within(void *arg, size_t part)
{
    const struct whole *whole = arg;

    return mime_header_of(whole->message, &whole->m->parts[part]);
}

void structure_put_body(struct buf *out, const struct mime *m, struct str message, bool is_extended)
{
    struct whole whole = {m, message};
    struct structure_source source = {header_within, &whole};

    structure_put_body_from(out, m, &source, is_extended);
}
