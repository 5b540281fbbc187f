// SPDX-License-Identifier: ISC
//
// The rows of store/local; the queue's are in queue.c, the records of new bodies in plan.c.
// A message has a row in `message` only when an entry other than those its record names refers to
// it, when several do, or when it was moved; the others cost one row per entry and no more.
#include "base/check.h"
#include "store/local/local.h"

#include <errno.h>

static struct local *of(struct rows *rows)
{
    return LIST_OF(rows, struct local, rows);
}

static int run_with(struct index *x, enum statement which, uint64_t a, uint64_t b, int count)
{
    sqlite3_stmt *st = index_use(x, which);

    if (!st)
        return x->error;
    bind_u64(st, 1, a);
    if (count > 1)
        bind_u64(st, 2, b);
    return index_run(x, st);
}

// ---- begin, keep, undo

static bool is_rarely_refused(const struct op *op)
{
    switch (op->kind) {
    case OP_PUT:
        return !op->put->check_quota && op->put->body != NULL;
    case OP_QUEUE_PUT:
        return op->queue_put->body != NULL;
    case OP_QUEUE_SET:
    case OP_QUEUE_REMOVE: // of an entry that somebody else finished
        return true;
    default:
        return false;
    }
}

/// A savepoint costs as much as a row. Changes that are nearly never refused after their first
/// write go without; if it happens all the same, the group is done again one by one.
static bool wants_savepoint(const struct store_change *change)
{
    for (size_t i = 0; i < change->count; i++) {
        if (!is_rarely_refused(&change->ops[i]))
            return change->count > 1;
    }
    return false;
}

static int begin(struct rows *rows, struct store_change *change)
{
    struct local *l = of(rows);
    int r = 0;

    if (!l->in_transaction)
        r = index_simple(&l->index, ST_BEGIN);
    if (r < 0)
        return r;
    l->in_transaction = true;
    l->pending_mark = l->pending_count;
    l->delta_mark = l->segments.delta_count;
    l->dead_mark = l->dead_count;
    l->at_mark = l->segments.at;
    l->changes_mark = sqlite3_total_changes(l->index.db);
    l->saved = wants_savepoint(change);
    return l->saved ? index_simple(&l->index, ST_SAVE) : 0;
}

static int keep(struct rows *rows, struct store_change *change)
{
    struct local *l = of(rows);

    local_build(l, change);
    return l->saved ? index_simple(&l->index, ST_RELEASE) : 0;
}

static void undo(struct rows *rows, struct store_change *change)
{
    struct local *l = of(rows);
    (void)change;

    l->pending_count = l->pending_mark;
    l->segments.delta_count = l->delta_mark;
    l->dead_count = l->dead_mark;
    l->segments.at = l->at_mark;
    if (l->index.error || sqlite3_get_autocommit(l->index.db))
        return; // the whole group falls
    if (!l->saved && sqlite3_total_changes(l->index.db) != l->changes_mark)
        l->index.error = -EAGAIN;
    else if (l->saved && index_simple(&l->index, ST_BACK) == 0)
        index_simple(&l->index, ST_RELEASE);
}

// ---- bodies

static int body_add(struct rows *rows, struct store_change *change, struct store_body *body,
                    size_t put_count, struct store_body_ref *out)
{
    struct local *l = of(rows);
    int r;

    store_body_seal(body);
    r = local_plan(l, change, body, out);
    if (r || put_count < 2)
        return r;
    return run_with(&l->index, ST_MESSAGE_ADD, out->message_id, put_count, 2);
}

static int body_hold(struct rows *rows, const struct store_body_ref *ref)
{
    return run_with(&of(rows)->index, ST_MESSAGE_HOLD, ref->message_id, 0, 1);
}

static void note_dead(struct local *l, uint32_t segment, uint64_t offset, uint64_t len)
{
    STORE_GROW(l->dead, l->dead_count, l->dead_cap);
    l->dead[l->dead_count++] = (struct dead_range){segment, offset, len};
}

static void count_dead(struct local *l, uint32_t id, uint64_t bytes)
{
    struct segment *segment = segments_find(&l->segments, id);

    if (segment)
        segments_count(&l->segments, segment, -1, -(int64_t)bytes);
}

static void release_extents(struct local *l, const struct record *record)
{
    for (uint32_t i = 0; i < record->chunk_count; i++) {
        struct record_extent e = record_extent_at(record, i);

        count_dead(l, e.segment, e.len);
        note_dead(l, e.segment, e.offset, e.len);
    }
}

