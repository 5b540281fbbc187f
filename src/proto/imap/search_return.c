// SPDX-License-Identifier: ISC
#include "proto/imap/search_return.h"

#include "proto/imap/reply.h"
#include "proto/imap/scan.h"

enum {
    TELLING = IMAP_RETURN_MIN | IMAP_RETURN_MAX | IMAP_RETURN_ALL | IMAP_RETURN_COUNT |
              IMAP_RETURN_PARTIAL | IMAP_RETURN_SAVE
};

static const struct {
    struct str name;
    unsigned option;
} options[] = {
    {STR("ALL"), IMAP_RETURN_ALL},       {STR("CONTEXT"), IMAP_RETURN_CONTEXT},
    {STR("COUNT"), IMAP_RETURN_COUNT},   {STR("MAX"), IMAP_RETURN_MAX},
    {STR("MIN"), IMAP_RETURN_MIN},       {STR("PARTIAL"), IMAP_RETURN_PARTIAL},
    {STR("SAVE"), IMAP_RETURN_SAVE},     {STR("RELEVANCY"), IMAP_RETURN_RELEVANCY},
    {STR("UPDATE"), IMAP_RETURN_UPDATE},
};
enum { OPTION_COUNT = sizeof(options) / sizeof(*options) };

/// RFC 9394 4: both ends with a minus or none; in either order.
static bool scan_partial(struct scan *in, struct imap_search_return *out)
{
    uint32_t a, b;

    if (!imap_scan_sp(in))
        return false;
    out->is_from_end = scan_char(in, '-');
    if (!imap_scan_nz_number(in, &a) || !scan_char(in, ':') ||
        scan_char(in, '-') != out->is_from_end || !imap_scan_nz_number(in, &b))
        return false;
    out->partial_first = a < b ? a : b;
    out->partial_last = a < b ? b : a;
    return true;
}

static bool scan_option(struct scan *in, struct imap_search_return *out)
{
    struct str name;
    size_t i = 0;

    if (!imap_scan_atom(in, &name))
        return false;
    while (i < OPTION_COUNT && !str_case_eq(options[i].name, name))
        i++;
    if (i == OPTION_COUNT || (options[i].option & out->options & IMAP_RETURN_PARTIAL))
        return false;
    out->options |= options[i].option;
    return options[i].option != IMAP_RETURN_PARTIAL || scan_partial(in, out);
}

bool imap_scan_search_return(struct scan *in, struct imap_search_return *out)
{
    struct imap_search_return found = {0};

    *out = (struct imap_search_return){.options = IMAP_RETURN_ALL};
    if (!scan_case_word(in, STR(" RETURN (")))
        return true;
    found.is_given = true;
    if (!scan_char(in, ')')) {
        do {
            if (!scan_option(in, &found))
                return false;
        } while (imap_scan_sp(in));
        if (!scan_char(in, ')'))
            return false;
    }
    if (!(found.options & TELLING))
        found.options |= IMAP_RETURN_ALL;
    // RFC 9394 3.1
    if ((found.options & IMAP_RETURN_PARTIAL) && (found.options & IMAP_RETURN_ALL))
        return false;
    *out = found;
    return true;
}

void imap_put_esearch(struct buf *out, struct str tag, bool is_uid)
{
    buf_put(out, STR("* ESEARCH (TAG "));
    imap_put_string(out, tag);
    buf_put(out, is_uid ? STR(") UID") : STR(")"));
}

void imap_put_partial_range(struct buf *out, const struct imap_search_return *what)
{
    const char *minus = what->is_from_end ? "-" : "";

    buf_putf(out, "%s%u:%s%u", minus, what->partial_first, minus, what->partial_last);
}
