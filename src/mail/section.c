// SPDX-License-Identifier: ISC
//
// The sections of mail/structure.h: from "1.2.HEADER" to bytes.
#include "base/scan.h"
#include "mail/header.h"
#include "mail/structure.h"

static bool scan_section_text(struct scan *in, enum section_text *out)
{
    static const struct {
        struct str name;
        enum section_text text;
    } names[] = {
        {STR("HEADER"), SECTION_HEADER},
        {STR("HEADER.FIELDS"), SECTION_HEADER_FIELDS},
        {STR("HEADER.FIELDS.NOT"), SECTION_HEADER_FIELDS_NOT},
        {STR("TEXT"), SECTION_TEXT},
        {STR("MIME"), SECTION_MIME},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_case_eq(scan_rest(in), names[i].name)) {
            *out = names[i].text;
            return true;
        }
    }
    return false;
}

bool section_parse(struct str text, struct section *out)
{
    struct section s = {.text = SECTION_ALL};
    struct scan in = scan_of(text);
    uint64_t number;

    while (!scan_is_end(&in)) {
        if (scan_section_text(&in, &s.text))
            break;
        if (s.depth == SECTION_DEPTH_MAX || scan_peek(&in) == '0' ||
            !scan_u64(&in, UINT32_MAX, &number))
            return false;
        s.path[s.depth++] = (unsigned)number;
        if (!scan_is_end(&in) && (!scan_char(&in, '.') || scan_is_end(&in)))
            return false;
    }
    if (s.text == SECTION_MIME && s.depth == 0)
        return false;
    *out = s;
    return true;
}

// A message that is no multipart has one part, 1: its body (RFC 3501 6.4.5).
static int part_of_message(const struct mime *m, int message, unsigned number)
{
    if (m->parts[message].kind == MIME_MULTIPART)
        return mime_child(m, message, number);
    return number == 1 ? message : -1;
}

int section_part(const struct mime *m, const struct section *s)
{
    int part = 0;

    for (size_t i = 0; i < s->depth && part >= 0; i++) {
        if (i == 0)
            part = part_of_message(m, 0, s->path[0]);
        else if (m->parts[part].kind == MIME_MESSAGE)
            part = part_of_message(m, part + 1, s->path[i]);
        else if (m->parts[part].kind == MIME_MULTIPART)
            part = mime_child(m, part, s->path[i]);
        else
            return -1;
    }
    return part;
}

bool section_find(const struct mime *m, const struct section *s, struct byte_range *out)
{
    int index = section_part(m, s);
    const struct mime_part *part;

    if (index < 0)
        return false;
    part = &m->parts[index];
    if (s->text == SECTION_ALL) {
        *out = (struct byte_range){s->depth ? part->body : part->header, part->end};
        return true;
    }
    if (s->text == SECTION_MIME) {
        *out = (struct byte_range){part->header, part->body};
        return true;
    }
    if (s->depth > 0) { // the rest is said of messages only
        if (part->kind != MIME_MESSAGE)
            return false;
        part++;
    }
    if (s->text == SECTION_TEXT)
        *out = (struct byte_range){part->body, part->end};
    else
        *out = (struct byte_range){part->header, part->body};
    return true;
}

static bool is_named(struct str name, const struct section *s)
{
    for (size_t i = 0; i < s->field_count; i++) {
        if (name.len && str_case_eq(name, s->fields[i]))
            return true;
    }
    return false;
}

void section_put_fields(struct buf *out, struct str header, const struct section *s)
{
    struct header_iter it = header_iter_of(header);
    struct header_field f;

    while (header_next(&it, &f)) {
        if (is_named(f.name, s) != (s->text == SECTION_HEADER_FIELDS))
            continue;
        buf_put(out, f.raw);
        if (!str_ends(f.raw, STR("\n")))
            buf_put(out, STR("\r\n"));
    }
    buf_put(out, STR("\r\n"));
}

bool section_put(struct buf *out, const struct mime *m, struct str message, const struct section *s)
{
    struct byte_range range;
    struct str bytes;

    if (!section_find(m, s, &range))
        return false;
    bytes = str_head(str_skip(message, range.from), range.to - range.from);
    if (s->text == SECTION_HEADER_FIELDS || s->text == SECTION_HEADER_FIELDS_NOT)
        section_put_fields(out, bytes, s);
    else
        buf_put(out, bytes);
    return true;
}
