// SPDX-License-Identifier: ISC
#include "search/grams.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "mail/charset.h"
#include "mail/text.h"

#include <stdlib.h>
#include <unistr.h>

enum {
    SLOTS_MIN = 4096,
    SLOTS_KEPT = 65536, // more are given back after a message
    IN_BODY = 'B',
    IN_HEADER = 'H',
    NO_CHAR = 0x1fffff, // no code point: a gram of fewer than three
    QUESTION_FIELD_MAX = 256,
};

/// Fields that are asked for so often that their values have places of their own.
static const struct {
    struct str name;
    char place;
} fields[] = {
    {STR("From"), 'f'}, {STR("To"), 't'},      {STR("Cc"), 'c'},
    {STR("Bcc"), 'b'},  {STR("Subject"), 's'},
};

static char place_of(struct str name)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (str_case_eq(name, fields[i].name))
            return fields[i].place;
    }
    return 0;
}

// ---- a set of grams

void grams_done(struct grams *g)
{
    free(g->slots);
    *g = (struct grams){0};
}

static void forget(struct grams *g)
{
    if (g->cap > SLOTS_KEPT) {
        free(g->slots);
        g->slots = NULL;
        g->cap = 0;
    }
    if (g->slots)
        memset(g->slots, 0, g->cap * sizeof(*g->slots));
    g->count = 0;
}

/// False: it was there. Keys are never 0.
static bool put_slot(uint64_t *slots, size_t cap, uint64_t key)
{
    size_t at = (size_t)((key * 0x9e3779b97f4a7c15ULL) >> 32) & (cap - 1);

    while (slots[at]) {
        if (slots[at] == key)
            return false;
        at = (at + 1) & (cap - 1);
    }
    slots[at] = key;
    return true;
}

static void grow(struct grams *g)
{
    size_t cap = g->cap ? g->cap * 2 : SLOTS_MIN;
    uint64_t *slots = calloc(cap, sizeof(*slots));

    CHECK(slots);
    for (size_t i = 0; i < g->cap; i++) {
        if (g->slots[i])
            put_slot(slots, cap, g->slots[i]);
    }
    free(g->slots);
    g->slots = slots;
    g->cap = cap;
}

static bool is_new(struct grams *g, uint64_t key)
{
    if (g->count * 2 >= g->cap)
        grow(g);
    if (!put_slot(g->slots, g->cap, key))
        return false;
    g->count++;
    return true;
}

// ---- of a text

static size_t put_char(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to = (char)c;
        return 1;
    }
    return (size_t)u8_uctomb((uint8_t *)to, c, 4);
}

static void put_gram(struct grams *g, uint32_t a, uint32_t b, uint32_t c)
{
    char gram[1 + GRAM_BYTES_MAX];
    size_t len = 1;

    if (!is_new(g, 1ULL << 63 | (uint64_t)a << 42 | (uint64_t)b << 21 | c))
        return;
    g->total++;
    gram[len++] = g->place;
    len += put_char(gram + len, a);
    if (b != NO_CHAR)
        len += put_char(gram + len, b);
    if (c != NO_CHAR)
        len += put_char(gram + len, c);
    gram[0] = (char)(len - 1);
    buf_put(g->out, str_of(gram, len));
}

static bool next_char(struct str *text, uint32_t *out)
{
    ucs4_t c;

    if (text->len == 0)
        return false;
    if (!(text->ptr[0] & 0x80)) {
        *out = (unsigned char)text->ptr[0];
        *text = str_skip(*text, 1);
        return true;
    }
    *text = str_skip(*text, (size_t)u8_mbtouc(&c, (const uint8_t *)text->ptr, text->len));
    *out = c;
    return true;
}

/// False: too many.
static bool put_text(struct grams *g, char place, struct str folded)
{
    uint32_t a = NO_CHAR, b = NO_CHAR, c;

    if (place != g->place)
        forget(g);
    g->place = place;
    while (next_char(&folded, &c)) {
        if (c == 0) { // FTS5 takes terms for C strings; no question has one
            a = b = NO_CHAR;
            continue;
        }
        put_gram(g, c, NO_CHAR, NO_CHAR);
        if (b != NO_CHAR)
            put_gram(g, b, c, NO_CHAR);
        if (a != NO_CHAR)
            put_gram(g, a, b, c);
        if (g->total > GRAMS_MAX)
            return false;
        a = b;
        b = c;
    }
    return true;
}

