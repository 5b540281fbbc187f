// SPDX-License-Identifier: ISC
//
// The connection and its statements.
#include "store/local/index.h"

#include "base/check.h"
#include "log/log.h"

#include <errno.h>

enum { INDEX_VERSION = 2 };

#define ENTRY_COLUMNS                                                                              \
    "uid, flags, keywords, modseq, date, saved, zone, message, size" // as index_entry reads them

/// From each version to the next; a new index takes all of them.
static const char *const the_upgrades[INDEX_VERSION] = {
    "CREATE TABLE mailbox(id INTEGER PRIMARY KEY, account INTEGER NOT NULL, uidvalidity INTEGER,"
    " uidnext INTEGER, recent INTEGER, modseq INTEGER, expunge_modseq INTEGER, messages INTEGER,"
    " unseen INTEGER, deleted INTEGER, expunged INTEGER, bytes INTEGER, deleted_bytes INTEGER,"
    " special_use INTEGER, name TEXT NOT NULL);"
    "CREATE TABLE keyword(mailbox INTEGER, bit INTEGER, word TEXT, PRIMARY KEY(mailbox, bit))"
    " WITHOUT ROWID;"
    "CREATE TABLE account(id INTEGER PRIMARY KEY, bytes_max INTEGER, messages_max INTEGER);"
    "CREATE TABLE subscription(account INTEGER, name TEXT, PRIMARY KEY(account, name))"
    " WITHOUT ROWID;"
    "CREATE TABLE entry(mailbox INTEGER, uid INTEGER, flags INTEGER, keywords INTEGER,"
    " modseq INTEGER, born INTEGER, date INTEGER, saved INTEGER, zone INTEGER, message INTEGER,"
    " size INTEGER, PRIMARY KEY(mailbox, uid)) WITHOUT ROWID;"
    "CREATE INDEX entry_changed ON entry(mailbox, modseq) WHERE modseq <> born;"
    "CREATE TABLE expunged(mailbox INTEGER, modseq INTEGER, uid INTEGER,"
    " PRIMARY KEY(mailbox, modseq, uid)) WITHOUT ROWID;"
    "CREATE TABLE message(id INTEGER PRIMARY KEY, refs INTEGER, segment INTEGER, offset INTEGER);"
    "CREATE TABLE doc(kind TEXT, key BLOB, value BLOB, PRIMARY KEY(kind, key)) WITHOUT ROWID;"
    "CREATE TABLE token(token BLOB PRIMARY KEY, at INTEGER) WITHOUT ROWID;"
    "CREATE TABLE segment(id INTEGER PRIMARY KEY, size INTEGER, live_count INTEGER,"
    " live_bytes INTEGER);"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"
    "PRAGMA user_version=1;",

    "CREATE TABLE queue(id INTEGER PRIMARY KEY, due INTEGER NOT NULL, lane TEXT NOT NULL,"
    " mail INTEGER NOT NULL, message INTEGER NOT NULL, size INTEGER NOT NULL, value TEXT);"
    "CREATE INDEX queue_due ON queue(due);" // and id, as in every index
    "CREATE INDEX queue_lane ON queue(lane, due);"
    "CREATE INDEX queue_mail ON queue(mail);"
    "PRAGMA user_version=2;",
};

// Two searches, each at its place in an index: SQLite would step over all that are due at the same
// moment if (due, id) were compared as one.
#define QUEUE_COLUMNS "due, id, mail, message, size, lane, value"
#define QUEUE_SINCE(where)                                                                         \
    "SELECT " QUEUE_COLUMNS " FROM queue WHERE " where "due=?1 AND id>?2 AND due<=?3 UNION ALL "   \
    "SELECT " QUEUE_COLUMNS " FROM queue WHERE " where "due>?1 AND due<=?3 ORDER BY 1, 2 LIMIT ?4"

