// SPDX-License-Identifier: ISC
#include "mail/address_list.h"

// What is known of the entry being read. Its texts grow at the ends of list->text and
// list->name_text; neither ever needs more bytes than the entry has in the field.
struct entry {
    const char *start; // of the entry in the field
    char *phrase;      // all words joined as written
    size_t phrase_len;
    char *local; // the words that can be a local part
    size_t local_len;
    size_t name_len;    // of the phrase: what stands before the local part
    struct str comment; // the last one behind a word, raw, without its parentheses
    struct str adl, mailbox, host;
    bool has_gap;     // blanks or a comment before the next word
    bool has_angle;   // mailbox, host and adl came from <...>
    bool has_at;      // mailbox and host came from a bare address
    bool has_content; // anything but blanks and comments
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_atom_char(char c)
{
    return !is_space(c) && c != '(' && c != '"' && c != '<' && c != '>' && c != ',' && c != ';' &&
           c != ':' && c != '@';
}

// After "(": up to the ")" that belongs to it, or all there is.
static struct str scan_comment(struct scan *in)
{
    const char *start = in->at;
    size_t depth = 1;

    for (; !scan_is_end(in); in->at++) {
        if (*in->at == '\\' && in->at + 1 < in->end)
            in->at++;
        else if (*in->at == '(')
            depth++;
        else if (*in->at == ')' && --depth == 0)
            break;
    }
    scan_char(in, ')');
    return str_of(start, (size_t)(in->at - start) - (depth == 0));
}

// Blanks and comments; true when there were any.
static bool skip_cfws(struct scan *in, struct str *comment)
{
    const char *start = in->at;

    for (;;) {
        if (scan_char(in, '('))
            *comment = scan_comment(in);
        else if (!scan_is_end(in) && is_space(*in->at))
            in->at++;
        else
            return in->at > start;
    }
}

// Appends a quoted text without its backslashes and folds; after the opening quote.
static void take_quoted(struct scan *in, char *to, size_t *len)
{
    for (; !scan_is_end(in) && *in->at != '"'; in->at++) {
        if (*in->at == '\\' && in->at + 1 < in->end)
            in->at++;
        else if (*in->at == '\r' || *in->at == '\n')
            continue;
        to[(*len)++] = *in->at;
    }
    scan_char(in, '"');
}

static void take_atom(struct scan *in, char *to, size_t *len)
{
    struct str atom;

    if (!scan_while(in, is_atom_char, SIZE_MAX, &atom))
        return;
    memcpy(to + *len, atom.ptr, atom.len);
    *len += atom.len;
}

static bool ends_with_dot(const char *text, size_t len)
{
    return len && text[len - 1] == '.';
}

// A word that may belong to the display name or to the local part: only the next "<" or "@" tells.
static void take_word(struct scan *in, struct entry *e)
{
    size_t word;

    if (e->has_gap && e->local_len && scan_peek(in) != '.' &&
        !ends_with_dot(e->local, e->local_len)) {
        e->local += e->local_len; // two words without a dot between: the first are a name
        e->local_len = 0;
        e->name_len = e->phrase_len;
    }
    if (e->has_gap && e->phrase_len)
        e->phrase[e->phrase_len++] = ' ';
    word = e->phrase_len;
    if (scan_char(in, '"'))
        take_quoted(in, e->phrase, &e->phrase_len);
    else
        take_atom(in, e->phrase, &e->phrase_len);
    memcpy(e->local + e->local_len, e->phrase + word, e->phrase_len - word);
    e->local_len += e->phrase_len - word;
    e->has_gap = false;
    e->has_content = true;
}

static struct str take_domain_literal(struct scan *in, char *to)
{
    size_t len = 0;

    for (bool is_end = false; !scan_is_end(in) && !is_end; in->at++) {
        is_end = *in->at == ']';
        if (*in->at == '\\' && in->at + 1 < in->end)
            in->at++;
        if (!is_space(*in->at))
            to[len++] = *in->at;
    }
    return str_of(to, len);
}

// What stands behind "@", without blanks and comments.
static struct str take_domain(struct scan *in, char *to, struct str *comment)
{
    size_t len = 0;

    skip_cfws(in, comment);
    if (scan_peek(in) == '[')
        return take_domain_literal(in, to);
    while (!scan_is_end(in) && is_atom_char(*in->at)) {
        bool has_gap;

        take_atom(in, to, &len);
        has_gap = skip_cfws(in, comment);
        if (has_gap && scan_peek(in) != '.' && !ends_with_dot(to, len))
            break;
    }
    return str_of(to, len);
}

// "@a,@b:" in front of an address. Not there: eats nothing.
static struct str take_route(struct scan *in, char *to)
{
    struct scan at = *in;
    struct str comment;
    size_t len = 0;

