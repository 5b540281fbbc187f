// SPDX-License-Identifier: ISC
//
// carteiro mailbox: the mailboxes of an account.
#include "app/ask.h"
#include "app/commands.h"

static const struct table_column columns[] = {
    {"MAILBOX", "name", TABLE_TEXT},    {"MESSAGES", "messages", TABLE_NUMBER},
    {"UNSEEN", "unseen", TABLE_NUMBER}, {"SIZE", "bytes", TABLE_BYTES},
    {"USE", "special_use", TABLE_LIST},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static json_t *request_of(const struct call *call, const char *op)
{
    json_t *request = json_pack("{s:s, s:s}", "op", op, "address", call->args[0]);

    if (call->arg_count > 1)
        json_object_set_new(request, "name", json_string(call->args[1]));
    if (call->arg_count > 2)
        json_object_set_new(request, "new_name", json_string(call->args[2]));
    if (call_has(call, "special-use"))
        json_object_set_new(request, "special_use", json_string(call_option(call, "special-use")));
    return request;
}

static int run_list(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "mailbox.list"), &result);

    return r == EX_OK ? command_rows(call, result, "mailboxes", columns, COLUMNS, "None.") : r;
}

static int run_show(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "mailbox.show"), &result);

    return r == EX_OK ? command_one(call, result, "mailbox", columns, COLUMNS) : r;
}

static int run_create(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "mailbox.create"), &result);

    return r == EX_OK ? command_done(call, result, "mailbox", "%s was made.", call->args[1]) : r;
}

static int run_remove(struct call *call)
{
    json_t *result;
    int r = command_confirm(call, "Remove %s of %s with the mail in it for ever?", call->args[1],
                            call->args[0]);

    if (r != EX_OK)
        return r;
    r = ask(call, request_of(call, "mailbox.remove"), &result);
    return r == EX_OK ? command_done(call, result, NULL, "%s was removed.", call->args[1]) : r;
}

static int run_rename(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "mailbox.rename"), &result);

    return r == EX_OK ? command_done(call, result, NULL, "%s is now called %s.", call->args[1],
                                     call->args[2])
                      : r;
}

// ---- looking for a text

static const struct table_column hit_columns[] = {
    {"MAILBOX", "mailbox", TABLE_TEXT}, {"UID", "uid", TABLE_NUMBER},
    {"DATE", "date", TABLE_TIME},       {"FROM", "from", TABLE_TEXT},
    {"SUBJECT", "subject", TABLE_TEXT},
};
enum { HIT_COLUMNS = sizeof hit_columns / sizeof hit_columns[0] };

/// Which field it is to stand in; NULL: none in particular. False: one too many.
static bool field_of(const struct call *call, const char **out)
{
    static const char *const places[] = {"from", "to", "cc", "subject", "header", "body"};
    const char *first = NULL;

    *out = NULL;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (!call_has(call, places[i]))
            continue;
        if (first) {
            call_fail(call, EX_USAGE, "--%s and --%s exclude each other", first, places[i]);
            return false;
        }
        first = places[i];
    }
    if (first && strcmp(first, "body") != 0)
        *out = strcmp(first, "header") == 0 ? call_option(call, "header") : first;
    return true;
}

static int run_search(struct call *call)
{
    json_t *request = json_pack("{s:s, s:s, s:s}", "op", "mailbox.search", "address", call->args[0],
                                "text", call->args[call->arg_count - 1]);
    const char *field;
    uint64_t limit;
    json_t *result;
    bool has_more;
    int r;

    if (!field_of(call, &field) || !call_number(call, "limit", 1000, 100, &limit)) {
        json_decref(request);
        return EX_USAGE;
    }
    json_object_set_new(request, "limit", json_integer((json_int_t)limit));
    if (call->arg_count > 2)
        json_object_set_new(request, "name", json_string(call->args[1]));
    if (field)
        json_object_set_new(request, "field", json_string(field));
    if (call_has(call, "body"))
        json_object_set_new(request, "where", json_string("body"));
    r = ask(call, request, &result);
    if (r != EX_OK)
        return r;
    if (call->json)
        return call_print_json(result);
    has_more = json_is_true(json_object_get(result, "more"));
    r = command_rows(call, result, "messages", hit_columns, HIT_COLUMNS, "No message has it.");
    if (has_more)
        puts("There are more; --limit shows up to 1000.");
    return r;
}