static const char *const the_sql[ST_COUNT] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_ROLLBACK] = "ROLLBACK",
    [ST_SAVE] = "SAVEPOINT change",
    [ST_RELEASE] = "RELEASE change",
    [ST_BACK] = "ROLLBACK TO change",
    [ST_READ] = "BEGIN",
    [ST_ENTRY_ADD] = "INSERT INTO entry VALUES(?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10)",
    [ST_ENTRY_SET] =
        "UPDATE entry SET flags=?3, keywords=?4, modseq=?5 WHERE mailbox=?1 AND uid=?2",
    [ST_ENTRY_REMOVE] = "DELETE FROM entry WHERE mailbox=?1 AND uid=?2",
    [ST_ENTRIES] = "SELECT " ENTRY_COLUMNS
                   " FROM entry WHERE mailbox=?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid",
    [ST_ENTRIES_CLEAR] = "DELETE FROM entry WHERE mailbox=?1",
    [ST_BORN_SINCE] =
        "SELECT " ENTRY_COLUMNS ", born FROM entry WHERE mailbox=?1 ORDER BY uid DESC",
    [ST_CHANGED_SINCE] = "SELECT " ENTRY_COLUMNS
                         " FROM entry INDEXED BY entry_changed WHERE mailbox=?1 AND modseq>?2"
                         " AND modseq <> born AND born<=?2",
    [ST_EXPUNGED_ADD] = "INSERT INTO expunged VALUES(?1, ?2, ?3)",
    [ST_EXPUNGED_SINCE] = "SELECT uid FROM expunged WHERE mailbox=?1 AND modseq>?2",
    [ST_EXPUNGED_BOUND] =
        "SELECT modseq FROM expunged WHERE mailbox=?1 ORDER BY modseq DESC LIMIT 1 OFFSET ?2",
    [ST_EXPUNGED_TRIM] = "DELETE FROM expunged WHERE mailbox=?1 AND modseq<=?2",
    [ST_EXPUNGED_COUNT] = "SELECT count(*) FROM expunged WHERE mailbox=?1",
    [ST_EXPUNGED_CLEAR] = "DELETE FROM expunged WHERE mailbox=?1",
    [ST_MESSAGE_GET] = "SELECT refs, segment, offset FROM message WHERE id=?1",
    [ST_MESSAGE_ADD] = "INSERT INTO message VALUES(?1, ?2, 0, 0)",
    [ST_MESSAGE_HOLD] =
        "INSERT INTO message VALUES(?1, 2, 0, 0) ON CONFLICT(id) DO UPDATE SET refs=refs+1",
    [ST_MESSAGE_RELEASE] = "UPDATE message SET refs=refs-1 WHERE id=?1",
    [ST_MESSAGE_REMOVE] = "DELETE FROM message WHERE id=?1",
    [ST_MESSAGE_MOVE] = "INSERT INTO message VALUES(?1, 1, ?2, ?3)"
                        " ON CONFLICT(id) DO UPDATE SET segment=?2, offset=?3",
    [ST_DOC_GET] = "SELECT value FROM doc WHERE kind=?1 AND key=?2",
    [ST_DOC_LIST] = "SELECT key, value FROM doc WHERE kind=?1 ORDER BY key",
    [ST_DOC_PUT] = "INSERT OR REPLACE INTO doc VALUES(?1, ?2, ?3)",
    [ST_DOC_REMOVE] = "DELETE FROM doc WHERE kind=?1 AND key=?2",
    [ST_QUEUE_ADD] = "INSERT INTO queue VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [ST_QUEUE_FIND] = "SELECT due, id, mail, message, size FROM queue WHERE id=?1",
    [ST_QUEUE_SET] = "UPDATE queue SET due=?2, lane=?3, value=?4 WHERE id=?1",
    [ST_QUEUE_REMOVE] = "DELETE FROM queue WHERE id=?1",
    [ST_QUEUE_DUE] = QUEUE_SINCE(""),
    [ST_QUEUE_LANE_DUE] = QUEUE_SINCE("lane=?5 AND "),
    [ST_QUEUE_ONE] = "SELECT " QUEUE_COLUMNS " FROM queue WHERE id=?1",
    [ST_QUEUE_OF_MAIL] = "SELECT " QUEUE_COLUMNS " FROM queue WHERE mail=?1 ORDER BY id",
    [ST_TOKEN_PUT] = "INSERT OR IGNORE INTO token VALUES(?1, ?2)",
    [ST_TOKEN_GET] = "SELECT 1 FROM token WHERE token=?1",
    [ST_MAILBOX_PUT] = "INSERT OR REPLACE INTO mailbox VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
                       " ?10, ?11, ?12, ?13, ?14, ?15)",
    [ST_MAILBOX_SET] = "UPDATE mailbox SET uidnext=?4, recent=?5, modseq=?6, expunge_modseq=?7,"
                       " messages=?8, unseen=?9, deleted=?10, expunged=?11, bytes=?12,"
                       " deleted_bytes=?13, special_use=?14 WHERE id=?1",
    [ST_MAILBOX_GET] = "SELECT * FROM mailbox WHERE id=?1",
    [ST_MAILBOX_REMOVE] = "DELETE FROM mailbox WHERE id=?1",
    [ST_KEYWORD_PUT] = "INSERT OR REPLACE INTO keyword VALUES(?1, ?2, ?3)",
    [ST_KEYWORDS_CLEAR] = "DELETE FROM keyword WHERE mailbox=?1",
    [ST_SUBSCRIPTION_PUT] = "INSERT OR IGNORE INTO subscription VALUES(?1, ?2)",
    [ST_SUBSCRIPTIONS_CLEAR] = "DELETE FROM subscription WHERE account=?1",
    [ST_ACCOUNT_PUT] = "INSERT OR REPLACE INTO account VALUES(?1, ?2, ?3)",
    [ST_ACCOUNT_REMOVE] = "DELETE FROM account WHERE id=?1",
    [ST_SEGMENT_PUT] = "INSERT OR REPLACE INTO segment VALUES(?1, ?2, ?3, ?4)",
    [ST_SEGMENT_REMOVE] = "DELETE FROM segment WHERE id=?1",
    [ST_META_PUT] = "INSERT OR REPLACE INTO meta VALUES(?1, ?2)",
};

