// SPDX-License-Identifier: ISC
//
// The protocol as two tables: which verb is allowed when, and what is announced.
#include "base/buf.h"
#include "serve/imap/session.h"

// clang-format off
enum {
    FIRST = IMAP_NOT_AUTHENTICATED,
    IN    = IMAP_AUTHENTICATED | IMAP_SELECTED,
    OPEN  = IMAP_SELECTED,
    ANY   = FIRST | IN,
};

static const struct imap_verb verbs[] = {
    {STR("APPEND"),       IN,    imap_on_append,       "APPEND mailbox [(flags)] [\"date\"] {size}", false},
    {STR("AUTHENTICATE"), FIRST, imap_on_authenticate, "AUTHENTICATE mechanism [initial-response]", false},
    {STR("CAPABILITY"),   ANY,   imap_on_capability,   "CAPABILITY", false},
    {STR("CHECK"),        OPEN,  imap_on_check,        "CHECK", false},
    {STR("CLOSE"),        OPEN,  imap_on_close,        "CLOSE", false},
    {STR("COPY"),         OPEN,  imap_on_copy,         "COPY messages mailbox", true},
    {STR("CREATE"),       IN,    imap_on_create,       "CREATE mailbox", false},
    {STR("DELETE"),       IN,    imap_on_delete,       "DELETE mailbox", false},
    {STR("ENABLE"),       IN,    imap_on_enable,       "ENABLE capability ...", false},
    {STR("EXAMINE"),      IN,    imap_on_examine,      "EXAMINE mailbox", false},
    {STR("EXPUNGE"),      OPEN,  imap_on_expunge,      "EXPUNGE, or UID EXPUNGE uids", true},
    {STR("FETCH"),        OPEN,  imap_on_fetch,        "FETCH messages items", true},
    {STR("ID"),           ANY,   imap_on_id,           "ID (\"name\" \"value\" ...) or ID NIL", false},
    {STR("IDLE"),         IN,    imap_on_idle,         "IDLE", false},
    {STR("LIST"),         IN,    imap_on_list,         "LIST [(options)] reference pattern [RETURN (options)]", false},
    {STR("LOGIN"),        FIRST, imap_on_login,        "LOGIN user password", false},
    {STR("LOGOUT"),       ANY,   imap_on_logout,       "LOGOUT", false},
    {STR("LSUB"),         IN,    imap_on_lsub,         "LSUB reference pattern", false},
    {STR("MOVE"),         OPEN,  imap_on_move,         "MOVE messages mailbox", true},
    {STR("NAMESPACE"),    IN,    imap_on_namespace,    "NAMESPACE", false},
    {STR("NOOP"),         ANY,   imap_on_noop,         "NOOP", false},
    {STR("RENAME"),       IN,    imap_on_rename,       "RENAME mailbox new-name", false},
    {STR("SEARCH"),       OPEN,  imap_on_search,       "SEARCH [CHARSET charset] keys", true},
    {STR("SELECT"),       IN,    imap_on_select,       "SELECT mailbox", false},
    {STR("STARTTLS"),     FIRST, imap_on_starttls,     "STARTTLS", false},
    {STR("STATUS"),       IN,    imap_on_status,       "STATUS mailbox (items)", false},
    {STR("STORE"),        OPEN,  imap_on_store,        "STORE messages [+|-]FLAGS[.SILENT] flags", true},
    {STR("SUBSCRIBE"),    IN,    imap_on_subscribe,    "SUBSCRIBE mailbox", false},
    {STR("UNSELECT"),     OPEN,  imap_on_unselect,     "UNSELECT", false},
    {STR("UNSUBSCRIBE"),  IN,    imap_on_unsubscribe,  "UNSUBSCRIBE mailbox", false},
};

/// What the server can do, and in which states it says so. AUTH=, STARTTLS and LOGINDISABLED hang
/// on the connection: below.
static const struct {
    struct str name;
    unsigned states;
} capabilities[] = {
    {STR("IMAP4rev1"),     ANY},
    {STR("LITERAL+"),      ANY},
    {STR("SASL-IR"),       ANY},
    {STR("ID"),            ANY},
    {STR("ENABLE"),        ANY},
    {STR("IDLE"),          ANY},
    {STR("NAMESPACE"),     IN},
    {STR("CHILDREN"),      IN},
    {STR("SPECIAL-USE"),   IN},
    {STR("LIST-EXTENDED"), IN},
    {STR("LIST-STATUS"),   IN},
    {STR("UIDPLUS"),       IN},
    {STR("UNSELECT"),      IN},
    {STR("MOVE"),          IN},
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

void imap_put_capabilities(struct imap_session *s, struct buf *out)
{
    struct rt_tls_info info;
    bool is_first = true;

    for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++) {
        if (!(capabilities[i].states & s->state))
            continue;
        if (!is_first)
            buf_put_char(out, ' ');
        is_first = false;
        buf_put(out, capabilities[i].name);
    }
    if (s->state != IMAP_NOT_AUTHENTICATED)
        return;
    if (imap_tls(s) && !rt_conn_tls(s->conn, &info))
        buf_put(out, STR(" STARTTLS"));
    put_mechanisms(s, out);
}
