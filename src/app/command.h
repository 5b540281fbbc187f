// SPDX-License-Identifier: ISC
//
// The command line as data: each command is one table entry with its options, help and examples;
// help pages, typo hints and the manual are made from it. Conventions of clig.dev; exit codes of
// sysexits.h. One file per command: app/cmd_NAME.c.
#pragma once

#include "base/buf.h"

#include <jansson.h>
#include <sysexits.h>

enum { COMMAND_OPTIONS_MAX = 64 };

struct command_option {
    const char *name;
    char letter;       // 0: none
    const char *value; // what is shown for it, "FILE"; NULL: a flag
    const char *help;
};

struct call;

struct command {
    const char *name;
    const char *summary;
    const char *args; // "ADDRESS [TARGET...]"
    unsigned args_min, args_max;
    const struct command_option *options;
    size_t option_count;
    const struct command *children;      // those of one file,
    const struct command *const *listed; // or those of many; not both
    size_t child_count;
    const char *help;     // paragraphs, an empty line apart; may be NULL
    const char *examples; // lines: the command, or "# what it is for"
    int (*run)(struct call *call);
    bool hidden;
};

#define COMMAND_OPTIONS(array)                                                                     \
    .options = (array), .option_count = sizeof(array) / sizeof((array)[0])
#define COMMAND_CHILDREN(array)                                                                    \
    .children = (array), .child_count = sizeof(array) / sizeof((array)[0])

static inline const struct command *command_child(const struct command *command, size_t at)
{
    return command->listed ? command->listed[at] : &command->children[at];
}

/// All of them; its name is "carteiro". In app/commands.c.
extern const struct command command_root;
/// --config, --json, --help: understood everywhere.
extern const struct command_option command_globals[];
extern const size_t command_global_count;

/// What was typed, taken apart.
struct call {
    const struct command *path[4]; // carteiro, account, add
    size_t depth;
    const struct command *command; // the last of them
    struct {
        const char *name;
        const char *value; // "" for flags
    } options[COMMAND_OPTIONS_MAX];
    size_t option_count;
    char **args;
    size_t arg_count;
    bool json;
};

/// Parses, runs, and gives the exit code.
int command_main(int argc, char **argv);

/// The option's last value, or NULL.
const char *call_option(const struct call *call, const char *name);
static inline bool call_has(const struct call *call, const char *name)
{
    return call_option(call, name) != NULL;
}
/// One by one, as given: start with *at = 0; NULL at the end.
const char *call_each(const struct call *call, const char *name, size_t *at);
/// The option as a number up to max, or `fallback` when it was not given; complains and gives
/// false.
bool call_number(const struct call *call, const char *name, uint64_t max, uint64_t fallback,
                 uint64_t *out);

/// "carteiro account add: ...": to stderr, or as {"error": ...} to stdout with --json. Returns
/// `code`.
__attribute__((format(printf, 3, 4))) int call_fail(const struct call *call, int code,
                                                    const char *format, ...);
/// "carteiro account add"
void call_put_name(const struct call *call, struct buf *out);
/// Prints the object as JSON and gives it back; returns EX_OK.
int call_print_json(json_t *object);

/// The help page.
void command_put_help(const struct call *call, struct buf *out);
/// The nearest word among those of `next` (NULL at the end), when it is near enough; else STR_NONE.
struct str command_nearest(struct str word, const char *(*next)(const void *arg, size_t at),
                           const void *arg);
/// carteiro(1), as man(7) source.
void command_put_manual(struct buf *out);
