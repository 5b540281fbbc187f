// SPDX-License-Identifier: ISC
#include "app/config.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "os/file.h"

#include <confuse.h>
#include <errno.h>
#include <inttypes.h>

enum { ARENA_MAX = 64 << 20, PROBLEMS_MAX = 20, TOKEN_SHOWN = 60 };

struct app_config {
    struct arena arena;
    const char *path;
    void *rooms[APP_CONFIG_ROOMS_MAX];
};

// One reading. libconfuse's own scanner is global, so a global pointer to it costs nothing more.
struct reading {
    struct app_config *config;
    struct buf *why;
    unsigned problems;
    cfg_opt_t *lists[APP_CONFIG_ROOMS_MAX];
    int *seen_line[APP_CONFIG_ROOMS_MAX]; // of each setting, where it was set; 0: not yet
};
static struct reading *reading;

const void *app_config_room(const struct app_config *config, const struct settings *room)
{
    for (size_t i = 0; i < app_config_room_count; i++) {
        if (app_config_rooms[i] == room)
            return config->rooms[i];
    }
    CHECK(false); // a room of app_config_rooms
    return NULL;
}

const char *app_config_path(const struct app_config *config)
{
    return config->path;
}

// ---- telling what is wrong

static bool begin_problem(unsigned line)
{
    if (reading->problems++ >= PROBLEMS_MAX)
        return false;
    buf_putf(reading->why, "%s:%u: ", reading->config->path, line);
    return true;
}

static void end_problem(void)
{
    buf_put_char(reading->why, '\n');
}

static struct str room_title(size_t room)
{
    return str_from(app_config_rooms[room]->title);
}

/// The room whose section this is; the untitled one for the top of the file.
static size_t room_of(const cfg_t *section)
{
    struct str name = str_from(section->name);

    if (str_eq(name, STR("root")))
        name = STR("");
    for (size_t i = 0; i < app_config_room_count; i++) {
        if (str_eq(room_title(i), name))
            return i;
    }
    CHECK(false); // a section of app_config_rooms
    return 0;
}

static void consider(struct str wrong, struct str candidate, size_t *best, struct str *nearest)
{
    size_t distance = str_distance(wrong, candidate);

    if (candidate.len && distance < *best) {
        *best = distance;
        *nearest = candidate;
    }
}

/// Says where a name that is not known here would be, or what it may have meant.
static void put_unknown(struct str name, size_t room)
{
    const struct settings *here = app_config_rooms[room];
    size_t best = name.len / 3 + 2;
    struct str nearest = STR_NONE;

    buf_putf(reading->why, "there is no setting \"%.*s\" ", STR_ARG(str_head(name, TOKEN_SHOWN)));
    if (here->title[0])
        buf_putf(reading->why, "in section %s", here->title);
    else
        buf_put(reading->why, STR("here"));
    for (size_t i = 0; i < app_config_room_count; i++) {
        for (size_t k = 0; i != room && k < app_config_rooms[i]->count; k++) {
            if (!str_eq(name, str_from(app_config_rooms[i]->items[k].name)))
                continue;
            if (app_config_rooms[i]->title[0])
                buf_putf(reading->why, "; it belongs into %s { ... }", app_config_rooms[i]->title);
            else
                buf_put(reading->why, STR("; it belongs to the top, outside every section"));
            return;
        }
    }
    for (size_t i = 0; i < here->count; i++)
        consider(name, str_from(here->items[i].name), &best, &nearest);
    for (size_t i = 0; !here->title[0] && i < app_config_room_count; i++)
        consider(name, room_title(i), &best, &nearest);
    if (nearest.len)
        buf_putf(reading->why, "; did you mean \"%.*s\"?", STR_ARG(nearest));
    else
        buf_put(reading->why, STR("; see carteiro.conf(5)"));
}

__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *section, const char *format,
                                                           va_list args)
{
    char text[512];
    struct str said, name;

    vsnprintf(text, sizeof text, format, args);
    said = str_from(text);
    if (!begin_problem((unsigned)section->line))
        return;
    if (str_starts(said, STR("no such option '"))) {
        name = str_skip(said, 16);
        put_unknown(str_head(name, name.len - (name.len ? 1 : 0)), room_of(section));
    } else if (str_starts(said, STR("premature end of file"))) {
        buf_put(reading->why, STR("the file ends in the middle; is a } or a quote missing?"));
    } else {
        for (size_t i = 0; i < said.len; i++)
            buf_put_char(reading->why, said.ptr[i] < ' ' && said.ptr[i] >= 0 ? ' ' : said.ptr[i]);
    }
    end_problem();
}

// ---- taking the values

