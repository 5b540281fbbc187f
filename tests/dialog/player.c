// SPDX-License-Identifier: ISC
#include "player.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "base/scan.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>

enum {
    ANSWER_MS = 60000,       // only reached when something is broken
    BYTES_ONE_BY_ONE = 4096, // of a talk; the rest goes in pieces
    TEXT_MAX = 64 << 20,
};

struct talk {
    const struct player *player;
    struct buf *why;
    struct rt_conn *conn;
    struct str port_name;
    struct buf out; // of the client, not sent yet
    bool byte_by_byte;
    size_t sent_count;
    bool is_skipping;
    bool is_keeping; // "S: ..." came
    bool is_over;    // "only whole", and it is not
};

// ---- texts

static void put_base64(struct str in, struct buf *out)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < in.len; i += 3) {
        unsigned char b[3] = {0};
        size_t n = in.len - i < 3 ? in.len - i : 3;

        memcpy(b, in.ptr + i, n);
        buf_put_char(out, DIGITS[b[0] >> 2]);
        buf_put_char(out, DIGITS[(b[0] & 3) << 4 | b[1] >> 4]);
        buf_put_char(out, n > 1 ? DIGITS[(b[1] & 15) << 2 | b[2] >> 6] : '=');
        buf_put_char(out, n > 2 ? DIGITS[b[2] & 63] : '=');
    }
}

/// What `keep` kept: the last number of a line of the server.
static char kept[24];

static void keep_number(struct str line)
{
    size_t end = line.len, first;

    while (end > 0 && !char_is_digit(line.ptr[end - 1]))
        end--;
    first = end;
    while (first > 0 && end - first < sizeof(kept) - 1 && char_is_digit(line.ptr[first - 1]))
        first--;
    snprintf(kept, sizeof(kept), "%.*s", (int)(end - first), line.ptr + first);
}

/// ${kept}, ${plain:user:password}, ${base64:text}, ${times:n:text}
static void put_variable(struct str name, struct buf *out)
{
    CLEANUP(buf_drop) struct buf text = {.max = TEXT_MAX};
    struct str word, user;
    uint64_t count;

    if (str_eq(name, STR("kept"))) {
        buf_put(out, str_from(kept));
        return;
    }
    CHECK(str_split(&name, ':', &word));
    if (str_eq(word, STR("plain"))) {
        CHECK(str_split(&name, ':', &user));
        buf_put_char(&text, '\0');
        buf_put(&text, user);
        buf_put_char(&text, '\0');
        buf_put(&text, name);
        put_base64(buf_str(&text), out);
    } else if (str_eq(word, STR("base64"))) {
        player_unescape(name, &text);
        put_base64(buf_str(&text), out);
    } else {
        CHECK(str_eq(word, STR("times")) && str_split(&name, ':', &word));
        CHECK(str_to_u64(word, 100000000, &count));
        player_unescape(name, &text);
        for (uint64_t i = 0; i < count; i++)
            buf_put(out, buf_str(&text));
    }
}

static void put_escape(struct scan *in, struct buf *out)
{
    int hex;

    if (scan_char(in, 'r'))
        buf_put_char(out, '\r');
    else if (scan_char(in, 'n'))
        buf_put_char(out, '\n');
    else if (scan_char(in, 't'))
        buf_put_char(out, '\t');
    else if (scan_char(in, '0'))
        buf_put_char(out, '\0');
    else if (scan_char(in, '\\'))
        buf_put_char(out, '\\');
    else {
        CHECK(scan_char(in, 'x') && in->end - in->at >= 2);
        hex = char_hex(in->at[0]) * 16 + char_hex(in->at[1]);
        CHECK(hex >= 0);
        buf_put_char(out, (char)hex);
        in->at += 2;
    }
}

void player_unescape(struct str text, struct buf *out)
{
    struct scan in = scan_of(text);
    struct str name;

    while (!scan_is_end(&in)) {
        if (scan_char(&in, '\\'))
            put_escape(&in, out);
        else if (scan_word(&in, STR("${"))) {
            CHECK(scan_until(&in, '}', 65536, &name) && scan_char(&in, '}'));
            put_variable(name, out);
        } else {
            buf_put_char(out, *in.at++);
        }
    }
    CHECK(buf_ok(out));
}

