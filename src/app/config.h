// SPDX-License-Identifier: ISC
//
// The configuration: one file, read by the tables of all rooms (app/config_rooms.c) into one
// struct that never changes afterwards; a reload makes a new one. Every setting has a default;
// what the tables do not know, or what does not fit them, is refused with file, line and cure.
// libconfuse reads the grammar; comments begin with #.
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/setting.h"

enum {
    APP_CONFIG_FILE_MAX = 256 * 1024, // bytes
    APP_CONFIG_ROOMS_MAX = 32,
};

/// The tables of all rooms, in the order of the manual page; those of the untitled one (the
/// server's own) stand at the top of the file, outside every section.
extern const struct settings *const app_config_rooms[];
extern const size_t app_config_room_count;

struct app_config;

/// Reads `text` as if it were the file `path` (for messages and relative names). 0, or -EINVAL with
/// a line per problem, "carteiro.conf:7: ...", in *why. One thread at a time.
int app_config_parse(struct str text, const char *path, struct app_config **out, struct buf *why);
/// As app_config_parse, from the file. -errno with a sentence in *why.
int app_config_load(const char *path, struct app_config **out, struct buf *why);
void app_config_free(struct app_config *config);

/// The room's struct as the file and the defaults made it; lives as long as the configuration.
const void *app_config_room(const struct app_config *config, const struct settings *room);
#define APP_CONFIG(config, type, room) ((const struct type *)app_config_room((config), &(room)))
/// The absolute path of the file.
const char *app_config_path(const struct app_config *config);

/// The value of a number, as it is written in the file: "10M", "30s", "250".
void app_config_put_value(struct buf *out, const struct setting *setting, const void *room_struct);
/// One value, as text, into the member of that struct. False with a sentence in *why.

bool app_config_set(void *room_struct, const struct setting *setting, struct str text,
                    struct arena *arena, struct buf *why);
