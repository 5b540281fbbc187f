// SPDX-License-Identifier: ISC
//
// The records a change brings. A body's record is planned when it is first put (its place in the
// segment makes its id) and built when the change is kept, because it tells where it was filed.
//
// One entry alone, of a mailbox or of the queue, stands in the mail's own header: from there the
// store knows that the mail lives. Of a mail with more than one, the entries of the queue stand in
// a record behind it, so that a body for thousands of recipients can be read without them.
#include "base/check.h"
#include "store/local/local.h"

// ---- what stands where

static bool is_put_of(const struct op *op, const struct store_body *body)
{
    return op->kind == OP_PUT && op->put->body == body;
}

static bool is_queued_of(const struct op *op, const struct store_body *body)
{
    return op->kind == OP_QUEUE_PUT && op->queue_put->body == body;
}

struct filed {
    size_t put_count, queued_count;
};

static struct filed count_filed(const struct store_change *change, const struct store_body *body)
{
    struct filed filed = {0};

    for (size_t i = 0; i < change->count; i++) {
        filed.put_count += is_put_of(&change->ops[i], body);
        filed.queued_count += is_queued_of(&change->ops[i], body);
    }
    return filed;
}

static bool has_queue_record(struct filed filed)
{
    return filed.queued_count && filed.put_count + filed.queued_count > 1;
}

static struct str place_name(struct local *l, const struct store_put *put)
{
    const struct head *head;

    if (!put->mailbox_id)
        return put->name;
    head = catalog_head(l->store.catalog, put->mailbox_id);
    return head ? str_of(head->work.name->bytes, head->work.name->len) : STR_NONE;
}

// ---- planning

static uint64_t queued_len(const struct store_queue_put *put)
{
    return RECORD_PLACE_BYTES + RECORD_QUEUED_BYTES + put->lane.len + put->value.len;
}

/// Of the queue's entries, wherever they stand.
static uint64_t queued_bytes(const struct store_change *change, const struct store_body *body)
{
    uint64_t len = 0;

    for (size_t i = 0; i < change->count; i++) {
        if (is_queued_of(&change->ops[i], body))
            len += queued_len(change->ops[i].queue_put);
    }
    return len;
}

static uint64_t header_bytes(struct local *l, const struct store_change *change,
                             const struct store_body *body)
{
    const struct spilled *spilled = body->spilled;
    uint64_t len = RECORD_FIXED + body->envelope.len;

    if (body->big)
        len += spilled->count * RECORD_EXTENT_BYTES;
    else
        len += (body->size + BODY_CHUNK - 1) / BODY_CHUNK * 4;
    for (size_t i = 0; i < change->count; i++) {
        if (is_put_of(&change->ops[i], body))
            len += RECORD_PLACE_BYTES + place_name(l, change->ops[i].put).len;
    }
    return len;
}

static void count_extents(struct local *l, const struct spilled *spilled)
{
    for (size_t i = 0; i < spilled->count; i++) {
        struct segment *segment = segments_find(&l->segments, spilled->items[i].segment);

        CHECK(segment); // pinned
        segments_count(&l->segments, segment, 1, spilled->items[i].len);
    }
}

static void add_pending(struct local *l, const struct pending *p)
{
    STORE_GROW(l->pending, l->pending_count, l->pending_cap);
    l->pending[l->pending_count++] = *p;
}

int local_plan(struct local *l, const struct store_change *change, struct store_body *body,
               struct store_body_ref *out)
{
    bool behind = has_queue_record(count_filed(change, body));
    uint64_t queued = queued_bytes(change, body);
    uint64_t header = record_align(header_bytes(l, change, body) + (behind ? 0 : queued));
    struct pending p = {.body = body, .data = body->big ? STR("") : buf_str(&body->head)};

    queued = record_align(RECORD_FIXED + queued);
    if (header > RECORD_HEADER_MAX || queued > RECORD_HEADER_MAX)
        return STORE_LIMIT;
    p.header_len = (uint32_t)header;
    p.data_len = p.data.len;
    p.at = segments_take(&l->segments, p.header_len + record_align(p.data_len));
    segments_count(&l->segments, l->segments.current, 1, (int64_t)p.data_len);
    if (body->big)
        count_extents(l, body->spilled);
    add_pending(l, &p);
    *out = (struct store_body_ref){.message_id = message_id_of(l->segments.current->id, p.at),
                                   .size = body->size};
    body->ref = *out;
    if (!behind)
        return 0;
    p = (struct pending){.body = body, .is_queue = true, .header_len = (uint32_t)queued};
    p.at = segments_take(&l->segments, p.header_len);
    add_pending(l, &p);
    return 0;
}

