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
#include "store_world.h"

#include <sys/wait.h>
#include <unistd.h>

enum {
    RANDOM_IMAGES = 10, // of one cut
};

struct options {
    uint64_t states, first_seed, only_seed, only_step;
    unsigned workers, worker;
    bool negative, one;
};

struct score {
    uint64_t states, images, cuts, workloads, failures;
};

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

static const char *judge(const struct cut *c, struct world *w, struct buf *found)
{
    const struct buf *dumps = c->reference->dumps;
    struct fsck_options options = {.each = c->loud ? finding_is_loud : NULL};
    struct fsck_report report;

    world_dump(w->l, found);
    if (!str_eq(buf_str(found), buf_str(&dumps[c->acked])) &&
        !(c->acked < c->reference->step && str_eq(buf_str(found), buf_str(&dumps[c->acked + 1]))))
        return "neither what was acknowledged nor that and the step in hand";
    if (local_fsck(w->l, &options, &report) < 0)
        return "fsck could not run";
    if (report.repairable || report.damaged)
        return "fsck found something";
    if (!world_takes_new_mail(w))
        return "no new mail was taken";
    return NULL;
}

static bool recovers(const struct cut *c, struct rt_disk *image)
{
    struct world w = {.disk = image, .seed = c->reference->seed, .random = 1};
    CLEANUP(buf_drop) struct buf found = {0};
    const char *wrong;

    buf_init(&found, DUMP_MAX);
    wrong = world_open(&w) < 0 ? "it does not open" : judge(c, &w, &found);
    world_close(&w);
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
        c->choice = world_next(&random) % pending;
        c->how = RT_SIM_CRASH_PREFIX;
        good = try_image(c, disk, tried, score) && good;
        c->how = RT_SIM_CRASH_TORN;
        good = try_image(c, disk, tried, score) && good;
    }
    for (int i = 0; i < RANDOM_IMAGES; i++) {
        c->choice = world_next(&random);
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
    world_close(w);
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
    world_run(&w, false);
    c.acked = w.step;
    world_close(&w);
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
    world_run(&w, true);
    world_close(&w);
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
