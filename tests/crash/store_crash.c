// SPDX-License-Identifier: ISC
//
// The crash-point enumerator of store/local. A seeded workload runs over the simulated disk, first
// to its end: what the store says after each step is noted. Then the power is cut at every single
// disk operation, and of what was not synced many different selections survive (none, all, some in
// order, some torn, any mixture). Each disk found afterwards is opened; it must show exactly the
// state after the last acknowledged step, or after the one in hand, every body byte for byte; fsck
// must find nothing; and a new mail must be taken.
//
//   store_crash [--states N] [--workers N] [--first SEED]
//   store_crash --negative-control         the same with the segment's sync left out must go red
//   store_crash --seed S [--step K]        one workload again (one cut of it), with the log
#include "base/check.h"
#include "base/cleanup.h"
#include "log/log.h"
#include "rt/sim/disk.h"
#include "store/crc.h"
#include "store/local/local.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STEPS_MAX = 24,     // of one workload
    MAILS_MAX = 4,      // changes of one group
    RANDOM_IMAGES = 10, // of one cut
    DUMP_MAX = 1 << 20,
    BIG_BODY = (1 << 20) + 70000,
};

struct options {
    uint64_t states, first_seed, only_seed, only_step;
    unsigned workers, worker;
    bool negative, one;
};

struct score {
    uint64_t states, images, cuts, workloads, failures;
};

/// One run of a workload on one disk.
struct world {
    struct rt_disk *disk;
    struct local *l;
    uint64_t seed, random;
    unsigned step; // steps that were acknowledged
    bool skip_data_sync;
    struct buf dumps[STEPS_MAX + 1]; // of the reference run: the state after each step
};

// ---- chance

