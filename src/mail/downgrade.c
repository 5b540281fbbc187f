// SPDX-License-Identifier: ISC
//
// The message as a row of stretches (headers, bodies of leaves, what stands between parts), found
// once and then walked twice: to look, and to put. How bytes are put is downgrade_body.c's.
#include "mail/downgrade.h"

#include "base/check.h"
#include "mail/downgrade_body.h"
#include "mail/encoding.h"
#include "mail/mime.h"

#include <stdlib.h>

enum { LINE_LONGEST = 998 }; // RFC 5322 2.1.1

enum stretch_kind { STRETCH_HEADER, STRETCH_BODY, STRETCH_BETWEEN };

struct stretch {
    size_t start;
    int part; // BETWEEN: the multipart around it; -1: behind the message
    enum stretch_kind kind;
};

/// What was seen of a part, and what becomes of it.
struct fate {
    bool has_8bit, has_nul, has_bare, has_long; // in the body of a leaf
    bool has_8bit_between;                      // in that of a multipart
    enum downgrade_how how;
    enum encoding label; // for the header, when it changes
    bool changes_label;
};

struct downgrade {
    enum downgrade_to to;
    struct mime_parser *parser;
    struct mime mime;
    struct fate *fates; // of mime.parts
    struct stretch *stretches;
    size_t stretch_count;
    bool has_8bit_header, is_learned;
    // walking
    size_t offset, at; // of the next byte; the stretch it is in
    bool ends_in_cr;
    size_t line_len;
    struct downgrade_body body;
    struct downgrade_header header;
};

struct downgrade *downgrade_new(enum downgrade_to to)
{
    struct downgrade *d = calloc(1, sizeof *d);

    CHECK(d);
    d->to = to;
    d->parser = mime_parser_new();
    return d;
}

void downgrade_free(struct downgrade *d)
{
    if (!d)
        return;
    mime_parser_free(d->parser);
    if (d->is_learned)
        mime_done(&d->mime);
    free(d->fates);
    free(d->stretches);
    downgrade_body_done(&d->body);
    downgrade_header_done(&d->header);
    free(d);
}

// ---- structure

void downgrade_learn(struct downgrade *d, struct str bytes)
{
    mime_parser_feed(d->parser, bytes);
}

static void add_stretch(struct downgrade *d, size_t start, int part, enum stretch_kind kind)
{
    d->stretches[d->stretch_count++] = (struct stretch){start, part, kind};
}

/// The parts around the next one stay open, all others end.
static int close_parts(struct downgrade *d, int open, int until)
{
    while (open != until) {
        const struct mime_part *part = &d->mime.parts[open];

        add_stretch(d, part->end, part->parent, STRETCH_BETWEEN);
        open = part->parent;
    }
    return open;
}

static void learned(struct downgrade *d)
{
    int open = -1;

    mime_parser_end(d->parser, &d->mime);
    d->parser = NULL;
    d->is_learned = true;
    d->fates = calloc(d->mime.count, sizeof *d->fates);
    d->stretches = calloc(3 * d->mime.count, sizeof *d->stretches);
    CHECK(d->fates && d->stretches);
    for (int i = 0; i < (int)d->mime.count; i++) {
        const struct mime_part *part = &d->mime.parts[i];

        open = close_parts(d, open, part->parent);
        add_stretch(d, part->header, i, STRETCH_HEADER);
        add_stretch(d, part->body, i, part->kind == MIME_LEAF ? STRETCH_BODY : STRETCH_BETWEEN);
        open = i;
    }
    close_parts(d, open, -1);
}

// ---- walking

static void rewind_walk(struct downgrade *d)
{
    d->offset = d->at = d->line_len = 0;
    d->ends_in_cr = false;
}

/// Takes off *bytes what lies in one stretch, which is *out_stretch; calls for each stretch at
/// least once, so that empty ones are met as well.
static bool next_span(struct downgrade *d, struct str *bytes, struct str *out)
{
    size_t end = d->at + 1 < d->stretch_count ? d->stretches[d->at + 1].start : SIZE_MAX;
    size_t left = end - d->offset;

    if (bytes->len == 0)
        return false;
    *out = str_head(*bytes, left);
    *bytes = str_skip(*bytes, out->len);
    d->offset += out->len;
    return true;
}

