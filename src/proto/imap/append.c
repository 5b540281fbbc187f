// SPDX-License-Identifier: ISC
#include "proto/imap/append.h"

bool imap_scan_append_options(struct scan *in, struct arena *arena, struct imap_append_options *out)
{
    struct imap_append_options options = {0};
    struct scan at = *in;
    struct str date;

    if (scan_peek(&at) == '(' &&
        (!imap_scan_flag_list(&at, arena, &options.flags) || !imap_scan_sp(&at)))
        return false;
    if (scan_peek(&at) == '"') {
        if (!imap_scan_string(&at, arena, &date) || !date_parse_imap(date, &options.date) ||
            !imap_scan_sp(&at))
            return false;
        options.has_date = true;
    }
    *in = at;
    *out = options;
    return true;
}

bool imap_scan_append_kind(struct scan *in, enum imap_append_kind *out)
{
    if (scan_peek(in) == '{' || scan_peek(in) == '~')
        *out = IMAP_APPEND_MESSAGE;
    else if (scan_case_word(in, STR("UTF8 (")))
        *out = IMAP_APPEND_UTF8;
    else if (scan_case_word(in, STR("CATENATE (")))
        *out = IMAP_APPEND_CATENATE;
    else
        return false;
    return true;
}

bool imap_scan_append_part(struct scan *in, enum imap_append_part *out)
{
    if (scan_case_word(in, STR("TEXT ")))
        *out = IMAP_PART_TEXT;
    else if (scan_case_word(in, STR("UTF8 (")))
        *out = IMAP_PART_UTF8;
    else if (scan_case_word(in, STR("URL ")))
        *out = IMAP_PART_URL;
    else
        return false;
    return true;
}

bool imap_scan_literal_head(struct scan *in, struct imap_literal *out, bool *out_is_8)
{
    bool is_8 = scan_peek(in) == '~';
    struct str rest = str_skip(scan_rest(in), is_8);

    if (!imap_line_literal(rest, out) || out->head_size != 0)
        return false;
    in->at = in->end;
    *out_is_8 = is_8;
    return true;
}

bool imap_append_is_at_data(struct str arguments, bool is_replace)
{
    struct scan in = scan_of(arguments);
    struct imap_literal literal;
    struct str number;

    if (!imap_scan_sp(&in))
        return true;
    if (is_replace && scan_until(&in, ' ', SIZE_MAX, &number))
        (void)imap_scan_sp(&in);
    return !imap_line_literal(scan_rest(&in), &literal) || literal.head_size != 0;
}
