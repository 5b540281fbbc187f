// SPDX-License-Identifier: ISC
//
// By which words a mail's story is found again. The lines themselves say them, as key=value.
#include "base/cleanup.h"
#include "trace/day.h"

/// The members of a line that people ask for.
static const char *const asked_for[] = {"from", "to", "message_id", "user", "original"};

uint64_t trace_key(struct str word)
{
    static const uint64_t seed[2] = {0x6361727465697261, 0x7472616365206b31};
    char lower[512];

    if (word.len >= 2 && word.ptr[0] == '<' && word.ptr[word.len - 1] == '>')
        word = str_of(word.ptr + 1, word.len - 2);
    word = str_head(word, sizeof lower);
    for (size_t i = 0; i < word.len; i++)
        lower[i] = char_lower(word.ptr[i]);
    return str_hash(str_of(lower, word.len), seed);
}

/// What stands behind `key=`, as it is written; STR_NONE when the key is not there. Blanks inside
/// quotes are no ends.
static struct str raw_value(struct str text, struct str key)
{
    bool is_quoted = false;

    for (size_t i = 0; i + 1 + key.len < text.len; i++) {
        struct str rest;
        size_t end = 0;

        if (text.ptr[i] == '\\' && is_quoted) {
            i++;
            continue;
        }
        is_quoted ^= text.ptr[i] == '"';
        if (text.ptr[i] != ' ' || is_quoted)
            continue;
        rest = str_skip(text, i + 1);
        if (!str_starts(rest, key) || rest.ptr[key.len] != '=')
            continue;
        rest = str_skip(rest, key.len + 1);
        if (rest.len > 0 && rest.ptr[0] == '"')
            for (end = 1; end < rest.len && rest.ptr[end] != '"'; end++)
                end += rest.ptr[end] == '\\';
        while (end < rest.len && rest.ptr[end] != ' ')
            end++;
        return str_head(rest, end);
    }
    return STR_NONE;
}

/// Undoes what the log does to the values of strangers. `to` has room for raw.len bytes.
static struct str unquote(struct str raw, char *to)
{
    size_t len = 0;

    if (raw.len < 2 || raw.ptr[0] != '"')
        return raw;
    for (size_t i = 1; i < raw.len && raw.ptr[i] != '"'; i++) {
        char c = raw.ptr[i];

        if (c == '\\' && i + 3 < raw.len && raw.ptr[i + 1] == 'x' &&
            char_hex(raw.ptr[i + 2]) >= 0 && char_hex(raw.ptr[i + 3]) >= 0) {
            c = (char)(char_hex(raw.ptr[i + 2]) * 16 + char_hex(raw.ptr[i + 3]));
            i += 3;
        } else if (c == '\\' && i + 1 < raw.len) {
            c = raw.ptr[++i];
        }
        to[len++] = c;
    }
    return str_of(to, len);
}

struct str trace_value(struct str text, const char *key, struct arena *arena)
{
    struct str raw = raw_value(text, str_from(key));

    if (!raw.ptr)
        return STR_NONE;
    return unquote(raw, arena_alloc(arena, raw.len + 1));
}

void trace_each_key(struct str text, void (*each)(void *arg, uint64_t key), void *arg)
{
    char plain[1024];

    if (str_find(text, '\n') >= 0)
        return; // a longer text: its lines have said it before
    for (size_t i = 0; i < sizeof asked_for / sizeof asked_for[0]; i++) {
        struct str raw = raw_value(text, str_from(asked_for[i]));

        if (raw.ptr && raw.len <= sizeof plain)
            raw = unquote(raw, plain);
        if (raw.len > 0)
            each(arg, trace_key(raw));
    }
}