static bool is_at_stretch_end(const struct downgrade *d)
{
    return d->at + 1 < d->stretch_count && d->offset >= d->stretches[d->at + 1].start;
}

// ---- looking

static bool has_8bit(struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if ((unsigned char)bytes.ptr[i] > 127)
            return true;
    }
    return false;
}

static void look_at_body(struct downgrade *d, struct fate *fate, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];

        fate->has_8bit |= c > 127;
        fate->has_nul |= c == 0;
        fate->has_bare |= (c == '\n') != d->ends_in_cr;
        d->ends_in_cr = c == '\r';
        d->line_len = c == '\n' ? 0 : d->line_len + 1;
        fate->has_long |= d->line_len > LINE_LONGEST + 1;
    }
}

static void look_at(struct downgrade *d, const struct stretch *stretch, struct str bytes)
{
    if (stretch->part < 0)
        return;
    if (stretch->kind == STRETCH_BODY)
        look_at_body(d, &d->fates[stretch->part], bytes);
    else if (!has_8bit(bytes))
        return;
    else if (stretch->kind == STRETCH_HEADER)
        d->has_8bit_header = true;
    else
        d->fates[stretch->part].has_8bit_between = true;
}

void downgrade_look(struct downgrade *d, struct str bytes)
{
    struct str span;

    if (!d->is_learned)
        learned(d);
    while (next_span(d, &bytes, &span)) {
        look_at(d, &d->stretches[d->at], span);
        while (is_at_stretch_end(d)) {
            d->at++;
            d->ends_in_cr = false;
            d->line_len = 0;
        }
    }
}

bool downgrade_has_utf8_header(const struct downgrade *d)
{
    return d->has_8bit_header;
}

// ---- deciding

static bool is_signed(const struct downgrade *d, int part)
{
    for (int i = d->mime.parts[part].parent; i >= 0; i = d->mime.parts[i].parent) {
        if (mime_is_type(&d->mime.parts[i], STR("multipart"), STR("signed")))
            return true;
    }
    return false;
}

static enum downgrade_answer decide_multipart(struct downgrade *d, int i, enum encoding from)
{
    const struct mime_part *part = &d->mime.parts[i];
    struct fate *fate = &d->fates[i];
    bool is_7bit = d->to == DOWNGRADE_TO_7BIT;

    if (is_7bit && fate->has_8bit_between) {
        // a boundary of such bytes cannot be changed without its parameter, which stays
        if (has_8bit(param_find(&part->params, STR("boundary"))))
            return DOWNGRADE_CANNOT;
        if (is_signed(d, i) || part->kind == MIME_MESSAGE)
            return DOWNGRADE_CANNOT;
        fate->how = DOWNGRADE_MASK;
    }
    fate->changes_label = from == ENCODING_BINARY || (is_7bit && from == ENCODING_8BIT);
    fate->label = is_7bit ? ENCODING_7BIT : ENCODING_8BIT;
    if (fate->changes_label && is_signed(d, i)) {
        fate->changes_label = false;
        return from == ENCODING_BINARY ? DOWNGRADE_CANNOT : DOWNGRADE_NEEDLESS;
    }
    return fate->how != DOWNGRADE_KEEP || from == ENCODING_BINARY ? DOWNGRADE_FINE
                                                                  : DOWNGRADE_NEEDLESS;
}

static bool needs_change(const struct downgrade *d, const struct fate *fate, enum encoding from)
{
    bool is_no_text =
        from == ENCODING_BINARY && (fate->has_nul || fate->has_bare || fate->has_long);

    return is_no_text || (d->to == DOWNGRADE_TO_7BIT && (fate->has_8bit || fate->has_nul));
}