static size_t setting_of(size_t room, const char *name)
{
    for (size_t i = 0; i < app_config_rooms[room]->count; i++) {
        if (strcmp(app_config_rooms[room]->items[i].name, name) == 0)
            return i;
    }
    CHECK(false); // a setting of the room
    return 0;
}

/// Called by libconfuse after each value, while the line is still known.
static int on_value(cfg_t *section, cfg_opt_t *opt)
{
    size_t room = room_of(section), at = setting_of(room, opt->name);
    const struct setting *setting = &app_config_rooms[room]->items[at];
    CLEANUP(buf_drop) struct buf why = {0};
    struct str text;

    if (setting->type == SETTING_LIST)
        return 0;
    if (reading->seen_line[room][at]) {
        if (begin_problem((unsigned)section->line)) {
            buf_putf(reading->why, "%s is set twice; it was set in line %d already", setting->name,
                     reading->seen_line[room][at]);
            end_problem();
        }
        return 0;
    }
    reading->seen_line[room][at] = section->line;
    text = str_from(cfg_opt_getnstr(opt, 0));
    buf_init(&why, 1024);
    if (!app_config_set(reading->config->rooms[room], setting, text, &reading->config->arena,
                        &why) &&
        begin_problem((unsigned)section->line)) {
        buf_putf(reading->why, "%s = %.*s: %.*s", setting->name,
                 STR_ARG(str_head(text, TOKEN_SHOWN)), STR_ARG(buf_str(&why)));
        end_problem();
    }
    return 0;
}

static void take_lists(cfg_t *section, size_t room)
{
    const struct settings *table = app_config_rooms[room];
    struct arena *arena = &reading->config->arena;

    for (size_t i = 0; i < table->count; i++) {
        cfg_opt_t *opt;
        struct setting_list *list;
        unsigned count;

        if (table->items[i].type != SETTING_LIST)
            continue;
        opt = cfg_getopt(section, table->items[i].name);
        if (!opt || !(opt->flags & CFGF_MODIFIED))
            continue;
        count = cfg_opt_size(opt);
        list = (void *)((char *)reading->config->rooms[room] + table->items[i].offset);
        *list = (struct setting_list){.items = ARENA_ARRAY(arena, struct str, count ? count : 1)};
        for (unsigned k = 0; k < count; k++)
            list->items[list->count++] = arena_str(arena, str_from(cfg_opt_getnstr(opt, k)));
    }
}

static void take_all_lists(cfg_t *root)
{
    for (size_t i = 0; i < app_config_room_count; i++) {
        cfg_t *section = root;

        if (room_title(i).len)
            section = cfg_size(root, app_config_rooms[i]->title)
                          ? cfg_getsec(root, app_config_rooms[i]->title)
                          : NULL;
        if (section)
            take_lists(section, i);
    }
}

// ---- what libconfuse is given

static cfg_opt_t option_of(const struct setting *setting)
{
    cfg_opt_t text = CFG_STR(setting->name, NULL, CFGF_NODEFAULT);
    cfg_opt_t list = CFG_STR_LIST(setting->name, NULL, CFGF_NODEFAULT);
    cfg_opt_t opt = setting->type == SETTING_LIST ? list : text;

    opt.validcb = on_value;
    return opt;
}

static size_t put_options(cfg_opt_t *to, const struct settings *table)
{
    for (size_t i = 0; i < table->count; i++)
        to[i] = option_of(&table->items[i]);
    return table->count;
}

/// The tables of all rooms as libconfuse wants them; they live in the arena, libconfuse copies.
static cfg_opt_t *options_new(struct arena *arena)
{
    cfg_opt_t *root, *section;
    size_t at = 0, top = 0;

    for (size_t i = 0; i < app_config_room_count; i++)
        top += room_title(i).len ? 1 : app_config_rooms[i]->count;
    root = ARENA_ARRAY(arena, cfg_opt_t, top + 1);
    for (size_t i = 0; i < app_config_room_count; i++) {
        if (room_title(i).len == 0) {
            at += put_options(root + at, app_config_rooms[i]);
            continue;
        }
        section = ARENA_ARRAY(arena, cfg_opt_t, app_config_rooms[i]->count + 1);
        put_options(section, app_config_rooms[i]);
        root[at++] = (cfg_opt_t)CFG_SEC(app_config_rooms[i]->title, section, CFGF_NONE);
    }
    return root;
}

