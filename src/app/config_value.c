// SPDX-License-Identifier: ISC
//
// One value of the configuration: from the text in the file to the member of the room's struct and
// back. Each refusal says what would be right.
#include "base/arena.h"
#include "base/check.h"

#include "app/config.h"

#include <inttypes.h>

struct unit {
    struct str name;
    uint64_t factor;
};

// The largest first, as they are written; the first match in reading is the longest name.
static const struct unit size_units[] = {
    {STR("T"), (uint64_t)1 << 40},
    {STR("G"), 1 << 30},
    {STR("M"), 1 << 20},
    {STR("K"), 1 << 10},
};
static const struct unit duration_units[] = {
    {STR("w"), 604800000}, {STR("d"), 86400000}, {STR("h"), 3600000},
    {STR("m"), 60000},     {STR("s"), 1000},     {STR("ms"), 1},
};

enum { UNIT_COUNT_SIZE = 4, UNIT_COUNT_DURATION = 6 };

static const struct unit *units_of(enum setting_type type, size_t *count)
{
    *count = type == SETTING_SIZE       ? UNIT_COUNT_SIZE
             : type == SETTING_DURATION ? UNIT_COUNT_DURATION
                                        : 0;
    return type == SETTING_SIZE ? size_units : duration_units;
}

static bool parse_bool(struct str text, bool *out)
{
    static const struct str yes[] = {STR("yes"), STR("true"), STR("on"), STR("1")};
    static const struct str no[] = {STR("no"), STR("false"), STR("off"), STR("0")};

    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (str_case_eq(text, yes[i]) || str_case_eq(text, no[i])) {
            *out = str_case_eq(text, yes[i]);
            return true;
        }
    }
    return false;
}

// number = digits [ unit ]; a plain number of a duration would be ambiguous, but 0 is not.
static bool parse_number(struct str text, enum setting_type type, uint64_t *out)
{
    const struct unit *units;
    size_t count, digits = 0;
    uint64_t factor = 0;
    struct str unit;

    units = units_of(type, &count);
    while (digits < text.len && char_is_digit(text.ptr[digits]))
        digits++;
    if (!str_to_u64(str_head(text, digits), UINT64_MAX, out))
        return false;
    unit = str_skip(text, digits);
    // KB, MB, KiB are what people write; they mean the same here.
    if (type == SETTING_SIZE && str_case_eq(str_skip(unit, 1), STR("iB")))
        unit = str_head(unit, 1);
    else if (type == SETTING_SIZE && unit.len == 2 && char_lower(unit.ptr[1]) == 'b')
        unit = str_head(unit, 1);
    for (size_t i = 0; i < count; i++) {
        if (str_case_eq(unit, units[i].name))
            factor = units[i].factor;
    }
    if (unit.len == 0 && (type != SETTING_DURATION || *out == 0))
        factor = 1;
    return factor && !__builtin_mul_overflow(*out, factor, out);
}

static void put_number(struct buf *out, enum setting_type type, uint64_t value)
{
    const struct unit *units;
    size_t count;

    units = units_of(type, &count);
    for (size_t i = 0; value && i < count; i++) {
        if (value % units[i].factor == 0) {
            buf_putf(out, "%" PRIu64 "%.*s", value / units[i].factor, STR_ARG(units[i].name));
            return;
        }
    }
    buf_put_u64(out, value);
}

static bool in_range(const struct setting *setting, uint64_t value, struct buf *why)
{
    if (setting->min == 0 && setting->max == 0)
        return true;
    if (value >= setting->min && value <= setting->max)
        return true;
    buf_put(why, value < setting->min ? STR("must be at least ") : STR("must be at most "));
    put_number(why, setting->type, value < setting->min ? setting->min : setting->max);
    return false;
}

static bool set_number(void *member, const struct setting *setting, struct str text,
                       struct buf *why)
{
    static const char *const cures[] = {
        [SETTING_COUNT] = "is not a number; write digits, like 100",
        [SETTING_SIZE] = "is not a size; write bytes, or 512K, 10M, 1G",
        [SETTING_DURATION] = "is not a duration; write 250ms, 30s, 5m, 2h or 1d",
    };
    uint64_t value;

    if (!parse_number(text, setting->type, &value)) {
        buf_put(why, str_from(cures[setting->type]));
        return false;
    }
    if (!in_range(setting, value, why))
        return false;
    *(uint64_t *)member = value;
    return true;
}

// Defaults of lists are written with commas; the file's come one by one.
static void set_list(struct setting_list *list, struct str text, struct arena *arena)
{
    struct str rest = text, item;
    size_t count = 1;

    *list = (struct setting_list){0};
    if (text.len == 0)
        return;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == ',';
    list->items = ARENA_ARRAY(arena, struct str, count);
    while (str_split(&rest, ',', &item))
        list->items[list->count++] = arena_str(arena, str_trim(item));
}

bool app_config_set(void *room_struct, const struct setting *setting, struct str text,
                    struct arena *arena, struct buf *why)
{
    void *member = (char *)room_struct + setting->offset;

    switch (setting->type) {
    case SETTING_BOOL:
        if (parse_bool(text, member))
            return true;
        buf_put(why, STR("is neither yes nor no"));
        return false;
    case SETTING_COUNT:
    case SETTING_SIZE:
    case SETTING_DURATION:
        return set_number(member, setting, text, why);
    case SETTING_TEXT:
        *(struct str *)member = arena_str(arena, text);
        return true;
    case SETTING_LIST:
        set_list(member, text, arena);
        return true;
    }
    CHECK(false); // a type of setting
    return false;
}

void app_config_put_value(struct buf *out, const struct setting *setting, const void *room_struct)
{
    const void *member = (const char *)room_struct + setting->offset;
    const struct setting_list *list = member;

    switch (setting->type) {
    case SETTING_BOOL:
        buf_put(out, *(const bool *)member ? STR("yes") : STR("no"));
        break;
    case SETTING_COUNT:
    case SETTING_SIZE:
    case SETTING_DURATION:
        put_number(out, setting->type, *(const uint64_t *)member);
        break;
    case SETTING_TEXT:
        buf_put(out, *(const struct str *)member);
        break;
    case SETTING_LIST:
        for (size_t i = 0; i < list->count; i++) {
            buf_put(out, i ? STR(", ") : STR(""));
            buf_put(out, list->items[i]);
        }
        break;
    }
}