/// Up to STORE_BODY_MEMORY_MIN bytes a body lies behind its header, past STORE_BODY_MEMORY_MAX in
/// extents; between the two only the header tells.
static int release_written(struct local *l, const struct store_body_ref *ref, uint32_t segment,
                           uint64_t offset)
{
    CLEANUP(buf_drop) struct buf header = {0};
    struct record record;
    bool in_extents = ref->size > STORE_BODY_MEMORY_MAX;
    int r = 0;

    if (ref->size > STORE_BODY_MEMORY_MIN) {
        buf_init(&header, RECORD_HEADER_MAX);
        r = local_record_read(l, segment, offset, &header, &record);
        if (r < 0) // moved in this very group, and not written yet: it is still at home as well
            r = local_record_read(l, message_segment(ref->message_id),
                                  message_offset(ref->message_id), &header, &record);
        if (r == 0 && record.message_id != ref->message_id)
            r = -EBADMSG;
        if (r == 0)
            in_extents = record.kind == RECORD_MAIL_EXTENTS;
    }
    if (in_extents && r < 0)
        return 0; // a damaged record keeps its extents; fsck tells
    if (in_extents)
        release_extents(l, &record);
    count_dead(l, segment, in_extents ? 0 : ref->size);
    if (!in_extents)
        note_dead(l, segment, offset, 0);
    return 0;
}

static void release_pending(struct local *l, const struct pending *p)
{
    const struct spilled *spilled = p->body->spilled;

    count_dead(l, l->segments.current->id, p->data_len);
    for (size_t i = 0; p->body->big && i < spilled->count; i++)
        count_dead(l, spilled->items[i].segment, spilled->items[i].len);
}

static int body_dies(struct local *l, const struct store_body_ref *ref, uint32_t segment,
                     uint64_t offset)
{
    const struct pending *p;

    if (!segment) {
        segment = message_segment(ref->message_id);
        offset = message_offset(ref->message_id);
    }
    if (segment == l->segments.current->id && offset >= l->segments.current->size &&
        local_is_pending(l, ref->message_id, &p)) {
        release_pending(l, p);
        return 0;
    }
    return release_written(l, ref, segment, offset);
}

static int body_release(struct rows *rows, const struct store_body_ref *ref)
{
    struct local *l = of(rows);
    struct index_message m;
    int r;

    r = index_message(&l->index, ref->message_id, &m);
    if (r < 0)
        return r;
    if (r == STORE_NOT_FOUND)
        return body_dies(l, ref, 0, 0);
    if (m.refs > 1)
        return run_with(&l->index, ST_MESSAGE_RELEASE, ref->message_id, 0, 1);
    r = run_with(&l->index, ST_MESSAGE_REMOVE, ref->message_id, 0, 1);
    if (r < 0)
        return r;
    return body_dies(l, ref, m.segment, m.offset);
}

/// The header of a message at home; of one that this group will write, as it was built.
static int home_header(struct local *l, uint64_t message_id, struct buf *header, struct record *out)
{
    const struct pending *p;

    if (!local_is_pending(l, message_id, &p))
        return local_record_read(l, message_segment(message_id), message_offset(message_id), header,
                                 out);
    if (p >= l->pending + l->pending_mark)
        return -ENOENT; // of this very change: nobody can know its id
    return record_parse(str_of(l->headers.ptr + p->header_at, p->header_len), out);
}

static int body_find(struct rows *rows, const struct store_body_ref *ref)
{
    struct local *l = of(rows);
    CLEANUP(buf_drop) struct buf header = {0};
    struct index_message m;
    struct record record;
    int r;

    r = index_message(&l->index, ref->message_id, &m);
    if (r <= 0)
        return r;
    buf_init(&header, RECORD_HEADER_MAX);
    r = home_header(l, ref->message_id, &header, &record);
    if (r == -ENOENT ||
        (r == 0 && (record.message_id != ref->message_id || record.body_size != ref->size)))
        return STORE_NOT_FOUND;
    if (r == 0)
        r = local_is_live(&l->index, &record, message_segment(ref->message_id),
                          message_offset(ref->message_id));
    return r < 0 ? r : r ? 0 : STORE_NOT_FOUND;
}

// ---- entries

static int entry_add(struct rows *rows, struct head *head, const struct store_entry *e)
{
    struct index *x = &of(rows)->index;
    sqlite3_stmt *st = index_use(x, ST_ENTRY_ADD);

    if (!st)
        return x->error;
    bind_u64(st, 1, head->id);
    bind_u64(st, 2, e->uid);
    bind_u64(st, 3, e->flags);
    bind_u64(st, 4, e->keywords);
    bind_u64(st, 5, e->modseq);
    sqlite3_bind_int64(st, 6, e->internal_date);
    sqlite3_bind_int64(st, 7, e->save_date);
    sqlite3_bind_int(st, 8, e->zone_minutes);
    bind_u64(st, 9, e->body.message_id);
    bind_u64(st, 10, e->body.size);
    return index_run(x, st);
}

static int entry_set(struct rows *rows, struct head *head, const struct store_entry *e)
{
    struct index *x = &of(rows)->index;
    sqlite3_stmt *st = index_use(x, ST_ENTRY_SET);

    if (!st)
        return x->error;
    bind_u64(st, 1, head->id);
    bind_u64(st, 2, e->uid);
    bind_u64(st, 3, e->flags);
    bind_u64(st, 4, e->keywords);
    bind_u64(st, 5, e->modseq);
    return index_run(x, st);
}

