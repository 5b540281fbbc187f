// SPDX-License-Identifier: ISC
#include "mail/lines.h"

/// What stands before the next LF, which is taken off with it; false when there is no LF any more.
static bool next_line(struct str *rest, struct str *out)
{
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;

    if (!end)
        return false;
    *out = str_head(*rest, (size_t)(end - rest->ptr));
    *rest = str_skip(*rest, out->len + 1);
    return true;
}

void lines_put_crlf(struct buf *out, struct str text)
{
    struct str line;

    while (next_line(&text, &line)) {
        buf_put(out, line);
        buf_put(out, str_ends(line, STR("\r")) ? STR("\n") : STR("\r\n"));
    }
    buf_put(out, text);
}

void lines_put_lf(struct buf *out, struct str text)
{
    struct str line;

    while (next_line(&text, &line)) {
        buf_put(out, str_ends(line, STR("\r")) ? str_head(line, line.len - 1) : line);
        buf_put_char(out, '\n');
    }
    buf_put(out, text);
}

bool lines_are_clean(struct str text)
{
    struct str line;

    while (next_line(&text, &line)) {
        if (!str_ends(line, STR("\r")) || str_ends(line, STR("\r\r")))
            return false;
    }
    return true;
}
