// SPDX-License-Identifier: ISC
#include "app/import_run.h"

#include "base/check.h"
#include "base/cleanup.h"
#include "crypto/hmac.h"
#include "mail/charset.h"
#include "proto/imap/mailbox_name.h"
#include "proto/imap/pattern.h"
#include "proto/imap/scan.h"
#include "store/store.h"
#include "access/access.h"

#include "app/commands.h"
#include "app/operation.h"

#include <errno.h>
#include <inttypes.h>

enum { KEEP_US = 3 * 1000 * 1000 }; // so often at least what came is made safe

// ---- keys

/// Names a message: by its mailbox and what the source calls it, or its bytes and how many like it
/// came before.
static void key_of(struct import_run *run, const struct import_message *m,
                   uint8_t out[TALLY_KEY_BYTES])
{
    uint8_t hash[HMAC_BYTES];
    char number[16];
    int len;

    hmac_sha256(m->mailbox, m->id.ptr ? m->id : m->bytes, hash);
    if (!m->id.ptr) {
        len = snprintf(number, sizeof number, "%u", tally_add(&run->same, hash));
        hmac_sha256(str_of(hash, sizeof hash), str_of(number, (size_t)len), hash);
    }
    memcpy(out, hash, TALLY_KEY_BYTES);
}

// ---- mailboxes

static bool matches_any(const struct import_run *run, const char *option, struct str name)
{
    const char *pattern;
    size_t at = 0;

    while ((pattern = call_each(run->call, option, &at)))
        if (imap_pattern_matches(str_from(pattern), name))
            return true;
    return false;
}

/// The account's mailbox for that use, or NULL.
static const char *find_by_use(const struct import_run *run, unsigned use)
{
    const char *name;
    json_t *bits;

    json_object_foreach(run->mailboxes, name, bits)
    {
        if ((unsigned)json_integer_value(bits) & use)
            return name;
    }
    return NULL;
}

static unsigned use_of(const struct import_run *run, const struct import_mailbox *mailbox)
{
    if (run->options->keep_names || run->options->into || run->options->mailbox)
        return 0;
    return mailbox->special_use || mailbox->knows_uses ? mailbox->special_use
                                                       : import_special_use(mailbox->name);
}

/// The NFC of the target's name, under which clients find it: other systems decompose names of
/// files.
static bool compose_target(struct import_run *run)
{
    struct arena arena;
    struct str name;

    arena_init(&arena, 64 * 1024);
    name = imap_name_normalise(buf_str(&run->target), &arena);
    if (name.ptr != run->target.ptr) {
        buf_clear(&run->target);
        buf_put(&run->target, name);
    }
    arena_done(&arena);
    return buf_ok(&run->target) && imap_name_is_valid(buf_str(&run->target)) &&
           !access_is_of_others(buf_str(&run->target));
}

/// Where the messages of that mailbox go. False: no mailbox can be called so.
static bool choose_target(struct import_run *run, const struct import_mailbox *mailbox)
{
    const char *own = NULL;
    unsigned use = use_of(run, mailbox);

    buf_clear(&run->target);
    if (use)
        own = find_by_use(run, use);
    if (run->options->mailbox)
        own = run->options->mailbox;
    if (run->options->into)
        buf_putf(&run->target, "%s/", run->options->into);
    buf_put(&run->target, own ? str_from(own) : mailbox->name);
    for (size_t i = 0; i < run->target.len; i++) {
        if ((unsigned char)run->target.ptr[i] < ' ' || run->target.ptr[i] == 127)
            run->target.ptr[i] = '_';
    }
    if (str_case_eq(buf_str(&run->target), STR("inbox"))) {
        buf_clear(&run->target);
        buf_put(&run->target, STR("INBOX"));
    }
    return buf_ok(&run->target) && charset_is_utf8(buf_str(&run->target)) &&
           imap_name_is_valid(buf_str(&run->target)) && compose_target(run);
}