static void encode_leaf(const struct mime_part *part, struct fate *fate, enum encoding from)
{
    bool is_text = mime_is_type(part, STR("text"), STR("")) && !fate->has_nul &&
                   !(from == ENCODING_BINARY && fate->has_bare);

    fate->how = from == ENCODING_QUOTED_PRINTABLE ? DOWNGRADE_ESCAPE
                : from == ENCODING_BASE64         ? DOWNGRADE_DROP
                : is_text                         ? DOWNGRADE_QUOTED_PRINTABLE
                                                  : DOWNGRADE_BASE64;
    fate->changes_label =
        is_text ? fate->how == DOWNGRADE_QUOTED_PRINTABLE : fate->how == DOWNGRADE_BASE64;
    fate->label = is_text ? ENCODING_QUOTED_PRINTABLE : ENCODING_BASE64;
}

static enum downgrade_answer decide_leaf(struct downgrade *d, int i, enum encoding from)
{
    const struct mime_part *part = &d->mime.parts[i];
    struct fate *fate = &d->fates[i];

    if (needs_change(d, fate, from)) {
        // RFC 2045 6.4: composite types are not encoded, nor is what we do not understand
        if (is_signed(d, i) || part->is_opaque || from == ENCODING_UNKNOWN ||
            mime_is_type(part, STR("message"), STR("")) ||
            mime_is_type(part, STR("multipart"), STR("")))
            return DOWNGRADE_CANNOT;
        encode_leaf(part, fate, from);
        return DOWNGRADE_FINE;
    }
    if (from != ENCODING_BINARY)
        return DOWNGRADE_NEEDLESS;
    fate->changes_label = true;
    fate->label = fate->has_8bit ? ENCODING_8BIT : ENCODING_7BIT;
    return is_signed(d, i) ? DOWNGRADE_CANNOT : DOWNGRADE_FINE;
}

enum downgrade_answer downgrade_decide(struct downgrade *d)
{
    enum downgrade_answer worst = DOWNGRADE_NEEDLESS;

    if (!d->is_learned)
        learned(d);
    rewind_walk(d);
    for (int i = 0; i < (int)d->mime.count; i++) {
        const struct mime_part *part = &d->mime.parts[i];
        struct str name = part->encoding.ptr ? part->encoding : STR("");
        enum downgrade_answer answer = part->kind == MIME_LEAF
                                           ? decide_leaf(d, i, encoding_of(name))
                                           : decide_multipart(d, i, encoding_of(name));

        worst = answer > worst ? answer : worst;
    }
    return worst;
}

// ---- putting

/// Content-Type is only said where it was not and the body is more than ASCII (RFC 1428 3).
static void begin_header(struct downgrade *d, int i)
{
    const struct mime_part *part = &d->mime.parts[i];
    const struct fate *fate = &d->fates[i];
    bool is_message = part->parent < 0 || d->mime.parts[part->parent].kind == MIME_MESSAGE;
    bool is_new_text = part->kind == MIME_LEAF && !part->has_type && fate->has_8bit;

    downgrade_header_begin(&d->header, fate->changes_label, fate->label, is_message, is_new_text);
}

static void begin_stretch(struct downgrade *d)
{
    const struct stretch *stretch = &d->stretches[d->at];

    if (stretch->kind == STRETCH_HEADER)
        begin_header(d, stretch->part);
    else
        downgrade_body_begin(&d->body,
                             stretch->part >= 0 ? d->fates[stretch->part].how : DOWNGRADE_KEEP);
}

static void put_span(struct downgrade *d, struct str bytes, struct buf *out)
{
    if (d->stretches[d->at].kind == STRETCH_HEADER)
        downgrade_header_put(&d->header, bytes, out);
    else
        downgrade_body_put(&d->body, bytes, out);
}

static void end_stretch(struct downgrade *d, struct buf *out)
{
    if (d->stretches[d->at].kind == STRETCH_HEADER)
        downgrade_header_end(&d->header, out);
    else
        downgrade_body_end(&d->body, out);
}

void downgrade_put(struct downgrade *d, struct str bytes, struct buf *out)
{
    struct str span;

    if (d->offset == 0 && bytes.len > 0)
        begin_stretch(d);
    while (next_span(d, &bytes, &span)) {
        put_span(d, span, out);
        while (is_at_stretch_end(d)) {
            end_stretch(d, out);
            d->at++;
            begin_stretch(d);
        }
    }
}

void downgrade_end(struct downgrade *d, struct buf *out)
{
    if (d->offset > 0)
        end_stretch(d, out);
    rewind_walk(d);
}
