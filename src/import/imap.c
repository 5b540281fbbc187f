// SPDX-License-Identifier: ISC
//
// Another server, by IMAP (fetch/fetch.h). A message is known by UIDVALIDITY and UID. When the
// connection breaks a new one is made and the mailbox listed again: what the sink has it does not
// want twice. Only when nothing more comes that way, time after time, is it given up.
#include "base/check.h"
#include "base/cleanup.h"
#include "mail/lines.h"
#include "mail/maildir.h"
#include "proto/imap/flag.h"
#include "store/store.h"
#include "import/folder.h"

#include <errno.h>
#include <inttypes.h>

enum {
    ARENA_MAX = 64 << 20,
    TRIES_MAX = 5,    // without a message between them
    NONSENSE_MAX = 2, // where it is not the connection but what is said
    PAUSE_MS = 300,
};

struct walk {
    const struct import_sink *sink;
    const struct fetch_server *server;
    struct fetch_session *session; // NULL: not connected
    struct buf *why;
    unsigned tries;
    bool knows_uses;
    uint64_t done, total;
    int told; // what the sink gave when it ended it
};

struct box {
    struct walk *walk;
    struct str wire, name;
    struct fetch_listing listing;
    uint32_t *uids; // wanted
    size_t count;
    struct buf bytes, id, place;
    struct str keywords[FETCH_KEYWORDS_MAX];
};

// ---- names and uses

static void put_name(struct buf *out, struct str wire, char separator)
{
    struct str level;

    while (str_split(&wire, separator ? separator : '\n', &level)) {
        size_t begin;

        if (level.len == 0)
            continue;
        if (out->len)
            buf_put_char(out, '/');
        begin = out->len;
        maildir_put_level(out, level);
        for (size_t i = begin; i < out->len; i++)
            out->ptr[i] = out->ptr[i] == '/' ? '_' : out->ptr[i];
        if (begin == 0 && str_case_eq(buf_str(out), STR("inbox"))) {
            buf_clear(out);
            buf_put(out, STR("INBOX"));
        }
    }
}

static unsigned use_of(unsigned attributes)
{
    return (attributes & IMAP_ALL ? (unsigned)STORE_USE_ALL : 0) |
           (attributes & IMAP_ARCHIVE ? (unsigned)STORE_USE_ARCHIVE : 0) |
           (attributes & IMAP_DRAFTS ? (unsigned)STORE_USE_DRAFTS : 0) |
           (attributes & IMAP_FLAGGED_USE ? (unsigned)STORE_USE_FLAGGED : 0) |
           (attributes & IMAP_JUNK ? (unsigned)STORE_USE_JUNK : 0) |
           (attributes & IMAP_SENT ? (unsigned)STORE_USE_SENT : 0) |
           (attributes & IMAP_TRASH ? (unsigned)STORE_USE_TRASH : 0);
}

// ---- messages

