// SPDX-License-Identifier: ISC
//
// The rows of store/local. A body's record is planned when it is first put (its place in the
// segment makes its id) and built when the change is kept, because it tells where it was filed.
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

/// A savepoint costs as much as a row. Changes that are nearly never refused after their first
/// write go without; if it happens all the same, the group is done again one by one.
static bool wants_savepoint(const struct store_change *change)
{
    for (size_t i = 0; i < change->count; i++) {
        if (change->ops[i].kind != OP_PUT || change->ops[i].put->check_quota)
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

static struct str place_name(struct local *l, const struct store_put *put)
{
    const struct head *head;

    if (!put->mailbox_id)
        return put->name;
    head = catalog_head(l->store.catalog, put->mailbox_id);
    return head ? str_of(head->work.name->bytes, head->work.name->len) : STR_NONE;
}

/// A rename in the same change may have made the name longer than was planned for: cut it.
static void put_place(struct local *l, const struct store_put *put, size_t room)
{
    struct record_place place = {
        .mailbox_id = put->in_mailbox_id, .uid = put->uid, .flags = put->flags};
    const struct head *head = catalog_head(l->store.catalog, put->in_mailbox_id);

    if (head)
        place.account_id = head->account->id;
    place.name = str_head(place_name(l, put), room);
    record_put_place(&l->headers, &place);
}

static void put_places(struct local *l, const struct store_change *change, const struct pending *p,
                       size_t end)
{
    size_t left = 0;

    for (size_t i = 0; i < change->count; i++)
        left += change->ops[i].kind == OP_PUT && change->ops[i].put->body == p->body;
    for (size_t i = 0; i < change->count; i++) {
        const struct op *op = &change->ops[i];
        size_t room;

        if (op->kind != OP_PUT || op->put->body != p->body)
            continue;
        room = end - l->headers.len - left-- * RECORD_PLACE_BYTES;
        put_place(l, op->put, room);
    }
}

static void build(struct local *l, const struct store_change *change, struct pending *p)
{
    const struct store_body *body = p->body;
    const struct spilled *spilled = body->spilled;
    struct record record = {.kind = body->big ? RECORD_MAIL_EXTENTS : RECORD_MAIL,
                            .header_len = p->header_len,
                            .message_id = body->ref.message_id,
                            .body_size = body->size,
                            .data_len = p->data_len,
                            .envelope = buf_str(&body->envelope)};

    record.chunk_count = body->big ? (uint32_t)spilled->count
                                   : (uint32_t)((body->size + BODY_CHUNK - 1) / BODY_CHUNK);
    for (size_t i = 0; i < change->count; i++) {
        if (change->ops[i].kind != OP_PUT || change->ops[i].put->body != body)
            continue;
        record.internal_date = change->ops[i].put->internal_date;
        record.zone_minutes = change->ops[i].put->zone_minutes;
        record.place_count++;
    }
    p->header_at = l->headers.len;
    record_begin(&l->headers, &record);
    for (uint32_t i = 0; i < record.chunk_count; i++) {
        if (body->big)
            record_put_extent(&l->headers, &spilled->items[i]);
        else
            record_put_chunk(&l->headers, body->chunk_crc[i]);
    }
    put_places(l, change, p, p->header_at + p->header_len - body->envelope.len);
    record_end(&l->headers, p->header_at, buf_str(&body->envelope), p->header_len);
}

static int keep(struct rows *rows, struct store_change *change)
{
    struct local *l = of(rows);

    for (size_t i = l->pending_mark; i < l->pending_count; i++)
        build(l, change, &l->pending[i]);
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

static uint32_t header_len_of(struct local *l, const struct store_change *change,
                              const struct store_body *body)
{
    const struct spilled *spilled = body->spilled;
    uint64_t len = RECORD_FIXED + body->envelope.len;

    if (body->big)
        len += spilled->count * RECORD_EXTENT_BYTES;
    else
        len += (body->size + BODY_CHUNK - 1) / BODY_CHUNK * 4;
    for (size_t i = 0; i < change->count; i++) {
        if (change->ops[i].kind == OP_PUT && change->ops[i].put->body == body)
            len += RECORD_PLACE_BYTES + place_name(l, change->ops[i].put).len;
    }
    len = record_align(len);
    return len <= RECORD_HEADER_MAX ? (uint32_t)len : 0;
}

static void count_extents(struct local *l, const struct spilled *spilled)
{
    for (size_t i = 0; i < spilled->count; i++) {
        struct segment *segment = segments_find(&l->segments, spilled->items[i].segment);

        CHECK(segment); // pinned
        segments_count(&l->segments, segment, 1, spilled->items[i].len);
    }
}

static int body_add(struct rows *rows, struct store_change *change, struct store_body *body,
                    size_t put_count, struct store_body_ref *out)
{
    struct local *l = of(rows);
    struct pending p = {.body = body};

    store_body_seal(body);
    p.header_len = header_len_of(l, change, body);
    if (!p.header_len)
        return STORE_LIMIT;
    p.data = body->big ? STR("") : buf_str(&body->head);
    p.data_len = p.data.len;
    p.at = segments_take(&l->segments, p.header_len + record_align(p.data_len));
    segments_count(&l->segments, l->segments.current, 1, (int64_t)p.data_len);
    if (body->big)
        count_extents(l, body->spilled);
    STORE_GROW(l->pending, l->pending_count, l->pending_cap);
    l->pending[l->pending_count++] = p;
    *out = (struct store_body_ref){.message_id = message_id_of(l->segments.current->id, p.at),
                                   .size = body->size};
    body->ref = *out;
    if (put_count > 1)
        return run_with(&l->index, ST_MESSAGE_ADD, out->message_id, put_count, 2);
    return 0;
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

/// Planned in this very group: nothing is on disk that could be read or punched.
static bool is_pending(const struct local *l, uint64_t message_id, const struct pending **out)
{
    for (size_t i = l->pending_count; i-- > 0;) {
        if (l->pending[i].body && l->pending[i].body->ref.message_id == message_id) {
            *out = &l->pending[i];
            return true;
        }
    }
    return false;
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
        is_pending(l, ref->message_id, &p)) {
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
    .token_put = token_put,
};

void local_rows_init(struct local *l)
{
    l->rows.kind = &the_kind;
    buf_init(&l->headers, SIZE_MAX / 2);
}