int index_errno(int sqlite_result)
{
    switch (sqlite_result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EUCLEAN;
    case SQLITE_CANTOPEN:
        return -ENOENT;
    default:
        CHECK((sqlite_result & 0xff) != SQLITE_MISUSE && (sqlite_result & 0xff) != SQLITE_NOMEM);
        return -EIO;
    }
}

static int keep_wal_size(void *arg, sqlite3 *db, const char *name, int frames)
{
    (void)db;
    (void)name;
    ((struct index *)arg)->wal_frames = frames;
    return SQLITE_OK;
}

static int set_up(struct index *x, unsigned flags)
{
    static const char writer[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                 "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-32768;"
                                 "PRAGMA temp_store=MEMORY;";
    static const char reader[] = "PRAGMA query_only=1; PRAGMA wal_autocheckpoint=0;"
                                 "PRAGMA cache_size=-4096; PRAGMA temp_store=MEMORY;";

    return sqlite3_exec(x->db, flags & INDEX_READ ? reader : writer, NULL, NULL, NULL);
}

int index_open(struct index *x, const char *path, const char *vfs, unsigned flags)
{
    int open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int r;

    *x = (struct index){.vfs = vfs};
    if (flags & INDEX_MAY_CREATE)
        open_flags |= SQLITE_OPEN_CREATE;
    r = sqlite3_open_v2(path, &x->db, open_flags, vfs);
    if (r == SQLITE_OK)
        r = set_up(x, flags);
    if (r != SQLITE_OK) {
        int error = index_errno(r);

        index_close(x);
        return error;
    }
    if (!(flags & INDEX_READ))
        sqlite3_wal_hook(x->db, keep_wal_size, x);
    return 0;
}

void index_close(struct index *x)
{
    for (int i = 0; i < ST_COUNT; i++)
        sqlite3_finalize(x->st[i]);
    sqlite3_close(x->db);
    *x = (struct index){0};
}

int index_version(struct index *x, int *out)
{
    sqlite3_stmt *st;
    int r;

    r = sqlite3_prepare_v2(x->db, "PRAGMA user_version", -1, &st, NULL);
    if (r != SQLITE_OK)
        return index_errno(r);
    r = sqlite3_step(st);
    *out = r == SQLITE_ROW ? sqlite3_column_int(st, 0) : 0;
    sqlite3_finalize(st);
    if (r != SQLITE_ROW)
        return index_errno(r);
    return *out > INDEX_VERSION ? -EPROTO : 0;
}

int index_upgrade(struct index *x, int version)
{
    int r;

    if (version == INDEX_VERSION)
        return 0;
    r = index_simple(x, ST_BEGIN);
    for (; r == 0 && version < INDEX_VERSION; version++)
        r = index_errno(sqlite3_exec(x->db, the_upgrades[version], NULL, NULL, NULL));
    if (r < 0)
        return r;
    return index_simple(x, ST_COMMIT);
}

// ---- statements

sqlite3_stmt *index_use(struct index *x, enum statement which)
{
    if (!x->st[which]) {
        int r = sqlite3_prepare_v3(x->db, the_sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                                   &x->st[which], NULL);

        if (r != SQLITE_OK) {
            struct log_line l;

            log_begin(&l, LOG_ERROR, "store/local", "sqlite prepare");
            log_text(&l, "error", sqlite3_errmsg(x->db));
            log_end(&l);
            x->error = index_errno(r) ? index_errno(r) : -EIO;
            return NULL;
        }
    }
    return x->st[which];
}

void bind_u64(sqlite3_stmt *st, int at, uint64_t value)
{
    sqlite3_bind_int64(st, at, (sqlite3_int64)value);
}

void bind_str(sqlite3_stmt *st, int at, struct str value)
{
    sqlite3_bind_text(st, at, value.ptr ? value.ptr : "", (int)value.len, SQLITE_STATIC);
}

uint64_t column_u64(sqlite3_stmt *st, int at)
{
    return (uint64_t)sqlite3_column_int64(st, at);
}

struct str column_str(sqlite3_stmt *st, int at)
{
    const void *bytes = sqlite3_column_blob(st, at);

    return str_of(bytes ? bytes : "", (size_t)sqlite3_column_bytes(st, at));
}

void index_reset(sqlite3_stmt *st)
{
    sqlite3_reset(st);
}

int index_step(struct index *x, sqlite3_stmt *st)
{
    int r;

    if (!st)
        return x->error;
    r = sqlite3_step(st);
    if (r == SQLITE_ROW)
        return 1;
    sqlite3_reset(st);
    if (r == SQLITE_DONE)
        return 0;
    x->error = index_errno(r);
    {
        struct log_line l;

        log_begin(&l, LOG_ERROR, "store/local", "sqlite");
        log_text(&l, "error", sqlite3_errmsg(x->db));
        log_errno(&l, x->error);
        log_end(&l);
    }
    return x->error;
}

int index_run(struct index *x, sqlite3_stmt *st)
{
    int r = index_step(x, st);

    if (r == 1)
        index_reset(st);
    return r < 0 ? r : 0;
}

int index_simple(struct index *x, enum statement which)
{
    return index_run(x, index_use(x, which));
}

// ---- values

void index_entry(sqlite3_stmt *st, struct store_entry *out)
{
    uint64_t id = column_u64(st, 7);

    *out = (struct store_entry){.uid = (uint32_t)column_u64(st, 0),
                                .flags = (uint32_t)column_u64(st, 1),
                                .keywords = column_u64(st, 2),
                                .modseq = column_u64(st, 3),
                                .internal_date = sqlite3_column_int64(st, 4),
                                .save_date = sqlite3_column_int64(st, 5),
                                .zone_minutes = sqlite3_column_int(st, 6),
                                .body = {.message_id = id, .size = column_u64(st, 8)}};
}

int index_entries(struct index *x, uint64_t mailbox_id, uint32_t first, uint32_t last,
                  struct entry_list *out)
{
    sqlite3_stmt *st = index_use(x, ST_ENTRIES);
    int r;

    if (!st)
        return x->error;
    bind_u64(st, 1, mailbox_id);
    bind_u64(st, 2, first);
    bind_u64(st, 3, last);
    while ((r = index_step(x, st)) == 1) {
        struct store_entry entry;

        index_entry(st, &entry);
        entry_list_add(out, &entry);
    }
    return r;
}

int index_message(struct index *x, uint64_t message_id, struct index_message *out)
{
    sqlite3_stmt *st = index_use(x, ST_MESSAGE_GET);
    int r;

    if (!st)
        return x->error;
    bind_u64(st, 1, message_id);
    r = index_step(x, st);
    if (r < 0)
        return r;
    if (r == 0)
        return STORE_NOT_FOUND;
    *out =
        (struct index_message){column_u64(st, 0), (uint32_t)column_u64(st, 1), column_u64(st, 2)};
    index_reset(st);
    return 0;
}