static int say(struct import_run *run, json_t *frame)
{
    char *text = json_dumps(frame, JSON_COMPACT);
    int r;

    CHECK(text);
    json_decref(frame);
    r = rt_putf(run->parley->conn, "%s\r\n", text);
    free(text);
    return r;
}

/// [await] What the server has said meanwhile; with `all`, until its last word. -ECANCELED: it has
/// ended.
static int hear(struct import_run *run, bool all)
{
    json_t *frame;

    while ((frame = all ? parley_hear(run->parley) : parley_hear_now(run->parley))) {
        run->kept = (uint64_t)json_integer_value(json_object_get(frame, "kept"));
        json_decref(frame);
    }
    return run->parley->is_over ? -ECANCELED : 0;
}

static int open_target(struct import_run *run, const struct import_mailbox *mailbox)
{
    const char *name = buf_cstr(&run->target);

    if (run->options->is_dry || json_object_get(run->mailboxes, name))
        return 0;
    json_object_set_new(run->mailboxes, name, json_integer(use_of(run, mailbox)));
    return say(run,
               json_pack("{s:s, s:I, s:b}", "open", name, "use", (json_int_t)use_of(run, mailbox),
                         "subscribe", (int)mailbox->is_subscribed));
}

static void on_left(void *arg, struct str place, const char *why)
{
    struct import_run *run = arg;

    if (run->left_count++ < IMPORT_LEFT_SHOWN)
        json_array_append_new(run->left,
                              json_pack("{s:o, s:s}", "place", operation_json(place), "why", why));
}

static int on_mailbox(void *arg, const struct import_mailbox *mailbox, bool *out_wanted)
{
    struct import_run *run = arg;

    *out_wanted = (!call_has(run->call, "only") || matches_any(run, "only", mailbox->name)) &&
                  !matches_any(run, "exclude", mailbox->name);
    run->unwanted_count += !*out_wanted;
    if (!*out_wanted)
        return 0;
    if (!choose_target(run, mailbox)) {
        on_left(run, mailbox->name, "no mailbox can be called so; --into or --mailbox helps");
        *out_wanted = false;
        return 0;
    }
    run->mailbox_count++;
    return open_target(run, mailbox);
}

// ---- messages

static bool is_older(const struct import_run *run, const struct import_message *m)
{
    return run->options->has_since && m->date < run->options->since;
}

static bool on_wants(void *arg, const struct import_message *m)
{
    struct import_run *run = arg;
    uint8_t key[TALLY_KEY_BYTES];

    key_of(run, m, key);
    if (tally_count(&run->known, key))
        run->passed++;
    else if (m->date && is_older(run, m))
        run->older++;
    else if (m->date && run->options->is_dry) // only bytes could tell more, and they are far away
        run->sent++;
    else
        return true;
    return false;
}

static json_t *keywords_json(struct import_run *run, const struct import_message *m)
{
    json_t *list = json_array();

    for (size_t i = 0; i < m->keyword_count && !run->options->no_flags; i++) {
        struct scan scan = scan_of(m->keywords[i]);
        struct str atom;

        if (imap_scan_atom(&scan, &atom) && scan_is_end(&scan) && charset_is_utf8(atom))
            json_array_append_new(list, operation_json(atom));
        else
            run->keywords_lost++;
    }
    return list;
}

static int send_message(struct import_run *run, const struct import_message *m,
                        const uint8_t key[TALLY_KEY_BYTES])
{
    char hex[2 * TALLY_KEY_BYTES + 1];
    int r;

    for (int i = 0; i < TALLY_KEY_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", key[i]);
    r = say(run, json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:o}", "put", buf_cstr(&run->target),
                           "size", (json_int_t)m->bytes.len, "key", hex, "flags",
                           (json_int_t)(run->options->no_flags ? 0 : m->flags), "date",
                           (json_int_t)m->date, "zone", (json_int_t)m->zone_minutes, "keywords",
                           keywords_json(run, m)));
    if (r == 0)
        r = rt_put(run->parley->conn, m->bytes);
    if (r == 0 && rt_now_us() - run->spoken_us > KEEP_US) {
        run->spoken_us = rt_now_us();
        r = say(run, json_pack("{s:b}", "keep", 1));
        if (r == 0)
            r = rt_flush(run->parley->conn);
    }
    return r;
}

