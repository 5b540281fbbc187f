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

bool access_rights_parse(struct str text, unsigned *out)
{
    unsigned rights = 0;

    for (size_t i = 0; i < text.len; i++) {
        size_t k = 0;

        while (k < LETTERS && letters[k].letter != text.ptr[i])
            k++;
        if (k == LETTERS)
            return false;
        rights |= letters[k].rights;
    }
    *out = rights;
    return true;
}

void access_rights_put(unsigned rights, struct buf *out)
{
    for (size_t i = 0; i < LETTERS; i++)
        if (rights & letters[i].rights)
            buf_put_char(out, letters[i].letter);
}