static const struct table_column index_columns[] = {
    {"Mailboxes followed", "mailboxes", TABLE_NUMBER},
    {"Messages in it", "messages", TABLE_NUMBER},
    {"Waiting", "waiting", TABLE_NUMBER},
    {"Always read", "unindexed", TABLE_NUMBER},
    {"Size", "bytes", TABLE_BYTES},
};
enum { INDEX_COLUMNS = sizeof index_columns / sizeof index_columns[0] };

static int run_index(struct call *call)
{
    json_t *result;
    int r = ask(call, request_of(call, "mailbox.index"), &result);

    return r == EX_OK ? command_one(call, result, "index", index_columns, INDEX_COLUMNS) : r;
}

static int run_reindex(struct call *call)
{
    json_t *request = request_of(call, "mailbox.reindex"), *result;
    int r;

    json_object_set_new(request, "wait", json_boolean(call_has(call, "wait")));
    r = ask(call, request, &result);
    return r == EX_OK ? command_one(call, result, "index", index_columns, INDEX_COLUMNS) : r;
}

static const struct command_option search_options[] = {
    {"body", 0, NULL, "Only in the texts of the body"},
    {"from", 0, NULL, "Only in the field From"},
    {"to", 0, NULL, "Only in the field To"},
    {"cc", 0, NULL, "Only in the field Cc"},
    {"subject", 0, NULL, "Only in the subject"},
    {"header", 0, "FIELD", "Only in that field of the header"},
    {"limit", 0, "N", "So many messages at most, up to 1000 (100)"},
};
static const struct command_option reindex_options[] = {
    {"wait", 0, NULL, "Until it is filled"},
};
// ---- sharing

static const struct table_column share_columns[] = {
    {"WHO", "who", TABLE_TEXT},
    {"RIGHTS", "rights", TABLE_TEXT},
};

static int run_sharing(struct call *call, const char *op)
{
    json_t *request =
        json_pack("{s:s, s:s, s:s}", "op", op, "address", call->args[0], "name", call->args[1]);
    json_t *result;
    int r;

    if (call->arg_count > 2)
        json_object_set_new(request, "who", json_string(call->args[2]));
    if (call->arg_count > 3)
        json_object_set_new(request, "rights", json_string(call->args[3]));
    r = ask(call, request, &result);
    return r == EX_OK ? command_rows(call, result, "shares", share_columns, 2, "Its owner's alone.")
                      : r;
}

static int run_share(struct call *call)
{
    return run_sharing(call, "mailbox.share");
}

static int run_shares(struct call *call)
{
    return run_sharing(call, "mailbox.shares");
}

static int run_unshare(struct call *call)
{
    return run_sharing(call, "mailbox.unshare");
}

static const struct command_option create_options[] = {
    {"special-use", 0, "USE", "all, archive, drafts, flagged, junk, sent or trash (RFC 6154)"},
};
static const struct command_option remove_options[] = {COMMAND_YES};

