// SPDX-License-Identifier: ISC
#include "mail/envelope.h"

void envelope_init(struct envelope *e, struct arena *arena, struct str sender)
{
    *e = (struct envelope){.arena = arena};
    e->sender = arena_str(arena, sender);
    e->return_paths[0] = e->sender;
    e->return_path_count = 1;
}

struct envelope_recipient *envelope_add(struct envelope *e, struct str address)
{
    struct envelope_recipient *r;

    if (e->recipient_count == e->recipient_cap) {
        size_t cap = e->recipient_cap ? e->recipient_cap * 2 : 4;
        struct envelope_recipient *all = ARENA_ARRAY(e->arena, struct envelope_recipient, cap);

        if (e->recipient_count > 0)
            memcpy(all, e->recipients, e->recipient_count * sizeof(*all));
        e->recipients = all;
        e->recipient_cap = cap;
    }
    r = &e->recipients[e->recipient_count++];
    *r = (struct envelope_recipient){.address = arena_str(e->arena, address)};
    return r;
}

int envelope_return_path(struct envelope *e, struct str path)
{
    for (unsigned i = 0; i < e->return_path_count; i++)
        if (str_eq(e->return_paths[i], path))
            return (int)i;
    if (e->return_path_count == ENVELOPE_RETURN_PATHS_MAX)
        return -1;
    e->return_paths[e->return_path_count] = arena_str(e->arena, path);
    return (int)e->return_path_count++;
}
