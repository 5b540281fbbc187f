// SPDX-License-Identifier: ISC
//
// Reports of others, read mildly: anything may be missing or broken in what a stranger's server
// writes, and a stranger may write it himself. So what is found here is a hint, and whoever acts on
// it must know by something else that the report is about a mail of ours.
#include "base/cleanup.h"

#include "mail/encoding.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/report.h"

enum { STATUS_MAX = 1 << 20, VALUE_MAX = 1000 };

/// "rfc822; zoe@far.example" without its type; a view of the unfolded value.
static struct str address_of(struct arena *arena, struct str value)
{
    struct str text = header_unfold(arena, value), type;

    if (str_find(text, ';') >= 0)
        str_split(&text, ';', &type);
    text = str_trim(text);
    if (text.len >= 2 && text.ptr[0] == '<' && text.ptr[text.len - 1] == '>')
        text = str_of(text.ptr + 1, text.len - 2);
    return text.len <= VALUE_MAX ? text : STR("");
}

static bool read_action(struct str word, enum report_action *out)
{
    static const struct {
        const char *word;
        enum report_action action;
    } actions[] = {
        {"failed", REPORT_FAILED},   {"delayed", REPORT_DELAYED},   {"delivered", REPORT_DELIVERED},
        {"relayed", REPORT_RELAYED}, {"expanded", REPORT_EXPANDED},
    };

    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (str_case_eq(word, str_from(actions[i].word))) {
            *out = actions[i].action;
            return true;
        }
    return false;
}

/// RFC 3463 2: class "." subject "." detail. Comments may follow.
static struct str status_of(struct str value)
{
    size_t len = 0, dots = 0;

    while (len < value.len && (char_is_digit(value.ptr[len]) || value.ptr[len] == '.'))
        dots += value.ptr[len++] == '.';
    return dots == 2 && len <= 11 ? str_head(value, len) : STR("");
}

/// One group of fields; true when it is a recipient's.
static bool read_group(struct arena *arena, struct str group, struct report_found *out)
{
    struct header_iter it = header_iter_of(group);
    struct header_field f;
    bool has_action = false;

    *out = (struct report_found){
        .address = STR(""), .original = STR(""), .status = STR(""), .diagnostic = STR("")};
    while (header_next(&it, &f)) {
        if (str_case_eq(f.name, STR("Final-Recipient")))
            out->address = address_of(arena, f.value);
        else if (str_case_eq(f.name, STR("Original-Recipient")))
            out->original = address_of(arena, f.value);
        else if (str_case_eq(f.name, STR("Status")))
            out->status = status_of(header_unfold(arena, f.value));
        else if (str_case_eq(f.name, STR("Diagnostic-Code")))
            out->diagnostic = str_head(header_unfold(arena, f.value), VALUE_MAX);
        else if (str_case_eq(f.name, STR("Action")))
            has_action = read_action(header_unfold(arena, f.value), &out->action);
    }
    return has_action && (out->address.len > 0 || out->original.len > 0);
}

/// Groups stand apart by empty lines (RFC 3464 2.1).
static size_t read_groups(struct arena *arena, struct str text, struct report_found *out,
                          size_t max)
{
    size_t count = 0;

    while (text.len > 0 && count < max) {
        size_t len = header_len(text);

        // more than the fields themselves take when they are unfolded into the arena
        if (!arena_has_room(arena, len + 4096))
            break;
        if (read_group(arena, str_head(text, len), &out[count]))
            count++;
        text = str_skip(text, len > 0 ? len : 1);
    }
    return count;
}

/// The bytes of the part, out of what encoding it is in.
static struct str text_of(struct arena *arena, struct str message, const struct mime_part *part)
{
    CLEANUP(buf_drop) struct buf text = {0};
    struct str body = str_head(mime_body_of(message, part), STATUS_MAX);
    enum encoding encoding = encoding_of(part->encoding.ptr ? part->encoding : STR(""));

    if (encoding != ENCODING_QUOTED_PRINTABLE && encoding != ENCODING_BASE64)
        return body;
    buf_init(&text, STATUS_MAX + 256);
    encoding_decode(&text, encoding, body);
    return arena_has_room(arena, text.len + 64) ? arena_str(arena, buf_str(&text)) : STR("");
}

static bool is_status(const struct mime_part *part)
{
    return mime_is_type(part, STR("message"), STR("delivery-status")) ||
           mime_is_type(part, STR("message"), STR("global-delivery-status"));
}

bool report_parse(struct arena *arena, struct str message, struct report_found *out, size_t max,
                  size_t *out_count)
{
    CLEANUP(mime_drop) struct mime m;

    *out_count = 0;
    mime_parse(&m, message);
    if (!mime_is_type(&m.parts[0], STR("multipart"), STR("report")))
        return false;
    for (size_t i = 1; i < m.count; i++)
        if (m.parts[i].parent == 0 && is_status(&m.parts[i])) {
            *out_count = read_groups(arena, text_of(arena, message, &m.parts[i]), out, max);
            return *out_count > 0;
        }
    return false;
}
