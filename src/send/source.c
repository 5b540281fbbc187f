// SPDX-License-Identifier: ISC
//
// The message as it is sent, a piece at a time: from where the caller keeps it, in fewer bits where
// the far side wants that. Never more than a piece is held.
#include "send/transaction.h"

#include <errno.h>

void send_source_init(struct send_source *source, const struct send_mail *mail,
                      struct downgrade *downgrade)
{
    *source = (struct send_source){.mail = mail, .downgrade = downgrade};
    source->raw.max = SEND_PIECE;
    source->fewer.max = 4 * SEND_PIECE + 2 * DOWNGRADE_ROOM;
}

void send_source_done(struct send_source *source)
{
    buf_done(&source->raw);
    buf_done(&source->fewer);
}

static int read_piece(struct send_source *source, struct str *out)
{
    const struct send_mail *mail = source->mail;
    uint64_t left = mail->size - source->at;
    size_t want = left < SEND_PIECE ? (size_t)left : SEND_PIECE;
    ssize_t got;

    buf_clear(&source->raw);
    if (!mail->read) {
        *out = str_head(str_skip(mail->message, (size_t)source->at), want);
        return out->len == want ? 0 : -EIO;
    }
    if (want == 0) {
        *out = STR("");
        return 0;
    }
    got = mail->read(mail->arg, source->at, buf_room(&source->raw, want), want);
    if (got < 0 || (size_t)got != want)
        return got < 0 ? (int)got : -EIO; // less than there should be is no message
    buf_added(&source->raw, want);
    *out = buf_str(&source->raw);
    return 0;
}

int send_source_next(struct send_source *source, struct str *out)
{
    struct str piece;
    int r = read_piece(source, &piece);

    if (r < 0)
        return source->error = r;
    source->at += piece.len;
    source->is_end = source->at == source->mail->size;
    *out = piece;
    if (!source->downgrade)
        return 0;
    buf_clear(&source->fewer);
    downgrade_put(source->downgrade, piece, &source->fewer);
    if (source->is_end)
        downgrade_end(source->downgrade, &source->fewer);
    if (!buf_ok(&source->fewer))
        return source->error = -EOVERFLOW;
    *out = buf_str(&source->fewer);
    return 0;
}
