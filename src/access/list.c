// SPDX-License-Identifier: ISC
#include "access/list.h"

#include "base/check.h"
#include "base/cleanup.h"

#include "access/rights.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

static void json_drop(json_t **j)
{
    json_decref(*j);
}

static struct access_list *list_alloc(uint64_t mailbox_id, uint64_t owner_id, size_t count)
{
    struct access_list *list = calloc(1, sizeof(*list) + count * sizeof(list->entries[0]));

    CHECK(list);
    list->mailbox_id = mailbox_id;
    list->owner_id = owner_id;
    list->count = count;
    return list;
}

static struct str own(struct str s)
{
    char *copy = malloc(s.len + 1);

    CHECK(copy);
    memcpy(copy, s.ptr, s.len);
    return str_of(copy, s.len);
}

void access_list_free(struct access_list *list)
{
    if (!list)
        return;
    free((char *)list->document.ptr);
    free(list);
}

// ---- value to JSON

static json_t *entry_json(const struct access_entry *entry)
{
    CLEANUP(buf_drop) struct buf rights;
    json_t *object = json_object();

    buf_init(&rights, 32);
    access_rights_put(entry->rights, &rights);
    if (entry->account_id)
        json_object_set_new(object, "account", json_integer((json_int_t)entry->account_id));
    else
        json_object_set_new(object, "anyone", json_true());
    json_object_set_new(object, "rights", json_stringn(rights.ptr ? rights.ptr : "", rights.len));
    if (entry->is_negative)
        json_object_set_new(object, "negative", json_true());
    return object;
}

struct access_list *access_list_new(uint64_t mailbox_id, uint64_t owner_id,
                                    const struct access_entry *entries, size_t count)
{
    struct access_list *list = list_alloc(mailbox_id, owner_id, count);
    CLEANUP(json_drop) json_t *root = json_object();
    CLEANUP(free_drop) char *text = NULL;
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        list->entries[i] = entries[i];
        json_array_append_new(array, entry_json(&entries[i]));
    }
    json_object_set_new(root, "owner", json_integer((json_int_t)owner_id));
    json_object_set_new(root, "entries", array);
    text = json_dumps(root, JSON_COMPACT);
    CHECK(text);
    list->document = own(str_from(text));
    return list;
}

// ---- JSON to value

static bool get_id(const json_t *object, const char *key, uint64_t *out)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) <= 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool get_entry(const json_t *object, struct access_entry *out)
{
    const json_t *rights = json_object_get(object, "rights");
    struct access_entry entry = {.is_negative = json_is_true(json_object_get(object, "negative"))};

    if (!json_is_string(rights) ||
        !access_rights_parse(str_of(json_string_value(rights), json_string_length(rights)),
                             &entry.rights))
        return false;
    if (!json_is_true(json_object_get(object, "anyone")) &&
        !get_id(object, "account", &entry.account_id))
        return false;
    *out = entry;
    return true;
}

int access_list_parse(uint64_t mailbox_id, struct str document, struct access_list **out)
{
    CLEANUP(json_drop) json_t *root = json_loadb(document.ptr, document.len, 0, NULL);
    const json_t *entries = json_object_get(root, "entries");
    struct access_list *list;
    uint64_t owner_id;

    if (!get_id(root, "owner", &owner_id) || !json_is_array(entries) ||
        json_array_size(entries) > ACCESS_ENTRIES_MAX)
        return -EBADMSG;
    list = list_alloc(mailbox_id, owner_id, json_array_size(entries));
    list->document = own(document);
    for (size_t i = 0; i < list->count; i++) {
        if (!get_entry(json_array_get(entries, i), &list->entries[i])) {
            access_list_free(list);
            return -EBADMSG;
        }
    }
    *out = list;
    return 0;
}

unsigned access_list_rights(const struct access_list *list, uint64_t account_id, bool is_anyone)
{
    unsigned given = 0, taken = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct access_entry *entry = &list->entries[i];

        if (entry->account_id ? entry->account_id != account_id : !is_anyone)
            continue;
        if (entry->is_negative)
            taken |= entry->rights;
        else
            given |= entry->rights;
    }
    return given & ~taken;
}
