// SPDX-License-Identifier: ISC
//
// The grams come to FTS5 ready made: its "text" is our list of them, and the tokenizer hands each
// over. detail=none keeps only which message has which gram, content='' and columnsize=0 nothing
// else (doc/adr/0007). Messages have small numbers of their own there, n, which are never used
// again: rows of `message` that were dropped leave grams behind that nobody is told of.
#include "search/index.h"

#include "base/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    VERSION = 1,
    UNINDEXED_MAX = 20000, // more, and the mailbox is read
    STEPS = 100000,        // of SQLite's machine between two looks at the clock
    ASK_MS = 5000,
    CACHE_KIB = 8192,
};

enum { HAS, ADD, GRAMS, UNINDEX, SET_MAILBOX, MAILBOX, ASK, UNINDEXED, STATEMENTS };
_Static_assert(STATEMENTS == sizeof(((struct search_index *)0)->st) / sizeof(sqlite3_stmt *),
               "one place for each");

static const char *const the_sql[STATEMENTS] = {
    [HAS] = "SELECT 1 FROM message WHERE id=?1 UNION ALL SELECT 1 FROM unindexed WHERE id=?1",
    [ADD] = "INSERT INTO message(id) VALUES(?1)",
    [GRAMS] = "INSERT INTO gram(rowid, grams) VALUES(?1, ?2)",
    [UNINDEX] = "INSERT OR IGNORE INTO unindexed VALUES(?1)",
    [SET_MAILBOX] = "INSERT OR REPLACE INTO mailbox VALUES(?1, ?2, ?3)",
    [MAILBOX] = "SELECT uidvalidity, uid FROM mailbox WHERE id=?1",
    [ASK] = "SELECT m.id FROM gram JOIN message m ON m.n=gram.rowid WHERE gram MATCH ?1",
    [UNINDEXED] = "SELECT id FROM unindexed ORDER BY id",
};

static const char schema[] =
    "CREATE VIRTUAL TABLE gram USING fts5(grams, content='', columnsize=0, detail=none,"
    " tokenize='carteiro_grams');"
    // filling adds much at once: fewer, larger merges, and none while somebody waits
    "INSERT INTO gram(gram, rank) VALUES('automerge', 8);"
    "INSERT INTO gram(gram, rank) VALUES('crisismerge', 32);"
    "CREATE TABLE message(n INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER NOT NULL UNIQUE);"
    "CREATE TABLE unindexed(id INTEGER PRIMARY KEY);"
    "CREATE TABLE mailbox(id INTEGER PRIMARY KEY, uidvalidity INTEGER, uid INTEGER);";

// ---- the tokenizer

static int tokenizer_new(void *context, const char **args, int count, Fts5Tokenizer **out)
{
    static char it_has_no_state;

    (void)context;
    (void)args;
    (void)count;
    *out = (Fts5Tokenizer *)&it_has_no_state;
    return SQLITE_OK;
}

static void tokenizer_delete(Fts5Tokenizer *tokenizer)
{
    (void)tokenizer;
}

static int tokenize(Fts5Tokenizer *tokenizer, void *context, int flags, const char *text, int len,
                    int (*token)(void *, int, const char *, int, int, int))
{
    struct str list = str_of(text, (size_t)len), gram;
    int r = SQLITE_OK;

    (void)tokenizer;
    if (flags & FTS5_TOKENIZE_QUERY) // one gram, as it is
        return token(context, 0, text, len, 0, len);
    while (r == SQLITE_OK && grams_next(&list, &gram))
        r = token(context, 0, gram.ptr, (int)gram.len, 0, 0);
    return r;
}

static int set_up(sqlite3 *db)
{
    static fts5_tokenizer tokenizer = {tokenizer_new, tokenizer_delete, tokenize};
    fts5_api *api = NULL;
    sqlite3_stmt *st;
    int r = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &st, NULL);

    if (r != SQLITE_OK)
        return r;
    sqlite3_bind_pointer(st, 1, &api, "fts5_api_ptr", NULL);
    sqlite3_step(st);
    r = sqlite3_finalize(st);
    if (r != SQLITE_OK || !api)
        return r == SQLITE_OK ? SQLITE_NOLFS : r;
    return api->xCreateTokenizer(api, "carteiro_grams", NULL, &tokenizer, NULL);
}

// ---- opening

static void name_it(struct search_index *x, const char *dir, uint64_t account_id)
{
    *x = (struct search_index){.account_id = account_id};
    snprintf(x->name, sizeof x->name, "%llu.db", (unsigned long long)account_id);
    x->dir = dir;
    x->kind = (struct derived_kind){.name = x->name,
                                    .where = "search/index",
                                    .version = VERSION,
                                    .schema = schema,
                                    .cache_kib = CACHE_KIB,
                                    .set_up = set_up};
}

