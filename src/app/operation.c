// SPDX-License-Identifier: ISC
#include "app/operation.h"

#include "base/check.h"
#include "proto/imap/mailbox_name.h"

#include <errno.h>

enum { ARENA_MAX = 256 << 20 };

struct entry {
    const char *name;
    int (*run)(struct operation *op);
};

/// Those that go on talking on the connection that asked.
static const struct entry talks[] = {
    {"import", operate_import},
    {"export", operate_export},
};

static const struct entry operations[] = {
    {"account.add", operate_account_add},
    {"account.set", operate_account_set},
    {"account.list", operate_account_list},
    {"account.show", operate_account_show},
    {"account.remove", operate_account_remove},
    {"account.delegate", operate_account_delegate},
    {"account.undelegate", operate_account_undelegate},
    {"app-password.add", operate_app_password_add},
    {"app-password.remove", operate_app_password_remove},
    {"domain.add", operate_domain_add},
    {"domain.set", operate_domain_set},
    {"domain.list", operate_domain_list},
    {"domain.show", operate_domain_show},
    {"domain.remove", operate_domain_remove},
    {"alias.add", operate_alias_add},
    {"alias.set", operate_alias_set},
    {"alias.list", operate_alias_list},
    {"alias.show", operate_alias_show},
    {"alias.remove", operate_alias_remove},
    {"mailbox.list", operate_mailbox_list},
    {"mailbox.show", operate_mailbox_show},
    {"mailbox.create", operate_mailbox_create},
    {"mailbox.remove", operate_mailbox_remove},
    {"mailbox.rename", operate_mailbox_rename},
    {"mailbox.share", operate_mailbox_share},
    {"mailbox.shares", operate_mailbox_shares},
    {"mailbox.unshare", operate_mailbox_unshare},
    {"mailbox.search", operate_mailbox_search},
    {"mailbox.index", operate_mailbox_index},
    {"mailbox.reindex", operate_mailbox_reindex},
    {"status", operate_status},
    {"reload", operate_reload},
    {"backup", operate_backup},
    {"trace", operate_trace},
    {"queue.list", operate_queue_list},
    {"queue.summary", operate_queue_summary},
    {"queue.do", operate_queue_do},
    {"suppress.list", operate_suppress_list},
    {"suppress.remove", operate_suppress_remove},
    {"dns.route", operate_dns_route},
    {"dns.check", operate_dns_check},
    {"dns.report", operate_dns_report},
};

static const struct entry *find(struct str name, const struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(name, str_from(entries[i].name)))
            return &entries[i];
    return NULL;
}
#define FIND(name, table) find((name), (table), sizeof(table) / sizeof((table)[0]))

int operation_run(struct site *site, struct rt_conn *conn, json_t *request, json_t *result,
                  struct buf *why, void (*progress)(void *arg, uint64_t done, uint64_t total),
                  void *progress_arg)
{
    struct operation op = {.site = site,
                           .conn = conn,
                           .request = request,
                           .result = result,
                           .why = why,
                           .progress = progress,
                           .progress_arg = progress_arg};
    struct str name = operation_text(&op, "op");
    const struct entry *entry = FIND(name, operations);
    int code;

    if (!entry && conn)
        entry = FIND(name, talks);
    if (!entry) {
        buf_putf(why, "this server does not know \"%.*s\"; is it older than the command?",
                 STR_ARG(name));
        return EX_UNAVAILABLE;
    }
    arena_init(&op.arena, ARENA_MAX);
    code = entry->run(&op);
    arena_done(&op.arena);
    return code;
}

bool operation_is_talk(const json_t *request)
{
    return FIND(str_from(json_string_value(json_object_get(request, "op"))), talks) != NULL;
}

struct str operation_text(const struct operation *op, const char *name)
{
    const json_t *value = json_object_get(op->request, name);

    if (!json_is_string(value))
        return STR_NONE;
    return str_of(json_string_value(value), json_string_length(value));
}

struct str operation_mailbox_name(struct operation *op, const char *name)
{
    struct str text = operation_text(op, name);

    if (str_case_eq(text, STR("inbox")))
        return STR("INBOX");
    return text.ptr ? imap_name_normalise(text, &op->arena) : text;
}

bool operation_number(const struct operation *op, const char *name, uint64_t *out)
{
    const json_t *value = json_object_get(op->request, name);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

uint64_t operation_hex(const struct operation *op, const char *name)
{
    struct str text = operation_text(op, name);
    uint64_t value = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (i == 16 || char_hex(text.ptr[i]) < 0)
            return 0;
        value = value << 4 | (uint64_t)char_hex(text.ptr[i]);
    }
    return value;
}

bool operation_bool(const struct operation *op, const char *name, bool *out)
{
    const json_t *value = json_object_get(op->request, name);

    if (!json_is_boolean(value))
        return false;
    *out = json_is_true(value);
    return true;
}

struct str *operation_list(struct operation *op, const char *name, size_t *count)
{
    const json_t *list = json_object_get(op->request, name);
    size_t size = json_array_size(list);
    struct str *out = ARENA_ARRAY(&op->arena, struct str, size ? size : 1);

    *count = 0;
    for (size_t i = 0; i < size; i++) {
        const json_t *item = json_array_get(list, i);

        if (json_is_string(item))
            out[(*count)++] = str_of(json_string_value(item), json_string_length(item));
    }
    return out;
}

json_t *operation_json(struct str text)
{
    json_t *value = json_stringn(text.ptr ? text.ptr : "", text.len);

    // Not UTF-8: cannot come from our own tables, but must not become a missing member.
    return value ? value : json_string("?");
}

void operation_put(struct operation *op, const char *name, json_t *value)
{
    CHECK(json_object_set_new(op->result, name, value) == 0);
}

int operation_account_answer(struct operation *op, int answer)
{
    static const struct {
        int code;
        const char *text; // when the room gave no sentence
    } answers[] = {
        [ACCOUNT_OK] = {EX_OK, ""},
        [ACCOUNT_NOT_FOUND] = {EX_NOUSER, "it does not exist"},
        [ACCOUNT_EXISTS] = {EX_CANTCREAT, "it exists already"},
        [ACCOUNT_INVALID] = {EX_DATAERR, "this value cannot be"},
        [ACCOUNT_IN_USE] = {EX_DATAERR, "it is still in use"},
        [ACCOUNT_LIMIT] = {EX_DATAERR, "too many"},
        [ACCOUNT_CONFLICT] = {EX_TEMPFAIL, "somebody else changed it just now; try again"},
    };

    if (answer < 0) {
        if (op->why->len == 0)
            buf_put(op->why, str_from(strerror(-answer)));
        return answer == -ETIMEDOUT || answer == -ECANCELED ? EX_TEMPFAIL : EX_IOERR;
    }
    CHECK((size_t)answer < sizeof answers / sizeof answers[0]);
    if (op->why->len == 0)
        buf_put(op->why, str_from(answers[answer].text));
    return answers[answer].code;
}