bool player_matches(struct str pattern, struct str line)
{
    size_t p = 0, l = 0, star = SIZE_MAX, from = 0;

    while (l < line.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            from = l;
        } else if (p < pattern.len && pattern.ptr[p] == line.ptr[l]) {
            p++;
            l++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            l = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

// ---- the talk

static bool fail(struct talk *t, const char *what, int error)
{
    buf_putf(t->why, "%s%s%s", what, error < 0 ? ": " : "", error < 0 ? strerror(-error) : "");
    return false;
}

static bool dial(struct talk *t)
{
    uint16_t port = t->player->serve(t->player->arg, t->port_name);
    int r;

    if (port == 0)
        return fail(t, "there is no such port", 0);
    r = rt_dial("127.0.0.1", port, ANSWER_MS, &t->conn);
    return r < 0 ? fail(t, "dial", r) : true;
}

static int send_now(struct talk *t, struct str bytes)
{
    rt_put(t->conn, bytes);
    return rt_flush(t->conn);
}

/// Sends what the client has said. A server that has hung up meanwhile is met when it is heard.
static bool say(struct talk *t)
{
    struct str left = buf_str(&t->out);
    int r = 0;

    while (t->byte_by_byte && left.len > 0 && t->sent_count++ < BYTES_ONE_BY_ONE && r >= 0) {
        r = send_now(t, str_head(left, 1));
        left = str_skip(left, 1);
        rt_sleep(0);
    }
    if (left.len > 0 && r >= 0)
        r = send_now(t, left);
    buf_clear(&t->out);
    return r < 0 && r != -EPIPE && r != -ECONNRESET ? fail(t, "send", r) : true;
}

static bool hear(struct talk *t, struct str pattern)
{
    for (;;) {
        struct str line;
        int r = rt_line(t->conn, 65536, &line);

        if (r != 0)
            return fail(t, "no whole line came", r);
        if (player_matches(pattern, line)) {
            t->is_skipping = false;
            if (t->is_keeping)
                keep_number(line);
            t->is_keeping = false;
            return true;
        }
        if (t->is_skipping)
            continue;
        buf_putf(t->why, "the server said: %.*s", STR_ARG(line));
        return false;
    }
}

static bool hear_end(struct talk *t)
{
    struct str line;
    int r;

    do {
        r = rt_line(t->conn, 65536, &line);
    } while (r >= 0 && t->is_skipping);
    t->is_skipping = false;
    if (r < 0)
        return r == -ECONNRESET || r == -EPIPE ? true : fail(t, "not closed", r);
    buf_putf(t->why, "not closed, the server said: %.*s", STR_ARG(line));
    return false;
}

static bool hang_up(struct talk *t)
{
    if (t->conn)
        rt_hang_up(TAKE(t->conn));
    t->is_skipping = false;
    return true;
}

static bool start_tls(struct talk *t)
{
    int r = rt_start_tls_client(t->conn, t->player->tls_client, "mail.example.test");

    return r < 0 ? fail(t, "handshake", r) : true;
}

/// Compresses from here on, or no longer.
static bool turn_deflate(struct talk *t)
{
    int r = rt_is_deflated(t->conn) ? rt_stop_deflate(t->conn) : rt_start_deflate(t->conn);

    return r < 0 ? fail(t, "deflate", r) : true;
}

static bool set(struct talk *t, struct str rest)
{
    struct str name;

    if (!str_split(&rest, '=', &name) || !rest.ptr)
        return fail(t, "write set ROOM.NAME = VALUE", 0);
    return t->player->set(t->player->arg, str_trim(name), str_trim(rest), t->why);
}

static bool play_word(struct talk *t, struct str line)
{
    struct str rest = line, word;

    str_split(&rest, ' ', &word);
    rest = rest.ptr ? rest : STR("");
    if (str_eq(word, STR("only"))) {
        t->is_over = t->byte_by_byte;
        return true;
    }
    if (str_eq(word, STR("set")))
        return set(t, rest);
    if (str_eq(word, STR("port"))) {
        t->port_name = str_trim(rest);
        return true;
    }
    if (str_eq(word, STR("keep"))) {
        t->is_keeping = true;
        return true;
    }
    if (!t->conn && !dial(t))
        return false;
    if (!say(t))
        return false;
    if (str_eq(word, STR("tls")))
        return start_tls(t);
    if (str_eq(word, STR("deflate")))
        return turn_deflate(t);
    if (str_eq(word, STR("closed")))
        return hear_end(t);
    if (str_eq(word, STR("again")))
        return hang_up(t);
    if (!t->player->check(t->player->arg, word, str_trim(rest), t->why))
        return fail(t, "no such word", 0);
    return t->why->len == 0;
}

static bool play_line(struct talk *t, struct str line)
{
    CLEANUP(buf_drop) struct buf pattern = {.max = 65536};

    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    if (str_starts(line, STR("C:")) || str_starts(line, STR("C-"))) {
        player_unescape(str_skip(line, line.len > 2 && line.ptr[2] == ' ' ? 3 : 2), &t->out);
        if (line.ptr[1] == ':')
            buf_put(&t->out, STR("\r\n"));
        return true;
    }
    if (!str_starts(line, STR("S:")))
        return play_word(t, line);
    if ((!t->conn && !dial(t)) || !say(t))
        return false;
    line = str_trim(str_skip(line, 2));
    if (str_eq(line, STR("..."))) {
        t->is_skipping = true;
        return true;
    }
    player_unescape(line, &pattern);
    return hear(t, buf_str(&pattern));
}

bool player_play(const struct player *player, struct str dialog, bool byte_by_byte, struct buf *why)
{
    CLEANUP(buf_drop) struct buf reason = {.max = 65536};
    struct talk t = {.player = player,
                     .why = &reason,
                     .port_name = str_from(player->port_name),
                     .byte_by_byte = byte_by_byte};
    struct str line;
    struct rt_scope scope;
    unsigned number = 0;
    bool is_fine = true;

    buf_init(&t.out, TEXT_MAX);
    rt_within(&scope, ANSWER_MS);
    while (is_fine && !t.is_over && str_split(&dialog, '\n', &line)) {
        number++;
        is_fine = play_line(&t, line);
        if (!is_fine)
            buf_putf(why, "line %u: %.*s: %.*s", number, STR_ARG(str_head(line, 200)),
                     STR_ARG(buf_str(&reason)));
    }
    rt_within_end(&scope);
    hang_up(&t);
    buf_done(&t.out);
    return is_fine;
}

// ---- main

static bool load(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    char piece[2048];
    size_t n;

    if (!file)
        return false;
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        buf_put(out, str_of(piece, n));
    fclose(file);
    return buf_ok(out);
}

/// Plays one file both ways; how many of them failed, -1 when it cannot be read.
static int play_file(const char *path, player_world play)
{
    CLEANUP(buf_drop) struct buf dialog = {.max = 1 << 20};
    int failures = 0;

    if (!load(path, &dialog)) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return -1;
    }
    for (int by_byte = 0; by_byte < 2; by_byte++) {
        CLEANUP(buf_drop) struct buf why = {.max = 65536};

        if (play(buf_str(&dialog), by_byte, &why))
            continue;
        fprintf(stderr, "%s%s: %.*s\n", path, by_byte ? " (byte by byte)" : "",
                STR_ARG(buf_str(&why)));
        failures++;
    }
    return failures;
}

/// Those of a folder, all of them, by name; or the one file.
static int find_files(const char *path, glob_t *out)
{
    CLEANUP(buf_drop) struct buf pattern = {.max = PATH_MAX};

    buf_putf(&pattern, "%s/*.dialog", path);
    if (glob(buf_cstr(&pattern), 0, NULL, out) == 0)
        return 0;
    globfree(out);
    return glob(path, 0, NULL, out);
}

int player_main(int argc, char **argv, player_world play)
{
    int failures = 0, played = 0;

    for (int i = 1; i < argc; i++) {
        glob_t found;

        if (find_files(argv[i], &found) != 0) {
            fprintf(stderr, "%s: no dialogs there\n", argv[i]);
            return 1;
        }
        for (size_t n = 0; n < found.gl_pathc; n++) {
            int r = play_file(found.gl_pathv[n], play);

            failures += r < 0 ? 1 : r;
            played++;
        }
        globfree(&found);
    }
    printf("%d dialogs, %d failures\n", played, failures);
    return failures > 0 || played == 0 ? 1 : 0;
}
