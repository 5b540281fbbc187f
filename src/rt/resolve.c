// SPDX-License-Identifier: ISC
#include "rt/resolve.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "rt/resolve_inside.h"

enum { NAME_WIRE_MAX = 255, WHY_MAX = 1024 };

void rt_resolver_free(struct rt_resolver *resolver)
{
    if (resolver)
        resolver->free(resolver);
}

static bool is_name(struct str name)
{
    CLEANUP(buf_drop) struct buf wire = {0};

    buf_init(&wire, NAME_WIRE_MAX);
    return dns_name_put(&wire, name);
}

int rt_resolve(struct rt_resolver *resolver, struct str name, enum dns_type type,
               struct arena *arena, struct dns_answer *out)
{
    struct rt_question question = {.type = type, .arena = arena};
    int r = rt_task_verdict();

    *out = (struct dns_answer){.status = DNS_FAILED, .why = STR("not asked")};
    if (r < 0)
        return r;
    if (!is_name(name)) { // what cannot be a name cannot exist
        *out = (struct dns_answer){.status = DNS_NO_NAME, .why = STR("this is no name")};
        return 0;
    }
    question.name = rt_answer_name(arena, name);
    out->canonical = question.name;
    if (!resolver) {
        out->why = STR("no resolver");
        return 0;
    }
    return resolver->ask(resolver, &question, out);
}

// ---- for both ways

struct str rt_answer_why(struct arena *arena, const char *format, ...)
{
    CLEANUP(buf_drop) struct buf text = {0};
    va_list args;

    buf_init(&text, WHY_MAX);
    va_start(args, format);
    buf_vputf(&text, format, args);
    va_end(args);
    return buf_ok(&text) ? arena_str(arena, buf_str(&text)) : STR("(too long to tell)");
}

struct str rt_answer_name(struct arena *arena, struct str name)
{
    char *copy;

    if (str_ends(name, STR(".")) && !str_ends(name, STR("\\.")))
        name.len--;
    copy = arena_alloc(arena, name.len + 1);
    for (size_t i = 0; i < name.len; i++)
        copy[i] = char_lower(name.ptr[i]);
    return str_of(copy, name.len);
}

/// At most: a byte of data gives four of text and one of bytes; and what is of fixed size.
static size_t room_needed(const struct str *data, size_t count)
{
    size_t room = 64;

    for (size_t i = 0; i < count; i++)
        room += sizeof(struct dns_record) + 5 * data[i].len + 256;
    return room;
}

void rt_answer_records(const struct rt_question *question, const struct str *data, size_t count,
                       struct dns_answer *out)
{
    size_t taken = count < DNS_RECORDS_MAX ? count : DNS_RECORDS_MAX, good = 0;
    struct dns_record *records;

    if (!arena_has_room(question->arena, room_needed(data, taken))) {
        out->why = STR("the answer is larger than we take");
        return;
    }
    records = ARENA_ARRAY(question->arena, struct dns_record, taken);
    for (size_t i = 0; i < taken; i++)
        good += dns_record_parse(question->type, data[i], question->arena, &records[good]);
    if (good == 0) {
        out->why = STR("the answer holds nothing of the type asked for");
        return;
    }
    out->status = DNS_FOUND;
    out->records = records;
    out->count = good;
    out->why = taken < count ? rt_answer_why(question->arena, "only %zu of %zu records were taken",
                                             taken, count)
                             : STR_NONE;
}
