// SPDX-License-Identifier: ISC
//
// Lists of rights: letters, who gets what, what a next start finds, and where names lead.
#include "base/cleanup.h"
#include "account/testing.h"
#include "access/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void letters(void **state)
{
    static const struct {
        const char *text, *put; // NULL: refused
    } cases[] = {
        {"", ""},
        {"lr", "lr"},
        {"rl", "lr"},
        {"c", "kxc"},
        {"d", "ted"},
        {"k", "kc"},
        {"x", "xc"},
        {"t", "td"},
        {"e", "ed"},
        {"aa", "a"},
        {"q", NULL},
        {"L", NULL},
        {"lrswipkxtea", "lrswipkxteacd"},
        {"l r", NULL},
        {"0", NULL},
        {"kc", "kc"},
        {"cx", "xc"},
        {"dt", "td"},
        {"ec", "kxecd"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        CLEANUP(buf_drop) struct buf out = {.max = 64};
        unsigned rights;

        assert_int_equal(access_rights_parse(str_from(cases[i].text), &rights), !!cases[i].put);
        if (!cases[i].put)
            continue;
        access_rights_put(rights, &out);
        assert_string_equal(buf_cstr(&out), cases[i].put);
    }
    for (unsigned rights = 0; rights <= ACCESS_ALL; rights++) {
        CLEANUP(buf_drop) struct buf out = {.max = 64};
        unsigned again;

        access_rights_put(rights, &out);
        assert_true(access_rights_parse(buf_str(&out), &again));
        assert_int_equal(again, rights);
    }
}

// ---- a world of three: ana and bruno in one domain, carla in another

static uint64_t ana, bruno, carla;
static struct access *a;

static void people(struct world *w)
{
    world_domain(w, "example.test", "");
    world_domain(w, "other.test", "");
    ana = world_account(w, "ana@example.test", NULL);
    bruno = world_account(w, "bruno@example.test", NULL);
    carla = world_account(w, "carla@other.test", NULL);
    CHECK(access_open(w->store, w->accounts, &a) == 0);
}

static struct store_mailbox inbox(struct world *w, uint64_t account_id)
{
    struct store_mailbox mailbox;

    CHECK(store_mailbox_by_name(w->store, account_id, STR("INBOX"), &mailbox) == 0);
    return mailbox;
}

static void set(const struct store_mailbox *mailbox, const char *who, const char *letters_given)
{
    struct access_entry entry;
    unsigned rights;

    CHECK(access_entry_parse(a, str_from(who), &entry));
    CHECK(access_rights_parse(str_from(letters_given), &rights));
    CHECK(access_set(a, mailbox, &entry, ACCESS_REPLACE, rights) == 0);
}

static size_t candidates(uint64_t account_id)
{
    CLEANUP(arena_done) struct arena arena = {0};
    uint64_t *ids;
    size_t count;

    arena_init(&arena, 1 << 20);
    access_candidates(a, account_id, &arena, &ids, &count);
    return count;
}

static void check_rights(struct world *w)
{
    struct store_mailbox box = inbox(w, ana);

    CHECK(access_rights(a, ana, &box) == ACCESS_ALL);
    CHECK(access_rights(a, bruno, &box) == (ACCESS_READ | ACCESS_LOOKUP));
    CHECK(access_rights(a, carla, &box) == ACCESS_LOOKUP);
    CHECK(access_rights(NULL, ana, &box) == ACCESS_ALL && access_rights(NULL, bruno, &box) == 0);
    CHECK(candidates(bruno) == 1 && candidates(carla) == 1);
}

static void rights_body(struct world *w)
{
    struct store_mailbox box;

    people(w);
    box = inbox(w, ana);
    CHECK(access_rights(a, bruno, &box) == 0 && candidates(bruno) == 0);
    set(&box, "anyone", "lrs"); // ana's domain, not carla's
    CHECK(access_rights(a, carla, &box) == 0);
    set(&box, "carla@other.test", "l");
    set(&box, "-bruno@example.test", "s");
    check_rights(w);
    access_close(a);
    CHECK(access_open(w->store, w->accounts, &a) == 0); // as a next start finds it
    check_rights(w);
    set(&box, "-bruno@example.test", "");
    CHECK(access_rights(a, bruno, &box) == (ACCESS_LOOKUP | ACCESS_READ | ACCESS_SEEN));
    set(&box, "anyone", "");
    set(&box, "carla@other.test", "");
    CHECK(access_rights(a, bruno, &box) == 0 && candidates(bruno) == 0 && candidates(carla) == 0);
    set(&box, "bruno@example.test", "l");
    access_forget(a, box.id);
    CHECK(access_rights(a, bruno, &box) == 0 && candidates(bruno) == 0);
    access_close(a);
}

static void rights_are_given_and_taken(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, rights_body);
}