/// Blanks out the comments, so that libconfuse counts lines as we do, and refuses what its scanner
/// would pass over in silence. False after saying so.
static bool tidy(struct buf *text)
{
    char quote = 0;
    unsigned line = 1, opened_line = 0;
    int depth = 0;

    for (size_t i = 0; i < text->len; i++) {
        char *c = &text->ptr[i];
        char next = i + 1 < text->len ? c[1] : '\0';
        const char *cure = NULL;

        line += *c == '\n';
        if (*c == '\0' || (*c == '\r' && next != '\n')) {
            cure = "a control character; this is not a text file";
        } else if (quote) {
            if (*c == '\\' && next && next != '\n')
                i++;
            else if (*c == quote)
                quote = 0;
        } else if (*c == '"' || *c == '\'') {
            quote = *c;
            opened_line = line;
        } else if (*c == '{' || *c == '}') {
            depth += *c == '{' ? 1 : -1;
            opened_line = *c == '{' ? line : opened_line;
        } else if (*c == '#') {
            while (i < text->len && text->ptr[i] != '\n')
                text->ptr[i++] = ' ';
            i--;
        } else if (*c == '/' && (next == '*' || next == '/') &&
                   (i == 0 || strchr(" \t\n;", c[-1]))) {
            cure = "comments begin with #";
        } else if (*c == ';') {
            cure = "no ; is needed at the end of a line";
        } else if (strchr("*|$", *c) || (*c == '+' && next != '=')) {
            cure = "put text with *, |, $ or + between quotes";
        }
        if (cure) {
            if (begin_problem(line))
                buf_putf(reading->why, "%s\n", cure);
            return false;
        }
    }
    // libconfuse takes the end of the file for the end of a section.
    if ((quote || depth > 0) && begin_problem(opened_line))
        buf_putf(reading->why, "this %s is never closed\n", quote ? "quote" : "{");
    return !quote && depth <= 0;
}

static void parse(struct str text)
{
    CLEANUP(buf_drop) struct buf tidied = {0};
    cfg_t *root;

    buf_init(&tidied, APP_CONFIG_FILE_MAX + 1);
    buf_put(&tidied, text);
    if (text.len > APP_CONFIG_FILE_MAX) {
        begin_problem(1);
        buf_putf(reading->why, "more than %d bytes\n", APP_CONFIG_FILE_MAX);
        return;
    }
    if (!tidy(&tidied))
        return;
    root = cfg_init(options_new(&reading->config->arena), CFGF_NONE);
    CHECK(root);
    cfg_set_error_function(root, on_error);
    // An empty buffer is an empty file, which is a right one.
    if (tidied.len && cfg_parse_buf(root, buf_cstr(&tidied)) != CFG_SUCCESS && !reading->problems &&
        begin_problem(1))
        buf_put(reading->why, STR("this is not understood\n"));
    if (!reading->problems)
        take_all_lists(root);
    cfg_free(root);
}

static void set_defaults(struct reading *r)
{
    struct app_config *config = r->config;

    CHECK(app_config_room_count <= APP_CONFIG_ROOMS_MAX);
    for (size_t i = 0; i < app_config_room_count; i++) {
        const struct settings *table = app_config_rooms[i];

        config->rooms[i] = arena_alloc(&config->arena, table->size);
        r->seen_line[i] = ARENA_ARRAY(&config->arena, int, table->count);
        for (size_t k = 0; k < table->count; k++)
            CHECK(app_config_set(config->rooms[i], &table->items[k],
                                 str_from(table->items[k].fallback), &config->arena, r->why));
    }
}

int app_config_parse(struct str text, const char *path, struct app_config **out, struct buf *why)
{
    struct app_config *config = calloc(1, sizeof *config);
    struct reading here = {.config = config, .why = why};

    CHECK(config);
    arena_init(&config->arena, ARENA_MAX);
    config->path = arena_str(&config->arena, str_from(path)).ptr;
    set_defaults(&here);
    reading = &here;
    parse(text);
    reading = NULL;
    if (here.problems) {
        if (here.problems > PROBLEMS_MAX)
            buf_putf(why, "%s: and %u more\n", path, here.problems - PROBLEMS_MAX);
        app_config_free(config);
        return -EINVAL;
    }
    *out = config;
    return 0;
}

int app_config_load(const char *path, struct app_config **out, struct buf *why)
{
    CLEANUP(buf_drop) struct buf text = {0};
    CLEANUP(buf_drop) struct buf absolute = {0};
    int r;

    buf_init(&text, APP_CONFIG_FILE_MAX + 1);
    buf_init(&absolute, OS_PATH_MAX);
    r = os_path_absolute(path, &absolute);
    if (r == 0)
        r = os_file_read(path, &text);
    if (r < 0) {
        buf_putf(why, "%s: %s%s\n", path, strerror(-r),
                 r == -ENOENT ? "; make one with `carteiro init`, or name yours with --config"
                              : "");
        return r;
    }
    return app_config_parse(buf_str(&text), buf_cstr(&absolute), out, why);
}

void app_config_free(struct app_config *config)
{
    if (!config)
        return;
    arena_done(&config->arena);
    free(config);
}
