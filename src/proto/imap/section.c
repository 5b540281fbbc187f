// SPDX-License-Identifier: ISC
#include "proto/imap/section.h"

#include "proto/imap/reply.h"
#include "proto/imap/scan.h"

static const struct {
    struct str name;
    enum imap_section_text text;
} texts[] = {
    {STR("HEADER.FIELDS.NOT"), IMAP_SECTION_HEADER_FIELDS_NOT},
    {STR("HEADER.FIELDS"), IMAP_SECTION_HEADER_FIELDS},
    {STR("HEADER"), IMAP_SECTION_HEADER},
    {STR("TEXT"), IMAP_SECTION_TEXT},
    {STR("MIME"), IMAP_SECTION_MIME},
};
enum { TEXT_COUNT = sizeof(texts) / sizeof(texts[0]) };

static bool scan_text(struct scan *in, enum imap_section_text *out)
{
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (scan_case_word(in, texts[i].name)) {
            *out = texts[i].text;
            return true;
        }
    }
    return false;
}

/// SP "(" astring *(SP astring) ")"
static bool scan_fields(struct scan *in, struct arena *arena, struct imap_section *out)
{
    struct scan counted;
    struct str field;
    size_t count = 0;

    if (!imap_scan_sp(in) || !scan_char(in, '('))
        return false;
    counted = *in;
    do {
        if (!imap_scan_astring(&counted, arena, &field))
            return false;
        count++;
    } while (imap_scan_sp(&counted));
    out->fields = ARENA_ARRAY(arena, struct str, count);
    do {
        (void)imap_scan_astring(in, arena, &out->fields[out->field_count++]);
    } while (imap_scan_sp(in));
    return scan_char(in, ')');
}

/// section-part: numbers apart by dots. *out_has_dot: a dot follows the last, or there is none.
static bool scan_parts(struct scan *in, struct arena *arena, struct imap_section *out,
                       bool *out_has_dot)
{
    bool has_dot = true;

    if (char_is_digit((char)scan_peek(in)))
        out->parts = ARENA_ARRAY(arena, uint32_t, IMAP_SECTION_DEPTH_MAX);
    while (has_dot && scan_peek(in) >= 0 && char_is_digit(*in->at)) {
        if (out->part_count == IMAP_SECTION_DEPTH_MAX ||
            !imap_scan_nz_number(in, &out->parts[out->part_count++]))
            return false;
        has_dot = scan_char(in, '.');
    }
    *out_has_dot = has_dot;
    return true;
}

/// [section-part ["." section-text] / section-msgtext]
static bool scan_spec(struct scan *in, struct arena *arena, struct imap_section *out)
{
    bool has_dot;

    if (!scan_parts(in, arena, out, &has_dot))
        return false;
    if (has_dot && !scan_text(in, &out->text) && out->part_count > 0)
        return false;
    if (out->text == IMAP_SECTION_MIME && out->part_count == 0)
        return false;
    return (out->text != IMAP_SECTION_HEADER_FIELDS &&
            out->text != IMAP_SECTION_HEADER_FIELDS_NOT) ||
           scan_fields(in, arena, out);
}

bool imap_scan_section(struct scan *in, struct arena *arena, struct imap_section *out)
{
    struct imap_section section = {0};
    struct scan at = *in;

    if (!scan_char(&at, '[') || !scan_spec(&at, arena, &section) || !scan_char(&at, ']'))
        return false;
    *in = at;
    *out = section;
    return true;
}

bool imap_scan_section_binary(struct scan *in, struct arena *arena, struct imap_section *out)
{
    struct imap_section section = {0};
    struct scan at = *in;
    bool has_dot;

    if (!scan_char(&at, '[') || !scan_parts(&at, arena, &section, &has_dot) ||
        (has_dot && section.part_count > 0) || !scan_char(&at, ']'))
        return false;
    *in = at;
    *out = section;
    return true;
}

bool imap_section_parse(struct str text, struct arena *arena, struct imap_section *out)
{
    struct imap_section section = {0};
    struct scan in = scan_of(text);

    if (!scan_spec(&in, arena, &section) || !scan_is_end(&in))
        return false;
    *out = section;
    return true;
}

void imap_section_put(struct buf *out, const struct imap_section *section)
{
    buf_put_char(out, '[');
    for (size_t i = 0; i < section->part_count; i++) {
        if (i > 0)
            buf_put_char(out, '.');
        buf_put_u64(out, section->parts[i]);
    }
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        if (texts[i].text != section->text)
            continue;
        if (section->part_count > 0)
            buf_put_char(out, '.');
        buf_put(out, texts[i].name);
    }
    for (size_t i = 0; i < section->field_count; i++) {
        buf_put(out, i == 0 ? STR(" (") : STR(" "));
        imap_put_astring(out, section->fields[i]);
    }
    buf_put(out, section->field_count > 0 ? STR(")]") : STR("]"));
}
