// SPDX-License-Identifier: ISC
//
// Breadth first: what stands nearer to the address that was asked for wins, so somebody who is
// reached both directly and through a list gets the direct copy, with the sender's return path.
#include "account/resolve.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "base/map.h"

#include "account/name.h"
#include "account/state.h"

enum { SCRATCH_BYTES_MAX = 1 << 20, WORK_PER_PLACE = 4, EXPANSION_BYTES_MAX = 16 << 20 };

struct step {
    struct str address; // "" as local@: the bare postmaster
    unsigned depth;
    struct str return_path; // ptr NULL: the sender's
    struct str list;        // whose return path that is
};

struct expansion {
    const struct account_directory *d;
    const struct account_config *config;
    struct arena scratch;
    struct map records_seen; // by address of the record
    struct map foreign_seen;
    struct step *steps; // [step_at, step_count) are to be done
    size_t step_at, step_count, step_cap;
    struct account_target *targets;
    size_t target_count, target_cap;
    const struct account_record *first; // what the address itself is
    bool is_foreign;                    // the address itself is
    bool is_indirect;                   // catch-all or postmaster
    bool has_looped, is_too_big, has_asked_postmaster;
};

static void expansion_init(struct expansion *x, const struct account_directory *d,
                           const struct account_config *config)
{
    static const uint64_t no_seed[2];

    *x = (struct expansion){.d = d, .config = config};
    arena_init(&x->scratch, SCRATCH_BYTES_MAX);
    map_init(&x->records_seen, no_seed);
    map_init(&x->foreign_seen, no_seed);
}

static void expansion_done(struct expansion *x)
{
    map_done(&x->records_seen);
    map_done(&x->foreign_seen);
    free(x->steps);
    free(x->targets);
    arena_done(&x->scratch);
}

static void *grown(void *array, size_t *cap, size_t size)
{
    *cap = *cap ? *cap * 2 : 8;
    array = realloc(array, *cap * size);
    CHECK(array);
    return array;
}

static void add_step(struct expansion *x, struct step step)
{
    if (step.depth > ACCOUNT_NESTING_MAX ||
        x->step_count >= x->config->expansion_max * WORK_PER_PLACE + 64) {
        x->is_too_big = true;
        return;
    }
    if (x->step_count == x->step_cap)
        x->steps = grown(x->steps, &x->step_cap, sizeof(*x->steps));
    x->steps[x->step_count++] = step;
}

static void add_target(struct expansion *x, struct account_target target)
{
    if (x->target_count >= x->config->expansion_max) {
        x->is_too_big = true;
        return;
    }
    if (x->target_count == x->target_cap)
        x->targets = grown(x->targets, &x->target_cap, sizeof(*x->targets));
    x->targets[x->target_count++] = target;
}

/// True the first time.
static bool is_new(struct expansion *x, const struct account_record *r)
{
    return map_put_u64(&x->records_seen, (uint64_t)(uintptr_t)r, x) == NULL;
}

static struct str in_scratch(struct expansion *x, struct str a, char between, struct str b)
{
    size_t len = a.len + b.len + (between ? 1 : 0);
    char *text;

    if (!arena_has_room(&x->scratch, len)) {
        x->is_too_big = true;
        return STR("");
    }
    text = arena_alloc(&x->scratch, len);
    if (a.len > 0)
        memcpy(text, a.ptr, a.len);
    if (between)
        text[a.len] = between;
    if (b.len > 0)
        memcpy(text + len - b.len, b.ptr, b.len);
    return str_of(text, len);
}

static struct account_record *get(const struct expansion *x, struct str local, struct str domain)
{
    CLEANUP(buf_drop) struct buf key = {0};

    buf_init(&key, ACCOUNT_ADDRESS_MAX);
    if (!account_name_put(&key, local, domain))
        return NULL;
    return account_directory_get(x->d, buf_str(&key));
}

/// The first separator that has something before it, or -1.
static ptrdiff_t find_separator(const struct expansion *x, struct str plain)
{
    if (plain.len > 0 && plain.ptr[0] == '"')
        return -1;
    for (size_t i = 1; i < plain.len; i++)
        if (str_find(x->config->subaddress, plain.ptr[i]) >= 0)
            return (ptrdiff_t)i;
    return -1;
}