static int entry_remove(struct rows *rows, struct head *head, uint32_t uid)
{
    return run_with(&of(rows)->index, ST_ENTRY_REMOVE, head->id, uid, 2);
}

static int entries_find(struct rows *rows, struct head *head, uint32_t first, uint32_t last,
                        struct entry_list *out)
{
    return index_entries(&of(rows)->index, head->id, first, last, out);
}

static int expunged_add(struct rows *rows, struct head *head, uint32_t uid, uint64_t modseq)
{
    struct index *x = &of(rows)->index;
    sqlite3_stmt *st = index_use(x, ST_EXPUNGED_ADD);

    if (!st)
        return x->error;
    bind_u64(st, 1, head->id);
    bind_u64(st, 2, modseq);
    bind_u64(st, 3, uid);
    return index_run(x, st);
}

static int get_number(struct index *x, enum statement which, uint64_t a, uint64_t b, uint64_t *out)
{
    sqlite3_stmt *st = index_use(x, which);
    int r;

    if (!st)
        return x->error;
    bind_u64(st, 1, a);
    if (sqlite3_bind_parameter_count(st) > 1)
        bind_u64(st, 2, b);
    r = index_step(x, st);
    if (r < 0)
        return r;
    *out = r == 1 ? column_u64(st, 0) : 0;
    if (r == 1)
        index_reset(st);
    return 0;
}

static int expunged_trim(struct rows *rows, struct head *head, uint32_t keep_count,
                         uint64_t *out_modseq, uint32_t *out_left)
{
    struct index *x = &of(rows)->index;
    uint64_t left = 0;
    int r;

    r = get_number(x, ST_EXPUNGED_BOUND, head->id, keep_count, out_modseq);
    if (r == 0 && *out_modseq)
        r = run_with(x, ST_EXPUNGED_TRIM, head->id, *out_modseq, 2);
    if (r == 0)
        r = get_number(x, ST_EXPUNGED_COUNT, head->id, 0, &left);
    *out_left = (uint32_t)left;
    return r;
}

static int mailbox_clear(struct rows *rows, struct head *head)
{
    int r;

    r = run_with(&of(rows)->index, ST_ENTRIES_CLEAR, head->id, 0, 1);
    if (r < 0)
        return r;
    return run_with(&of(rows)->index, ST_EXPUNGED_CLEAR, head->id, 0, 1);
}

// ---- documents, tokens

static int doc_find(struct rows *rows, const char *kind, struct str key, struct buf *out)
{
    struct index *x = &of(rows)->index;
    sqlite3_stmt *st = index_use(x, ST_DOC_GET);
    int r;

    if (!st)
        return x->error;
    bind_str(st, 1, str_from(kind));
    sqlite3_bind_blob(st, 2, key.ptr, (int)key.len, SQLITE_STATIC);
    r = index_step(x, st);
    if (r <= 0)
        return r < 0 ? r : STORE_NOT_FOUND;
    buf_put(out, column_str(st, 0));
    index_reset(st);
    return buf_ok(out) ? 0 : -EFBIG;
}

static int doc_put(struct rows *rows, const char *kind, struct str key, struct str value)
{
    struct index *x = &of(rows)->index;
    sqlite3_stmt *st = index_use(x, ST_DOC_PUT);

    if (!st)
        return x->error;
    bind_str(st, 1, str_from(kind));
    sqlite3_bind_blob(st, 2, key.ptr, (int)key.len, SQLITE_STATIC);
    sqlite3_bind_blob(st, 3, value.ptr ? value.ptr : "", (int)value.len, SQLITE_STATIC);
    return index_run(x, st);
}

static int doc_remove(struct rows *rows, const char *kind, struct str key)
{
    struct index *x = &of(rows)->index;
    sqlite3_stmt *st = index_use(x, ST_DOC_REMOVE);
    int r;

    if (!st)
        return x->error;
    bind_str(st, 1, str_from(kind));
    sqlite3_bind_blob(st, 2, key.ptr, (int)key.len, SQLITE_STATIC);
    r = index_run(x, st);
    if (r < 0)
        return r;
    return sqlite3_changes(x->db) ? 0 : STORE_NOT_FOUND;
}

static int token_put(struct rows *rows, const uint8_t token[16], int64_t now_s)
{
    struct index *x = &of(rows)->index;
    sqlite3_stmt *st = index_use(x, ST_TOKEN_PUT);

    if (!st)
        return x->error;
    sqlite3_bind_blob(st, 1, token, 16, SQLITE_STATIC);
    sqlite3_bind_int64(st, 2, now_s);
    return index_run(x, st);
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
    .queue_add = local_queue_add,
    .queue_find = local_queue_find,
    .queue_set = local_queue_set,
    .queue_remove = local_queue_remove,
    .token_put = token_put,
};

void local_rows_init(struct local *l)
{
    l->rows.kind = &the_kind;
    buf_init(&l->headers, SIZE_MAX / 2);
}
