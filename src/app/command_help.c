// SPDX-License-Identifier: ISC
//
// What the table of commands says to people: the pages of --help and the manual page.
#include "base/cleanup.h"

#include "app/command.h"

enum { WIDTH = 78, COLUMN = 26 };

/// Words, filled into lines that begin at `indent`; the first line has been begun at `at`.
static void put_wrapped(struct buf *out, const char *text, size_t indent, size_t at)
{
    struct str rest = str_from(text), word;
    bool first = true;

    while (str_split(&rest, ' ', &word)) {
        if (!first && at + 1 + word.len > WIDTH) {
            buf_putf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!first) {
            buf_put_char(out, ' ');
            at++;
        }
        buf_put(out, word);
        at += word.len;
        first = false;
    }
    buf_put_char(out, '\n');
}

static void put_row(struct buf *out, struct str left, const char *right)
{
    size_t at = 2 + left.len;

    buf_putf(out, "  %.*s", STR_ARG(left));
    if (at + 2 > COLUMN) {
        buf_put_char(out, '\n');
        at = 0;
    }
    buf_putf(out, "%*s", (int)(COLUMN - at), "");
    put_wrapped(out, right, COLUMN, COLUMN);
}

static void put_option_name(struct buf *out, const struct command_option *option)
{
    if (option->letter)
        buf_putf(out, "-%c, ", option->letter);
    buf_putf(out, "--%s", option->name);
    if (option->value)
        buf_putf(out, " %s", option->value);
}

static void put_options(struct buf *out, const struct command_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_drop) struct buf left = {0};

        buf_init(&left, 256);
        put_option_name(&left, &options[i]);
        put_row(out, buf_str(&left), options[i].help);
    }
}

static void put_paragraphs(struct buf *out, const char *text)
{
    struct str rest = str_from(text), line;

    while (str_split(&rest, '\n', &line)) {
        CLEANUP(buf_drop) struct buf copy = {0};

        buf_init(&copy, 4096);
        buf_put(&copy, line);
        // Lines that begin with a blank are tables: kept as they are.
        if (line.len && line.ptr[0] == ' ')
            buf_putf(out, "%.*s\n", STR_ARG(line));
        else
            put_wrapped(out, buf_cstr(&copy), 0, 0);
    }
}

static void put_usage(struct buf *out, const struct call *call)
{
    const struct command *command = call->command;

    call_put_name(call, out);
    if (command->child_count)
        buf_put(out, STR(" COMMAND"));
    if (command->args) {
        buf_put_char(out, ' ');
        buf_put(out, str_from(command->args));
    }
    if (command->option_count || command->child_count)
        buf_put(out, STR(" [OPTION...]"));
}

void command_put_help(const struct call *call, struct buf *out)
{
    const struct command *command = call->command;

    buf_putf(out, "%s\n\nUsage: ", command->summary);
    put_usage(out, call);
    buf_put_char(out, '\n');
    if (command->help) {
        buf_put_char(out, '\n');
        put_paragraphs(out, command->help);
    }
    if (command->child_count)
        buf_put(out, STR("\nCommands:\n"));
    for (size_t i = 0; i < command->child_count; i++) {
        if (!command_child(command, i)->hidden)
            put_row(out, str_from(command_child(command, i)->name),
                    command_child(command, i)->summary);
    }
    buf_put(out, STR("\nOptions:\n"));
    put_options(out, command->options, command->option_count);
    put_options(out, command_globals, command_global_count);
    if (command->examples) {
        struct str rest = str_from(command->examples), line;

        buf_put(out, STR("\nExamples:\n"));
        while (str_split(&rest, '\n', &line))
            buf_putf(out, "  %.*s\n", STR_ARG(line));
    }
}

// ---- man(7)

/// Text of a table as roff: backslashes, hyphens and leading dots would mean something.
static void put_roff(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool line_start = i == 0 || text.ptr[i - 1] == '\n';

        if (line_start && (text.ptr[i] == '.' || text.ptr[i] == '\''))
            buf_put(out, STR("\\&"));
        if (text.ptr[i] == '\\')
            buf_put(out, STR("\\e"));
        else if (text.ptr[i] == '-')
            buf_put(out, STR("\\-"));
        else
            buf_put_char(out, text.ptr[i]);
    }
}

static void put_manual_options(struct buf *out, const struct command_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_drop) struct buf name = {0};

        buf_init(&name, 256);
        put_option_name(&name, &options[i]);
        buf_put(out, STR(".TP\n.B "));
        put_roff(out, buf_str(&name));
        buf_put_char(out, '\n');
        put_roff(out, str_from(options[i].help));
        buf_put_char(out, '\n');
    }
}