/// The whole local part first: somebody may be called `a+b`.
static struct account_record *find_local(struct expansion *x, const struct address *a,
                                         struct str *out_detail)
{
    CLEANUP(buf_drop) struct buf plain = {0};
    struct account_record *r = get(x, a->local, a->domain);
    ptrdiff_t at;

    *out_detail = STR("");
    if (r)
        return r;
    buf_init(&plain, ADDRESS_PATH_MAX);
    address_put_local(&plain, a->local);
    at = find_separator(x, buf_str(&plain));
    if (at < 0)
        return NULL;
    r = get(x, str_head(buf_str(&plain), (size_t)at), a->domain);
    if (r)
        *out_detail = in_scratch(x, str_skip(buf_str(&plain), (size_t)at + 1), 0, STR(""));
    return r;
}

static void reach_account(struct expansion *x, const struct step *step,
                          const struct account_record *r, struct str detail)
{
    if (is_new(x, r))
        add_target(x,
                   (struct account_target){r->id, r->key, detail, step->return_path, step->list});
}

static void reach_alias(struct expansion *x, const struct step *step,
                        const struct account_record *r)
{
    struct str return_path = step->return_path, list = step->list;

    if (!is_new(x, r)) {
        x->has_looped = true;
        return;
    }
    if (r->type == ACCOUNT_RECORD_LIST) {
        list = r->key;
        return_path = r->owner.len > 0 ? r->owner
                                       : in_scratch(x, STR("postmaster"), '@',
                                                    account_name_split(r->key).domain);
    }
    for (size_t i = 0; i < r->target_count && !x->is_too_big; i++)
        add_step(x, (struct step){r->targets[i], step->depth + 1, return_path, list});
}

static void reach_foreign(struct expansion *x, const struct step *step)
{
    if (step->depth == 0)
        x->is_foreign = true;
    if (map_put(&x->foreign_seen, step->address, x) == NULL)
        add_target(x, (struct account_target){.address = step->address,
                                              .detail = STR(""),
                                              .return_path = step->return_path,
                                              .list = step->list});
}

/// RFC 5321 4.5.1: every domain has one, so somebody must get its mail.
static void reach_postmaster(struct expansion *x, const struct step *step)
{
    x->is_indirect |= step->depth == 0;
    if (x->config->postmaster.len > 0 && !x->has_asked_postmaster) {
        x->has_asked_postmaster = true;
        add_step(x, (struct step){x->config->postmaster, step->depth + 1, step->return_path,
                                  step->list});
    } else if (x->d->oldest) {
        reach_account(x, step, x->d->oldest, STR(""));
    }
}

static void reach_unknown(struct expansion *x, const struct step *step,
                          const struct account_record *domain, struct str local)
{
    if (str_case_eq(local, STR("postmaster"))) {
        reach_postmaster(x, step);
    } else if (domain->catch_all.len > 0) {
        x->is_indirect |= step->depth == 0;
        if (is_new(x, domain))
            add_step(x, (struct step){domain->catch_all, step->depth + 1, step->return_path,
                                      step->list});
    }
}

static const struct account_record *find_domain(const struct expansion *x, struct str domain)
{
    CLEANUP(buf_drop) struct buf form = {0};

    buf_init(&form, ACCOUNT_ADDRESS_MAX);
    if (!account_name_parse_domain(domain, &form))
        return NULL;
    return account_directory_get(x->d, buf_str(&form));
}

static void take_step(struct expansion *x, const struct step *step)
{
    struct address a = account_name_split(step->address);
    const struct account_record *domain = find_domain(x, a.domain), *r;
    struct str detail;

    if (!domain) {
        reach_foreign(x, step);
        return;
    }
    r = find_local(x, &a, &detail);
    if (step->depth == 0)
        x->first = r;
    if (!r)
        reach_unknown(x, step, domain, a.local);
    else if (r->type == ACCOUNT_RECORD_ACCOUNT)
        reach_account(x, step, r, detail);
    else
        reach_alias(x, step, r);
}

