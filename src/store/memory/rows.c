// SPDX-License-Identifier: ISC
//
// The rows of store/memory: sorted arrays, and a list of what a change did, so that it can be
// undone backwards. Bodies and mailboxes are let go only when the change is kept.
#include "base/check.h"
#include "store/memory/memory.h"

#include <errno.h>

enum undo_kind {
    ENTRY_ADDED,
    ENTRY_SET,
    ENTRY_REMOVED,
    EXPUNGED_ADDED,
    BODY_ADDED,
    BODY_HELD,
    BODY_RELEASED,
    MAILBOX_CLEARED,
    EXPUNGED_TRIMMED,
    DOC_CHANGED, // put or removed
    QUEUE_CHANGED,
};

struct memory_undo {
    enum undo_kind kind;
    struct memory_mailbox *box;
    uint64_t id; // of mailbox or body
    struct store_entry entry;
    size_t at;
    struct memory_mailbox old;
    struct memory_doc *doc, *new_doc; // before and after; NULL: none
    struct memory_queued *queued, *new_queued;
};

static struct memory *of(struct rows *rows)
{
    return LIST_OF(rows, struct memory, rows);
}

static struct memory_undo *note(struct memory *m, enum undo_kind kind)
{
    STORE_GROW(m->undo, m->undo_count, m->undo_cap);
    m->undo[m->undo_count] = (struct memory_undo){.kind = kind};
    return &m->undo[m->undo_count++];
}

struct memory_mailbox *memory_mailbox_of(struct memory *m, const struct head *head)
{
    struct memory_mailbox *box = map_get_u64(&m->mailboxes, head->id);

    if (!box) {
        box = store_alloc(sizeof(*box));
        map_put_u64(&m->mailboxes, head->id, box);
    }
    return box;
}

static void mailbox_drop(struct memory_mailbox *box)
{
    free(box->entries);
    free(box->expunged);
    *box = (struct memory_mailbox){0};
}

static void body_drop(struct memory *m, uint64_t id)
{
    struct memory_body *body = map_take_u64(&m->bodies, id);

    free(body->bytes);
    free(body);
}

static void doc_drop(struct memory_doc *doc)
{
    if (!doc)
        return;
    free(doc->kind);
    free((char *)doc->key.ptr);
    free((char *)doc->value.ptr);
    free(doc);
}

