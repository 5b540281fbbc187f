// SPDX-License-Identifier: ISC
//
// What is told of a message instead of shown: ENVELOPE, BODY and BODYSTRUCTURE (RFC 3501 7.4.2),
// PREVIEW (RFC 8970) and THREADID (RFC 8474). All of it was worked out once and is kept
// (summary/summary.h); a batch of messages is asked for together.
#include "base/check.h"
#include "proto/imap/reply.h"
#include "serve/imap/fetch.h"
#include "serve/imap/objectid.h"

static void forget(struct imap_fetch_summaries *summaries)
{
    for (size_t i = 0; i < summaries->count; i++)
        summary_done(&summaries->items[i]);
    summaries->count = 0;
    summary_done(&summaries->alone);
    summaries->alone_at = SIZE_MAX;
}

void imap_fetch_summarize(struct imap_fetcher *f, const struct store_entries *entries)
{
    const struct store_body_ref *refs[IMAP_FETCH_BATCH_MAX];
    struct imap_fetch_summaries *summaries = f->summaries;

    if (!summaries)
        return;
    forget(summaries);
    if (!entries)
        return;
    for (size_t i = 0; i < entries->count && i < IMAP_FETCH_BATCH_MAX; i++)
        refs[summaries->count++] = &entries->items[i].body;
    (void)summary_get_many(imap_summaries(f->s), imap_store(f->s), refs, summaries->count,
                           summaries->items, summaries->results);
}

/// [await] One of those that are too large together; the one before it is forgotten. A stranger can
/// make a batch of them that have megabytes each.
static int get_alone(struct imap_fetcher *f, const struct imap_fetch_of *of, struct summary **out)
{
    struct imap_fetch_summaries *summaries = f->summaries;

    if (summaries->alone_at != of->at) {
        summary_done(&summaries->alone);
        summaries->alone_result = summary_get(imap_summaries(f->s), imap_store(f->s),
                                              &of->entry->body, &summaries->alone);
        summaries->alone_at = of->at;
    }
    *out = &summaries->alone;
    return summaries->alone_result;
}

/// [await] 0 or -errno.
static int get(struct imap_fetcher *f, const struct imap_fetch_of *of, struct summary **out)
{
    struct imap_fetch_summaries *summaries = f->summaries;

    CHECK(of->at < summaries->count);
    if (summaries->results[of->at] == SUMMARY_ALONE)
        return get_alone(f, of, out);
    *out = &summaries->items[of->at];
    return summaries->results[of->at];
}

static void put_threadid(struct buf *out, const struct imap_fetch_of *of,
                         const struct summary *summary)
{
    buf_put_char(out, '(');
    imap_put_threadid(out, summary->references, summary->message_id, of->entry->body.message_id);
    buf_put_char(out, ')');
}

int imap_fetch_put_told(struct imap_fetcher *f, const struct imap_fetch_item *item,
                        const struct imap_fetch_of *of)
{
    struct buf *out = f->c->out;
    struct summary *summary;
    int r = get(f, of, &summary);

    if (r < 0)
        return r;
    if (item->kind == IMAP_FETCH_ENVELOPE)
        buf_put(out, summary->envelope);
    else if (item->kind == IMAP_FETCH_BODY)
        buf_put(out, summary->body);
    else if (item->kind == IMAP_FETCH_BODYSTRUCTURE)
        buf_put(out, summary->body_structure);
    else if (item->kind == IMAP_FETCH_THREADID)
        put_threadid(out, of, summary);
    else if (imap_speaks_utf8(f->s))
        imap_put_string_utf8(out, summary->preview);
    else
        imap_put_string(out, summary->preview);
    return 0;
}