/// Whoever gets an address after somebody else gets no rights with it.
static void heir_body(struct world *w)
{
    CLEANUP(buf_drop) struct buf why = {.max = 1024}, who = {.max = 400};
    CLEANUP(arena_done) struct arena arena = {0};
    struct access_entry *entries;
    struct store_mailbox box;
    size_t count;

    people(w);
    box = inbox(w, ana);
    set(&box, "bruno@example.test", "lr");
    CHECK(account_remove(w->accounts, STR("bruno@example.test"), &why) == 0);
    bruno = world_account(w, "bruno@example.test", NULL);
    CHECK(access_rights(a, bruno, &box) == 0);
    arena_init(&arena, 1 << 20);
    access_list_get(a, box.id, &arena, &entries, &count);
    CHECK(count == 1 && !access_entry_put(a, &entries[0], &who) && who.len == 0);
    set(&box, "carla@other.test", "l"); // and the next change drops it
    access_list_get(a, box.id, &arena, &entries, &count);
    CHECK(count == 1 && entries[0].account_id == carla);
    access_close(a);
}

static void nobody_inherits_with_an_address(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, heir_body);
}

/// A second handle stands for another that was faster.
static void conflict_body(struct world *w)
{
    struct access_entry who = {.account_id = 0};
    struct store_mailbox box;
    struct access *other;

    people(w);
    box = inbox(w, ana);
    CHECK(access_open(w->store, w->accounts, &other) == 0);
    set(&box, "bruno@example.test", "l");
    CHECK(access_set(other, &box, &who, ACCESS_ADD, ACCESS_READ) == STORE_CONFLICT);
    CHECK(access_rights(a, bruno, &box) == ACCESS_LOOKUP);
    access_close(other);
    access_close(a);
}

static void nobody_is_overwritten(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, conflict_body);
}

static void names_body(struct world *w)
{
    static const struct {
        const char *name;
        int owner; // 0 ana herself, 1 bruno, -1 nowhere
        const char *there;
    } cases[] = {
        {"INBOX", 0, "INBOX"},
        {"Other", 0, "Other"},
        {"Other Userssss", 0, "Other Userssss"},
        {"Other Users", -1, NULL},
        {"Other Users/bruno@example.test", 1, "INBOX"},
        {"Other Users/Bruno@Example.TEST/a/b", 1, "a/b"},
        {"Other Users/bruno@example.test/INBOX", -1, NULL},
        {"Other Users/bruno@example.test/INBOX/a", 1, "INBOX/a"},
        {"Other Users/ana@example.test", -1, NULL},
        {"Other Users/nobody@example.test/a", -1, NULL},
        {"Other Users/bruno", -1, NULL},
        {"Other Users/bruno/@example.test", -1, NULL},
        {"Other Users/", -1, NULL},
    };
    CLEANUP(buf_drop) struct buf name = {.max = ACCESS_NAME_MAX};
    struct store_mailbox box;

    people(w);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct access_place place;
        bool is = access_place_of(a, ana, str_from(cases[i].name), &place);

        CHECK(is == (cases[i].owner >= 0));
        if (!is)
            continue;
        CHECK(place.account_id == (cases[i].owner ? bruno : ana));
        CHECK(str_eq(place.name, str_from(cases[i].there)));
    }
    box = inbox(w, bruno);
    access_put_name(a, ana, &box, &name);
    CHECK(str_eq(buf_str(&name), STR("Other Users/bruno@example.test")));
    buf_clear(&name);
    access_put_name(a, bruno, &box, &name);
    CHECK(str_eq(buf_str(&name), STR("INBOX")));
    access_close(a);
}

static void names_lead_somewhere(void **state)
{
    struct world w = {0};

    (void)state;
    world_run(&w, names_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters),
        cmocka_unit_test(rights_are_given_and_taken),
        cmocka_unit_test(nobody_inherits_with_an_address),
        cmocka_unit_test(nobody_is_overwritten),
        cmocka_unit_test(names_lead_somewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
