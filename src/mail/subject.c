// SPDX-License-Identifier: ISC
//
// The steps are those of RFC 5256 2.1, the grammar is that of section 5. Text is only cut off at
// its ends, so all of it works on one view.
#include "mail/subject.h"

#include "base/cleanup.h"
#include "base/scan.h"
#include "mail/word.h"

/// Step 1: decoded, on one line, single spaces.
static void put_plain(struct buf *out, struct str value)
{
    CLEANUP(buf_drop) struct buf decoded = {.max = value.len * 4 + 256};
    bool was_blank = true;

    word_put_decoded(&decoded, value);
    for (size_t i = 0; i < decoded.len; i++) {
        char c = decoded.ptr[i];
        bool is_blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';

        if (!is_blank)
            buf_put_char(out, c);
        else if (!was_blank)
            buf_put_char(out, ' ');
        was_blank = is_blank;
    }
}

/// subj-blob = "[" *BLOBCHAR "]" *WSP
static bool scan_blob(struct scan *in)
{
    struct scan at = *in;

    if (!scan_char(&at, '['))
        return false;
    while (at.at < at.end && *at.at != '[' && *at.at != ']')
        at.at++;
    if (!scan_char(&at, ']'))
        return false;
    (void)scan_blank(&at);
    *in = at;
    return true;
}

/// subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
static bool scan_refwd(struct scan *in)
{
    struct scan at = *in;

    if (!scan_case_word(&at, STR("re")) && !scan_case_word(&at, STR("fwd")) &&
        !scan_case_word(&at, STR("fw")))
        return false;
    (void)scan_blank(&at);
    (void)scan_blob(&at);
    if (!scan_char(&at, ':'))
        return false;
    *in = at;
    return true;
}

/// Step 2: "(fwd)" and blanks at the end, as often as they stand there.
static bool cut_trailers(struct str *text)
{
    bool is_forward = false;

    while (true) {
        struct str t = *text;

        if (t.len > 0 && (t.ptr[t.len - 1] == ' ' || t.ptr[t.len - 1] == '\t')) {
            text->len--;
        } else if (t.len >= 5 && str_case_eq(str_skip(t, t.len - 5), STR("(fwd)"))) {
            text->len -= 5;
            is_forward = true;
        } else {
            return is_forward;
        }
    }
}

/// Steps 3 to 5. Blobs in front of "re:" go with it. Others go as long as something is left; and
/// when "re:" does not follow a run of blobs now, it will not when some of them are gone.
static bool cut_leaders(struct str *text)
{
    bool is_reply = false, goes_on = true;

    while (goes_on) {
        struct scan at = scan_of(*text), last;
        bool has_blob = false;

        (void)scan_blank(&at);
        *text = scan_rest(&at);
        last = at;
        while (at.at < at.end && *at.at == '[') {
            struct scan before = at;

            if (!scan_blob(&at))
                break;
            last = before;
            has_blob = true;
        }
        goes_on = scan_refwd(&at);
        is_reply |= goes_on;
        if (goes_on || (has_blob && !scan_is_end(&at))) {
            *text = scan_rest(&at);
            goes_on = true;
        } else {
            *text = scan_rest(&last); // of blobs alone the last one stays
        }
    }
    return is_reply;
}

bool subject_put_base(struct buf *out, struct str value)
{
    CLEANUP(buf_drop) struct buf plain = {.max = value.len * 4 + 256};
    bool is_reply = false;
    struct str text;

    put_plain(&plain, value);
    text = buf_str(&plain);
    while (true) {
        is_reply |= cut_trailers(&text);
        is_reply |= cut_leaders(&text);
        if (!str_case_starts(text, STR("[fwd:")) || !str_ends(text, STR("]")))
            break;
        text = str_of(text.ptr + 5, text.len - 6); // step 6
        is_reply = true;
    }
    buf_put(out, text);
    return is_reply;
}
