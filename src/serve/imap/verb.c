// SPDX-License-Identifier: ISC
//
// The protocol as a table: which verb is allowed when, and what is announced because of it. AUTH=,
// STARTTLS and LOGINDISABLED hang on the connection and are put by hand.
#include "base/buf.h"
#include "serve/imap/session.h"

// clang-format off
enum {
    FIRST = IMAP_NOT_AUTHENTICATED,
    IN    = IMAP_AUTHENTICATED | IMAP_SELECTED,
    OPEN  = IMAP_SELECTED,
    ANY   = FIRST | IN,
};

/// A verb and the capabilities that it brings, by itself or by what it understands.
static const struct imap_verb verbs[] = {
    {STR("APPEND"),       IN,    imap_on_append,       "APPEND mailbox message [message ...], a message being [(flags)] [\"date\"] {size} or [(flags)] [\"date\"] CATENATE (parts)", false,
     "BINARY CATENATE MULTIAPPEND UIDPLUS"},
    {STR("AUTHENTICATE"), FIRST, imap_on_authenticate, "AUTHENTICATE mechanism [initial-response]", false, "SASL-IR"},
    {STR("CANCELUPDATE"), OPEN,  imap_on_cancelupdate, "CANCELUPDATE \"tag\" ...", false, "CONTEXT=SEARCH"},
    {STR("CAPABILITY"),   ANY,   imap_on_capability,   "CAPABILITY", false, NULL},
    {STR("CHECK"),        OPEN,  imap_on_check,        "CHECK", false, NULL},
    {STR("CLOSE"),        OPEN,  imap_on_close,        "CLOSE", false, NULL},
    {STR("COMPRESS"),     IN,    imap_on_compress,     "COMPRESS DEFLATE", false, "COMPRESS=DEFLATE"},
    {STR("COPY"),         OPEN,  imap_on_copy,         "COPY messages mailbox", true, NULL},
    {STR("CREATE"),       IN,    imap_on_create,       "CREATE mailbox [(USE (use ...))]", false, "CREATE-SPECIAL-USE"},
    {STR("DELETE"),       IN,    imap_on_delete,       "DELETE mailbox", false, NULL},
    {STR("DELETEACL"),    IN,    imap_on_deleteacl,    "DELETEACL mailbox identifier", false, NULL},
    {STR("ENABLE"),       IN,    imap_on_enable,       "ENABLE capability ...", false, "ENABLE UTF8=ACCEPT"},
    {STR("ESEARCH"),      IN,    imap_on_esearch,      "ESEARCH [IN (mailboxes)] [RETURN (options)] [CHARSET charset] keys", false,
     "MULTISEARCH"},
    {STR("EXAMINE"),      IN,    imap_on_examine,      "EXAMINE mailbox [(parameters)]", false, NULL},
    {STR("EXPUNGE"),      OPEN,  imap_on_expunge,      "EXPUNGE, or UID EXPUNGE uids", true, "UIDONLY"},
    {STR("FETCH"),        OPEN,  imap_on_fetch,        "FETCH messages items [(modifiers)]", true, "OBJECTID PARTIAL PREVIEW SAVEDATE"},
    {STR("GENURLAUTH"),   IN,    imap_on_genurlauth,   "GENURLAUTH url INTERNAL ...", false, NULL},
    {STR("GETACL"),       IN,    imap_on_getacl,       "GETACL mailbox", false, "ACL RIGHTS=kxte"},
    {STR("GETJMAPACCESS"), IN,   imap_on_getjmapaccess, "GETJMAPACCESS", false, "JMAPACCESS"},
    {STR("GETMETADATA"),  IN,    imap_on_getmetadata,  "GETMETADATA [(options)] mailbox entries", false, "METADATA"},
    {STR("GETQUOTA"),     IN,    imap_on_getquota,     "GETQUOTA root", false, "QUOTA QUOTA=RES-MESSAGE QUOTA=RES-STORAGE"},
    {STR("GETQUOTAROOT"), IN,    imap_on_getquotaroot, "GETQUOTAROOT mailbox", false, NULL},
    {STR("ID"),           ANY,   imap_on_id,           "ID (\"name\" \"value\" ...) or ID NIL", false, "ID"},
    {STR("IDLE"),         IN,    imap_on_idle,         "IDLE", false, "IDLE"},
    {STR("LIST"),         IN,    imap_on_list,         "LIST [(options)] reference pattern [RETURN (options)]", false,
     "CHILDREN LIST-EXTENDED LIST-METADATA LIST-MYRIGHTS LIST-STATUS SPECIAL-USE"},
    {STR("LISTRIGHTS"),   IN,    imap_on_listrights,   "LISTRIGHTS mailbox identifier", false, NULL},
    {STR("LOGIN"),        FIRST, imap_on_login,        "LOGIN user password", false, NULL},
    {STR("LOGOUT"),       ANY,   imap_on_logout,       "LOGOUT", false, NULL},
    {STR("LSUB"),         IN,    imap_on_lsub,         "LSUB reference pattern", false, NULL},
    {STR("MOVE"),         OPEN,  imap_on_move,         "MOVE messages mailbox", true, "MOVE"},
    {STR("MYRIGHTS"),     IN,    imap_on_myrights,     "MYRIGHTS mailbox", false, NULL},
    {STR("NAMESPACE"),    IN,    imap_on_namespace,    "NAMESPACE", false, "NAMESPACE"},
    {STR("NOOP"),         ANY,   imap_on_noop,         "NOOP", false, NULL},
    {STR("NOTIFY"),       IN,    imap_on_notify,       "NOTIFY SET [STATUS] (mailboxes events) ..., or NOTIFY NONE", false, "NOTIFY"},
    {STR("RENAME"),       IN,    imap_on_rename,       "RENAME mailbox new-name", false, NULL},
    {STR("REPLACE"),      OPEN,  imap_on_replace,      "REPLACE message mailbox [(flags)] [\"date\"] {size}", true, "REPLACE"},
    {STR("RESETKEY"),     IN,    imap_on_resetkey,     "RESETKEY [mailbox [INTERNAL]]", false, NULL},
    {STR("SEARCH"),       OPEN,  imap_on_search,       "SEARCH [RETURN (options)] [CHARSET charset] keys", true,
     "ESEARCH INPROGRESS SEARCH=FUZZY SEARCHRES WITHIN"},
    {STR("SELECT"),       IN,    imap_on_select,       "SELECT mailbox [(parameters)]", false, "CONDSTORE QRESYNC"},
    {STR("SETACL"),       IN,    imap_on_setacl,       "SETACL mailbox identifier rights", false, NULL},
    {STR("SETMETADATA"),  IN,    imap_on_setmetadata,  "SETMETADATA mailbox (entry value ...)", false, NULL},
    {STR("SETQUOTA"),     IN,    imap_on_setquota,     "SETQUOTA root (resource limit ...)", false, NULL},
    {STR("SORT"),         OPEN,  imap_on_sort,         "SORT [RETURN (options)] (criteria) charset keys", true,
     "ESORT I18NLEVEL=1 SORT SORT=DISPLAY"},
    {STR("STARTTLS"),     FIRST, imap_on_starttls,     "STARTTLS", false, NULL},
    {STR("STATUS"),       IN,    imap_on_status,       "STATUS mailbox (items)", false, "STATUS=SIZE"},
    {STR("STORE"),        OPEN,  imap_on_store,        "STORE messages [(UNCHANGEDSINCE n)] [+|-]FLAGS[.SILENT] flags", true, NULL},
    {STR("SUBSCRIBE"),    IN,    imap_on_subscribe,    "SUBSCRIBE mailbox", false, NULL},
    {STR("THREAD"),       OPEN,  imap_on_thread,       "THREAD algorithm charset keys", true,
     "THREAD=ORDEREDSUBJECT THREAD=REFERENCES"},
    {STR("UIDBATCHES"),   OPEN,  imap_on_uidbatches,   "UIDBATCHES size [first:last]", false, "UIDBATCHES"},
    {STR("UNAUTHENTICATE"), IN,  imap_on_unauthenticate, "UNAUTHENTICATE", false, "UNAUTHENTICATE"},
    {STR("UNSELECT"),     OPEN,  imap_on_unselect,     "UNSELECT", false, "UNSELECT"},
    {STR("UNSUBSCRIBE"),  IN,    imap_on_unsubscribe,  "UNSUBSCRIBE mailbox", false, NULL},
    {STR("URLFETCH"),     IN,    imap_on_urlfetch,     "URLFETCH url ...", false, "URLAUTH"},
};
// clang-format on

