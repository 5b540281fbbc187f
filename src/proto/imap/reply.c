// SPDX-License-Identifier: ISC
#include "proto/imap/reply.h"

#include "base/cleanup.h"
#include "mail/charset.h"
#include "mail/utf7.h"
#include "proto/imap/mailbox_name.h"
#include "proto/imap/scan.h"

enum { QUOTED_MAX = 1000 }; // longer strings go as literals, which readers parse faster

static bool is_quotable(struct str s, bool with_utf8)
{
    if (s.len > QUOTED_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.ptr[i] >= 0x80 && !with_utf8) || s.ptr[i] == '\0' ||
            s.ptr[i] == '\r' || s.ptr[i] == '\n')
            return false;
    return !with_utf8 || charset_is_utf8(s);
}

void imap_put_literal_head(struct buf *out, uint64_t size)
{
    buf_put_char(out, '{');
    buf_put_u64(out, size);
    buf_put(out, STR("}\r\n"));
}

static void put_without_nul(struct buf *out, struct str s)
{
    char *to = buf_room(out, s.len);

    if (!to)
        return;
    for (size_t i = 0; i < s.len; i++)
        to[i] = s.ptr[i] ? s.ptr[i] : '?';
    buf_added(out, s.len);
}

static void put_quoted(struct buf *out, struct str s)
{
    buf_put_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, s.ptr[i]);
    }
    buf_put_char(out, '"');
}

static void put_string(struct buf *out, struct str s, bool with_utf8)
{
    if (is_quotable(s, with_utf8)) {
        put_quoted(out, s);
        return;
    }
    imap_put_literal_head(out, s.len);
    put_without_nul(out, s);
}

void imap_put_string(struct buf *out, struct str s)
{
    put_string(out, s, false);
}

void imap_put_string_utf8(struct buf *out, struct str s)
{
    put_string(out, s, true);
}

void imap_put_nstring(struct buf *out, struct str s)
{
    if (s.ptr)
        imap_put_string(out, s);
    else
        buf_put(out, STR("NIL"));
}

void imap_put_astring(struct buf *out, struct str s)
{
    bool is_atom = s.len > 0 && !str_case_eq(s, STR("NIL"));

    for (size_t i = 0; i < s.len && is_atom; i++)
        is_atom = imap_is_atom_char(s.ptr[i]) || s.ptr[i] == ']';
    if (is_atom)
        buf_put(out, s);
    else
        imap_put_string(out, s);
}

void imap_put_mailbox(struct buf *out, struct str name)
{
    CLEANUP(buf_drop) struct buf wire, valid;

    buf_init(&wire, 16 * IMAP_NAME_MAX);
    buf_init(&valid, 4 * IMAP_NAME_MAX);
    if (!utf7_put(&wire, name)) {
        charset_put_valid(&valid, name);
        (void)utf7_put(&wire, buf_str(&valid));
    }
    imap_put_astring(out, buf_str(&wire));
}

void imap_put_mailbox_utf8(struct buf *out, struct str name)
{
    CLEANUP(buf_drop) struct buf valid = {0};

    if (charset_is_ascii(name)) {
        imap_put_astring(out, name);
        return;
    }
    buf_init(&valid, 4 * IMAP_NAME_MAX);
    charset_put_valid(&valid, name);
    put_quoted(out, buf_str(&valid));
}
