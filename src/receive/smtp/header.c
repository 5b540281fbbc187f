// SPDX-License-Identifier: ISC
//
// See the header. The bytes may be cut anywhere: what begins a line and is not yet told is held
// back, at most RECEIVE_NAME_MAX bytes of it.
#include "receive/smtp/header.h"

#include "base/scan.h"

enum line_kind { LINE_UNKNOWN, LINE_EMPTY, LINE_FIELD, LINE_FOLDED, LINE_OTHER, LINE_TEXT };

static bool is_name_char(char c)
{
    return c > ' ' && c < 127 && c != ':';
}

/// "From ana@example.test Mon ..." of a mailbox file: no field, but no text either.
static bool is_mailbox_line(struct str line)
{
    return str_starts(line, STR("From ")) || str_starts(line, STR(">From "));
}

/// What the line is that begins with these bytes; UNKNOWN: more of them are needed.
static enum line_kind line_kind(struct str line, struct str *out_name)
{
    struct scan in = scan_of(line);

    if (line.len == 0)
        return LINE_UNKNOWN;
    if (scan_char(&in, '\r'))
        return scan_is_end(&in) ? LINE_UNKNOWN : scan_peek(&in) == '\n' ? LINE_EMPTY : LINE_TEXT;
    if (line.ptr[0] == '\n')
        return LINE_EMPTY; // such a mail will be refused
    if (scan_blank(&in))
        return LINE_FOLDED;
    line = str_head(line, RECEIVE_NAME_MAX);
    in = scan_of(line);
    while (in.at < in.end && is_name_char(*in.at))
        in.at++;
    *out_name = str_of(line.ptr, (size_t)(in.at - line.ptr));
    scan_blank(&in);
    if (scan_is_end(&in) && line.len < RECEIVE_NAME_MAX)
        return LINE_UNKNOWN;
    if (scan_peek(&in) == ':' && out_name->len > 0)
        return LINE_FIELD;
    return is_mailbox_line(line) ? LINE_OTHER : LINE_TEXT;
}

static void see_field(struct receive_header *h, struct str name)
{
    if (str_case_eq(name, STR("Received")))
        h->hops++;
    else if (str_case_eq(name, STR("Date")))
        h->has_date = true;
    else if (str_case_eq(name, STR("Message-ID")))
        h->has_message_id = true;
}

/// The line that begins here is of this kind. MORE: it belongs to the header.
static enum receive_header_step begin_line(struct receive_header *h, enum line_kind kind,
                                           struct str name)
{
    bool is_first = !h->is_past_first;

    h->is_past_first = true;
    h->is_within_line = true;
    if (kind == LINE_FIELD)
        see_field(h, name);
    // A message that begins with text has no header: the Received line would make its first line
    // one, and a blank in front would make it part of our Received line, which is to be believed.
    // A bad line further below is left for readers to make sense of.
    if (kind != LINE_EMPTY && !(is_first && (kind == LINE_TEXT || kind == LINE_FOLDED)))
        return RECEIVE_HEADER_MORE;
    h->is_over = true;
    return kind == LINE_EMPTY ? RECEIVE_HEADER_END : RECEIVE_HEADER_NO_LINE;
}

/// A line's begin was held back: adds bytes to it until it is known what it is.
static enum receive_header_step join(struct receive_header *h, struct str *in, struct str *out)
{
    enum line_kind kind = LINE_UNKNOWN;
    enum receive_header_step step;
    size_t had = h->held_len;
    struct str name;

    while (kind == LINE_UNKNOWN && in->len > h->held_len - had && h->held_len < RECEIVE_NAME_MAX) {
        h->held[h->held_len] = in->ptr[h->held_len - had];
        h->held_len++;
        kind = line_kind(str_of(h->held, h->held_len), &name);
    }
    *in = str_skip(*in, h->held_len - had);
    *out = STR("");
    if (kind == LINE_UNKNOWN)
        return RECEIVE_HEADER_MORE;
    step = begin_line(h, kind, name);
    if (step != RECEIVE_HEADER_MORE)
        return step;
    *out = str_of(h->held, h->held_len);
    h->is_within_line = h->held[h->held_len - 1] != '\n';
    h->held_len = 0;
    return RECEIVE_HEADER_MORE;
}

/// As far as the bytes tell, the last line's begin perhaps held back.
static enum receive_header_step look(struct receive_header *h, struct str *in, struct str *out)
{
    enum receive_header_step step = RECEIVE_HEADER_MORE;
    struct str rest = *in, name;

    while (rest.len > 0 && step == RECEIVE_HEADER_MORE) {
        if (h->is_within_line) {
            ptrdiff_t lf = str_find(rest, '\n');

            rest = str_skip(rest, lf < 0 ? rest.len : (size_t)lf + 1);
            h->is_within_line = lf < 0;
        } else {
            enum line_kind kind = line_kind(rest, &name);

            if (kind == LINE_UNKNOWN)
                break;
            step = begin_line(h, kind, name);
        }
    }
    *out = str_head(*in, in->len - rest.len);
    *in = rest;
    if (step == RECEIVE_HEADER_MORE && rest.len > 0) {
        memcpy(h->held, rest.ptr, rest.len);
        h->held_len = rest.len;
        *in = STR_NONE;
    }
    return step;
}

enum receive_header_step receive_header_next(struct receive_header *h, struct str *in,
                                             struct str *out)
{
    size_t before = in->len;
    enum receive_header_step step = h->held_len > 0 ? join(h, in, out) : look(h, in, out);

    h->size += before - in->len;
    return step;
}