const struct imap_verb *imap_verb_find(struct str name)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
        if (str_case_eq(verbs[i].name, name))
            return &verbs[i];
    return NULL;
}

static void put_mechanisms(struct imap_session *s, struct buf *out)
{
    struct account_peer peer = account_peer_of(s->conn, "imap");
    struct str rest, name;
    struct buf names;

    buf_init(&names, 1024);
    if (!account_auth_mechanisms(imap_accounts(s), &peer, ' ', &names))
        buf_put(out, STR(" LOGINDISABLED"));
    rest = buf_str(&names);
    while (names.len > 0 && str_split(&rest, ' ', &name)) {
        buf_put(out, STR(" AUTH="));
        buf_put(out, name);
    }
    buf_done(&names);
}

/// What hangs on a setting, or on what the connection is already.
static bool is_offered(const struct imap_session *s, const struct imap_verb *verb)
{
    if (verb->on == imap_on_compress)
        return !rt_is_deflated(s->conn);
    if (verb->on == imap_on_getjmapaccess)
        return s->config.jmap_url.len > 0;
    return verb->on != imap_on_unauthenticate || s->config.unauthenticate;
}

/// Who has not signed in hears of what can be done before that; then of everything to come.
void imap_put_capabilities(struct imap_session *s, struct buf *out)
{
    unsigned now = s->state == IMAP_NOT_AUTHENTICATED ? FIRST : IN;
    struct rt_tls_info info;

    // a stranger's literals are short (RFC 7888 5); IMAP_LOGIN_LITERAL_MAX
    buf_put(out, now == FIRST ? STR("IMAP4rev1 IMAP4rev2 LITERAL-")
                              : STR("IMAP4rev1 IMAP4rev2 LITERAL+"));
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
        if (!verbs[i].capabilities || !(verbs[i].states & now) || !is_offered(s, &verbs[i]))
            continue;
        buf_put_char(out, ' ');
        buf_put(out, str_from(verbs[i].capabilities));
    }
    if (s->state != IMAP_NOT_AUTHENTICATED) {
        buf_putf(out, " APPENDLIMIT=%llu", (unsigned long long)s->config.message_size);
        if (s->config.message_limit > 0)
            buf_putf(out, " MESSAGELIMIT=%llu", (unsigned long long)s->config.message_limit);
        return;
    }
    if (imap_tls(s) && !rt_conn_tls(s->conn, &info))
        buf_put(out, STR(" STARTTLS"));
    put_mechanisms(s, out);
}
