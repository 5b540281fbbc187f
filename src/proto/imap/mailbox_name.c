// SPDX-License-Identifier: ISC
#include "proto/imap/mailbox_name.h"

#include "base/cleanup.h"
#include "mail/charset.h"
#include "mail/utf7.h"

#include <stdlib.h>
#include <uninorm.h>

static bool is_inbox(struct str name)
{
    return name.len >= 5 && str_case_eq(str_head(name, 5), STR("INBOX")) &&
           (name.len == 5 || name.ptr[5] == '/');
}

/// "inbox" in any case as the one word it is.
static struct str spell_inbox(struct str name, struct arena *arena)
{
    char *copy;

    if (!is_inbox(name))
        return name;
    copy = arena_alloc(arena, name.len);
    memcpy(copy, name.ptr, name.len);
    memcpy(copy, "INBOX", 5);
    return str_of(copy, name.len);
}

bool imap_name_decode_utf8(struct str wire, struct arena *arena, struct str *out)
{
    if (!charset_is_utf8(wire))
        return false;
    *out = spell_inbox(arena_str(arena, wire), arena);
    return true;
}

bool imap_name_decode(struct str wire, struct arena *arena, struct str *out)
{
    CLEANUP(buf_drop) struct buf utf8 = {0};

    if (!charset_is_ascii(wire))
        return imap_name_decode_utf8(wire, arena, out);
    buf_init(&utf8, 3 * wire.len + 16);
    if (!utf7_put_decoded(&utf8, wire))
        return false;
    *out = spell_inbox(arena_str(arena, buf_str(&utf8)), arena);
    return true;
}

struct str imap_name_normalise(struct str name, struct arena *arena)
{
    struct str normal;
    size_t len = 0;
    uint8_t *nfc;

    if (charset_is_ascii(name))
        return name;
    nfc = u8_normalize(UNINORM_NFC, (const uint8_t *)name.ptr, name.len, NULL, &len);
    if (!nfc)
        return name; // not UTF-8
    normal = str_eq(name, str_of(nfc, len)) ? name : arena_str(arena, str_of(nfc, len));
    free(nfc);
    return normal;
}

/// C0, DEL, C1, U+2028 and U+2029, none of which a person can see.
static bool has_control(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        struct str at = str_skip(name, i);

        if ((unsigned char)at.ptr[0] < 0x20 || at.ptr[0] == 0x7f)
            return true;
        if (at.len > 1 && (unsigned char)at.ptr[0] == 0xc2 && (unsigned char)at.ptr[1] < 0xa0)
            return true;
        if (str_starts(at, STR("\xe2\x80\xa8")) || str_starts(at, STR("\xe2\x80\xa9")))
            return true;
    }
    return false;
}

bool imap_name_is_valid(struct str name)
{
    size_t levels = 0;
    struct str rest = name, level;

    if (name.len == 0 || name.len > IMAP_NAME_MAX)
        return false;
    if (!charset_is_utf8(name) || has_control(name))
        return false;
    while (str_split(&rest, '/', &level))
        if (level.len == 0 || ++levels > IMAP_NAME_LEVELS_MAX)
            return false;
    return name.ptr[name.len - 1] != '/';
}