// clang-format off
static const struct command children[] = {
    {.name = "list", .summary = "All mailboxes of an account", .args = "ADDRESS", .args_min = 1,
     .args_max = 1, .run = run_list, .examples = "carteiro mailbox list ana@example.org"},
    {.name = "show", .summary = "One mailbox", .args = "ADDRESS MAILBOX", .args_min = 2,
     .args_max = 2, .run = run_show, .examples = "carteiro mailbox show ana@example.org INBOX"},
    {.name = "create", .summary = "Make a mailbox", .args = "ADDRESS MAILBOX", .args_min = 2,
     .args_max = 2, COMMAND_OPTIONS(create_options), .run = run_create,
     .examples = "carteiro mailbox create ana@example.org Projects\n"
                "carteiro mailbox create ana@example.org Projects/2026"},
    {.name = "remove", .summary = "Remove a mailbox and the mail in it", .args = "ADDRESS MAILBOX",
     .args_min = 2, .args_max = 2, COMMAND_OPTIONS(remove_options), .run = run_remove,
     .examples = "carteiro mailbox remove ana@example.org Projects/2026 --yes"},
    {.name = "rename", .summary = "Rename a mailbox and those below it",
     .args = "ADDRESS MAILBOX NEW-NAME", .args_min = 3, .args_max = 3, .run = run_rename,
     .examples = "carteiro mailbox rename ana@example.org Projects Old/Projects"},
    {.name = "share", .summary = "Let somebody else use a mailbox",
     .help = "WHO is an account, or \"anyone\": every account in the owner's domain. A \"-\" in front "
             "takes those rights away from whoever else gives them. RIGHTS replace what was given "
             "before: l see it, r read, s mark as read, w set other flags, i put mail in, k make "
             "mailboxes below it, x remove it, t mark as deleted, e expunge, a share it on "
             "(RFC 4314). It appears as \"Other Users/ADDRESS/MAILBOX\"; \\Seen and all flags are "
             "shared, and what is put in counts for the owner's quota.",
     .args = "ADDRESS MAILBOX WHO RIGHTS", .args_min = 4, .args_max = 4, .run = run_share,
     .examples = "carteiro mailbox share ana@example.org Projects bruno@example.org lrs\n"
                 "carteiro mailbox share ana@example.org Projects anyone lr"},
    {.name = "shares", .summary = "Who else may do what with a mailbox", .args = "ADDRESS MAILBOX",
     .args_min = 2, .args_max = 2, .run = run_shares,
     .examples = "carteiro mailbox shares ana@example.org Projects"},
    {.name = "unshare", .summary = "Take back what somebody was given",
     .args = "ADDRESS MAILBOX WHO", .args_min = 3, .args_max = 3, .run = run_unshare,
     .examples = "carteiro mailbox unshare ana@example.org Projects bruno@example.org"},
    {.name = "search", .summary = "Find messages that have a text",
     .args = "ADDRESS [MAILBOX] TEXT", .args_min = 2, .args_max = 3,
     COMMAND_OPTIONS(search_options), .run = run_search,
     .help = "In one mailbox or in all of them, the newest of each first. A text is found wherever "
             "it stands, also within words; case does not matter. What it finds is what IMAP SEARCH "
             "finds.",
     .examples = "carteiro mailbox search ana@example.org invoice\n"
                "carteiro mailbox search ana@example.org INBOX --from bruno@\n"
                "carteiro mailbox search ana@example.org --header List-Id announce --json"},
    {.name = "index", .summary = "How far the full-text index of an account is",
     .args = "ADDRESS", .args_min = 1, .args_max = 1, .run = run_index,
     .examples = "carteiro mailbox index ana@example.org"},
    {.name = "reindex", .summary = "Make the full-text index of an account anew",
     .args = "ADDRESS", .args_min = 1, .args_max = 1, COMMAND_OPTIONS(reindex_options),
     .run = run_reindex,
     .help = "All mailboxes of the account are in it from then on. Searches give the same answers "
             "meanwhile, only more slowly.",
     .examples = "carteiro mailbox reindex ana@example.org --wait"},
};
// clang-format on

const struct command command_mailbox = {
    .name = "mailbox",
    .summary = "The mailboxes of an account",
    .help = "Levels of a name are apart by a slash.",
    COMMAND_CHILDREN(children),
    .examples = "carteiro mailbox list ana@example.org",
};