static void put_manual_text(struct buf *out, const char *text)
{
    struct str rest = str_from(text), line;

    while (str_split(&rest, '\n', &line)) {
        if (line.len == 0)
            buf_put(out, STR(".PP\n"));
        else if (line.ptr[0] == ' ')
            buf_put(out, STR(".br\n"));
        put_roff(out, str_trim(line));
        buf_put(out, line.len ? STR("\n") : STR(""));
    }
}

static void put_manual_command(struct buf *out, struct call *call)
{
    const struct command *command = call->command;
    CLEANUP(buf_drop) struct buf usage = {0};

    buf_init(&usage, 512);
    put_usage(&usage, call);
    buf_put(out, STR(".SS "));
    put_roff(out, buf_str(&usage));
    buf_put_char(out, '\n');
    put_roff(out, str_from(command->summary));
    buf_put(out, STR(".\n"));
    if (command->help) {
        buf_put(out, STR(".PP\n"));
        put_manual_text(out, command->help);
    }
    put_manual_options(out, command->options, command->option_count);
    if (command->examples) {
        buf_put(out, STR(".PP\n.EX\n"));
        put_roff(out, str_from(command->examples));
        buf_put(out, STR("\n.EE\n"));
    }
    for (size_t i = 0; i < command->child_count; i++) {
        if (command_child(command, i)->hidden)
            continue;
        call->command = call->path[call->depth++] = command_child(command, i);
        put_manual_command(out, call);
        call->depth--;
        call->command = command;
    }
}

static const char files_and_codes[] =
    ".SH FILES\n"
    ".TP\n.I /etc/carteiro/carteiro.conf\n"
    "The configuration, when neither \\-\\-config nor CARTEIRO_CONFIG names another.\n"
    ".TP\n.I DATA/control.sock\nHow the commands reach the running server.\n"
    ".TP\n.I DATA/ports\nThe ports on which the running server listens, NAME=NUMBER.\n"
    ".TP\n.I carteiro.service\nThe systemd unit: systemctl enable \\-\\-now carteiro. Its user is "
    "made "
    "with: adduser \\-\\-system \\-\\-group carteiro\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B CARTEIRO_CONFIG\nThe configuration file.\n"
    ".TP\n.B CARTEIRO_PASSWORD\nA password for the commands that need one.\n"
    ".SH EXIT STATUS\n"
    "Those of sysexits.h: 0 all is well; 64 the command line is wrong; 65 a value is wrong; 66 an "
    "input is missing; 67 there is no such address; 69 the other side is not there or refused; 73 "
    "it exists already or cannot be made; 74 trouble with a disk or a connection; 75 try again "
    "later; 77 not allowed; 78 the configuration is wrong.\n"
    ".SH NOTES\n"
    "The server serves from inside a sandbox; see the settings sandbox and backup in\n"
    ".BR carteiro.conf (5).\n"
    ".PP\n"
    "The mutt of Debian chooses SCRAM\\-SHA\\-256\\-PLUS for SMTP and cannot do it; it needs\n"
    ".PP\n.EX\nset smtp_authenticators=\"scram\\-sha\\-256:plain\"\n.EE\n"
    ".PP\n"
    "A lost index is made anew by fsck \\-\\-rebuild, but without accounts, aliases, lists, flags "
    "and moves, with mail that had been deleted, and no account can be given that mail again. Make "
    "backups.\n"
    ".SH SEE ALSO\n.BR carteiro.conf (5)\n";

void command_put_manual(struct buf *out)
{
    struct call call = {.path = {&command_root}, .depth = 1, .command = &command_root};

    buf_put(out, STR(".TH CARTEIRO 1 \"\" \"carteiro " CARTEIRO_VERSION "\"\n.SH NAME\n"
                     "carteiro \\- a complete mail system\n"
                     ".SH SYNOPSIS\n.B carteiro\nCOMMAND [OPTION...]\n.SH DESCRIPTION\n"));
    put_manual_text(out, command_root.help);
    buf_put(out, STR(".SH OPTIONS\n"));
    put_manual_options(out, command_globals, command_global_count);
    buf_put(out, STR(".SH COMMANDS\n"));
    for (size_t i = 0; i < command_root.child_count; i++) {
        if (command_child(&command_root, i)->hidden)
            continue;
        call.command = call.path[1] = command_child(&command_root, i);
        call.depth = 2;
        put_manual_command(out, &call);
    }
    buf_put(out, str_from(files_and_codes));
}