/// <postmaster> without a domain: the configured one, else that of the first account's domain.
static bool first_step(struct expansion *x, const struct address *to)
{
    struct str domain = to->domain;

    if (domain.len == 0) {
        if (!str_case_eq(to->local, STR("postmaster")))
            return false;
        if (x->config->postmaster.len > 0 || !x->d->oldest) {
            reach_postmaster(x, &(struct step){.depth = 0});
            return true;
        }
        domain = account_name_split(x->d->oldest->key).domain;
        x->is_indirect = true;
    }
    add_step(x, (struct step){.address = in_scratch(x, to->local, '@', domain)});
    return true;
}

static enum account_kind kind_of(const struct expansion *x)
{
    if (x->is_too_big)
        return ACCOUNT_KIND_TOO_BIG;
    if (x->target_count == 0)
        return x->has_looped ? ACCOUNT_KIND_LOOP : ACCOUNT_KIND_UNKNOWN;
    if (x->is_foreign)
        return ACCOUNT_KIND_NOT_LOCAL;
    if (x->first && x->first->type == ACCOUNT_RECORD_LIST)
        return ACCOUNT_KIND_LIST;
    if (x->first && x->first->type == ACCOUNT_RECORD_ACCOUNT)
        return ACCOUNT_KIND_LOCAL;
    return ACCOUNT_KIND_ALIAS;
}

static size_t copy_bytes(const struct expansion *x)
{
    size_t bytes = 4096 + x->target_count * sizeof(struct account_target);

    for (size_t i = 0; i < x->target_count; i++)
        bytes += x->targets[i].address.len + x->targets[i].detail.len +
                 x->targets[i].return_path.len + x->targets[i].list.len + 64;
    return bytes;
}

static void copy_out(const struct expansion *x, struct arena *arena, struct account_resolved *out)
{
    *out = (struct account_resolved){.kind = kind_of(x), .name = STR(""), .owner = STR("")};
    if (!arena_has_room(arena, copy_bytes(x)))
        out->kind = ACCOUNT_KIND_TOO_BIG;
    if (out->kind == ACCOUNT_KIND_TOO_BIG)
        return;
    if (x->first) {
        out->name = arena_str(arena, x->first->name);
        out->owner = arena_str(arena, x->first->owner);
    }
    out->target_count = x->target_count;
    out->targets = ARENA_ARRAY(arena, struct account_target, x->target_count);
    for (size_t i = 0; i < x->target_count; i++) {
        const struct account_target *t = &x->targets[i];

        out->targets[i] = (struct account_target){
            .account_id = t->account_id,
            .address = arena_str(arena, t->address),
            .detail = arena_str(arena, t->detail),
            .return_path = t->return_path.ptr ? arena_str(arena, t->return_path) : STR_NONE,
            .list = arena_str(arena, t->list),
        };
    }
}

void account_resolve(struct accounts *a, const struct address *to, struct arena *arena,
                     struct account_resolved *out)
{
    struct expansion x;
    unsigned phase;

    expansion_init(&x, account_enter(a, &phase), a->config);
    if (first_step(&x, to))
        while (x.step_at < x.step_count && !x.is_too_big) {
            struct step step = x.steps[x.step_at++];

            take_step(&x, &step);
        }
    copy_out(&x, arena, out);
    account_leave(a, phase);
    expansion_done(&x);
}

bool account_may_send_as(struct accounts *a, uint64_t account_id, const struct address *from)
{
    CLEANUP(arena_done) struct arena arena = {0};
    struct account_resolved resolved;

    arena_init(&arena, EXPANSION_BYTES_MAX);
    account_resolve(a, from, &arena, &resolved);
    if (resolved.kind != ACCOUNT_KIND_LOCAL && resolved.kind != ACCOUNT_KIND_ALIAS)
        return false;
    for (size_t i = 0; i < resolved.target_count; i++) {
        // with a return path of its own it came through a list, behind the alias
        if (!resolved.targets[i].return_path.ptr && resolved.targets[i].account_id &&
            account_is_welcome(a, resolved.targets[i].account_id, account_id))
            return true;
    }
    return false;
}
