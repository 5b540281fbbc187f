// SPDX-License-Identifier: ISC
#include "app/table.h"

#include "base/cleanup.h"

#include <time.h>

enum { COLUMNS_MAX = 10, CELL_MAX = 256, CELLS_MAX = 1 << 16 };

void table_put_bytes(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    buf_putf(out, unit && value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/// Names may hold anything; what would steer the terminal does not reach it.
static void put_text(struct buf *out, const char *text)
{
    for (; text && *text; text++)
        buf_put_char(out, (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

static void put_list(struct buf *out, const json_t *list)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item)
    {
        buf_put(out, i ? STR(", ") : STR(""));
        put_text(out,
                 json_string_value(json_is_object(item) ? json_object_get(item, "name") : item));
    }
}

static void put_time(struct buf *out, time_t at)
{
    struct tm when;
    char text[32];

    if (at && localtime_r(&at, &when) && strftime(text, sizeof text, "%Y-%m-%d %H:%M", &when))
        buf_put(out, str_from(text));
}

static void put_cell(struct buf *out, const json_t *row, const struct table_column *column)
{
    const json_t *value = json_object_get(row, column->member);

    switch (column->kind) {
    case TABLE_TEXT:
        put_text(out, json_string_value(value));
        break;
    case TABLE_NUMBER:
        buf_putf(out, "%lld", (long long)json_integer_value(value));
        break;
    case TABLE_LIMIT:
        if (json_integer_value(value) == 0) {
            buf_put(out, STR("no limit"));
            break;
        }
        __attribute__((fallthrough));
    case TABLE_BYTES:
        table_put_bytes(out, (uint64_t)json_integer_value(value));
        break;
    case TABLE_BOOL:
        buf_put(out, json_is_true(value) ? STR("yes") : STR("no"));
        break;
    case TABLE_LIST:
        put_list(out, value);
        break;
    case TABLE_TIME:
        put_time(out, (time_t)json_integer_value(value));
        break;
    }
}

/// Characters, not bytes, as far as UTF-8 tells.
static size_t width(struct str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return n;
}

static size_t cell_width(const json_t *row, const struct table_column *column)
{
    CLEANUP(buf_drop) struct buf cell = {0};

    buf_init(&cell, CELLS_MAX);
    put_cell(&cell, row, column);
    return width(buf_str(&cell));
}

static void put_padded(struct buf *out, struct str text, size_t to, bool is_last)
{
    size_t have = width(text);

    buf_put(out, text);
    if (!is_last)
        buf_putf(out, "%*s", (int)(to > have ? to - have : 0) + 2, "");
}

void table_put(struct buf *out, const json_t *rows, const struct table_column *columns,
               size_t count, const char *nothing)
{
    size_t widths[COLUMNS_MAX], i;
    json_t *row;

    if (json_array_size(rows) == 0) {
        buf_putf(out, "%s\n", nothing);
        return;
    }
    for (size_t c = 0; c < count; c++) {
        widths[c] = strlen(columns[c].title);
        json_array_foreach(rows, i, row)
        {
            size_t w = cell_width(row, &columns[c]);

            widths[c] = w > widths[c] ? w : widths[c];
        }
    }
    for (size_t c = 0; c < count; c++)
        put_padded(out, str_from(columns[c].title), widths[c], c + 1 == count);
    buf_put_char(out, '\n');
    json_array_foreach(rows, i, row)
    {
        for (size_t c = 0; c < count; c++) {
            CLEANUP(buf_drop) struct buf cell = {0};

            buf_init(&cell, CELLS_MAX);
            put_cell(&cell, row, &columns[c]);
            put_padded(out, buf_str(&cell), widths[c], c + 1 == count);
        }
        buf_put_char(out, '\n');
    }
}

void table_put_one(struct buf *out, const json_t *object, const struct table_column *columns,
                   size_t count)
{
    size_t widest = 0;

    for (size_t c = 0; c < count; c++)
        widest = strlen(columns[c].title) > widest ? strlen(columns[c].title) : widest;
    for (size_t c = 0; c < count; c++) {
        buf_putf(out, "%s:%*s", columns[c].title, (int)(widest - strlen(columns[c].title)) + 1, "");
        put_cell(out, object, &columns[c]);
        buf_put_char(out, '\n');
    }
}
