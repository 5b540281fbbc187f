// SPDX-License-Identifier: ISC
#include "app/command.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "os/terminal.h"

#include <unistd.h>

const struct command_option command_globals[] = {
    {"config", 'c', "FILE", "The configuration, or the directory it is in"},
    {"json", 0, NULL, "Answer as JSON, for programs"},
    {"help", 'h', NULL, "This page"},
};
const size_t command_global_count = sizeof command_globals / sizeof command_globals[0];

// ---- what was given

const char *call_option(const struct call *call, const char *name)
{
    for (size_t i = call->option_count; i-- > 0;) {
        if (strcmp(call->options[i].name, name) == 0)
            return call->options[i].value;
    }
    return NULL;
}

const char *call_each(const struct call *call, const char *name, size_t *at)
{
    while (*at < call->option_count) {
        size_t i = (*at)++;

        if (strcmp(call->options[i].name, name) == 0)
            return call->options[i].value;
    }
    return NULL;
}

bool call_number(const struct call *call, const char *name, uint64_t max, uint64_t fallback,
                 uint64_t *out)
{
    const char *text = call_option(call, name);

    *out = fallback;
    if (!text || str_to_u64(str_from(text), max, out))
        return true;
    call_fail(call, EX_USAGE, "--%s %s: a number up to %llu is expected", name, text,
              (unsigned long long)max);
    return false;
}

// ---- telling

void call_put_name(const struct call *call, struct buf *out)
{
    for (size_t i = 0; i < call->depth; i++) {
        buf_put(out, i ? STR(" ") : STR(""));
        buf_put(out, str_from(call->path[i]->name));
    }
}

int call_fail(const struct call *call, int code, const char *format, ...)
{
    CLEANUP(buf_drop) struct buf text = {0};
    CLEANUP(buf_drop) struct buf name = {0};
    va_list args;

    buf_init(&text, 64 * 1024);
    buf_init(&name, 256);
    va_start(args, format);
    buf_vputf(&text, format, args);
    va_end(args);
    while (text.len && text.ptr[text.len - 1] == '\n')
        text.len--;
    call_put_name(call, &name);
    if (call->json)
        call_print_json(
            json_pack("{s:s#, s:i}", "error", buf_str(&text).ptr, (int)text.len, "exit", code));
    else
        fprintf(stderr, "%s: %s\n", buf_cstr(&name), buf_cstr(&text));
    return code;
}

int call_print_json(json_t *object)
{
    size_t flags = JSON_INDENT(2) | JSON_PRESERVE_ORDER;

    if (!object || json_dumpf(object, stdout, flags) < 0)
        return EX_IOERR;
    putchar('\n');
    json_decref(object);
    return EX_OK;
}

struct str command_nearest(struct str word, const char *(*next)(const void *arg, size_t at),
                           const void *arg)
{
    struct str nearest = STR_NONE;
    size_t best = word.len / 3 + 2;
    const char *candidate;

    for (size_t i = 0; (candidate = next(arg, i)) != NULL; i++) {
        size_t distance = str_distance(word, str_from(candidate));

        // Half a word is as good as a misspelt one.
        if (word.len >= 3 && str_case_starts(str_from(candidate), word))
            distance = 1;
        if (distance < best) {
            best = distance;
            nearest = str_from(candidate);
        }
    }
    return nearest;
}

static const char *next_child(const void *arg, size_t at)
{
    const struct command *command = arg;

    for (size_t i = 0; i < command->child_count; i++) {
        if (!command_child(command, i)->hidden && at-- == 0)
            return command_child(command, i)->name;
    }
    return NULL;
}

static const char *next_option(const void *arg, size_t at)
{
    const struct command *command = arg;

    if (at < command->option_count)
        return command->options[at].name;
    at -= command->option_count;
    return at < command_global_count ? command_globals[at].name : NULL;
}

static int refuse_word(const struct call *call, const char *word)
{
    struct str nearest = command_nearest(str_from(word), next_child, call->command);

    if (nearest.len)
        return call_fail(call, EX_USAGE, "there is no command \"%s\"; did you mean \"%.*s\"?", word,
                         STR_ARG(nearest));
    return call_fail(call, EX_USAGE, "there is no command \"%s\"; see --help", word);
}

static int refuse_option(const struct call *call, struct str name)
{
    struct str nearest = command_nearest(name, next_option, call->command);

    if (nearest.len)
        return call_fail(call, EX_USAGE, "there is no option --%.*s; did you mean --%.*s?",
                         STR_ARG(name), STR_ARG(nearest));
    return call_fail(call, EX_USAGE, "there is no option --%.*s; see --help", STR_ARG(name));
}

// ---- taking apart