static int on_take(void *arg, const struct import_message *m)
{
    struct import_run *run = arg;
    uint8_t key[TALLY_KEY_BYTES];
    int r = 0;

    key_of(run, m, key);
    if (tally_count(&run->known, key)) {
        run->passed++;
        return 0;
    }
    if (is_older(run, m)) {
        run->older++;
        return 0;
    }
    if (m->bytes.len == 0) {
        on_left(run, m->place, "it is empty");
        return 0;
    }
    tally_add(&run->known, key);
    if (!run->options->is_dry)
        r = send_message(run, m, key);
    run->sent++;
    run->bytes += m->bytes.len;
    // a failed write: it may have said why
    return hear(run, false) < 0 ? -ECANCELED : r;
}

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
    struct import_run *run = arg;

    os_progress_show(&run->progress, done, total);
}

// ---- beginning and end

void import_run_init(struct import_run *run, const struct call *call,
                     const struct import_options *options)
{
    *run = (struct import_run){.call = call, .options = options};
    run->sink = (struct import_sink){.arg = run,
                                     .message_max = IMPORT_MESSAGE_MAX,
                                     .mailbox = on_mailbox,
                                     .wants = on_wants,
                                     .take = on_take,
                                     .left = on_left,
                                     .progress = on_progress};
    buf_init(&run->target, 2 * IMPORT_NAME_MAX);
    buf_init(&run->why, 4096);
    run->mailboxes = json_object();
    run->left = json_array();
}

void import_run_done(struct import_run *run)
{
    tally_done(&run->known);
    tally_done(&run->same);
    buf_done(&run->target);
    buf_done(&run->why);
    json_decref(run->mailboxes);
    json_decref(run->left);
}

static int take_keys(void *arg, struct str bytes)
{
    struct import_run *run = arg;

    for (size_t i = 0; i < bytes.len; i++) {
        run->partial[run->partial_len++] = (uint8_t)bytes.ptr[i];
        if (run->partial_len == TALLY_KEY_BYTES) {
            tally_add(&run->known, run->partial);
            run->partial_len = 0;
        }
    }
    return 0;
}

int import_run_begin(struct import_run *run, struct parley *parley)
{
    const struct import_options *o = run->options;
    json_t *frame;
    uint64_t taken = 0;
    int r;

    run->parley = parley;
    r = parley_ask(parley, json_pack("{s:s, s:s, s:o, s:b, s:b, s:b}", "op", "import", "address",
                                     o->address, "source", operation_json(str_from(o->source)),
                                     "dry", (int)o->is_dry, "ignore_quota", (int)o->ignore_quota,
                                     "again", (int)o->again));
    while (r == 0 && (frame = parley_hear(parley))) {
        const char *name = json_string_value(json_object_get(frame, "mailbox"));

        if (name)
            json_object_set(run->mailboxes, name, json_object_get(frame, "use"));
        taken = (uint64_t)json_integer_value(json_object_get(frame, "taken"));
        json_decref(frame);
        if (!name)
            break;
    }
    if (r == 0 && !parley->is_over)
        parley_read(parley, taken * TALLY_KEY_BYTES, take_keys, run);
    run->spoken_us = rt_now_us();
    return parley->is_over ? -ECANCELED : r;
}

