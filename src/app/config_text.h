// SPDX-License-Identifier: ISC
//
// What the tables of settings say to people: a commented configuration file to begin with, and
// carteiro.conf(5).
#pragma once

#include "app/config.h"

/// A value that stands in the new file instead of being commented out with its default.
struct config_given {
    const char *title, *name;
    const char *value; // as it is written, quoted where needed
};
void config_text_put(struct buf *out, const struct config_given *given, size_t count);
/// As a value of the file: quoted, escaped.
void config_text_quote(struct buf *out, struct str text);
/// carteiro.conf(5), as man(7) source.
void config_text_put_manual(struct buf *out);
