// SPDX-License-Identifier: ISC
//
// Pure: a summary from a message (RFC 5256 2.1, 2.2 and 3 for the sort keys and message ids,
// RFC 5957 3 for the names that are shown).
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/address_list.h"
#include "mail/casemap.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/preview.h"
#include "mail/structure.h"
#include "mail/subject.h"
#include "mail/word.h"
#include "summary/inside.h"

enum {
    KEY_MAX = 1024,     // bytes of a sort key; what is behind does not count
    SUBJECT_MAX = 8192, // and of a subject, before and after folding
    ADDRESS_ARENA_MAX = 8 * ADDRESS_LIST_TEXT_MAX,
    ADDRESS_LOOK = 16 * 1024,  // bytes of an address field in which its first address is
    ID_MAX = 998,              // bytes of a message id: a line
    REFERENCES_LOOK = 1 << 18, // bytes of the field
    EXTRAS_MAX = 256 * 1024,   // of all texts but the three of IMAP, with much to spare
    BYTES_MAX = 3 * SUMMARY_TOLD_MAX + EXTRAS_MAX,
};

// ---- putting together

struct making {
    struct buf *out;
    size_t len[SUMMARY_TEXTS];
};

struct str *summary_text(struct summary *summary, enum summary_text which)
{
    struct str *const members[SUMMARY_TEXTS] = {
        [SUMMARY_ENVELOPE] = &summary->envelope,
        [SUMMARY_BODY] = &summary->body,
        [SUMMARY_STRUCTURE] = &summary->body_structure,
        [SUMMARY_PREVIEW] = &summary->preview,
        [SUMMARY_BASE_SUBJECT] = &summary->base_subject,
        [SUMMARY_SORT_FROM] = &summary->sort_from,
        [SUMMARY_SORT_TO] = &summary->sort_to,
        [SUMMARY_SORT_CC] = &summary->sort_cc,
        [SUMMARY_DISPLAY_FROM] = &summary->display_from,
        [SUMMARY_DISPLAY_TO] = &summary->display_to,
        [SUMMARY_MESSAGE_ID] = &summary->message_id,
        [SUMMARY_REFERENCES] = &summary->references,
    };

    return members[which];
}

void summary_lay_out(struct summary *summary, size_t at, const size_t len[SUMMARY_TEXTS])
{
    for (enum summary_text i = 0; i < SUMMARY_TEXTS; i++) {
        *summary_text(summary, i) = str_of(summary->bytes.ptr + at, len[i]);
        at += len[i];
    }
    CHECK(at <= summary->bytes.len);
}

void summary_done(struct summary *summary)
{
    buf_done(&summary->bytes);
    *summary = (struct summary){0};
}

static void put_text(struct making *k, enum summary_text which, struct str text)
{
    buf_put(k->out, text);
    k->len[which] = text.len;
}

// ---- what IMAP tells

/// `told`, or what stands for it when it was meant to hurt.
static void put_told(struct making *k, enum summary_text which, struct buf *told, size_t size)
{
    if (!buf_ok(told)) {
        buf_clear(told);
        if (which == SUMMARY_ENVELOPE)
            buf_put(told, STR("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"));
        else
            buf_putf(told, "(\"application\" \"octet-stream\" NIL NIL NIL \"8bit\" %zu)", size);
    }
    put_text(k, which, buf_str(told));
    buf_clear(told);
}

static void put_imap(struct making *k, const struct mime *m, struct str message, struct str header)
{
    CLEANUP(buf_drop) struct buf told = {0};

    buf_init(&told, SUMMARY_TOLD_MAX);
    structure_put_envelope(&told, header);
    put_told(k, SUMMARY_ENVELOPE, &told, message.len);
    structure_put_body(&told, m, message, false);
    put_told(k, SUMMARY_BODY, &told, message.len);
    structure_put_body(&told, m, message, true);
    put_told(k, SUMMARY_STRUCTURE, &told, message.len);
}