static bool put_piece(void *arg, bool is_header, struct str folded)
{
    if (is_header && folded.len > GRAMS_FOLDED_HEADER_MAX)
        return false; // a field might be longer on its own
    return put_text(arg, is_header ? IN_HEADER : IN_BODY, folded);
}

static bool put_field(void *arg, struct str name, struct str folded)
{
    char place = place_of(name);

    return !place || put_text(arg, place, folded);
}

bool grams_put(struct grams *g, struct str message, struct buf *out)
{
    CLEANUP(mime_drop) struct mime m;
    struct str header;

    mime_parse(&m, message);
    header = mime_header_of(message, &m.parts[0]);
    g->out = out;
    g->total = 0;
    g->place = 0;
    return header.len <= GRAMS_HEADER_MAX && text_each(&m, message, true, put_piece, g) &&
           text_each_field(header, put_field, g);
}

bool grams_next(struct str *list, struct str *out)
{
    size_t len;

    if (list->len == 0)
        return false;
    len = (unsigned char)list->ptr[0];
    if (len + 1 > list->len)
        return false;
    *out = str_of(list->ptr + 1, len);
    *list = str_skip(*list, len + 1);
    return true;
}

// ---- questions

/// "Babc", as FTS5 quotes
static void put_quoted(struct buf *out, char place, struct str gram)
{
    buf_put_char(out, '"');
    buf_put_char(out, place);
    for (size_t i = 0; i < gram.len; i++) {
        if (gram.ptr[i] == '"')
            buf_put_char(out, '"');
        buf_put_char(out, gram.ptr[i]);
    }
    buf_put_char(out, '"');
}

static size_t count_chars(struct str text)
{
    size_t count = 0;
    uint32_t c;

    while (next_char(&text, &c))
        count++;
    return count;
}

static struct str skip_chars(struct str text, size_t count)
{
    uint32_t c;

    while (count-- > 0 && next_char(&text, &c))
        ;
    return text;
}

static struct str first_chars(struct str text, size_t count)
{
    return str_head(text, text.len - skip_chars(text, count).len);
}

/// That word at that place: all its grams, or enough of them, evenly from its beginning to its end.
static void put_word(struct buf *out, char place, struct str word)
{
    size_t chars = count_chars(word), grams = chars > 3 ? chars - 2 : 1;
    size_t asked = grams < GRAMS_ASKED_MAX ? grams : GRAMS_ASKED_MAX, at = 0;

    buf_put_char(out, '(');
    for (size_t i = 0; i < asked; i++) {
        size_t next = asked > 1 ? i * (grams - 1) / (asked - 1) : 0;

        word = skip_chars(word, next - at);
        at = next;
        if (i > 0)
            buf_put(out, STR(" AND "));
        put_quoted(out, place, first_chars(word, 3));
    }
    buf_put_char(out, ')');
}

/// A field without a place of its own: its name and the word are both in the header.
static bool put_in_header(struct buf *out, const struct search_query *query)
{
    CLEANUP(buf_drop) struct buf name = {.max = QUESTION_FIELD_MAX * 18};

    if (query->field.len > QUESTION_FIELD_MAX)
        return false;
    charset_put_folded(&name, query->field);
    buf_put_char(&name, ':');
    put_word(out, IN_HEADER, buf_str(&name));
    if (query->needle.len > 0) {
        buf_put(out, STR(" AND "));
        put_word(out, IN_HEADER, query->needle);
    }
    return true;
}

bool grams_put_question(const struct search_query *query, struct buf *out, bool *out_exact)
{
    char place = query->where == SEARCH_HEADER ? place_of(query->field) : 0;

    // NUL would end the question
    if (str_find(query->needle, '\0') >= 0 || str_find(query->field, '\0') >= 0)
        return false;
    *out_exact = count_chars(query->needle) <= 3 && (query->where != SEARCH_HEADER || place);
    if (query->where == SEARCH_HEADER && (!place || query->needle.len == 0)) {
        *out_exact = false;
        return put_in_header(out, query) && buf_ok(out);
    }
    if (query->needle.len == 0)
        return false; // every message
    if (place) {
        put_word(out, place, query->needle);
        return buf_ok(out);
    }
    put_word(out, IN_BODY, query->needle);
    if (query->where == SEARCH_TEXT) {
        buf_put(out, STR(" OR "));
        put_word(out, IN_HEADER, query->needle);
    }
    return buf_ok(out);
}
