// SPDX-License-Identifier: ISC
//
// LANG, RFC 6856 3: in which language the server speaks to people from here on.
#include "serve/pop3/session.h"

static const struct {
    struct str tag, name;
    enum pop3_language language;
} languages[] = {
    {STR("i-default"), STR("English"), POP3_ENGLISH},
    {STR("en"), STR("English"), POP3_ENGLISH},
    {STR("pt"), STR("Portugu\xc3\xaas"), POP3_PORTUGUESE},
};
enum { LANGUAGE_COUNT = sizeof(languages) / sizeof(*languages) };

static int list(struct pop3_session *s)
{
    (void)rt_putf(s->conn, "+OK %s\r\n", pop3_say(s, POP3_LANGUAGES_FOLLOW));
    for (size_t i = 0; i < LANGUAGE_COUNT; i++)
        (void)rt_putf(s->conn, "%.*s %.*s\r\n", STR_ARG(languages[i].tag),
                      STR_ARG(languages[i].name));
    return rt_put(s->conn, STR(".\r\n"));
}

/// RFC 4647 3.4, lookup: "pt-BR" is served by "pt". "*": the one we would choose. -1: none.
static int find(struct str range)
{
    ptrdiff_t hyphen;

    if (str_eq(range, STR("*")))
        return 1;
    for (int i = 0; i < LANGUAGE_COUNT; i++)
        if (str_case_eq(range, languages[i].tag))
            return i;
    hyphen = str_find_last(range, '-');
    return hyphen > 0 ? find(str_head(range, (size_t)hyphen)) : -1;
}

int pop3_on_lang(struct pop3_session *s, const struct pop3_command *c)
{
    int i;

    if (c->name.len == 0)
        return list(s);
    i = find(c->name);
    if (i < 0)
        return pop3_refuse(s, POP3_NO_LANGUAGE);
    s->language = languages[i].language;
    return rt_putf(s->conn, "+OK %.*s %s\r\n", STR_ARG(languages[i].tag),
                   pop3_say(s, POP3_LANGUAGE));
}