static void put_preview(struct making *k, const struct mime *m, struct str message)
{
    CLEANUP(buf_drop) struct buf preview = {0};

    buf_init(&preview, PREVIEW_CHARS_MAX * 4);
    preview_put(&preview, m, message);
    put_text(k, SUMMARY_PREVIEW, buf_str(&preview));
}

// ---- sort keys

/// Not more than `max` bytes, whole characters.
static struct str cut(struct str utf8, size_t max)
{
    if (utf8.len <= max)
        return utf8;
    while (max && ((unsigned char)utf8.ptr[max] & 0xc0) == 0x80)
        max--;
    return str_head(utf8, max);
}

static void put_folded(struct making *k, enum summary_text which, struct str utf8, size_t max)
{
    CLEANUP(buf_drop) struct buf folded = {0};

    buf_init(&folded, max * 18 + 1);
    casemap_put(&folded, cut(utf8, max));
    put_text(k, which, cut(buf_str(&folded), max));
}

static void put_subject(struct making *k, struct str header, bool *out_is_reply)
{
    CLEANUP(buf_drop) struct buf text = {0};
    struct header_field field;

    buf_init(&text, SUBJECT_MAX * 4);
    if (header_find(header, STR("Subject"), &field))
        *out_is_reply = subject_put_base(&text, str_head(field.value, SUBJECT_MAX));
    put_folded(k, SUMMARY_BASE_SUBJECT, buf_str(&text), SUBJECT_MAX);
}

/// RFC 5957 3: the name, or else the address.
static void put_display(struct making *k, enum summary_text which, const struct address_entry *e)
{
    CLEANUP(buf_drop) struct buf text = {0};

    buf_init(&text, 4 * ADDRESS_LOOK);
    word_put_decoded(&text, e->name);
    if (str_trim(buf_str(&text)).len == 0) {
        buf_clear(&text);
        buf_put(&text, e->mailbox);
        if (e->host.len) {
            buf_put_char(&text, '@');
            buf_put(&text, e->host);
        }
    }
    put_folded(k, which, str_trim(buf_str(&text)), KEY_MAX);
}

/// The keys of one address field, which both come from its first address. SUMMARY_TEXTS: no such
/// key.
static void put_address(struct making *k, struct str header, struct str name,
                        enum summary_text which, bool is_display)
{
    struct address_entry e = {0};
    struct header_field field;
    struct arena arena;

    arena_init(&arena, ADDRESS_ARENA_MAX);
    if (header_find(header, name, &field)) {
        struct address_list list;

        address_list_begin(&list, &arena, str_head(field.value, ADDRESS_LOOK));
        if (!address_list_next(&list, &e))
            e = (struct address_entry){0};
    }
    if (is_display)
        put_display(k, which, &e);
    else
        put_folded(k, which, e.mailbox, KEY_MAX);
    arena_done(&arena);
}

static void put_addresses(struct making *k, struct str header)
{
    put_address(k, header, STR("From"), SUMMARY_SORT_FROM, false);
    put_address(k, header, STR("To"), SUMMARY_SORT_TO, false);
    put_address(k, header, STR("Cc"), SUMMARY_SORT_CC, false);
    put_address(k, header, STR("From"), SUMMARY_DISPLAY_FROM, true);
    put_address(k, header, STR("To"), SUMMARY_DISPLAY_TO, true);
}

static int64_t sent(struct str header)
{
    struct header_field field;
    struct date date;

    if (header_find(header, STR("Date"), &field) && date_parse(field.value, &date))
        return date.seconds;
    return INT64_MIN;
}

// ---- message ids

/// The next id between < and >, without them; blanks and the quotes of a quoted local part are no
/// part of it (RFC 5256 3). False at the end.
static bool next_id(struct str *rest, struct buf *id)
{
    ptrdiff_t open, close;

    while ((open = str_find(*rest, '<')) >= 0) {
        struct str text = str_skip(*rest, (size_t)open + 1);

        close = str_find(text, '>');
        if (close < 0)
            return false;
        *rest = str_skip(text, (size_t)close + 1);
        text = str_head(text, (size_t)close);
        buf_clear(id);
        for (size_t i = 0; i < text.len && id->len < ID_MAX; i++) {
            if ((unsigned char)text.ptr[i] > ' ' && text.ptr[i] != '"' && text.ptr[i] != '<')
                buf_put_char(id, text.ptr[i]);
        }
        if (id->len)
            return true;
    }
    return false;
}