int search_index_open(struct search_index *x, const char *dir, uint64_t account_id, bool writes)
{
    int r;

    name_it(x, dir, account_id);
    x->writes = writes;
    r = writes ? derived_open(&x->kind, dir, &x->db) : derived_open_reader(&x->kind, dir, &x->db);
    for (int i = 0; i < STATEMENTS && r == 0; i++) {
        x->st[i] = derived_prepare(&x->kind, x->db, the_sql[i]);
        if (!x->st[i])
            r = -EUCLEAN;
    }
    if (r < 0)
        search_index_close(x);
    return r;
}

void search_index_close(struct search_index *x)
{
    // what was written goes from the log to its place; a reader in between makes it wait for the
    // next time
    if (x->db && x->writes)
        sqlite3_wal_checkpoint_v2(x->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(x->st[i]);
    sqlite3_close(x->db);
    x->db = NULL;
    memset(x->st, 0, sizeof x->st);
}

void search_index_remove(const char *dir, uint64_t account_id)
{
    struct search_index x;

    name_it(&x, dir, account_id);
    derived_remove(&x.kind, dir, NULL);
}

// ---- writing

static int run(sqlite3_stmt *st)
{
    int r = sqlite3_step(st);

    sqlite3_reset(st);
    return r == SQLITE_DONE || r == SQLITE_ROW ? SQLITE_OK : r;
}

int search_index_begin(struct search_index *x)
{
    return sqlite3_exec(x->db, "BEGIN", NULL, NULL, NULL);
}

int search_index_commit(struct search_index *x)
{
    return sqlite3_exec(x->db, "COMMIT", NULL, NULL, NULL);
}

void search_index_abandon(struct search_index *x)
{
    sqlite3_exec(x->db, "ROLLBACK", NULL, NULL, NULL);
}

int search_index_has(struct search_index *x, uint64_t message_id)
{
    int r;

    sqlite3_bind_int64(x->st[HAS], 1, (sqlite3_int64)message_id);
    r = sqlite3_step(x->st[HAS]);
    sqlite3_reset(x->st[HAS]);
    return r == SQLITE_ROW ? 1 : r == SQLITE_DONE ? 0 : -r;
}

static int add_grams(struct search_index *x, struct str grams)
{
    int r;

    sqlite3_bind_int64(x->st[GRAMS], 1, sqlite3_last_insert_rowid(x->db));
    sqlite3_bind_text(x->st[GRAMS], 2, grams.ptr, (int)grams.len, SQLITE_STATIC);
    r = run(x->st[GRAMS]);
    sqlite3_clear_bindings(x->st[GRAMS]);
    return r;
}

int search_index_add(struct search_index *x, uint64_t message_id, struct str grams)
{
    sqlite3_stmt *st = x->st[grams.ptr ? ADD : UNINDEX];
    int r;

    sqlite3_bind_int64(st, 1, (sqlite3_int64)message_id);
    r = run(st);
    return r == SQLITE_OK && grams.ptr ? add_grams(x, grams) : r;
}

/// For what is rare enough not to be kept prepared.
static int run_once(struct search_index *x, const char *sql, uint64_t id)
{
    sqlite3_stmt *st;
    int r = sqlite3_prepare_v2(x->db, sql, -1, &st, NULL);

    if (r != SQLITE_OK)
        return r;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)id);
    r = run(st);
    sqlite3_finalize(st);
    return r;
}

int search_index_drop(struct search_index *x, uint64_t message_id)
{
    int r = run_once(x, "DELETE FROM message WHERE id=?1", message_id);

    return r == SQLITE_OK ? run_once(x, "DELETE FROM unindexed WHERE id=?1", message_id) : r;
}

int search_index_set_mailbox(struct search_index *x, uint64_t mailbox_id, uint32_t uidvalidity,
                             uint32_t uid)
{
    sqlite3_stmt *st = x->st[SET_MAILBOX];

    if (uid == UINT32_MAX)
        return run_once(x, "DELETE FROM mailbox WHERE id=?1", mailbox_id);
    sqlite3_bind_int64(st, 1, (sqlite3_int64)mailbox_id);
    sqlite3_bind_int64(st, 2, uidvalidity);
    sqlite3_bind_int64(st, 3, uid);
    return run(st);
}

// ---- reading

