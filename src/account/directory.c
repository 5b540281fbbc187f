// SPDX-License-Identifier: ISC
#include "account/directory.h"

#include "base/check.h"

struct account_slice {
    size_t count;
    struct account_record *items[]; // by key, or by id
};

struct place {
    bool is_id;
    struct str key;
    uint64_t id;
};

static size_t slice_of(struct place p)
{
    uint32_t h = 2166136261u; // FNV-1a: nothing a stranger sends is put in here

    if (p.is_id)
        return p.id % ACCOUNT_DIRECTORY_SLICES;
    for (size_t i = 0; i < p.key.len; i++)
        h = (h ^ (unsigned char)p.key.ptr[i]) * 16777619u;
    return (h ^ h >> 16) % ACCOUNT_DIRECTORY_SLICES;
}

static int compare(struct place p, const struct account_record *r)
{
    if (!p.is_id)
        return str_cmp(p.key, r->key);
    return p.id < r->id ? -1 : p.id > r->id;
}

/// The index where it stands, or where it would.
static size_t find(const struct account_slice *slice, struct place p, bool *found)
{
    size_t low = 0, high = slice ? slice->count : 0;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = compare(p, slice->items[middle]);

        if (c == 0) {
            *found = true;
            return middle;
        }
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static struct account_record *get(struct account_slice *const *slices, struct place p)
{
    const struct account_slice *slice = slices[slice_of(p)];
    bool found;
    size_t at = find(slice, p, &found);

    return found ? slice->items[at] : NULL;
}

struct account_record *account_directory_get(const struct account_directory *d, struct str key)
{
    return get(d->by_key, (struct place){.key = key});
}

struct account_record *account_directory_get_id(const struct account_directory *d, uint64_t id)
{
    return get(d->by_id, (struct place){.is_id = true, .id = id});
}

struct account_record *account_directory_next(const struct account_directory *d, size_t *slice,
                                              size_t *at)
{
    for (; *slice < ACCOUNT_DIRECTORY_SLICES; ++*slice, *at = 0)
        if (d->by_key[*slice] && *at < d->by_key[*slice]->count)
            return d->by_key[*slice]->items[(*at)++];
    return NULL;
}

struct account_directory *account_directory_new(void)
{
    struct account_directory *d = calloc(1, sizeof(*d));

    CHECK(d);
    return d;
}

void account_directory_free(struct account_directory *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < ACCOUNT_DIRECTORY_SLICES; i++) {
        for (size_t k = 0; d->by_key[i] && k < d->by_key[i]->count; k++)
            account_record_free(d->by_key[i]->items[k]);
        free(d->by_key[i]);
        free(d->by_id[i]);
    }
    free(d->domains);
    free(d);
}

/// A copy of the slice with what stands at `p` replaced by `in`, taken out, or put in.
static struct account_slice *changed_slice(const struct account_slice *old, struct place p,
                                           struct account_record *in)
{
    size_t count = old ? old->count : 0;
    bool found;
    size_t at = find(old, p, &found), after = at + (found ? 1 : 0);
    struct account_slice *slice = malloc(sizeof(*slice) + (count + 1) * sizeof(slice->items[0]));

    CHECK(slice);
    slice->count = 0;
    for (size_t i = 0; i < at; i++)
        slice->items[slice->count++] = old->items[i];
    if (in)
        slice->items[slice->count++] = in;
    for (size_t i = after; i < count; i++)
        slice->items[slice->count++] = old->items[i];
    return slice;
}

static struct account_slice *change_at(struct account_slice **slices, struct place p,
                                       struct account_record *in)
{
    size_t i = slice_of(p);
    struct account_slice *old = slices[i];

    slices[i] = changed_slice(old, p, in);
    return old;
}

static void change_domains(struct account_directory *d, const struct account_directory *from,
                           const struct account_record *out_of, const struct account_record *in)
{
    size_t n = 0;

    d->domains = malloc((from->domain_count + 1) * sizeof(struct account_record *));
    CHECK(d->domains);
    for (size_t i = 0; i < from->domain_count; i++) {
        if (in && in->type == ACCOUNT_RECORD_DOMAIN &&
            str_cmp(in->key, from->domains[i]->key) <= 0) {
            d->domains[n++] = in;
            in = NULL;
        }
        if (from->domains[i] != out_of)
            d->domains[n++] = from->domains[i];
    }
    if (in && in->type == ACCOUNT_RECORD_DOMAIN)
        d->domains[n++] = in;
    d->domain_count = n;
}

static const struct account_record *find_oldest(const struct account_directory *d)
{
    const struct account_record *oldest = NULL;

    for (size_t i = 0; i < ACCOUNT_DIRECTORY_SLICES; i++)
        if (d->by_id[i] && d->by_id[i]->count > 0)
            if (!oldest || d->by_id[i]->items[0]->id < oldest->id)
                oldest = d->by_id[i]->items[0];
    return oldest;
}

struct account_directory *account_directory_change(const struct account_directory *from,
                                                   struct account_record *out_of,
                                                   struct account_record *in,
                                                   struct account_garbage **garbage)
{
    struct account_directory *d = account_directory_new();
    struct account_garbage *g = calloc(1, sizeof(*g));
    const struct account_record *one = in ? in : out_of;

    CHECK(g && one);
    CHECK(!in || !out_of || (str_eq(in->key, out_of->key) && in->id == out_of->id));
    *d = *from;
    g->slices[0] = change_at(d->by_key, (struct place){.key = one->key}, in);
    if (one->id)
        g->slices[1] = change_at(d->by_id, (struct place){.is_id = true, .id = one->id}, in);
    change_domains(d, from, out_of, in);
    d->oldest = find_oldest(d);
    g->directory = (struct account_directory *)from;
    g->record = out_of;
    *garbage = g;
    return d;
}

void account_garbage_free(struct account_garbage *g)
{
    while (g) {
        struct account_garbage *next = g->next;

        free(g->directory->domains);
        free(g->directory);
        free(g->slices[0]);
        free(g->slices[1]);
        account_record_free(g->record);
        free(g);
        g = next;
    }
}