static void put_message_id(struct making *k, struct str header)
{
    CLEANUP(buf_drop) struct buf id = {.max = ID_MAX};
    struct header_field field;
    struct str rest;

    if (header_find(header, STR("Message-ID"), &field)) {
        rest = str_head(field.value, REFERENCES_LOOK);
        if (!next_id(&rest, &id))
            buf_clear(&id);
    }
    put_text(k, SUMMARY_MESSAGE_ID, buf_str(&id));
}

/// Of too many, the first half and the newest: the last is the parent.
static void put_ids(struct making *k, struct str list)
{
    size_t half = SUMMARY_REFERENCES_MAX / 2;

    if (list.len > SUMMARY_REFERENCES_MAX) {
        struct str head = str_head(list, half), tail = str_skip(list, list.len - half);

        head = str_head(head, (size_t)str_find_last(head, ' ')); // ids are shorter than that
        tail = str_skip(tail, (size_t)str_find(tail, ' '));
        buf_put(k->out, head);
        buf_put(k->out, tail);
        k->len[SUMMARY_REFERENCES] = head.len + tail.len;
        return;
    }
    put_text(k, SUMMARY_REFERENCES, list);
}

/// RFC 5256 3, THREAD=REFERENCES: without one in References, the first of In-Reply-To.
static void put_references(struct making *k, struct str header)
{
    CLEANUP(buf_drop) struct buf id = {.max = ID_MAX}, list = {.max = 2 * REFERENCES_LOOK};
    struct header_field field;
    struct str rest;

    if (header_find(header, STR("References"), &field)) {
        rest = str_head(field.value, REFERENCES_LOOK);
        while (next_id(&rest, &id)) {
            if (list.len)
                buf_put_char(&list, ' ');
            buf_put(&list, buf_str(&id));
        }
    }
    if (list.len == 0 && header_find(header, STR("In-Reply-To"), &field)) {
        rest = str_head(field.value, REFERENCES_LOOK);
        if (next_id(&rest, &id))
            buf_put(&list, buf_str(&id));
    }
    put_ids(k, buf_str(&list));
}

// ---- all of it

void summary_make_parsed(const struct mime *m, struct str message, struct summary *out)
{
    struct str header = str_head(mime_header_of(message, &m->parts[0]), SUMMARY_HEADER_MAX);
    struct making k = {.out = &out->bytes};

    *out = (struct summary){.header_size = m->parts[0].body, .sent_s = sent(header)};
    buf_init(&out->bytes, BYTES_MAX);
    put_imap(&k, m, message, header);
    put_preview(&k, m, message);
    put_subject(&k, header, &out->is_reply_or_forward);
    put_addresses(&k, header);
    put_message_id(&k, header);
    put_references(&k, header);
    CHECK(buf_ok(&out->bytes));
    summary_lay_out(out, 0, k.len);
}

void summary_make(struct str message, struct summary *out)
{
    CLEANUP(mime_drop) struct mime m;

    mime_parse(&m, message);
    summary_make_parsed(&m, message, out);
}

static size_t at_most(size_t from, size_t to, size_t max)
{
    return to - from < max ? to : from + max;
}

int summary_needs(const struct mime *m, int (*each)(void *arg, size_t from, size_t to), void *arg)
{
    size_t preview[PREVIEW_PARTS_MAX], count = preview_parts(m, preview), next = 0;
    int r = each(arg, 0, at_most(0, m->parts[0].body, SUMMARY_HEADER_MAX));

    for (size_t i = 0; i < m->count && r == 0; i++) {
        const struct mime_part *part = &m->parts[i];

        if (part->parent >= 0 && m->parts[part->parent].kind == MIME_MESSAGE)
            r = each(arg, part->header, part->body);
        if (r == 0 && next < count && preview[next] == i) {
            r = each(arg, part->body, part->body + preview_look(part));
            next++;
        }
    }
    return r;
}
