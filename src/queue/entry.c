// SPDX-License-Identifier: ISC
//
// The fields of an entry are one table; what stands at its default is not written. Lines with a
// name that is not in the table, or with a value that cannot be, are passed over: an entry that
// still says where it goes is tried rather than lost.
#include "queue/entry.h"

#include "base/scan.h"

enum kind { TEXT, FLAG, COUNT, NUMBER, TIME, ID, WORD };

struct field {
    const char *name;
    enum kind kind;
    size_t offset;
    size_t max;               // of TEXT: bytes. Of COUNT: the largest. Of WORD: how many there are
    const char *const *words; // of WORD; [0] is the default and not written
    bool is_whole;            // of TEXT: too long, it is left out rather than cut
};

static const char *const rets[] = {"", "full", "headers"};
static const char *const contents[] = {"", "8bit", "binary"};
static const char *const bys[] = {"", "notify", "return"};

// Together with the names below QUEUE_ENTRY_BYTES_MAX, so that nothing is ever refused.
enum {
    ADDRESS_MAX = 1024,
    ORCPT_MAX = 1024, // RFC 3461 4.2: 500
    ENVID_MAX = 400,  // RFC 3461 4.4: 100
    HOST_MAX = 400,
    DETAIL_MAX = 320, // longer than a local part
    TEXT_MAX = 500,
};

#define FIELD(name, kind, member, ...)                                                             \
    {                                                                                              \
        name, kind, offsetof(struct queue_entry, member), __VA_ARGS__                              \
    }

// clang-format off
static const struct field fields[] = {
    FIELD("sender",       TEXT,   sender,       ADDRESS_MAX, NULL, true),
    FIELD("recipient",    TEXT,   recipient,    ADDRESS_MAX, NULL, true),
    FIELD("original",     TEXT,   original,     ADDRESS_MAX, NULL, true),
    FIELD("orcpt",        TEXT,   orcpt,        ORCPT_MAX, NULL, true),
    FIELD("notify",       COUNT,  notify,       15, NULL, false),
    FIELD("envid",        TEXT,   envid,        ENVID_MAX, NULL, true),
    FIELD("ret",          WORD,   ret,          3, rets, false),
    FIELD("content",      WORD,   content,      3, contents, false),
    FIELD("utf8",         FLAG,   is_utf8,      0, NULL, false),
    FIELD("requires-tls", FLAG,   requires_tls, 0, NULL, false),
    FIELD("waives-tls",   FLAG,   waives_tls,   0, NULL, false),
    FIELD("report",       FLAG,   is_report,    0, NULL, false),
    FIELD("list",         FLAG,   is_list,      0, NULL, false),
    FIELD("by",           WORD,   by,           3, bys, false),
    FIELD("by-trace",     FLAG,   by_trace,     0, NULL, false),
    FIELD("by-time",      TIME,   by_s,         0, NULL, false),
    FIELD("priority",     NUMBER, priority,     9, NULL, false),
    FIELD("account",      ID,     account_id,   0, NULL, false),
    FIELD("detail",       TEXT,   detail,       DETAIL_MAX, NULL, true),
    FIELD("identity",     ID,     identity_id,  0, NULL, false),
    FIELD("skip",         COUNT,  skip,         UINT32_MAX, NULL, false),
    FIELD("arrived",      TIME,   arrived_s,    0, NULL, false),
    FIELD("expires",      TIME,   expires_s,    0, NULL, false),
    FIELD("attempts",     COUNT,  attempts,     UINT32_MAX, NULL, false),
    FIELD("warned",       FLAG,   is_warned,    0, NULL, false),
    FIELD("code",         COUNT,  last_code,    999, NULL, false),
    FIELD("text",         TEXT,   last_text,    TEXT_MAX, NULL, false),
    FIELD("host",         TEXT,   last_host,    HOST_MAX, NULL, false),
    FIELD("tried",        TIME,   last_s,       0, NULL, false),
};
// clang-format on

_Static_assert(4 * ADDRESS_MAX + ORCPT_MAX + ENVID_MAX + HOST_MAX + TEXT_MAX + DETAIL_MAX +
                       28 * 36 <
                   QUEUE_ENTRY_BYTES_MAX,
               "an entry at its largest fits");

static const size_t field_count = sizeof(fields) / sizeof(fields[0]);

static const void *at(const struct queue_entry *e, const struct field *f)
{
    return (const char *)e + f->offset;
}

// ---- writing