static const struct command_option *find_option(const struct command_option *options, size_t count,
                                                struct str name, char letter)
{
    for (size_t i = 0; i < count; i++) {
        if (letter ? options[i].letter == letter : str_eq(name, str_from(options[i].name)))
            return &options[i];
    }
    return NULL;
}

static const struct command_option *option_of(const struct command *command, struct str name,
                                              char letter)
{
    const struct command_option *option =
        find_option(command->options, command->option_count, name, letter);

    return option ? option : find_option(command_globals, command_global_count, name, letter);
}

/// argv[*at] is an option; eats its value too. 0 or an exit code.
static int take_option(struct call *call, int argc, char **argv, int *at)
{
    const struct command_option *option;
    struct str name = STR_NONE, rest;
    const char *value = NULL;
    char letter = 0;

    if (argv[*at][1] == '-') {
        rest = str_from(argv[*at] + 2);
        if (str_find(rest, '=') >= 0)
            value = rest.ptr + str_find(rest, '=') + 1;
        str_split(&rest, '=', &name);
    } else {
        letter = argv[*at][1];
        name = str_of(argv[*at] + 1, 1);
        if (argv[*at][2])
            value = argv[*at] + 2;
    }
    option = option_of(call->command, name, letter);
    if (!option && letter)
        return call_fail(call, EX_USAGE, "there is no option %s; see --help", argv[*at]);
    if (!option)
        return refuse_option(call, name);
    if (!option->value && value)
        return call_fail(call, EX_USAGE, "--%s takes no value", option->name);
    if (option->value && !value && ++*at >= argc)
        return call_fail(call, EX_USAGE, "--%s needs a %s", option->name, option->value);
    if (option->value && !value)
        value = argv[*at];
    if (call->option_count == COMMAND_OPTIONS_MAX)
        return call_fail(call, EX_USAGE, "more than %d options", COMMAND_OPTIONS_MAX);
    call->options[call->option_count].name = option->name;
    call->options[call->option_count++].value = value ? value : "";
    return 0;
}

/// A word that is no option: the next command of the path, or an argument. 0 or an exit code.
static int take_word(struct call *call, char *word)
{
    if (!call->command->child_count) {
        call->args[call->arg_count++] = word;
        return 0;
    }
    for (size_t i = 0; i < call->command->child_count; i++) {
        if (strcmp(command_child(call->command, i)->name, word) != 0)
            continue;
        call->command = command_child(call->command, i);
        CHECK(call->depth < sizeof call->path / sizeof call->path[0]);
        call->path[call->depth++] = call->command;
        return 0;
    }
    return refuse_word(call, word);
}

static int take_apart(struct call *call, int argc, char **argv)
{
    bool only_words = false;

    for (int i = 1; i < argc; i++) {
        int r;

        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
            continue;
        }
        if (call->depth == 1 && (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0))
            r = take_word(call, (char *)"version");
        else if (!only_words && argv[i][0] == '-' && argv[i][1])
            r = take_option(call, argc, argv, &i);
        else
            r = take_word(call, argv[i]);
        if (r)
            return r;
    }
    return 0;
}

static int check_count(const struct call *call)
{
    const struct command *command = call->command;

    if (call->arg_count < command->args_min)
        return call_fail(call, EX_USAGE, "%s is missing; see --help", command->args);
    if (call->arg_count > command->args_max)
        return call_fail(call, EX_USAGE, "\"%s\" is too much; see --help",
                         call->args[command->args_max]);
    return 0;
}

static int run(struct call *call)
{
    CLEANUP(buf_drop) struct buf page = {0};
    int r;

    if (call_has(call, "help") || call->command->child_count) {
        bool asked = call_has(call, "help") || call->depth == 1;

        buf_init(&page, 1 << 20);
        command_put_help(call, &page);
        fputs(buf_cstr(&page), asked ? stdout : stderr);
        return asked ? EX_OK : EX_USAGE;
    }
    r = check_count(call);
    if (r == 0)
        r = call->command->run(call);
    if (fflush(stdout) != 0 && r == 0)
        r = EX_IOERR;
    return r;
}

int command_main(int argc, char **argv)
{
    CLEANUP(free_drop) char **words = calloc((size_t)argc + 1, sizeof *words);
    struct call call = {
        .path = {&command_root}, .depth = 1, .command = &command_root, .args = words};
    int r;

    CHECK(words);
    // Known before anything can go wrong, so that errors take the right form.
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        call.json = call.json || strcmp(argv[i], "--json") == 0;
    // `carteiro help account add` is `carteiro account add --help`.
    if (argc > 1 && strcmp(argv[1], "help") == 0) {
        call.options[call.option_count].name = "help";
        call.options[call.option_count++].value = "";
        argv++;
        argc--;
    }
    r = take_apart(&call, argc, argv);
    return r ? r : run(&call);
}
