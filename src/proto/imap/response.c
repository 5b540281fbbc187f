// SPDX-License-Identifier: ISC
#include "proto/imap/response.h"

#include "proto/imap/flag.h"
#include "proto/imap/scan.h"

enum { NESTING_MAX = 64 };

// ---- words

/// Up to a blank, a parenthesis or the end; servers put into atoms what they like.
static bool scan_loose(struct scan *in, struct str *out)
{
    const char *begin = in->at;

    while (in->at < in->end && !strchr(" ()\r\n", *in->at))
        in->at++;
    *out = str_of(begin, (size_t)(in->at - begin));
    return out->len > 0;
}

static void skip_spaces(struct scan *in)
{
    while (scan_char(in, ' '))
        ;
}

/// A word that may have brackets with anything in them: BODY[HEADER.FIELDS (X)]<0>.
static bool scan_item(struct scan *in, struct str *out)
{
    const char *begin = in->at;
    bool is_inside = false;

    while (in->at < in->end && (is_inside || !strchr(" ()\r\n", *in->at))) {
        is_inside = *in->at == '[' || (is_inside && *in->at != ']');
        in->at++;
    }
    *out = str_of(begin, (size_t)(in->at - begin));
    return out->len > 0;
}

/// Any value: a string, a word, or a list of values, however deep. False: there is none, or too
/// deep.
static bool skip_value(struct scan *in, struct arena *arena)
{
    unsigned depth = 0;
    struct str s;

    do {
        skip_spaces(in);
        if (scan_char(in, '(')) {
            if (++depth > NESTING_MAX)
                return false;
        } else if (scan_char(in, ')')) {
            if (depth-- == 0)
                return false;
        } else if (!imap_scan_string(in, arena, &s) && !scan_item(in, &s)) {
            return false;
        }
    } while (depth > 0);
    return true;
}

bool imap_response_has_word(struct str words, struct str word)
{
    struct str one;

    while (str_split(&words, ' ', &one))
        if (str_case_eq(one, word))
            return true;
    return false;
}

// ---- conditions

static bool parse_condition(struct str word, enum imap_condition *out)
{
    static const char *const words[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};

    for (size_t i = 0; i < 5; i++) {
        if (!str_case_eq(word, str_from(words[i])))
            continue;
        *out = (enum imap_condition)i;
        return true;
    }
    return false;
}

/// [code] text
static void parse_text(struct scan *in, struct imap_response *out)
{
    struct str rest;
    ptrdiff_t end;

    skip_spaces(in);
    rest = scan_rest(in);
    end = str_starts(rest, STR("[")) ? str_find(rest, ']') : -1;
    out->code = end > 0 ? str_of(rest.ptr + 1, (size_t)end - 1) : STR("");
    out->text = str_trim(end > 0 ? str_skip(rest, (size_t)end + 1) : rest);
}

bool imap_response_code_number(struct str code, struct str name, uint32_t *out)
{
    uint64_t n;

    if (!str_case_starts(code, name) ||
        !str_to_u64(str_trim(str_skip(code, name.len)), UINT32_MAX, &n))
        return false;
    *out = (uint32_t)n;
    return true;
}

// ---- LIST, NAMESPACE

static unsigned attribute_of(struct str word)
{
    static const struct {
        const char *word;
        unsigned bit;
    } attributes[] = {{"\\Noselect", IMAP_NOSELECT},
                      {"\\NonExistent", IMAP_NOSELECT},
                      {"\\All", IMAP_ALL},
                      {"\\AllMail", IMAP_ALL},
                      {"\\Archive", IMAP_ARCHIVE},
                      {"\\Drafts", IMAP_DRAFTS},
                      {"\\Flagged", IMAP_FLAGGED_USE},
                      {"\\Starred", IMAP_FLAGGED_USE},
                      {"\\Junk", IMAP_JUNK},
                      {"\\Spam", IMAP_JUNK},
                      {"\\Sent", IMAP_SENT},
                      {"\\Trash", IMAP_TRASH}};

    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
        if (str_case_eq(word, str_from(attributes[i].word)))
            return attributes[i].bit;
    return 0;
}

static bool parse_separator(struct scan *in, struct arena *arena, char *out)
{
    struct str s;

    *out = '\0';
    skip_spaces(in);
    if (!imap_scan_nstring(in, arena, &s))
        return false;
    if (s.ptr && s.len == 1)
        *out = s.ptr[0];
    return true;
}

/// (attributes) separator name
static bool parse_list(struct scan *in, struct arena *arena, struct imap_response *out)
{
    struct str word;

    skip_spaces(in);
    if (!scan_char(in, '('))
        return false;
    for (skip_spaces(in); scan_loose(in, &word); skip_spaces(in))
        out->attributes |= attribute_of(word);
    if (!scan_char(in, ')') || !parse_separator(in, arena, &out->separator))
        return false;
    skip_spaces(in);
    if (!imap_scan_string(in, arena, &out->name) && !scan_loose(in, &out->name))
        return false;
    out->kind = IMAP_SAYS_LIST;
    return true;
}

/// RFC 2342: ((prefix separator ...)...) and others we do not look at.
static bool parse_namespace(struct scan *in, struct arena *arena, struct imap_response *out)
{
    skip_spaces(in);
    if (!scan_char(in, '(') || !scan_char(in, '(') || !imap_scan_string(in, arena, &out->name) ||
        !parse_separator(in, arena, &out->separator))
        return false;
    out->kind = IMAP_SAYS_NAMESPACE;
    return true;
}

// ---- FETCH