/// The longest head that ends between two characters.
static struct str cut(struct str s, size_t max)
{
    if (s.len <= max)
        return s;
    while (max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
        max--;
    return str_head(s, max);
}

/// Control characters, line ends among them, become spaces: a line is a line.
static void put_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        buf_put_char(out,
                     (unsigned char)text.ptr[i] < 32 || text.ptr[i] == 127 ? ' ' : text.ptr[i]);
}

static void put_text_field(struct buf *out, const struct field *f, struct str text)
{
    if (text.len == 0 || (f->is_whole && text.len > f->max))
        return;
    buf_putf(out, "%s ", f->name);
    put_text(out, cut(text, f->max));
    buf_put_char(out, '\n');
}

static void put_number(struct buf *out, const struct field *f, int64_t value)
{
    if (value != 0)
        buf_putf(out, "%s %lld\n", f->name, (long long)value);
}

static void put_word(struct buf *out, const struct field *f, unsigned value)
{
    if (value > 0 && value < f->max)
        buf_putf(out, "%s %s\n", f->name, f->words[value]);
}

static void put_field(struct buf *out, const struct queue_entry *e, const struct field *f)
{
    const void *p = at(e, f);

    switch (f->kind) {
    case TEXT:
        put_text_field(out, f, *(const struct str *)p);
        return;
    case FLAG:
        if (*(const bool *)p)
            buf_putf(out, "%s\n", f->name);
        return;
    case COUNT:
        put_number(out, f, *(const unsigned *)p);
        return;
    case NUMBER:
        put_number(out, f, *(const int *)p);
        return;
    case TIME:
        put_number(out, f, *(const int64_t *)p);
        return;
    case ID:
        if (*(const uint64_t *)p != 0)
            buf_putf(out, "%s %llx\n", f->name, (unsigned long long)*(const uint64_t *)p);
        return;
    case WORD:
        put_word(out, f, *(const unsigned *)p);
        return;
    }
}

void queue_entry_put(struct buf *out, const struct queue_entry *entry)
{
    for (size_t i = 0; i < field_count; i++)
        put_field(out, entry, &fields[i]);
}

// ---- reading

static bool read_signed(struct str s, uint64_t max, int64_t *out)
{
    bool is_negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t value;

    if (!str_to_u64(str_skip(s, is_negative), max, &value))
        return false;
    *out = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static void read_id(struct str s, uint64_t *out)
{
    uint64_t value = 0;

    if (s.len == 0 || s.len > 16)
        return;
    for (size_t i = 0; i < s.len; i++) {
        if (char_hex(s.ptr[i]) < 0)
            return;
        value = value << 4 | (unsigned)char_hex(s.ptr[i]);
    }
    *out = value;
}

static void read_word(const struct field *f, struct str s, unsigned *out)
{
    for (unsigned i = 1; i < f->max; i++)
        if (str_eq(s, str_from(f->words[i])))
            *out = i;
}

static void read_value(struct queue_entry *e, const struct field *f, struct str value)
{
    void *p = (char *)e + f->offset;
    uint64_t count;
    int64_t number;

    switch (f->kind) {
    case TEXT:
        if (value.len <= f->max)
            *(struct str *)p = value;
        return;
    case FLAG:
        *(bool *)p = true;
        return;
    case COUNT:
        if (str_to_u64(value, f->max, &count))
            *(unsigned *)p = (unsigned)count;
        return;
    case NUMBER:
        if (read_signed(value, f->max, &number))
            *(int *)p = (int)number;
        return;
    case TIME:
        if (read_signed(value, INT64_MAX, &number))
            *(int64_t *)p = number;
        return;
    case ID:
        read_id(value, p);
        return;
    case WORD:
        read_word(f, value, p);
        return;
    }
}

static void read_line(struct queue_entry *e, struct str line)
{
    struct str name;

    if (!str_split(&line, ' ', &name))
        return;
    for (size_t i = 0; i < field_count; i++)
        if (str_eq(name, str_from(fields[i].name)))
            read_value(e, &fields[i], line.ptr ? line : STR(""));
}

static struct queue_entry empty_entry(const struct store_queue_entry *row)
{
    struct queue_entry e = {
        .id = row->id,
        .mail_id = row->mail_id,
        .due_us = row->due_us,
        .lane = row->lane,
        .body = row->body,
    };

    for (size_t i = 0; i < field_count; i++)
        if (fields[i].kind == TEXT)
            *(struct str *)((char *)&e + fields[i].offset) = STR("");
    return e;
}

bool queue_entry_parse(const struct store_queue_entry *row, struct queue_entry *out)
{
    struct str rest = row->value, line;

    *out = empty_entry(row);
    while (rest.ptr && str_split(&rest, '\n', &line))
        read_line(out, line);
    return out->recipient.len > 0;
}
