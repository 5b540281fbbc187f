// SPDX-License-Identifier: ISC
#include "access/rights.h"

static const struct {
    char letter;
    unsigned rights;
} letters[] = {
    {'l', ACCESS_LOOKUP},
    {'r', ACCESS_READ},
    {'s', ACCESS_SEEN},
    {'w', ACCESS_WRITE},
    {'i', ACCESS_INSERT},
    {'p', ACCESS_POST},
    {'k', ACCESS_CREATE},
    {'x', ACCESS_DELETE},
    {'t', ACCESS_DELETED},
    {'e', ACCESS_EXPUNGE},
    {'a', ACCESS_ADMIN},
    {'c', ACCESS_CREATE | ACCESS_DELETE},
    {'d', ACCESS_DELETED | ACCESS_EXPUNGE},
};
enum { LETTERS = sizeof(letters) / sizeof(*letters) };

/// What a letter adds to the rights that the other letters give. "c" and "d" stand for theirs only
/// when none of these is there: who reads "kc" and sends it back means what was there, "k".
static unsigned meaning(size_t letter, unsigned others)
{
    unsigned rights = letters[letter].rights;
    bool is_virtual = (rights & (rights - 1)) != 0;

    return is_virtual && (rights & others) ? 0 : rights;
}

bool access_rights_parse(struct str text, unsigned *out)
{
    unsigned rights = 0, seen = 0;

    for (size_t i = 0; i < text.len; i++) {
        size_t k = 0;

        while (k < LETTERS && letters[k].letter != text.ptr[i])
            k++;
        if (k == LETTERS)
            return false;
        seen |= 1u << k;
    }
    for (size_t k = 0; k < LETTERS; k++) // those that stand for several come last
        if (seen >> k & 1)
            rights |= meaning(k, rights);
    *out = rights;
    return true;
}

void access_rights_put(unsigned rights, struct buf *out)
{
    for (size_t i = 0; i < LETTERS; i++)
        if (rights & letters[i].rights)
            buf_put_char(out, letters[i].letter);
}
