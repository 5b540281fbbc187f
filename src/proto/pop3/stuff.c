// SPDX-License-Identifier: ISC
#include "proto/pop3/stuff.h"

void pop3_stuff_init(struct pop3_stuff *stuff, uint32_t body_lines)
{
    *stuff = (struct pop3_stuff){.lines_left = body_lines};
}

static void put_line_end(struct pop3_stuff *stuff, struct buf *out)
{
    bool was_blank = !stuff->in_line;

    buf_put(out, STR("\r\n"));
    stuff->in_line = false;
    if (stuff->in_body) {
        if (stuff->lines_left != POP3_ALL_LINES)
            stuff->lines_left--;
    } else if (was_blank) {
        stuff->in_body = true;
    }
    stuff->is_full = stuff->in_body && stuff->lines_left == 0;
}

/// Index of the first CR or LF, or the length.
static size_t line_len(struct str s)
{
    const char *lf = memchr(s.ptr, '\n', s.len);
    size_t len = lf ? (size_t)(lf - s.ptr) : s.len;
    const char *cr = memchr(s.ptr, '\r', len);

    return cr ? (size_t)(cr - s.ptr) : len;
}

void pop3_stuff_put(struct pop3_stuff *stuff, struct str piece, struct buf *out)
{
    while (piece.len > 0 && !stuff->is_full) {
        size_t len = line_len(piece);

        if (len > 0) {
            if (!stuff->in_line && piece.ptr[0] == '.')
                buf_put_char(out, '.');
            buf_put(out, str_head(piece, len));
            stuff->in_line = true;
            stuff->after_cr = false;
            piece = str_skip(piece, len);
            continue;
        }
        if (!(stuff->after_cr && piece.ptr[0] == '\n'))
            put_line_end(stuff, out);
        stuff->after_cr = piece.ptr[0] == '\r';
        piece = str_skip(piece, 1);
    }
}

void pop3_stuff_end(struct pop3_stuff *stuff, struct buf *out)
{
    if (stuff->in_line)
        put_line_end(stuff, out);
    buf_put(out, STR(".\r\n"));
}