static uint64_t next(uint64_t *random)
{
    uint64_t z = (*random += 0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t below(struct world *w, uint64_t n)
{
    return next(&w->random) % n;
}

// ---- the engine without a runtime

static int direct(struct local *l, struct local_job *job)
{
    local_group(l, &job, 1);
    return job->result;
}

static int spill(struct store_body *body)
{
    return local_body_spill(body, direct);
}

static const struct engine the_engine = {
    .name = "local", .body_spill = spill, .body_free = local_body_free};

static int open_store(struct world *w)
{
    struct store_local_config config = {.disk = w->disk,
                                        .segment_bytes = 24000,
                                        .free_bytes_min = 1,
                                        .skip_data_sync = w->skip_data_sync};
    int r = local_open(&config, NULL, &w->l);

    if (r == 0)
        w->l->store.engine = &the_engine;
    else
        w->l = NULL;
    return r;
}

static void close_store(struct world *w)
{
    if (w->l)
        local_close(w->l);
    w->l = NULL;
}

// ---- the state, as text

static void dump_entry(struct local *l, const struct store_entry *e, struct buf *out)
{
    char *bytes = malloc((size_t)e->body.size + 1);
    ssize_t n;

    CHECK(bytes);
    n = e->body.size ? local_body_read(l, &e->body, 0, bytes, (size_t)e->body.size) : 0;
    buf_putf(out, "  %u f%x k%llx m%llu i%llx s%llu d%lld ", e->uid, e->flags,
             (unsigned long long)e->keywords, (unsigned long long)e->modseq,
             (unsigned long long)e->body.message_id, (unsigned long long)e->body.size,
             (long long)e->internal_date);
    if (n == (ssize_t)e->body.size)
        buf_putf(out, "%08x\n", crc32c(0, bytes, (size_t)n));
    else
        buf_putf(out, "unreadable %d\n", (int)n);
    free(bytes);
}

static void dump_mailbox(struct local *l, const struct store_mailbox *m, struct buf *out)
{
    struct store_changes changes;
    int r;

    buf_putf(out, "%llu %s v%u n%u m%llu e%llu c%u u%u d%u b%llu x%llu s%u\n",
             (unsigned long long)m->id, m->name, m->uidvalidity, m->uidnext,
             (unsigned long long)m->modseq, (unsigned long long)m->expunge_modseq, m->message_count,
             m->unseen_count, m->deleted_count, (unsigned long long)m->bytes,
             (unsigned long long)m->deleted_bytes, m->special_use);
    changes = (struct store_changes){0};
    r = local_changes(l, m->id, 0, &changes);
    if (r)
        buf_putf(out, "  changes %d\n", r);
    for (size_t i = 0; i < changes.changed.count; i++)
        dump_entry(l, &changes.changed.items[i], out);
    for (size_t i = 0; i < changes.expunged_count; i++)
        buf_putf(out, " -%u", changes.expunged[i]);
    store_changes_done(&changes);
    buf_put(out, STR("\n"));
}

static void dump(struct local *l, struct buf *out)
{
    struct store_doc_list docs;

    buf_clear(out);
    for (uint64_t account = 1; account <= 2; account++) {
        struct store_mailbox *all;
        struct store_quota q;
        size_t count;

        catalog_quota(l->store.catalog, account, &q);
        buf_putf(out, "account %llu b%llu/%llu n%llu\n", (unsigned long long)account,
                 (unsigned long long)q.bytes, (unsigned long long)q.bytes_max,
                 (unsigned long long)q.messages);
        catalog_mailboxes(l->store.catalog, account, &all, &count);
        for (size_t i = 0; i < count; i++)
            dump_mailbox(l, &all[i], out);
        free(all);
    }
    store_doc_list_init(&docs);
    if (local_doc_list(l, "k", &docs))
        buf_put(out, STR("documents cannot be read\n"));
    for (size_t i = 0; i < docs.count; i++)
        buf_putf(out, "%.*s ", (int)(docs.items[i].key_len + docs.items[i].value_len),
                 docs.bytes.ptr + docs.items[i].key_at);
    store_doc_list_done(&docs);
    CHECK(buf_ok(out));
}

// ---- steps

/// What one job of a group needs; everything lives until the group is over.
struct piece {
    struct store_change *change;
    struct store_body *body;
    struct store_put puts[3];
    struct store_flagging flagging;
    struct store_expunging expunging;
    struct store_copying copying;
    struct store_range range;
    struct local_job job;
    char text[8];
};

static const char *const the_names[] = {"INBOX", "Sent", "Lists/a", "Lists/b"};

static struct str a_name(struct world *w)
{
    return str_from(the_names[below(w, 4)]);
}

static uint64_t a_mailbox(struct world *w)
{
    struct store_mailbox m;

    if (catalog_mailbox_by_name(w->l->store.catalog, 1 + below(w, 2), a_name(w), &m))
        return 0;
    return m.id;
}

static int make_body(struct world *w, size_t len, struct store_body **out)
{
    char bytes[2048];
    int r = store_body_new(&w->l->store, out);

    while (r == 0 && len) {
        size_t n = len < sizeof(bytes) ? len : sizeof(bytes);

        for (size_t i = 0; i + 8 <= sizeof(bytes); i += 8) {
            uint64_t word = next(&w->random);

            memcpy(bytes + i, &word, 8);
        }
        r = store_body_append(*out, str_of(bytes, n));
        len -= n;
    }
    if (r == 0 && (*out)->big)
        r = spill(*out);
    return r;
}

static int put_mail(struct world *w, struct piece *p, size_t len)
{
    size_t recipients = below(w, 3) ? 1 : 1 + below(w, 3);
    int r = make_body(w, len, &p->body);

    for (size_t i = 0; i < recipients; i++) {
        p->puts[i] = (struct store_put){.account_id = 1 + below(w, 2),
                                        .name = a_name(w),
                                        .body = p->body,
                                        .internal_date = (int64_t)below(w, 1000000),
                                        .flags = (uint32_t)below(w, 32)};
        store_change_put(p->change, &p->puts[i]);
    }
    return r;
}

static void change_mailboxes(struct world *w, struct piece *p)
{
    uint64_t id = a_mailbox(w);

    switch (below(w, 6)) {
    case 0:
        if (id)
            store_change_mailbox_delete(p->change, id);
        break;
    case 1:
        if (id)
            store_change_mailbox_rename(p->change, id, a_name(w));
        break;
    case 2:
        store_change_quota(p->change, 1 + below(w, 2), below(w, 100000), 0);
        break;
    case 3: // refused after half of it
        store_change_doc_put(p->change, "k", STR("refused"), STR("1"));
        store_change_mailbox_create(p->change, 1, STR("refused"), 0, NULL);
        store_change_mailbox_delete(p->change, 424242);
        break;
    default:
        p->text[0] = (char)('a' + below(w, 4));
        p->text[1] = (char)('0' + below(w, 10));
        store_change_doc_put(p->change, "k", str_of(p->text, 1), str_of(p->text, 2));
        break;
    }
}

static void change_messages(struct world *w, struct piece *p)
{
    uint64_t id = a_mailbox(w), other = a_mailbox(w);
    uint32_t first = 1 + (uint32_t)below(w, 6);

    p->range = (struct store_range){first, first + (uint32_t)below(w, 4)};
    if (!id)
        return;
    switch (below(w, 4)) {
    case 0:
        p->flagging = (struct store_flagging){.mailbox_id = id,
                                              .uids = {&p->range, 1},
                                              .mode = (enum store_flag_mode)below(w, 3),
                                              .flags = (uint32_t)below(w, 32),
                                              .unchanged_since = UINT64_MAX};
        store_change_flag(p->change, &p->flagging);
        break;
    case 1:
        p->expunging = (struct store_expunging){.mailbox_id = id, .uids = {&p->range, 1}};
        store_change_expunge(p->change, &p->expunging);
        break;
    default:
        p->copying = (struct store_copying){.from_mailbox_id = id,
                                            .to_mailbox_id = other ? other : id,
                                            .uids = {&p->range, 1},
                                            .move = below(w, 2)};
        store_change_copy(p->change, &p->copying);
        break;
    }
}

static int fill_piece(struct world *w, struct piece *p)
{
    store_change_new(&w->l->store, &p->change);
    p->change->now_s = 1700000000 + w->step;
    p->job = (struct local_job){.kind = JOB_COMMIT, .change = p->change};
    switch (below(w, 8)) {
    case 0:
        change_mailboxes(w, p);
        return 0;
    case 1:
    case 2:
    case 3:
        change_messages(w, p);
        return 0;
    case 4:
        if (w->seed % 8 == 0 && w->step > 8)
            return put_mail(w, p, BIG_BODY + below(w, 1000));
        return put_mail(w, p, below(w, 9000));
    default:
        return put_mail(w, p, below(w, 700));
    }
}

/// True when all of the group was answered (refusals too), false when the disk failed.
static bool group_step(struct world *w)
{
    static struct piece pieces[MAILS_MAX];
    struct local_job *jobs[MAILS_MAX];
    size_t count = 1 + below(w, MAILS_MAX);
    bool answered = true;
    int r = 0;

    memset(pieces, 0, sizeof(pieces));
    for (size_t i = 0; i < count; i++) {
        r = r < 0 ? r : fill_piece(w, &pieces[i]);
        jobs[i] = &pieces[i].job;
        if (!pieces[i].change)
            break;
    }
    if (r == 0)
        local_group(w->l, jobs, count);
    for (size_t i = 0; i < count; i++) {
        answered &= r == 0 && pieces[i].job.result != -EIO && pieces[i].job.result != -EAGAIN;
        store_change_free(pieces[i].change);
        store_body_free(pieces[i].body);
    }
    return answered;
}

static bool one_step(struct world *w)
{
    switch (below(w, 10)) {
    case 0:
        close_store(w);
        return open_store(w) == 0;
    case 1:
        local_punch(w->l, 100);
        local_collect(w->l, direct);
        return !rt_sim_disk_is_cut(w->disk);
    default:
        return group_step(w);
    }
}

/// The workload, until its end or until the disk fails. w->step counts the acknowledged steps.
static void run(struct world *w, bool reference)
{
    uint64_t steps = 6 + w->seed % (STEPS_MAX - 6);

    w->random = w->seed;
    w->step = 0;
    if (open_store(w) < 0)
        return;
    if (reference)
        dump(w->l, &w->dumps[0]);
    while (w->step < steps && one_step(w)) {
        w->step++;
        if (reference)
            dump(w->l, &w->dumps[w->step]);
    }
}

// ---- after the crash

struct cut {
    const struct world *reference;
    uint64_t step;  // of the disk
    unsigned acked; // steps of the workload
    enum rt_sim_crash how;
    uint64_t choice;
    bool loud, quiet;
};

static void fail(const struct cut *c, const char *what, const struct buf *found)
{
    if (c->quiet)
        return;
    fprintf(stderr, "FAILED seed=%llu step=%llu how=%d choice=%llu acked=%u: %s\n",
            (unsigned long long)c->reference->seed, (unsigned long long)c->step, (int)c->how,
            (unsigned long long)c->choice, c->acked, what);
    if (c->loud && found) {
        const struct buf *dumps = c->reference->dumps;

        fprintf(stderr, "--- found\n%.*s--- acknowledged\n%.*s", STR_ARG(buf_str(found)),
                STR_ARG(buf_str(&dumps[c->acked])));
        if (c->acked < STEPS_MAX)
            fprintf(stderr, "--- or\n%.*s", STR_ARG(buf_str(&dumps[c->acked + 1])));
    }
}

static void finding_is_loud(void *arg, const struct fsck_finding *f)
{
    (void)arg;
    fprintf(stderr,
            "fsck: %s %s mailbox=%llu uid=%u message=%llx segment=%u offset=%llu found=%llu "
            "expected=%llu\n",
            f->code, f->what ? f->what : "", (unsigned long long)f->mailbox_id, f->uid,
            (unsigned long long)f->message_id, f->segment, (unsigned long long)f->offset,
            (unsigned long long)f->found, (unsigned long long)f->expected);
}

static bool takes_new_mail(struct world *w)
{
    struct store_mailbox m = {.uidnext = 1};
    struct piece p = {0};
    bool good;

    catalog_mailbox_by_name(w->l->store.catalog, 1, STR("INBOX"), &m);
    store_change_new(&w->l->store, &p.change);
    p.change->now_s = 1800000000;
    p.job = (struct local_job){.kind = JOB_COMMIT, .change = p.change};
    good = make_body(w, 300, &p.body) == 0;
    p.puts[0] = (struct store_put){.account_id = 1, .name = STR("INBOX"), .body = p.body};
    store_change_put(p.change, &p.puts[0]);
    good = good && direct(w->l, &p.job) == 0 && p.puts[0].uid == m.uidnext;
    store_change_free(p.change);
    store_body_free(p.body);
    return good;
}

static const char *judge(const struct cut *c, struct world *w, struct buf *found)
{
    const struct buf *dumps = c->reference->dumps;
    struct fsck_options options = {.each = c->loud ? finding_is_loud : NULL};
    struct fsck_report report;

    dump(w->l, found);
    if (!str_eq(buf_str(found), buf_str(&dumps[c->acked])) &&
        !(c->acked < c->reference->step && str_eq(buf_str(found), buf_str(&dumps[c->acked + 1]))))
        return "neither what was acknowledged nor that and the step in hand";
    if (local_fsck(w->l, &options, &report) < 0)
        return "fsck could not run";
    if (report.repairable || report.damaged)
        return "fsck found something";
    if (!takes_new_mail(w))
        return "no new mail was taken";
    return NULL;
}

static bool recovers(const struct cut *c, struct rt_disk *image)
{
    struct world w = {.disk = image, .seed = c->reference->seed, .random = 1};
    CLEANUP(buf_drop) struct buf found = {0};
    const char *wrong;

    buf_init(&found, DUMP_MAX);
    wrong = open_store(&w) < 0 ? "it does not open" : judge(c, &w, &found);
    close_store(&w);
    if (wrong)
        fail(c, wrong, &found);
    return !wrong;
}

// ---- enumerating

struct tried {
    struct map digests;
};

/// A disk that was not seen before is opened and judged.
static bool try_image(struct cut *c, struct rt_disk *disk, struct tried *tried, struct score *score)
{
    struct rt_disk *image;
    uint64_t digest;
    bool good = true;

    CHECK(rt_sim_disk_crash(disk, c->how, c->choice, &image) == 0);
    score->images++;
    digest = rt_sim_disk_digest(image) * 31 + c->acked;
    if (!map_put_u64(&tried->digests, digest, tried)) {
        score->states++;
        good = recovers(c, image);
    }
    rt_disk_close(image);
    score->failures += !good;
    return good;
}

static bool try_images(struct cut *c, struct rt_disk *disk, struct tried *tried,
                       struct score *score)
{
    uint64_t random = c->reference->seed * 1000003 + c->step;
    size_t pending = rt_sim_disk_pending(disk);
    bool good;

    c->how = RT_SIM_CRASH_LOSE;
    good = try_image(c, disk, tried, score);
    if (!pending)
        return good;
    c->how = RT_SIM_CRASH_KEEP;
    good = try_image(c, disk, tried, score) && good;
    for (int i = 0; i < 3; i++) {
        c->choice = next(&random) % pending;
        c->how = RT_SIM_CRASH_PREFIX;
        good = try_image(c, disk, tried, score) && good;
        c->how = RT_SIM_CRASH_TORN;
        good = try_image(c, disk, tried, score) && good;
    }
    for (int i = 0; i < RANDOM_IMAGES; i++) {
        c->choice = next(&random);
        c->how = i % 2 ? RT_SIM_CRASH_RANDOM : RT_SIM_CRASH_SUBSET;
        good = try_image(c, disk, tried, score) && good;
    }
    return good;
}

static void set_up(struct world *w, uint64_t seed, bool negative)
{
    *w = (struct world){.seed = seed, .skip_data_sync = negative};
    CHECK(rt_sim_disk_new(&w->disk) == 0);
    for (size_t i = 0; i <= STEPS_MAX; i++)
        buf_init(&w->dumps[i], DUMP_MAX);
}

static void clear(struct world *w)
{
    close_store(w);
    rt_disk_close(w->disk);
    for (size_t i = 0; i <= STEPS_MAX; i++)
        buf_done(&w->dumps[i]);
}

/// The workload with its power cut at that step of the disk.
static bool cut_at(const struct options *o, const struct world *reference, uint64_t step,
                   struct tried *tried, struct score *score)
{
    struct cut c = {
        .reference = reference, .step = step, .loud = o->one, .quiet = o->negative && !o->one};
    struct world w;
    bool good;

    set_up(&w, reference->seed, o->negative);
    rt_sim_disk_cut_at(w.disk, step);
    if (reference->seed % 16 == 5)
        rt_sim_disk_fail_sync(w.disk, 10 + reference->seed % 40);
    run(&w, false);
    c.acked = w.step;
    close_store(&w);
    good = try_images(&c, w.disk, tried, score);
    clear(&w);
    score->cuts++;
    return good;
}

static bool run_workload(const struct options *o, uint64_t seed, struct score *score)
{
    struct tried tried;
    struct world w;
    uint64_t steps, seeds[2] = {seed, 1};
    bool good = true;

    map_init(&tried.digests, seeds);
    set_up(&w, seed, false);
    run(&w, true);
    close_store(&w);
    steps = rt_sim_disk_steps(w.disk);
    for (uint64_t step = 1; step <= steps + 1 && good; step++) {
        if (!o->only_step || o->only_step == step)
            good = cut_at(o, &w, step, &tried, score);
    }
    score->workloads++;
    clear(&w);
    map_done(&tried.digests);
    return good;
}

static void silence(void *arg, struct str line)
{
    (void)arg;
    (void)line;
}

/// Every workers-th seed until there are states enough; 0 when all was well.
static int work(const struct options *o, int report)
{
    struct score score = {0};
    bool good = true;

    if (!o->one)
        log_set_sink(silence, NULL);
    if (o->one)
        good = run_workload(o, o->only_seed, &score);
    for (uint64_t seed = o->first_seed + o->worker;
         !o->one && good && score.states < o->states / o->workers; seed += o->workers)
        good = run_workload(o, seed, &score);
    CHECK(write(report, &score, sizeof(score)) == sizeof(score));
    return good ? 0 : 1;
}

static int run_workers(struct options *o, struct score *sum)
{
    int ends[2], failed = 0, status;
    struct score score;

    CHECK(pipe(ends) == 0);
    for (o->worker = 0; o->worker < o->workers; o->worker++) {
        pid_t pid = fork();

        CHECK(pid >= 0);
        if (pid == 0)
            _exit(work(o, ends[1]));
    }
    close(ends[1]);
    while (read(ends[0], &score, sizeof(score)) == sizeof(score)) {
        sum->states += score.states;
        sum->images += score.images;
        sum->cuts += score.cuts;
        sum->workloads += score.workloads;
        sum->failures += score.failures;
    }
    while (wait(&status) > 0)
        failed |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    close(ends[0]);
    return failed;
}

static bool parse(int count, char **words, struct options *o)
{
    for (int i = 1; i < count; i++) {
        const struct {
            const char *name;
            uint64_t *to;
        } numbers[] = {{"--states", &o->states},
                       {"--first", &o->first_seed},
                       {"--seed", &o->only_seed},
                       {"--step", &o->only_step}};
        uint64_t value;
        bool found = strcmp(words[i], "--negative-control") == 0;

        o->negative |= found;
        for (size_t j = 0; !found && j < 4 && i + 1 < count; j++) {
            found = strcmp(words[i], numbers[j].name) == 0 &&
                    str_to_u64(str_from(words[i + 1]), UINT64_MAX, &value);
            if (!found)
                continue;
            *numbers[j].to = value;
            o->one |= j == 2;
            i++;
        }
        if (!found)
            return false;
    }
    return true;
}

int main(int count, char **words)
{
    struct options o = {.states = 100000, .first_seed = 1, .workers = 2};
    struct score sum = {0};
    int failed;

    if (!parse(count, words, &o)) {
        fprintf(stderr, "usage: store_crash [--states N] [--first SEED] [--negative-control]\n"
                        "       store_crash --seed S [--step K] [--negative-control]\n");
        return 64;
    }
    if (o.one)
        o.workers = 1;
    failed = run_workers(&o, &sum);
    printf("%llu distinct states of %llu images, %llu power cuts, %llu workloads, %llu failures\n",
           (unsigned long long)sum.states, (unsigned long long)sum.images,
           (unsigned long long)sum.cuts, (unsigned long long)sum.workloads,
           (unsigned long long)sum.failures);
    if (!o.negative)
        return failed;
    printf(failed ? "as it must be: without the sync, mail is lost and the test sees it\n"
                  : "the segment's sync was left out and nothing was missed: the test is blind\n");
    return failed && sum.failures ? 0 : 1;
}