static unsigned flag_of(struct str word)
{
    static const struct {
        const char *word;
        unsigned bit;
    } flags[] = {{"\\Seen", IMAP_SEEN},       {"\\Answered", IMAP_ANSWERED},
                 {"\\Flagged", IMAP_FLAGGED}, {"\\Deleted", IMAP_DELETED},
                 {"\\Draft", IMAP_DRAFT},     {"\\Recent", IMAP_RECENT}};

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (str_case_eq(word, str_from(flags[i].word)))
            return flags[i].bit;
    return 0;
}

static bool parse_flags(struct scan *in, struct arena *arena, struct imap_response *out)
{
    struct str word;

    if (!scan_char(in, '('))
        return false;
    if (!out->keywords) // however often they are told
        out->keywords = ARENA_ARRAY(arena, struct str, IMAP_RESPONSE_KEYWORDS_MAX);
    for (skip_spaces(in); scan_loose(in, &word); skip_spaces(in)) {
        if (word.ptr[0] == '\\')
            out->flags |= flag_of(word);
        else if (out->keyword_count < IMAP_RESPONSE_KEYWORDS_MAX)
            out->keywords[out->keyword_count++] = word;
    }
    out->has_flags = true;
    return scan_char(in, ')');
}

static bool parse_date(struct scan *in, struct arena *arena, struct imap_response *out)
{
    struct str text;

    if (!imap_scan_string(in, arena, &text))
        return false;
    out->has_date = date_parse_imap(text, &out->date) || date_parse(text, &out->date);
    return true;
}

static bool is_body(struct str item)
{
    return str_case_eq(item, STR("BODY[]")) || str_case_eq(item, STR("RFC822"));
}

static bool parse_item(struct scan *in, struct arena *arena, struct imap_response *out)
{
    struct str item, value;
    uint64_t n;

    if (!scan_item(in, &item))
        return false;
    skip_spaces(in);
    if (is_body(item)) {
        out->has_body = imap_scan_nstring(in, arena, &out->body);
        return out->has_body;
    }
    if (str_case_eq(item, STR("FLAGS")))
        return parse_flags(in, arena, out);
    if (str_case_eq(item, STR("INTERNALDATE")))
        return parse_date(in, arena, out);
    if (!str_case_eq(item, STR("UID")) && !str_case_eq(item, STR("RFC822.SIZE")))
        return skip_value(in, arena);
    if (!scan_loose(in, &value) || !str_to_u64(value, UINT32_MAX, &n))
        return false;
    if (str_case_eq(item, STR("UID")))
        out->uid = (uint32_t)n;
    else
        out->size = n;
    out->has_size = out->has_size || !str_case_eq(item, STR("UID"));
    return true;
}

static bool parse_fetch(struct scan *in, struct arena *arena, struct imap_response *out)
{
    skip_spaces(in);
    if (!scan_char(in, '('))
        return false;
    for (skip_spaces(in); !scan_char(in, ')'); skip_spaces(in))
        if (!parse_item(in, arena, out))
            return false;
    out->kind = IMAP_SAYS_FETCH;
    return true;
}

bool imap_response_has_body(struct str head)
{
    struct str s = str_trim(head);

    for (size_t i = 0; i < 2; i++) {
        struct str item = i ? STR("RFC822") : STR("BODY[]");

        if (s.len > item.len && str_case_eq(str_skip(s, s.len - item.len), item) &&
            strchr(" (", s.ptr[s.len - item.len - 1]) && str_starts(s, STR("* ")))
            return true;
    }
    return false;
}

// ---- a response

static void parse_numbered(struct scan *in, struct arena *arena, struct imap_response *out)
{
    struct imap_response other = *out;
    struct str word;

    skip_spaces(in);
    if (!scan_loose(in, &word))
        return;
    if (str_case_eq(word, STR("EXISTS")))
        out->kind = IMAP_SAYS_EXISTS;
    else if (str_case_eq(word, STR("FETCH")) && !parse_fetch(in, arena, out))
        *out = other; // nothing half read
}

static void parse_untagged(struct scan *in, struct arena *arena, struct imap_response *out)
{
    struct imap_response other = *out;
    struct str word;
    uint64_t n;
    bool is_good = true;

    skip_spaces(in);
    if (!scan_loose(in, &word))
        return;
    if (str_to_u64(word, UINT32_MAX, &n)) {
        out->number = (uint32_t)n;
        parse_numbered(in, arena, out);
    } else if (parse_condition(word, &out->condition)) {
        out->kind = IMAP_SAYS_CONDITION;
        parse_text(in, out);
    } else if (str_case_eq(word, STR("CAPABILITY"))) {
        out->kind = IMAP_SAYS_CAPABILITY;
        out->text = str_trim(scan_rest(in));
    } else if (str_case_eq(word, STR("LIST")) || str_case_eq(word, STR("LSUB")) ||
               str_case_eq(word, STR("XLIST"))) {
        is_good = parse_list(in, arena, out);
    } else if (str_case_eq(word, STR("NAMESPACE"))) {
        is_good = parse_namespace(in, arena, out);
    }
    if (!is_good)
        *out = other;
}

bool imap_response_parse(struct str text, struct arena *arena, struct imap_response *out)
{
    struct scan in = scan_of(text);
    struct str word;

    *out = (struct imap_response){.code = STR(""), .text = STR("")};
    if (scan_char(&in, '+')) {
        out->kind = IMAP_SAYS_GO_ON;
        out->text = str_trim(scan_rest(&in));
        return true;
    }
    if (!scan_loose(&in, &out->tag))
        return false;
    if (str_eq(out->tag, STR("*"))) {
        parse_untagged(&in, arena, out);
        return true;
    }
    skip_spaces(&in);
    if (!scan_loose(&in, &word) || !parse_condition(word, &out->condition))
        return false;
    out->kind = IMAP_SAYS_TAGGED;
    parse_text(&in, out);
    return true;
}