int search_index_mailbox(struct search_index *x, uint64_t mailbox_id, uint32_t uidvalidity,
                         uint32_t *out_uid)
{
    sqlite3_stmt *st = x->st[MAILBOX];
    int r;

    sqlite3_bind_int64(st, 1, (sqlite3_int64)mailbox_id);
    r = sqlite3_step(st);
    if (r == SQLITE_ROW)
        *out_uid = (uint32_t)sqlite3_column_int64(st, 0) == uidvalidity
                       ? (uint32_t)sqlite3_column_int64(st, 1)
                       : 0;
    sqlite3_reset(st);
    return r == SQLITE_ROW ? SQLITE_OK : r == SQLITE_DONE ? SQLITE_NOTFOUND : r;
}

int search_index_list(struct search_index *x, uint64_t after, uint64_t *out, size_t max,
                      size_t *out_count)
{
    sqlite3_stmt *st;
    int r = sqlite3_prepare_v2(x->db,
                               "SELECT id FROM message WHERE id>?1 UNION ALL"
                               " SELECT id FROM unindexed WHERE id>?1 ORDER BY id LIMIT ?2",
                               -1, &st, NULL);

    *out_count = 0;
    if (r != SQLITE_OK)
        return r;
    sqlite3_bind_int64(st, 1, (sqlite3_int64)after);
    sqlite3_bind_int64(st, 2, (sqlite3_int64)max);
    while ((r = sqlite3_step(st)) == SQLITE_ROW)
        out[(*out_count)++] = (uint64_t)sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return r == SQLITE_DONE ? SQLITE_OK : r;
}

int search_index_counts(struct search_index *x, struct search_index_counts *out)
{
    sqlite3_stmt *st;
    int r = sqlite3_prepare_v2(x->db,
                               "SELECT (SELECT count(*) FROM mailbox), (SELECT count(*) FROM"
                               " message), (SELECT count(*) FROM unindexed), (SELECT"
                               " coalesce(max(seq), 0) FROM sqlite_sequence)",
                               -1, &st, NULL);

    if (r != SQLITE_OK)
        return r;
    r = sqlite3_step(st);
    if (r == SQLITE_ROW)
        *out = (struct search_index_counts){
            (uint64_t)sqlite3_column_int64(st, 0), (uint64_t)sqlite3_column_int64(st, 1),
            (uint64_t)sqlite3_column_int64(st, 2), (uint64_t)sqlite3_column_int64(st, 3)};
    sqlite3_finalize(st);
    return r == SQLITE_ROW ? SQLITE_OK : r;
}

// ---- asking

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/// All ids that a statement gives, ascending.
static int collect(sqlite3_stmt *st, size_t max, uint64_t **out, size_t *out_count)
{
    size_t cap = 0, count = 0;
    uint64_t *ids = NULL;
    bool is_sorted = true;
    int r;

    while ((r = sqlite3_step(st)) == SQLITE_ROW && count < max) {
        if (count == cap) {
            cap = cap ? cap * 2 : 64;
            ids = realloc(ids, cap * sizeof(*ids));
            CHECK(ids);
        }
        ids[count] = (uint64_t)sqlite3_column_int64(st, 0);
        is_sorted = is_sorted && (count == 0 || ids[count - 1] < ids[count]);
        count++;
    }
    sqlite3_reset(st);
    if (!is_sorted)
        qsort(ids, count, sizeof(*ids), by_number);
    *out = ids;
    *out_count = count;
    return r == SQLITE_DONE ? SQLITE_OK : r == SQLITE_ROW ? SQLITE_TOOBIG : r;
}

static int is_late(void *arg)
{
    return rt_now_us() > *(const uint64_t *)arg;
}

static int ask(struct search_index *x, const struct store_mailbox *mailbox, struct str question,
               struct search_hits *out)
{
    int r = search_index_mailbox(x, mailbox->id, mailbox->uidvalidity, &out->uid_known);

    if (r == SQLITE_OK)
        r = collect(x->st[UNINDEXED], UNINDEXED_MAX, &out->unindexed, &out->unindexed_count);
    if (r != SQLITE_OK || !question.ptr)
        return r;
    sqlite3_bind_text(x->st[ASK], 1, question.ptr, (int)question.len, SQLITE_STATIC);
    r = collect(x->st[ASK], SEARCH_HITS_MAX, &out->message_ids, &out->count);
    sqlite3_clear_bindings(x->st[ASK]);
    return r;
}

int search_index_ask(struct search_index *x, const struct store_mailbox *mailbox,
                     struct str question, struct search_hits *out)
{
    uint64_t until_us = rt_now_us() + ASK_MS * 1000ULL;
    int r = search_index_begin(x);

    if (r != SQLITE_OK)
        return r;
    sqlite3_progress_handler(x->db, STEPS, is_late, &until_us);
    r = ask(x, mailbox, question, out);
    sqlite3_progress_handler(x->db, 0, NULL, NULL);
    search_index_abandon(x);
    return r;
}
