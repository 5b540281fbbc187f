// SPDX-License-Identifier: ISC
#include "serve/imap/intake.h"

enum {
    LITERALS_MAX = 2000,        // of one command
    READ_AWAY_MAX = 1 << 30,    // bytes of refused literals; beyond that the session ends
    ARENA_SPARED = 1024 * 1024, // what parsing a line may need
};

static void look_for_literal(struct imap_intake *in)
{
    in->has_literal = imap_line_literal(scan_rest(&in->in), &in->literal);
}

void imap_intake_init(struct imap_intake *in, struct imap_session *s, struct imap_call *c)
{
    *in = (struct imap_intake){.s = s, .c = c, .in = c->in};
    if (c->literal.head_size > 0) // else command.c read the command to its end
        look_for_literal(in);
}

/// [await] The line behind a literal.
static int next_line(struct imap_intake *in)
{
    struct str line;
    int r;

    rt_conn_set_command_ms(in->s->conn, (uint32_t)in->s->config.stall);
    r = rt_line(in->s->conn, IMAP_LINE_MAX, &line);
    if (r < 0)
        return r;
    in->has_literal = false;
    if (r == RT_LINE_TOO_LONG)
        return IMAP_INTAKE_LIMIT;
    if (++in->literals > LITERALS_MAX || !arena_has_room(in->c->arena, line.len + ARENA_SPARED)) {
        in->in = scan_of(line); // only to be read away
        look_for_literal(in);
        in->in.at = in->in.end;
        return IMAP_INTAKE_LIMIT;
    }
    in->in = scan_of(arena_str(in->c->arena, line));
    look_for_literal(in);
    return 0;
}

int imap_intake_literal(struct imap_intake *in, int (*take)(void *arg, struct str bytes), void *arg,
                        int *out_taken)
{
    uint64_t left = in->literal.size;
    int taken = 0;

    if (in->literal.is_sync)
        (void)rt_put(in->s->conn, STR("+ OK\r\n"));
    while (left > 0) {
        struct str bytes;
        int r;

        rt_conn_set_command_ms(in->s->conn, (uint32_t)in->s->config.stall);
        r = rt_peek(in->s->conn, &bytes);
        if (r < 0)
            return r;
        if (bytes.len > left)
            bytes.len = left;
        if (taken == 0)
            taken = take(arg, bytes);
        rt_eat(in->s->conn, bytes.len);
        left -= bytes.len;
    }
    *out_taken = taken;
    return next_line(in);
}

static int take_text(void *arg, struct str bytes)
{
    buf_put(arg, bytes);
    return 0;
}

int imap_intake_astring(struct imap_intake *in, size_t max, struct str *out)
{
    struct imap_literal literal;
    struct buf text;
    bool is_8;
    int r, taken;

    if (scan_peek(&in->in) != '{')
        return imap_scan_astring(&in->in, in->c->arena, out) && out->len <= max
                   ? 0
                   : IMAP_INTAKE_SYNTAX;
    if (!imap_scan_literal_head(&in->in, &literal, &is_8) || literal.size > max)
        return IMAP_INTAKE_SYNTAX;
    buf_init(&text, max);
    r = imap_intake_literal(in, take_text, &text, &taken);
    *out = arena_str(in->c->arena, buf_str(&text));
    buf_done(&text);
    return r;
}

int imap_intake_end(struct imap_intake *in, int answered)
{
    uint64_t total = 0;

    while (answered == RT_NEXT && in->has_literal && !in->literal.is_sync) {
        struct str line;
        int r;

        total += in->literal.size;
        if (total > READ_AWAY_MAX || ++in->literals > LITERALS_MAX)
            return imap_bye(in->s, "[TOOBIG] That is too much to be read away");
        r = imap_read_away(in->s, in->literal.size);
        if (r == 0)
            r = rt_line(in->s->conn, IMAP_LINE_MAX, &line);
        if (r < 0)
            return r;
        in->has_literal = r != RT_LINE_TOO_LONG && imap_line_literal(line, &in->literal);
    }
    return answered;
}