static const struct fetch_entry *entry_of(const struct box *b, uint32_t uid)
{
    size_t low = 0, high = b->listing.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (b->listing.items[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    CHECK(low < b->listing.count && b->listing.items[low].uid == uid);
    return &b->listing.items[low];
}

static unsigned flags_of(unsigned flags)
{
    return (flags & IMAP_SEEN ? (unsigned)STORE_SEEN : 0) |
           (flags & IMAP_ANSWERED ? (unsigned)STORE_ANSWERED : 0) |
           (flags & IMAP_FLAGGED ? (unsigned)STORE_FLAGGED : 0) |
           (flags & IMAP_DELETED ? (unsigned)STORE_DELETED : 0) |
           (flags & IMAP_DRAFT ? (unsigned)STORE_DRAFT : 0);
}

/// What is known without its bytes.
static void put_message(struct box *b, const struct fetch_entry *entry, struct import_message *m)
{
    *m = (struct import_message){.mailbox = b->name,
                                 .flags = flags_of(entry->flags),
                                 .keywords = b->keywords,
                                 .date = entry->has_date ? entry->date : rt_wall_s(),
                                 .zone_minutes = entry->zone_minutes};
    buf_clear(&b->id);
    buf_putf(&b->id, "%" PRIu32 ".%" PRIu32, b->listing.uidvalidity, entry->uid);
    buf_clear(&b->place);
    buf_putf(&b->place, "%.*s uid %" PRIu32, STR_ARG(b->name), entry->uid);
    m->id = buf_str(&b->id);
    m->place = buf_str(&b->place);
    for (size_t i = 0; i < b->listing.keyword_count; i++)
        if (entry->keywords & 1ULL << i)
            b->keywords[m->keyword_count++] = str_from(b->listing.keywords[i]);
}

static int on_take(void *arg, uint32_t uid, struct str bytes)
{
    struct box *b = arg;
    struct walk *w = b->walk;
    struct import_message m;

    put_message(b, entry_of(b, uid), &m);
    buf_clear(&b->bytes);
    lines_put_crlf(&b->bytes, bytes);
    m.bytes = buf_str(&b->bytes);
    w->tries = 0;
    w->told = w->sink->take(w->sink->arg, &m);
    w->sink->progress(w->sink->arg, ++w->done, w->total);
    return w->told;
}

static void on_left(void *arg, uint32_t uid, const char *why)
{
    struct box *b = arg;
    struct import_message m;

    put_message(b, entry_of(b, uid), &m);
    b->walk->tries = 0;
    b->walk->sink->left(b->walk->sink->arg, m.place, why);
}

static void choose_wanted(struct box *b)
{
    const struct import_sink *sink = b->walk->sink;

    b->uids = calloc(b->listing.count + 1, sizeof *b->uids);
    CHECK(b->uids);
    for (size_t i = 0; i < b->listing.count; i++) {
        struct import_message m;

        put_message(b, &b->listing.items[i], &m);
        if (sink->wants(sink->arg, &m))
            b->uids[b->count++] = b->listing.items[i].uid;
    }
    b->walk->total += b->count;
}

/// [await] One try. 0; -errno of the connection, or of the sink (then it is in `told`).
static int take_once(struct box *b)
{
    struct walk *w = b->walk;
    struct fetch_taker taker = {
        .arg = b, .size_max = w->sink->message_max, .take = on_take, .left = on_left};
    int r = fetch_list(w->session, b->wire, &b->listing);

    if (r == FETCH_NO) {
        w->sink->left(w->sink->arg, b->name, fetch_words(w->session));
        return 0;
    }
    if (r < 0)
        return r;
    choose_wanted(b);
    return b->count ? fetch_messages(w->session, b->uids, b->count, &taker) : 0;
}

// ---- connections

static int connect_again(struct walk *w)
{
    int r = 0;

    while (!w->session) {
        buf_clear(w->why);
        r = fetch_open(w->server, &w->session, w->why);
        if (r == 0)
            return 0;
        w->session = NULL;
        if (r == -EACCES || w->tries++ >= TRIES_MAX)
            return r;
        if (rt_sleep(PAUSE_MS * w->tries) < 0)
            return r;
    }
    return 0;
}

/// [await] Until all of it is taken, or it is no use.
static int take_box(struct walk *w, struct str wire, struct str name)
{
    int r = 0;

    do {
        struct box b = {.walk = w, .wire = wire, .name = name};

        r = connect_again(w);
        if (r < 0)
            return r;
        buf_init(&b.bytes, 2 * w->sink->message_max);
        buf_init(&b.id, 64);
        buf_init(&b.place, 2 * IMPORT_NAME_MAX);
        r = take_once(&b);
        free(b.uids);
        fetch_listing_done(&b.listing);
        buf_done(&b.bytes);
        buf_done(&b.id);
        buf_done(&b.place);
        if (w->told < 0)
            return w->told;
        if (r < 0) {
            buf_clear(w->why);
            buf_putf(w->why, "the connection to %s broke: %s", w->server->name, strerror(-r));
            fetch_close(TAKE(w->session));
        }
        if (r < 0 && rt_sleep(PAUSE_MS * w->tries) < 0)
            return r;
    } while (r < 0 && w->tries++ < (r == -EPROTO ? NONSENSE_MAX : TRIES_MAX));
    return r;
}

// ---- the account there

static int take_mailbox(struct walk *w, const struct fetch_mailbox *m, struct str prefix)
{
    CLEANUP(buf_drop) struct buf name = {.max = IMPORT_NAME_MAX};
    struct str wire = m->wire;
    struct import_mailbox mailbox;
    bool is_wanted = false;
    int r;

    if (m->attributes & IMAP_NOSELECT)
        return 0;
    if (prefix.len && wire.len > prefix.len && str_starts(wire, prefix))
        wire = str_skip(wire, prefix.len);
    put_name(&name, wire, m->separator);
    mailbox = (struct import_mailbox){.name = buf_str(&name),
                                      .special_use = use_of(m->attributes),
                                      .knows_uses = w->knows_uses,
                                      .is_subscribed = m->is_subscribed};
    r = w->sink->mailbox(w->sink->arg, &mailbox, &is_wanted);
    if (r < 0)
        w->told = r;
    return r < 0 || !is_wanted ? r : take_box(w, m->wire, buf_str(&name));
}

static int take_all(struct walk *w, struct arena *arena)
{
    struct fetch_mailbox *mailboxes = NULL;
    struct str prefix = STR("");
    size_t count = 0;
    int r = connect_again(w);

    if (r < 0)
        return r;
    r = fetch_mailboxes(w->session, arena, &mailboxes, &count, &prefix);
    if (r != 0) {
        buf_putf(w->why, "%s does not tell its mailboxes: %s", w->server->name,
                 r < 0 ? strerror(-r) : fetch_words(w->session));
        return r < 0 ? r : -EPROTO;
    }
    for (size_t i = 0; i < count; i++)
        w->knows_uses = w->knows_uses || use_of(mailboxes[i].attributes);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = take_mailbox(w, &mailboxes[i], prefix);
    return r;
}

int import_imap(const struct fetch_server *server, const struct import_sink *sink, struct buf *why)
{
    struct walk w = {.sink = sink, .server = server, .why = why};
    struct arena arena;
    int r;

    arena_init(&arena, ARENA_MAX);
    r = take_all(&w, &arena);
    fetch_close(w.session);
    arena_done(&arena);
    return r;
}
