// SPDX-License-Identifier: ISC
//
// UTF8, RFC 6856 2: the client takes messages whose headers are in UTF-8 (RFC 6532). Who did not
// say so gets -ERR [UTF8] instead of a message with an address in UTF-8: it could neither show nor
// answer it, and addresses cannot be encoded (RFC 6857 would take them out; nobody could see it).
// Bytes beyond ASCII elsewhere in a header are as old as mail, and every client lives with them;
// refusing those would keep it for ever from the mail behind, so they are sent as they came.
#include "base/scan.h"
#include "serve/pop3/session.h"

int pop3_on_utf8(struct pop3_session *s, const struct pop3_command *c)
{
    (void)c;
    s->is_utf8 = true;
    return rt_putf(s->conn, "+OK %s\r\n", pop3_say(s, POP3_UTF8_IS_ON));
}

static bool has_addresses(struct str field)
{
    static const struct str names[] = {
        STR("From:"),          STR("To:"),          STR("Cc:"),
        STR("Bcc:"),           STR("Sender:"),      STR("Reply-To:"),
        STR("Resent-From:"),   STR("Resent-To:"),   STR("Resent-Cc:"),
        STR("Resent-Sender:"), STR("Return-Path:"), STR("Delivered-To:"),
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (str_case_starts(field, names[i]))
            return true;
    return false;
}

static bool is_break(char c)
{
    return (c > 0 && c <= ' ') || strchr("<>,;:()\"", c);
}

/// One line of such a field: is there a word with an at sign and a byte beyond ASCII, outside of
/// quotes? An address whose local part is quoted may be missed; then the message is sent.
static bool has_wide_address(struct str line)
{
    bool is_wide = false, has_at = false, is_quoted = false;

    for (size_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];

        if (is_break(c)) {
            is_quoted ^= c == '"';
            is_wide = has_at = false;
        } else if (!is_quoted) {
            is_wide |= (unsigned char)c >= 0x80;
            has_at |= c == '@';
        }
        if (is_wide && has_at)
            return true;
    }
    return false;
}

bool pop3_needs_utf8(struct str rest)
{
    bool is_address = false;
    struct str line;

    while (str_split(&rest, '\n', &line)) {
        if (line.len == 0 || str_eq(line, STR("\r")))
            return false;
        if (line.ptr[0] != ' ' && line.ptr[0] != '\t')
            is_address = has_addresses(line);
        if (is_address && has_wide_address(line))
            return true;
    }
    return false;
}