static int tell_json(struct import_run *run, int code)
{
    json_t *result = run->parley->result;
    json_t *report = json_pack(
        "{s:b, s:I, s:I, s:I, s:I, s:I, s:O, s:I, s:O?}", "dry_run", (int)run->options->is_dry,
        "messages", (json_int_t)run->sent, "bytes", (json_int_t)run->bytes, "known",
        (json_int_t)run->passed, "older", (json_int_t)run->older, "mailboxes",
        (json_int_t)run->mailbox_count, "left", run->left, "left_count",
        (json_int_t)run->left_count, "mailboxes_made", json_object_get(result, "mailboxes_made"));

    run->keywords_lost += (uint64_t)json_integer_value(json_object_get(result, "keywords_lost"));
    json_object_set_new(report, "keywords_lost", json_integer((json_int_t)run->keywords_lost));
    call_print_json(report);
    return code;
}

static int tell(struct import_run *run, int code)
{
    size_t i;
    json_t *item;

    if (run->call->json)
        return tell_json(run, code);
    run->keywords_lost +=
        (uint64_t)json_integer_value(json_object_get(run->parley->result, "keywords_lost"));
    json_array_foreach(run->left, i, item)
        fprintf(stderr, "left: %s: %s\n", json_string_value(json_object_get(item, "place")),
                json_string_value(json_object_get(item, "why")));
    if (run->left_count > IMPORT_LEFT_SHOWN)
        fprintf(stderr, "left: and %" PRIu64 " more\n", run->left_count - IMPORT_LEFT_SHOWN);
    printf("%s %" PRIu64 " message%s (%.1f MB) in %" PRIu64 " mailbox%s",
           run->options->is_dry ? "Would take" : "Took", run->sent, run->sent == 1 ? "" : "s",
           (double)run->bytes / 1e6, run->mailbox_count, run->mailbox_count == 1 ? "" : "es");
    printf("; here already: %" PRIu64, run->passed);
    if (run->older)
        printf("; older: %" PRIu64, run->older);
    if (run->keywords_lost)
        printf("; keywords without a place: %" PRIu64, run->keywords_lost);
    printf("; could not be taken: %" PRIu64 ".\n", run->left_count);
    return code;
}

/// " (N messages were taken)", where an import broke off that had begun.
static const char *taken_until_now(const struct import_run *run, char *out, size_t size)
{
    out[0] = '\0';
    if (run->kept > 0)
        snprintf(out, size, " (%" PRIu64 " message%s taken)", run->kept,
                 run->kept == 1 ? " was" : "s were");
    return out;
}

/// Nothing at all is most likely a slip of the pen, and no success.
static int tell_nothing(struct import_run *run)
{
    return call_fail(run->call, EX_NOINPUT,
                     run->unwanted_count
                         ? "%s: none of its mailboxes is left by --only and --exclude"
                         : "%s: there is no mail of that kind; is --format right?",
                     run->call->args[1]);
}

int import_run_end(struct import_run *run, int r)
{
    struct parley *p = run->parley;
    char taken[64];

    if (!p->is_over) {
        int said = say(run, json_pack("{s:b}", "end", 1));

        if (said == 0)
            said = rt_flush(p->conn);
        hear(run, true);
    }
    os_progress_end(&run->progress);
    taken_until_now(run, taken, sizeof taken);
    if (p->code != EX_OK)
        return call_fail(run->call, p->code, "%s%s", p->why.len ? buf_cstr(&p->why) : "failed",
                         taken);
    if (r < 0)
        return call_fail(run->call,
                         r == -ENOENT   ? EX_NOINPUT
                         : r == -EACCES ? EX_NOPERM
                         : run->why.len ? EX_UNAVAILABLE
                                        : EX_IOERR,
                         "%s: %s%s", run->call->args[1],
                         run->why.len ? buf_cstr(&run->why) : strerror(-r), taken);
    if (run->mailbox_count == 0 && run->left_count == 0)
        return tell_nothing(run);
    return tell(run, run->left_count ? EX_DATAERR : EX_OK);
}
