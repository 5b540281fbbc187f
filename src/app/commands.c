// SPDX-License-Identifier: ISC
#include "app/commands.h"

#include "base/cleanup.h"
#include "os/terminal.h"

enum { PAGE_MAX = 256 << 20 };

int command_confirm(const struct call *call, const char *format, ...)
{
    CLEANUP(buf_drop) struct buf prompt = {0};
    CLEANUP(buf_drop) struct buf typed = {0};
    va_list args;

    if (call_has(call, "yes"))
        return EX_OK;
    buf_init(&prompt, 1024);
    buf_init(&typed, 64);
    va_start(args, format);
    buf_vputf(&prompt, format, args);
    va_end(args);
    buf_put(&prompt, STR(" [y/N] "));
    if (os_line_ask(buf_cstr(&prompt), &typed) < 0)
        return call_fail(call, EX_USAGE, "nobody is there to confirm it; give --yes");
    if (str_case_eq(buf_str(&typed), STR("y")) || str_case_eq(buf_str(&typed), STR("yes")))
        return EX_OK;
    return call_fail(call, EX_USAGE, "nothing was changed");
}

static int print_member(json_t *result, const char *member)
{
    json_t *part = member ? json_object_get(result, member) : NULL;

    if (!part)
        return call_print_json(result);
    json_incref(part);
    json_decref(result);
    return call_print_json(part);
}

int command_done(const struct call *call, json_t *result, const char *member, const char *format,
                 ...)
{
    va_list args;

    if (call->json)
        return print_member(result, member);
    json_decref(result);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    return EX_OK;
}

static int print_page(const struct buf *page, json_t *result)
{
    fwrite(buf_str(page).ptr, 1, page->len, stdout);
    json_decref(result);
    return EX_OK;
}

int command_rows(const struct call *call, json_t *result, const char *member,
                 const struct table_column *columns, size_t count, const char *nothing)
{
    CLEANUP(buf_drop) struct buf page = {0};

    if (call->json)
        return print_member(result, member);
    buf_init(&page, PAGE_MAX);
    table_put(&page, json_object_get(result, member), columns, count, nothing);
    return print_page(&page, result);
}

int command_one(const struct call *call, json_t *result, const char *member,
                const struct table_column *columns, size_t count)
{
    CLEANUP(buf_drop) struct buf page = {0};

    if (call->json)
        return print_member(result, member);
    buf_init(&page, PAGE_MAX);
    table_put_one(&page, json_object_get(result, member), columns, count);
    return print_page(&page, result);
}

// ---- the table

static const struct command *const all[] = {
    &command_serve,   &command_init,    &command_check,    &command_status, &command_reload,
    &command_account, &command_domain,  &command_alias,    &command_list,   &command_mailbox,
    &command_import,  &command_export,  &command_send,     &command_backup, &command_restore,
    &command_fsck,    &command_queue,   &command_suppress, &command_trace,  &command_dns,
    &command_man,     &command_version,
};

const struct command command_root = {
    .name = "carteiro",
    .summary = "Carteiro, a complete mail system",
    .help =
        "Takes mail in by SMTP, keeps it safe, finds the way and sends it on, and lets it be read "
        "by "
        "IMAP and POP3. Begin with `carteiro init`, look with `carteiro check` and `carteiro dns "
        "check`, start with `carteiro serve`; what became of a mail tells `carteiro trace`. Each "
        "command explains itself with --help.",
    .listed = all,
    .child_count = sizeof all / sizeof all[0],
    .examples = "carteiro init --domain example.org --account ana\n"
                "carteiro serve\n"
                "carteiro account add bruno@example.org\n"
                "carteiro send --server mail.example.org --user ana@example.org \\\n"
                "    --to bruno@example.org --subject Hello --body \"How are you?\"",
};
