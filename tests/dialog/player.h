// SPDX-License-Identifier: ISC
//
// Reads a dialog (README.md) and plays the client's side over a connection.
#pragma once

#include "base/buf.h"
#include "rt/conn.h"
#include "rt/tls.h"

/// What the player asks of the program.
struct player {
    void *arg;
    const char *port_name; // of dialogs that say none
    /// Before the talk: `set`. False with a sentence in *why.
    bool (*set)(void *arg, struct str name, struct str value, struct buf *why);
    /// [await] Begins to serve, once; the port of that name (0: there is none).
    uint16_t (*serve)(void *arg, struct str port_name);
    /// [await] Any other word; as world_check.
    bool (*check)(void *arg, struct str word, struct str rest, struct buf *why);
    struct rt_tls_client *tls_client;
};

/// [await] Plays it. False with the line and what was wrong in *why.
bool player_play(const struct player *player, struct str dialog, bool byte_by_byte,
                 struct buf *why);

/// The text with its escapes and ${...} as bytes.
void player_unescape(struct str text, struct buf *out);
/// `*` in the pattern stands for anything.
bool player_matches(struct str pattern, struct str line);

/// Plays one dialog in a world of its own; false and why.
typedef bool (*player_world)(struct str dialog, bool byte_by_byte, struct buf *why);
/// For main: plays each file named in argv, and all *.dialog of each folder, whole and byte by
/// byte. Prints what went wrong. An exit code.
int player_main(int argc, char **argv, player_world play);