/// The first entry with at least that uid.
static size_t place_of(const struct memory_mailbox *box, uint32_t uid)
{
    size_t low = 0, high = box->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (box->entries[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert_entry(struct memory_mailbox *box, size_t at, const struct store_entry *entry)
{
    STORE_GROW(box->entries, box->count, box->cap);
    memmove(box->entries + at + 1, box->entries + at, (box->count - at) * sizeof(*entry));
    box->entries[at] = *entry;
    box->count++;
}

static void take_entry(struct memory_mailbox *box, size_t at)
{
    box->count--;
    memmove(box->entries + at, box->entries + at + 1, (box->count - at) * sizeof(*box->entries));
}

// ---- documents

static int doc_order(const struct memory_doc *doc, const char *kind, struct str key)
{
    int order = str_cmp(str_from(doc->kind), str_from(kind));

    return order ? order : str_cmp(doc->key, key);
}

static size_t doc_place(const struct memory *m, const char *kind, struct str key)
{
    size_t low = 0, high = m->doc_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (doc_order(m->docs[middle], kind, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/// Puts `doc` (NULL: nothing) where kind and key stand; returns what was there.
static struct memory_doc *doc_swap(struct memory *m, const char *kind, struct str key,
                                   struct memory_doc *doc)
{
    size_t at = doc_place(m, kind, key);
    struct memory_doc *old = NULL;

    if (at < m->doc_count && doc_order(m->docs[at], kind, key) == 0)
        old = m->docs[at];
    if (old && doc) {
        m->docs[at] = doc;
    } else if (old) {
        m->doc_count--;
        memmove(m->docs + at, m->docs + at + 1, (m->doc_count - at) * sizeof(*m->docs));
    } else if (doc) {
        STORE_GROW(m->docs, m->doc_count, m->doc_cap);
        memmove(m->docs + at + 1, m->docs + at, (m->doc_count - at) * sizeof(*m->docs));
        m->docs[at] = doc;
        m->doc_count++;
    }
    return old;
}

static struct str own(struct str s)
{
    char *copy = store_alloc(s.len + 1);

    memcpy(copy, s.ptr ? s.ptr : "", s.len);
    return str_of(copy, s.len);
}

static int doc_find(struct rows *rows, const char *kind, struct str key, struct buf *out)
{
    struct memory *m = of(rows);
    size_t at = doc_place(m, kind, key);

    if (at == m->doc_count || doc_order(m->docs[at], kind, key) != 0)
        return STORE_NOT_FOUND;
    buf_put(out, m->docs[at]->value);
    return buf_ok(out) ? 0 : -EFBIG;
}

static int doc_put(struct rows *rows, const char *kind, struct str key, struct str value)
{
    struct memory_doc *doc = store_alloc(sizeof(*doc));
    struct memory_undo *undo = note(of(rows), DOC_CHANGED);

    doc->kind = strdup(kind);
    doc->key = own(key);
    doc->value = own(value);
    undo->new_doc = doc;
    undo->doc = doc_swap(of(rows), kind, key, doc);
    return 0;
}

static int doc_remove(struct rows *rows, const char *kind, struct str key)
{
    struct memory_doc *old = doc_swap(of(rows), kind, key, NULL);

    if (!old)
        return STORE_NOT_FOUND;
    note(of(rows), DOC_CHANGED)->doc = old;
    return 0;
}

// ---- begin, keep, undo

static int begin(struct rows *rows, struct store_change *change)
{
    (void)change;
    of(rows)->undo_count = 0;
    return 0;
}

static int keep(struct rows *rows, struct store_change *change)
{
    struct memory *m = of(rows);
    (void)change;

    for (size_t i = 0; i < m->undo_count; i++) {
        struct memory_undo *u = &m->undo[i];
        struct memory_body *body;

        switch (u->kind) {
        case BODY_RELEASED:
            body = map_get_u64(&m->bodies, u->id);
            if (body && body->refs == 0)
                body_drop(m, u->id);
            break;
        case MAILBOX_CLEARED:
            mailbox_drop(&u->old);
            free(map_take_u64(&m->mailboxes, u->id));
            break;
        case EXPUNGED_TRIMMED:
            free(u->old.expunged);
            break;
        case DOC_CHANGED:
            doc_drop(u->doc);
            break;
        case QUEUE_CHANGED:
            free(u->queued);
            break;
        default:
            break;
        }
    }
    m->undo_count = 0;
    return 0;
}

static void undo_doc(struct memory *m, struct memory_undo *u)
{
    const struct memory_doc *named = u->doc ? u->doc : u->new_doc;

    doc_swap(m, named->kind, named->key, u->doc);
    doc_drop(u->new_doc);
}

static void undo_one(struct memory *m, struct memory_undo *u)
{
    switch (u->kind) {
    case ENTRY_ADDED:
        u->box->count--;
        break;
    case ENTRY_SET:
        u->box->entries[u->at] = u->entry;
        break;
    case ENTRY_REMOVED:
        insert_entry(u->box, u->at, &u->entry);
        break;
    case EXPUNGED_ADDED:
        u->box->expunged_count--;
        break;
    case BODY_ADDED:
        body_drop(m, u->id);
        break;
    case BODY_HELD:
        ((struct memory_body *)map_get_u64(&m->bodies, u->id))->refs--;
        break;
    case BODY_RELEASED:
        ((struct memory_body *)map_get_u64(&m->bodies, u->id))->refs++;
        break;
    case MAILBOX_CLEARED:
        *u->box = u->old;
        break;
    case EXPUNGED_TRIMMED:
        free(u->box->expunged);
        u->box->expunged = u->old.expunged;
        u->box->expunged_count = u->old.expunged_count;
        u->box->expunged_cap = u->old.expunged_cap;
        break;
    case DOC_CHANGED:
        undo_doc(m, u);
        break;
    case QUEUE_CHANGED:
        memory_queue_swap(m, u->new_queued, u->queued);
        free(u->new_queued);
        break;
    }
}

static void undo(struct rows *rows, struct store_change *change)
{
    struct memory *m = of(rows);
    (void)change;

    while (m->undo_count)
        undo_one(m, &m->undo[--m->undo_count]);
}

// ---- bodies

static int body_add(struct rows *rows, struct store_change *change, struct store_body *body,
                    size_t put_count, struct store_body_ref *out)
{
    struct memory *m = of(rows);
    struct memory_body *kept = store_alloc(sizeof(*kept));
    (void)change;

    kept->id = ++m->last_message_id;
    kept->refs = put_count;
    kept->size = body->size;
    kept->bytes = store_alloc((size_t)body->size);
    memcpy(kept->bytes, buf_str(&body->head).ptr, (size_t)body->size);
    map_put_u64(&m->bodies, kept->id, kept);
    note(m, BODY_ADDED)->id = kept->id;
    *out = (struct store_body_ref){.message_id = kept->id, .size = body->size};
    return 0;
}

static int body_count(struct rows *rows, const struct store_body_ref *ref, enum undo_kind kind)
{
    struct memory_body *body = map_get_u64(&of(rows)->bodies, ref->message_id);

    CHECK(body);
    body->refs += kind == BODY_HELD ? 1 : SIZE_MAX;
    note(of(rows), kind)->id = ref->message_id;
    return 0;
}

static int body_hold(struct rows *rows, const struct store_body_ref *ref)
{
    return body_count(rows, ref, BODY_HELD);
}

static int body_release(struct rows *rows, const struct store_body_ref *ref)
{
    return body_count(rows, ref, BODY_RELEASED);
}

static int body_find(struct rows *rows, const struct store_body_ref *ref)
{
    const struct memory_body *body = map_get_u64(&of(rows)->bodies, ref->message_id);

    return body && body->refs && body->size == ref->size ? 0 : STORE_NOT_FOUND;
}

// ---- queue

static int queue_find(struct rows *rows, uint64_t id, struct store_queue_entry *out)
{
    const struct memory_queued *queued = memory_queue_find(of(rows), id);

    if (!queued)
        return STORE_NOT_FOUND;
    *out = queued->entry;
    return 0;
}

static int queue_change(struct rows *rows, uint64_t id, const struct store_queue_entry *entry)
{
    struct memory_undo *u = note(of(rows), QUEUE_CHANGED);

    u->queued = memory_queue_find(of(rows), id);
    u->new_queued = entry ? memory_queued_new(entry) : NULL;
    memory_queue_swap(of(rows), u->queued, u->new_queued);
    return 0;
}

static int queue_put(struct rows *rows, const struct store_queue_entry *entry)
{
    return queue_change(rows, entry->id, entry);
}

static int queue_remove(struct rows *rows, uint64_t id)
{
    return queue_change(rows, id, NULL);
}

// ---- entries

static int entry_add(struct rows *rows, struct head *head, const struct store_entry *entry)
{
    struct memory_mailbox *box = memory_mailbox_of(of(rows), head);

    insert_entry(box, box->count, entry);
    note(of(rows), ENTRY_ADDED)->box = box;
    return 0;
}

static int entry_set(struct rows *rows, struct head *head, const struct store_entry *entry)
{
    struct memory_mailbox *box = memory_mailbox_of(of(rows), head);
    struct memory_undo *u = note(of(rows), ENTRY_SET);

    u->box = box;
    u->at = place_of(box, entry->uid);
    u->entry = box->entries[u->at];
    box->entries[u->at] = *entry;
    return 0;
}

static int entry_remove(struct rows *rows, struct head *head, uint32_t uid)
{
    struct memory_mailbox *box = memory_mailbox_of(of(rows), head);
    struct memory_undo *u = note(of(rows), ENTRY_REMOVED);

    u->box = box;
    u->at = place_of(box, uid);
    u->entry = box->entries[u->at];
    take_entry(box, u->at);
    return 0;
}

static int entries_find(struct rows *rows, struct head *head, uint32_t first, uint32_t last,
                        struct entry_list *out)
{
    struct memory_mailbox *box = memory_mailbox_of(of(rows), head);

    for (size_t i = place_of(box, first); i < box->count && box->entries[i].uid <= last; i++)
        entry_list_add(out, &box->entries[i]);
    return 0;
}

static int expunged_add(struct rows *rows, struct head *head, uint32_t uid, uint64_t modseq)
{
    struct memory_mailbox *box = memory_mailbox_of(of(rows), head);

    STORE_GROW(box->expunged, box->expunged_count, box->expunged_cap);
    box->expunged[box->expunged_count++] = (struct memory_expunged){uid, modseq};
    note(of(rows), EXPUNGED_ADDED)->box = box;
    return 0;
}

/// All those of one change go or stay together, or expunge_modseq would not tell the truth.
static int expunged_trim(struct rows *rows, struct head *head, uint32_t keep_count,
                         uint64_t *out_modseq, uint32_t *out_left)
{
    struct memory_mailbox *box = memory_mailbox_of(of(rows), head);
    size_t from = box->expunged_count > keep_count ? box->expunged_count - keep_count : 0;
    struct memory_undo *u;

    *out_left = (uint32_t)box->expunged_count;
    if (!from)
        return 0;
    *out_modseq = box->expunged[from - 1].modseq;
    while (from < box->expunged_count && box->expunged[from].modseq == *out_modseq)
        from++;
    u = note(of(rows), EXPUNGED_TRIMMED);
    u->box = box;
    u->old = *box;
    box->expunged_count -= from;
    box->expunged_cap = box->expunged_count + 1;
    box->expunged = store_alloc(box->expunged_cap * sizeof(*box->expunged));
    memcpy(box->expunged, u->old.expunged + from, box->expunged_count * sizeof(*box->expunged));
    *out_left = (uint32_t)box->expunged_count;
    return 0;
}

static int mailbox_clear(struct rows *rows, struct head *head)
{
    struct memory_mailbox *box = memory_mailbox_of(of(rows), head);
    struct memory_undo *u = note(of(rows), MAILBOX_CLEARED);

    u->box = box;
    u->id = head->id;
    u->old = *box;
    *box = (struct memory_mailbox){0};
    return 0;
}

static int token_put(struct rows *rows, const uint8_t token[16], int64_t now_s)
{
    (void)now_s; // the last thing of a change: nothing can take it back after this
    map_put(&of(rows)->tokens, str_of(token, 16), rows);
    return 0;
}

static const struct rows_kind the_kind = {
    .begin = begin,
    .keep = keep,
    .undo = undo,
    .body_add = body_add,
    .body_hold = body_hold,
    .body_release = body_release,
    .body_find = body_find,
    .entry_add = entry_add,
    .entry_set = entry_set,
    .entry_remove = entry_remove,
    .entries_find = entries_find,
    .expunged_add = expunged_add,
    .expunged_trim = expunged_trim,
    .mailbox_clear = mailbox_clear,
    .doc_find = doc_find,
    .doc_put = doc_put,
    .doc_remove = doc_remove,
    .queue_add = queue_put,
    .queue_find = queue_find,
    .queue_set = queue_put,
    .queue_remove = queue_remove,
    .token_put = token_put,
};

void memory_rows_init(struct memory *m)
{
    uint64_t seed[2] = {1, 2};

    m->rows.kind = &the_kind;
    map_init(&m->mailboxes, seed);
    map_init(&m->bodies, seed);
    map_init(&m->tokens, seed);
    memory_queue_init(m);
}

void memory_rows_done(struct memory *m)
{
    void *value;

    for (size_t at = 0; map_next(&m->bodies, &at, NULL, &value);) {
        free(((struct memory_body *)value)->bytes);
        free(value);
    }
    for (size_t at = 0; map_next(&m->mailboxes, &at, NULL, &value);) {
        mailbox_drop(value);
        free(value);
    }
    for (size_t i = 0; i < m->doc_count; i++)
        doc_drop(m->docs[i]);
    memory_queue_done(m);
    map_done(&m->mailboxes);
    map_done(&m->bodies);
    map_done(&m->tokens);
    free(m->docs);
    free(m->undo);
}

// ---- copying

static void copy_mailbox(struct memory *m, uint64_t id, const struct memory_mailbox *from)
{
    struct memory_mailbox *box = store_alloc(sizeof(*box));

    box->count = box->cap = from->count;
    box->expunged_count = box->expunged_cap = from->expunged_count;
    box->entries = store_alloc(from->count * sizeof(*box->entries));
    box->expunged = store_alloc(from->expunged_count * sizeof(*box->expunged));
    if (from->count)
        memcpy(box->entries, from->entries, from->count * sizeof(*box->entries));
    if (from->expunged_count)
        memcpy(box->expunged, from->expunged, from->expunged_count * sizeof(*box->expunged));
    map_put_u64(&m->mailboxes, id, box);
}

static void copy_body(struct memory *m, const struct memory_body *from)
{
    struct memory_body *body = store_alloc(sizeof(*body));

    *body = *from;
    body->bytes = store_alloc((size_t)from->size);
    memcpy(body->bytes, from->bytes, (size_t)from->size);
    map_put_u64(&m->bodies, body->id, body);
}

void memory_rows_copy(struct memory *m, struct memory *from)
{
    struct str key;
    void *value;

    for (size_t at = 0; map_next(&from->mailboxes, &at, &key, &value);) {
        uint64_t id;

        CHECK(key.len == sizeof(id));
        memcpy(&id, key.ptr, sizeof(id));
        copy_mailbox(m, id, value);
    }
    for (size_t at = 0; map_next(&from->bodies, &at, NULL, &value);)
        copy_body(m, value);
    for (size_t at = 0; map_next(&from->tokens, &at, &key, &value);)
        map_put(&m->tokens, key, m);
    for (size_t i = 0; i < from->doc_count; i++)
        doc_put(&m->rows, from->docs[i]->kind, from->docs[i]->key, from->docs[i]->value);
    for (size_t i = 0; i < from->queue[BY_ID].count; i++)
        memory_queue_swap(m, NULL, memory_queued_new(&from->queue[BY_ID].items[i]->entry));
    m->undo_count = 0;
    m->last_message_id = from->last_message_id;
}
