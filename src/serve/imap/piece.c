// SPDX-License-Identifier: ISC
#include "serve/imap/piece.h"

#include "base/cleanup.h"

_Static_assert((int)IMAP_SECTION_WHOLE == (int)SECTION_ALL &&
                   (int)IMAP_SECTION_HEADER == (int)SECTION_HEADER &&
                   (int)IMAP_SECTION_HEADER_FIELDS == (int)SECTION_HEADER_FIELDS &&
                   (int)IMAP_SECTION_HEADER_FIELDS_NOT == (int)SECTION_HEADER_FIELDS_NOT &&
                   (int)IMAP_SECTION_TEXT == (int)SECTION_TEXT &&
                   (int)IMAP_SECTION_MIME == (int)SECTION_MIME &&
                   (int)IMAP_SECTION_DEPTH_MAX <= (int)SECTION_DEPTH_MAX,
               "sections are handed through as they are");

static struct section section_of(const struct imap_section *in)
{
    struct section section;

    section.depth = in->part_count;
    for (size_t i = 0; i < section.depth; i++)
        section.path[i] = in->parts[i];
    section.text = (enum section_text)in->text;
    section.fields = in->fields;
    section.field_count = in->field_count;
    return section;
}

static bool chooses_fields(const struct section *section)
{
    return section->text == SECTION_HEADER_FIELDS || section->text == SECTION_HEADER_FIELDS_NOT;
}

static void choose_fields(struct imap_piece *piece, struct str header,
                          const struct section *section)
{
    piece->is_fields = true;
    buf_init(&piece->fields, header.len + 16);
    section_put_fields(&piece->fields, header, section);
}

/// Of the message itself: no need to know its structure.
static int find_top(struct imap_message *m, const struct section *section, struct imap_piece *piece)
{
    struct str header;
    size_t len = 0;
    int r;

    piece->range = (struct byte_range){0, m->ref->size};
    if (section->text == SECTION_ALL)
        return 0;
    if (chooses_fields(section)) {
        r = imap_message_header(m, &header);
        if (r == 0)
            choose_fields(piece, header, section);
        return r;
    }
    r = imap_message_header_len(m, &len);
    if (section->text == SECTION_TEXT)
        piece->range.from = len;
    else
        piece->range.to = len;
    return r;
}

static int find_part(struct imap_message *m, const struct section *section,
                     struct imap_piece *piece)
{
    CLEANUP(buf_drop) struct buf header;
    size_t len;
    int r = imap_message_mime(m);

    buf_init(&header, IMAP_HEADER_MAX);
    if (r < 0)
        return r;
    piece->is_missing = !section_find(&m->mime, section, &piece->range);
    if (piece->is_missing || !chooses_fields(section))
        return 0;
    len = piece->range.to - piece->range.from;
    r = imap_message_read(m, piece->range.from, len < IMAP_HEADER_MAX ? len : IMAP_HEADER_MAX,
                          &header);
    if (r == 0)
        choose_fields(piece, buf_str(&header), section);
    return r;
}

int imap_piece_find(struct imap_message *m, const struct imap_section *wanted,
                    struct imap_piece *out)
{
    struct section section = section_of(wanted);

    *out = (struct imap_piece){0};
    return section.depth > 0 ? find_part(m, &section, out) : find_top(m, &section, out);
}

void imap_piece_done(struct imap_piece *piece)
{
    if (piece->is_fields)
        buf_done(&piece->fields);
    piece->is_fields = false;
}

int imap_piece_part(struct imap_message *m, const struct imap_section *wanted,
                    const struct mime_part **out)
{
    struct section section = section_of(wanted);
    int part, r = 0;

    *out = NULL;
    if (section.depth == 0)
        return 0;
    r = imap_message_mime(m);
    if (r < 0)
        return r;
    part = section_part(&m->mime, &section);
    if (part >= 0)
        *out = &m->mime.parts[part];
    return 0;
}