bool local_is_pending(const struct local *l, uint64_t message_id, const struct pending **out)
{
    for (size_t i = l->pending_count; i-- > 0;) {
        const struct pending *p = &l->pending[i];

        if (p->body && !p->is_queue && p->body->ref.message_id == message_id) {
            *out = p;
            return true;
        }
    }
    return false;
}

// ---- building

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
                       size_t left, size_t end)
{
    for (size_t i = 0; i < change->count; i++) {
        const struct op *op = &change->ops[i];

        if (is_put_of(op, p->body))
            put_place(l, op->put, end - l->headers.len - left-- * RECORD_PLACE_BYTES);
    }
}

static void put_queued(struct local *l, const struct store_change *change, const struct pending *p)
{
    for (size_t i = 0; i < change->count; i++) {
        const struct store_queue_put *put = change->ops[i].queue_put;

        if (is_queued_of(&change->ops[i], p->body))
            record_put_queued(&l->headers, &(struct store_queue_entry){.id = put->id,
                                                                       .mail_id = put->mail_id,
                                                                       .lane = put->lane,
                                                                       .value = put->value});
    }
}

static void put_chunks(struct local *l, const struct store_body *body, uint32_t count)
{
    const struct spilled *spilled = body->spilled;

    for (uint32_t i = 0; i < count; i++) {
        if (body->big)
            record_put_extent(&l->headers, &spilled->items[i]);
        else
            record_put_chunk(&l->headers, body->chunk_crc[i]);
    }
}

static void set_date(const struct store_change *change, const struct store_body *body,
                     struct record *record)
{
    record->internal_date = change->now_s;
    for (size_t i = 0; i < change->count; i++) {
        if (!is_put_of(&change->ops[i], body))
            continue;
        record->internal_date = change->ops[i].put->internal_date;
        record->zone_minutes = change->ops[i].put->zone_minutes;
    }
}

static void build_mail(struct local *l, const struct store_change *change, struct pending *p)
{
    const struct store_body *body = p->body;
    const struct spilled *spilled = body->spilled;
    struct filed filed = count_filed(change, body);
    bool behind = has_queue_record(filed);
    struct record record = {.kind = body->big ? RECORD_MAIL_EXTENTS : RECORD_MAIL,
                            .header_len = p->header_len,
                            .message_id = body->ref.message_id,
                            .body_size = body->size,
                            .data_len = p->data_len,
                            .envelope = buf_str(&body->envelope)};

    record.chunk_count = body->big ? (uint32_t)spilled->count
                                   : (uint32_t)((body->size + BODY_CHUNK - 1) / BODY_CHUNK);
    record.place_count = (uint32_t)(filed.put_count + (behind ? 0 : filed.queued_count));
    set_date(change, body, &record);
    p->header_at = l->headers.len;
    record_begin(&l->headers, &record);
    put_chunks(l, body, record.chunk_count);
    put_places(l, change, p, filed.put_count, p->header_at + p->header_len - body->envelope.len);
    if (!behind)
        put_queued(l, change, p);
    record_end(&l->headers, p->header_at, buf_str(&body->envelope), p->header_len);
}

static void build_queue(struct local *l, const struct store_change *change, struct pending *p)
{
    struct record record = {.kind = RECORD_QUEUE,
                            .header_len = p->header_len,
                            .message_id = p->body->ref.message_id,
                            .internal_date = change->now_s};

    record.place_count = (uint32_t)count_filed(change, p->body).queued_count;
    p->header_at = l->headers.len;
    record_begin(&l->headers, &record);
    put_queued(l, change, p);
    record_end(&l->headers, p->header_at, STR(""), p->header_len);
}

void local_build(struct local *l, const struct store_change *change)
{
    for (size_t i = l->pending_mark; i < l->pending_count; i++) {
        if (l->pending[i].is_queue)
            build_queue(l, change, &l->pending[i]);
        else
            build_mail(l, change, &l->pending[i]);
    }
}
