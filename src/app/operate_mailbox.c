// SPDX-License-Identifier: ISC
//
// The mailboxes of an account, for the command line.
#include "base/cleanup.h"
#include "proto/imap/mailbox_name.h"

#include "app/operation.h"

#include <errno.h>

static const struct {
    unsigned bit;
    const char *name;
} uses[] = {
    {STORE_USE_ALL, "all"},         {STORE_USE_ARCHIVE, "archive"}, {STORE_USE_DRAFTS, "drafts"},
    {STORE_USE_FLAGGED, "flagged"}, {STORE_USE_JUNK, "junk"},       {STORE_USE_SENT, "sent"},
    {STORE_USE_TRASH, "trash"},
};

static json_t *mailbox_json(const struct store_mailbox *mailbox)
{
    json_t *special = json_array();

    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        if (mailbox->special_use & uses[i].bit)
            json_array_append_new(special, json_string(uses[i].name));
    }
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "name",
                     operation_json(str_from(mailbox->name)), "id", (json_int_t)mailbox->id,
                     "messages", (json_int_t)mailbox->message_count, "unseen",
                     (json_int_t)mailbox->unseen_count, "bytes", (json_int_t)mailbox->bytes,
                     "uidvalidity", (json_int_t)mailbox->uidvalidity, "uidnext",
                     (json_int_t)mailbox->uidnext, "special_use", special);
}

static int store_answer(struct operation *op, int answer, struct str name)
{
    switch (answer) {
    case STORE_OK:
        return EX_OK;
    case STORE_NOT_FOUND:
        buf_putf(op->why, "there is no mailbox \"%.*s\"", STR_ARG(name));
        return EX_NOUSER;
    case STORE_EXISTS:
        buf_putf(op->why, "there is a mailbox \"%.*s\" already", STR_ARG(name));
        return EX_CANTCREAT;
    case STORE_LIMIT:
        buf_putf(op->why, "\"%.*s\": too long, too deep, or too many mailboxes", STR_ARG(name));
        return EX_DATAERR;
    default:
        buf_put(op->why, str_from(answer < 0 ? strerror(-answer) : "the store refuses it"));
        return answer < 0 ? EX_IOERR : EX_DATAERR;
    }
}

/// The account's id, or 0 after saying so.
static uint64_t owner(struct operation *op)
{
    struct account_info info;
    struct str address = operation_text(op, "address");

    if (account_get(op->site->accounts, address, &op->arena, &info) == ACCOUNT_OK)
        return info.id;
    buf_putf(op->why, "there is no account %.*s", STR_ARG(address));
    return 0;
}

/// The mailbox `name` of the request; an exit code.
static int find(struct operation *op, struct store_mailbox *out)
{
    struct str name = operation_mailbox_name(op, "name");
    uint64_t account = owner(op);

    if (!account)
        return EX_NOUSER;
    return store_answer(op, store_mailbox_by_name(op->site->store, account, name, out), name);
}

int operate_mailbox_list(struct operation *op)
{
    CLEANUP(free_drop) struct store_mailbox *all = NULL;
    uint64_t account = owner(op);
    json_t *list;
    size_t count;
    int r;

    if (!account)
        return EX_NOUSER;
    r = store_mailboxes(op->site->store, account, &all, &count);
    if (r != 0)
        return store_answer(op, r, STR(""));
    list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, mailbox_json(&all[i]));
    operation_put(op, "mailboxes", list);
    return EX_OK;
}

int operate_mailbox_show(struct operation *op)
{
    struct store_mailbox mailbox;
    int code = find(op, &mailbox);

    if (code == EX_OK)
        operation_put(op, "mailbox", mailbox_json(&mailbox));
    return code;
}

static int commit(struct operation *op, struct store_change *change, struct str name)
{
    int r = store_commit(change);

    store_change_free(change);
    return store_answer(op, r, name);
}

/// A name that no client could say is not given. EX_OK, or another exit code.
static int check_name(struct operation *op, struct str name)
{
    if (access_is_of_others(name)) {
        buf_putf(op->why, "\"%.*s\": the mailboxes of others are called so", STR_ARG(name));
        return EX_DATAERR;
    }
    if (imap_name_is_valid(name))
        return EX_OK;
    buf_putf(op->why,
             "no mailbox can be called \"%.*s\": levels are apart by one slash each, with none at "
             "the ends, and there are no control characters",
             STR_ARG(name));
    return EX_DATAERR;
}

int operate_mailbox_create(struct operation *op)
{
    struct str name = operation_mailbox_name(op, "name"), use = operation_text(op, "special_use");
    struct store_change *change;
    uint64_t account = owner(op);
    unsigned bit = 0;
    int r;

    if (!account)
        return EX_NOUSER;
    for (size_t i = 0; use.ptr && i < sizeof uses / sizeof uses[0]; i++)
        bit |= str_case_eq(use, str_from(uses[i].name)) ? uses[i].bit : 0;
    if (use.ptr && !bit) {
        buf_putf(op->why,
                 "no special use \"%.*s\"; one of all, archive, drafts, flagged, junk, "
                 "sent, trash",
                 STR_ARG(use));
        return EX_DATAERR;
    }
    if (name.len == 0 || str_case_eq(name, STR("inbox"))) {
        buf_put(op->why, name.len ? STR("INBOX is always there") : STR("the name is empty"));
        return name.len ? EX_CANTCREAT : EX_DATAERR;
    }
    r = check_name(op, name);
    if (r != EX_OK)
        return r;
    r = store_change_new(op->site->store, &change);
    if (r < 0)
        return store_answer(op, r, name);
    store_change_mailbox_create(change, account, name, bit, NULL);
    store_change_subscribe(change, account, name, true);
    r = commit(op, change, name);
    return r == EX_OK ? operate_mailbox_show(op) : r;
}

int operate_mailbox_remove(struct operation *op)
{
    struct store_mailbox mailbox;
    struct store_change *change;
    int code = find(op, &mailbox), r;

    if (code != EX_OK)
        return code;
    if (strcmp(mailbox.name, "INBOX") == 0) {
        buf_put(op->why, STR("INBOX cannot be removed"));
        return EX_DATAERR;
    }
    r = store_change_new(op->site->store, &change);
    if (r < 0)
        return store_answer(op, r, STR(""));
    store_change_mailbox_delete(change, mailbox.id);
    store_change_subscribe(change, mailbox.account_id, str_from(mailbox.name), false);
    operation_put(op, "messages", json_integer((json_int_t)mailbox.message_count));
    code = commit(op, change, str_from(mailbox.name));
    if (code == EX_OK)
        access_forget(op->site->access, mailbox.id);
    return code;
}

int operate_mailbox_rename(struct operation *op)
{
    struct str name = operation_mailbox_name(op, "new_name");
    struct store_mailbox mailbox;
    struct store_change *change;
    int code = find(op, &mailbox), r;

    if (code != EX_OK)
        return code;
    if (strcmp(mailbox.name, "INBOX") == 0 || name.len == 0 || str_case_eq(name, STR("inbox"))) {
        buf_put(op->why, STR("INBOX can neither be renamed nor replaced"));
        return EX_DATAERR;
    }
    code = check_name(op, name);
    if (code != EX_OK)
        return code;
    r = store_change_new(op->site->store, &change);
    if (r < 0)
        return store_answer(op, r, name);
    store_change_mailbox_rename(change, mailbox.id, name);
    store_change_subscribe(change, mailbox.account_id, str_from(mailbox.name), false);
    store_change_subscribe(change, mailbox.account_id, name, true);
    return commit(op, change, name);
}
