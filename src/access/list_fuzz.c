// SPDX-License-Identifier: ISC
//
// Any bytes as an access control list: read or refused; what was read is written again and read as
// the same.
#include "base/check.h"

#include "access/list.h"
#include "access/rights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str document = str_of(size > 0 ? (const char *)data : "", size);
    struct access_list *list, *made, *again;

    if (access_list_parse(3, document, &list) < 0)
        return 0;
    CHECK(str_eq(list->document, document) && list->count <= ACCESS_ENTRIES_MAX);
    made = access_list_new(3, list->owner_id, list->entries, list->count);
    CHECK(access_list_parse(3, made->document, &again) == 0);
    CHECK(again->owner_id == list->owner_id && again->count == list->count);
    for (size_t i = 0; i < list->count; i++) {
        CHECK(again->entries[i].account_id == list->entries[i].account_id);
        CHECK(again->entries[i].rights == list->entries[i].rights);
        CHECK(again->entries[i].is_negative == list->entries[i].is_negative);
    }
    CHECK(!(access_list_rights(list, 9, false) & ~(unsigned)ACCESS_ALL));
    access_list_free(list);
    access_list_free(made);
    access_list_free(again);
    return 0;
}
