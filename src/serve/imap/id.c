// SPDX-License-Identifier: ISC
//
// ID (RFC 2971): who we are; what the client says of itself is checked and logged, no more.
#include "log/log.h"
#include "serve/imap/session.h"

enum { FIELDS_MAX = 30 }; // RFC 2971 3.3

static bool scan_fields(struct imap_call *c, struct log_line *line)
{
    struct str name, value;
    size_t count = 0;

    if (!scan_char(&c->in, '('))
        return imap_scan_word(&c->in, STR("NIL"));
    if (scan_char(&c->in, ')'))
        return true;
    do {
        if (count++ == FIELDS_MAX || !imap_scan_string(&c->in, c->arena, &name) ||
            !imap_scan_sp(&c->in) || !imap_scan_nstring(&c->in, c->arena, &value))
            return false;
        if (str_case_eq(name, STR("name")))
            log_str(line, "name", value);
        else if (str_case_eq(name, STR("version")))
            log_str(line, "version", value);
    } while (imap_scan_sp(&c->in));
    return scan_char(&c->in, ')');
}

int imap_on_id(struct imap_session *s, struct imap_call *c)
{
    struct log_line line;

    log_begin(&line, LOG_DEBUG, "serve/imap", "client");
    log_u64(&line, "session", rt_conn_id(s->conn));
    if (!imap_scan_sp(&c->in) || !scan_fields(c, &line) || !scan_is_end(&c->in))
        return imap_bad_syntax(s, c);
    log_end(&line);
    buf_put(c->out, STR("* ID (\"name\" \"Carteiro\" \"version\" \"" CARTEIRO_VERSION "\")\r\n"));
    return imap_ok(s, c, "Pleased to meet you");
}
