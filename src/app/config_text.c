// SPDX-License-Identifier: ISC
#include "app/config_text.h"

#include <inttypes.h>

enum { WIDTH = 96 };

void config_text_quote(struct buf *out, struct str text)
{
    buf_put_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\' || text.ptr[i] == '$')
            buf_put_char(out, '\\');
        buf_put_char(out, text.ptr[i]);
    }
    buf_put_char(out, '"');
}

static void put_comment(struct buf *out, const char *indent, const char *text)
{
    struct str rest = str_from(text), word;
    size_t at = WIDTH;

    while (str_split(&rest, ' ', &word)) {
        if (at + 1 + word.len > WIDTH) {
            buf_putf(out, "%s%s#", at == WIDTH && out->len == 0 ? "" : "\n", indent);
            at = strlen(indent) + 1;
        }
        buf_put_char(out, ' ');
        buf_put(out, word);
        at += 1 + word.len;
    }
    buf_put_char(out, '\n');
}

static const char *given_value(const struct config_given *given, size_t count, const char *title,
                               const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(given[i].title, title) == 0 && strcmp(given[i].name, name) == 0)
            return given[i].value;
    }
    return NULL;
}

/// The default, as it would be written: texts in quotes, lists in braces.
static void put_fallback(struct buf *out, const struct setting *setting)
{
    struct str rest = str_from(setting->fallback), item;
    const char *between = "";

    if (setting->type == SETTING_TEXT) {
        config_text_quote(out, rest);
        return;
    }
    if (setting->type != SETTING_LIST) {
        buf_put(out, rest);
        return;
    }
    buf_put_char(out, '{');
    while (rest.len && str_split(&rest, ',', &item)) {
        buf_put(out, str_from(between));
        config_text_quote(out, str_trim(item));
        between = ", ";
    }
    buf_put_char(out, '}');
}

static void put_setting(struct buf *out, const char *indent, const struct setting *setting,
                        const char *value)
{
    put_comment(out, indent, setting->help);
    if (value) {
        buf_putf(out, "%s%s = %s\n", indent, setting->name, value);
        return;
    }
    buf_putf(out, "%s#%s = ", indent, setting->name);
    put_fallback(out, setting);
    buf_put_char(out, '\n');
}

void config_text_put(struct buf *out, const struct config_given *given, size_t count)
{
    buf_put(out,
            STR("# Configuration of Carteiro; see carteiro.conf(5).\n"
                "# What stands behind a # is the default. After a change: carteiro check, then "
                "carteiro reload.\n"));
    for (size_t i = 0; i < app_config_room_count; i++) {
        const struct settings *room = app_config_rooms[i];
        const char *indent = room->title[0] ? "    " : "";

        if (room->title[0]) {
            put_comment(out, "", room->help);
            buf_putf(out, "%s {", room->title);
        }
        for (size_t k = 0; k < room->count; k++)
            put_setting(out, indent, &room->items[k],
                        given_value(given, count, room->title, room->items[k].name));
        if (room->title[0])
            buf_put(out, STR("}\n"));
    }
}

// ---- man(7)

static void put_roff(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (i == 0 && (text.ptr[i] == '.' || text.ptr[i] == '\''))
            buf_put(out, STR("\\&"));
        if (text.ptr[i] == '\\')
            buf_put(out, STR("\\e"));
        else if (text.ptr[i] == '-')
            buf_put(out, STR("\\-"));
        else
            buf_put_char(out, text.ptr[i]);
    }
}

static void put_bound(struct buf *out, const struct setting *setting, uint64_t value)
{
    struct setting at_zero = *setting;

    at_zero.offset = 0;
    app_config_put_value(out, &at_zero, &value);
}

static void put_manual_setting(struct buf *out, const struct setting *setting)
{
    static const char *const kinds[] = {
        [SETTING_BOOL] = "yes or no",    [SETTING_COUNT] = "number", [SETTING_SIZE] = "size",
        [SETTING_DURATION] = "duration", [SETTING_TEXT] = "text",    [SETTING_LIST] = "list",
    };

    buf_putf(out, ".TP\n.BR %s \" (%s", setting->name, kinds[setting->type]);
    if (setting->min || setting->max) {
        buf_put(out, STR(", "));
        put_bound(out, setting, setting->min);
        buf_put(out, STR(" to "));
        put_bound(out, setting, setting->max);
    }
    if (setting->fallback[0])
        buf_putf(out, ", default %s", setting->fallback);
    buf_put(out, STR(")\"\n"));
    put_roff(out, str_from(setting->help));
    buf_put_char(out, '\n');
}

static const char grammar[] =
    ".SH NAME\ncarteiro.conf \\- configuration of carteiro(1)\n"
    ".SH DESCRIPTION\n"
    "One setting a line, name = value; those of a part of the server stand in its section. Every "
    "setting has a default, so that a file of five lines suffices:\n"
    ".PP\n.EX\n"
    "hostname = mail.example.org\n"
    "data = /var/lib/carteiro\n"
    "user = carteiro\n"
    "certificate = /etc/carteiro/cert.pem\n"
    "key = /etc/carteiro/key.pem\n"
    ".EE\n.PP\n"
    "Comments begin with # and end with the line. Text needs quotes when it holds blanks or any of "
    "{ } ( ) = , # * | $ +. Lists stand in braces: {\"a\", \"b\"}; one element needs none. Sizes "
    "are bytes, or end in K, M, G or T. Durations end in ms, s, m, h, d or w. Relative paths start "
    "at the directory of the file.\n"
    ".PP\n"
    "What is not known, not right or set twice is refused, with the line and what would be right.\n"
    ".B carteiro check\nreads the file without using it; \n.B carteiro reload\nputs it into "
    "effect without disconnecting anybody, and says which changes need a restart.\n";

void config_text_put_manual(struct buf *out)
{
    buf_put(out, STR(".TH CARTEIRO.CONF 5 \"\" \"carteiro " CARTEIRO_VERSION "\"\n"));
    buf_put(out, str_from(grammar));
    for (size_t i = 0; i < app_config_room_count; i++) {
        const struct settings *room = app_config_rooms[i];

        if (room->title[0])
            buf_putf(out, ".SH SECTION %s\n", room->title);
        else
            buf_put(out, STR(".SH TOP OF THE FILE\n"));
        put_roff(out, str_from(room->help));
        buf_put_char(out, '\n');
        for (size_t k = 0; k < room->count; k++)
            put_manual_setting(out, &room->items[k]);
    }
    buf_put(out, STR(".SH SEE ALSO\n.BR carteiro (1)\n"));
}
