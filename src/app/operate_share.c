// SPDX-License-Identifier: ISC
//
// Who may do what with a mailbox, for the command line (access/access.h).
#include "base/cleanup.h"

#include "app/operation.h"

#include <errno.h>

struct target {
    struct store_mailbox mailbox;
    struct access_entry who;
};

static int fail(struct operation *op, int code, const char *format, struct str what)
{
    buf_putf(op->why, format, STR_ARG(what));
    return code;
}

static int find_mailbox(struct operation *op, struct store_mailbox *out)
{
    struct str address = operation_text(op, "address"), name = operation_mailbox_name(op, "name");
    uint64_t account_id = account_id_of(op->site->accounts, address);
    int r;

    if (!account_id)
        return fail(op, EX_NOUSER, "there is no account %.*s", address);
    r = store_mailbox_by_name(op->site->store, account_id, name, out);
    if (r == STORE_NOT_FOUND)
        return fail(op, EX_NOUSER, "there is no mailbox \"%.*s\"", name);
    return r == 0 ? EX_OK : fail(op, EX_IOERR, "%.*s", str_from(strerror(-r)));
}

static int find(struct operation *op, struct target *out)
{
    struct str who = operation_text(op, "who");
    int code = find_mailbox(op, &out->mailbox);

    if (code != EX_OK)
        return code;
    if (!access_entry_parse(op->site->access, who, &out->who))
        return fail(op, EX_NOUSER, "there is no account %.*s, nor is it \"anyone\"", who);
    if (out->who.account_id == out->mailbox.account_id)
        return fail(op, EX_DATAERR, "%.*s is the owner and has every right", who);
    return EX_OK;
}

static int put_shares(struct operation *op, const struct store_mailbox *mailbox)
{
    struct access_entry *entries;
    json_t *list = json_array();
    size_t count;

    access_list_get(op->site->access, mailbox->id, &op->arena, &entries, &count);
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf_drop) struct buf who = {.max = ACCOUNT_ADDRESS_MAX + 1};
        CLEANUP(buf_drop) struct buf rights = {.max = 32};

        if (!access_entry_put(op->site->access, &entries[i], &who))
            continue; // of an account that is gone
        access_rights_put(entries[i].rights, &rights);
        json_array_append_new(list, json_pack("{s:o, s:o}", "who", operation_json(buf_str(&who)),
                                              "rights", operation_json(buf_str(&rights))));
    }
    operation_put(op, "shares", list);
    return EX_OK;
}

static int set(struct operation *op, const struct target *target, unsigned rights)
{
    int r = access_set(op->site->access, &target->mailbox, &target->who, ACCESS_REPLACE, rights);

    if (r == STORE_LIMIT)
        return fail(op, EX_DATAERR, "%.*s has too many shares already",
                    str_from(target->mailbox.name));
    if (r < 0)
        return fail(op, EX_IOERR, "%.*s", str_from(strerror(-r)));
    if (r != 0)
        return fail(op, EX_TEMPFAIL, "%.*s was changed in the same moment; try again",
                    str_from(target->mailbox.name));
    return put_shares(op, &target->mailbox);
}

int operate_mailbox_share(struct operation *op)
{
    struct str letters = operation_text(op, "rights");
    struct target target;
    unsigned rights;
    int code = find(op, &target);

    if (code != EX_OK)
        return code;
    if (!access_rights_parse(letters, &rights) || !rights)
        return fail(op, EX_DATAERR, "\"%.*s\": rights are letters of lrswipkxtea, see --help",
                    letters);
    return set(op, &target, rights);
}

int operate_mailbox_unshare(struct operation *op)
{
    struct target target;
    int code = find(op, &target);

    return code == EX_OK ? set(op, &target, 0) : code;
}

int operate_mailbox_shares(struct operation *op)
{
    struct store_mailbox mailbox;
    int code = find_mailbox(op, &mailbox);

    return code == EX_OK ? put_shares(op, &mailbox) : code;
}