    if (scan_peek(&at) != '@')
        return STR_NONE;
    while (!scan_is_end(&at) && (is_atom_char(*at.at) || *at.at == '@' || *at.at == ',')) {
        to[len++] = *at.at++;
        skip_cfws(&at, &comment);
    }
    if (!scan_char(&at, ':'))
        return STR_NONE;
    *in = at;
    return str_of(to, len);
}

static char *end_of(struct str s)
{
    return (char *)(uintptr_t)s.ptr + s.len; // s lies in list->text
}

// After "<". A missing ">" ends at the next separator.
static void take_angle(struct scan *in, struct entry *e)
{
    char *to = e->local + e->local_len;
    struct str comment = STR_NONE;
    size_t len = 0;

    skip_cfws(in, &comment);
    e->adl = take_route(in, to);
    if (e->adl.ptr)
        to = end_of(e->adl);
    skip_cfws(in, &comment);
    while (!scan_is_end(in) && (is_atom_char(*in->at) || *in->at == '"' || *in->at == ':')) {
        if (scan_char(in, '"'))
            take_quoted(in, to, &len);
        else if (scan_char(in, ':'))
            to[len++] = ':';
        else
            take_atom(in, to, &len);
        skip_cfws(in, &comment);
    }
    e->mailbox = str_of(to, len);
    to += len;
    e->host = scan_char(in, '@') ? take_domain(in, to, &comment) : str_of(to, 0);
    e->has_angle = e->has_content = true;
    e->local = end_of(e->host);
    e->local_len = 0;
}

static void take_bare(struct scan *in, struct entry *e)
{
    e->mailbox = str_of(e->local, e->local_len);
    e->host = take_domain(in, e->local + e->local_len, &e->comment);
    e->local = end_of(e->host);
    e->local_len = 0;
    e->has_at = e->has_content = true;
}

// "ana@a.example <ana@a.example>": what stood before is a name after all.
static void take_raw_name(struct entry *e, const char *end)
{
    const char *start = e->start;

    e->phrase_len = 0;
    while (start < end && is_space(*start))
        start++;
    for (const char *p = start; p < end; p++) {
        if (*p != '\r' && *p != '\n' && *p != '"')
            e->phrase[e->phrase_len++] = *p;
    }
    while (e->phrase_len && is_space(e->phrase[e->phrase_len - 1]))
        e->phrase_len--;
    e->has_at = false;
}

// Behind the words of the phrase, where the comment stood.
static struct str comment_as_name(struct entry *e)
{
    struct scan in = scan_of(e->comment);
    size_t from = e->phrase_len;
    struct str name;

    for (; !scan_is_end(&in); in.at++) {
        if (*in.at == '\\' && in.at + 1 < in.end)
            in.at++;
        if (*in.at != '\r' && *in.at != '\n')
            e->phrase[e->phrase_len++] = *in.at;
    }
    name = str_trim(str_of(e->phrase + from, e->phrase_len - from));
    return name.len ? name : STR_NONE;
}

static struct address_entry finish(struct address_list *list, struct entry *e)
{
    struct address_entry out = {STR_NONE, e->adl, e->mailbox, e->host};
    size_t name_len = e->has_angle ? e->phrase_len : e->has_at ? e->name_len : 0;

    if (!e->has_angle && !e->has_at) { // "MAILER-DAEMON (Mail Delivery System)"
        out.mailbox = str_of(e->phrase, e->phrase_len);
        out.host = str_of("", 0);
    }
    if (name_len)
        out.name = str_of(e->phrase, name_len);
    else if (e->comment.len)
        out.name = comment_as_name(e);
    list->text = e->local + e->local_len;
    list->name_text = e->phrase + e->phrase_len;
    return out;
}

// After a complete address: one character or quoted string that means nothing.
static void skip_junk(struct scan *in)
{
    bool is_quoted = scan_char(in, '"');

    if (!is_quoted) {
        in->at++;
        return;
    }
    while (!scan_is_end(in) && !scan_char(in, '"'))
        in->at += *in->at == '\\' && in->at + 1 < in->end ? 2 : 1;
}

// Reads tokens up to the end of an entry. True: a group begins.
static bool take_entry(struct address_list *list, struct entry *e)
{
    struct scan *in = &list->in;
    struct str in_front = STR_NONE;

    for (;;) {
        int c;

        e->has_gap |= skip_cfws(in, e->has_content ? &e->comment : &in_front);
        c = scan_peek(in);
        if (c < 0 || c == ',' || c == ';')
            return false;
        if (c == '<' && !e->has_angle) {
            if (e->has_at)
                take_raw_name(e, in->at);
            in->at++;
            take_angle(in, e);
        } else if (e->has_angle || e->has_at) {
            skip_junk(in);
        } else if (c == '@') {
            in->at++;
            take_bare(in, e);
        } else if (c == ':') {
            in->at++;
            if (!list->in_group && e->has_content)
                return true;
        } else if (c == '"' || is_atom_char((char)c)) {
            take_word(in, e);
        } else {
            in->at++; // a stray ">"
        }
    }
}

void address_list_begin(struct address_list *list, struct arena *a, struct str value)
{
    value = str_head(value, ADDRESS_LIST_TEXT_MAX);
    *list = (struct address_list){.in = scan_of(value)};
    list->text = arena_alloc(a, value.len + 1);
    list->name_text = arena_alloc(a, value.len + 1);
}

bool address_list_next(struct address_list *list, struct address_entry *out)
{
    bool is_cut;

    while (list->count < ADDRESS_LIST_COUNT_MAX) {
        struct entry e = {.start = list->in.at, .phrase = list->name_text, .local = list->text};
        bool is_group = take_entry(list, &e);

        if (is_group) {
            *out = (struct address_entry){.mailbox = str_of(e.phrase, e.phrase_len)};
            list->name_text = e.phrase + e.phrase_len;
            list->text = e.local + e.local_len;
            list->in_group = true;
        } else if (e.has_content) {
            *out = finish(list, &e);
        } else if (list->in_group && (scan_is_end(&list->in) || scan_char(&list->in, ';'))) {
            list->in_group = false;
            *out = (struct address_entry){0};
        } else if (scan_is_end(&list->in)) {
            return false;
        } else {
            list->in.at++; // an empty place between separators
            continue;
        }
        list->count++;
        return true;
    }
    *out = (struct address_entry){0}; // too many: close the group, if any
    is_cut = list->in_group;
    list->in_group = false;
    return is_cut;
}
