// SPDX-License-Identifier: ISC
#include "proto/imap/mailbox_name.h"

#include "base/cleanup.h"
#include "mail/charset.h"
#include "mail/utf7.h"

static bool is_inbox(struct str name)
{
    return name.len >= 5 && str_case_eq(str_head(name, 5), STR("INBOX")) &&
           (name.len == 5 || name.ptr[5] == '/');
}

bool imap_name_decode(struct str wire, struct arena *arena, struct str *out)
{
    CLEANUP(buf_drop) struct buf utf8;
    struct str name;

    buf_init(&utf8, 3 * wire.len + 16);
    if (charset_is_ascii(wire) ? !utf7_put_decoded(&utf8, wire) : !charset_is_utf8(wire))
        return false;
    name = arena_str(arena, charset_is_ascii(wire) ? buf_str(&utf8) : wire);
    if (is_inbox(name)) {
        char *copy = arena_alloc(arena, name.len);

        memcpy(copy, name.ptr, name.len);
        memcpy(copy, "INBOX", 5);
        name.ptr = copy;
    }
    *out = name;
    return true;
}

bool imap_name_is_valid(struct str name)
{
    size_t levels = 0;
    struct str rest = name, level;

    if (name.len == 0 || name.len > IMAP_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7f)
            return false;
    while (str_split(&rest, '/', &level))
        if (level.len == 0 || ++levels > IMAP_NAME_LEVELS_MAX)
            return false;
    return name.ptr[name.len - 1] != '/';
}
