// SPDX-License-Identifier: ISC
//
// The parser goes from line to line. `current` is the innermost part that is open; the parts
// around it are found by their `parent`. `open` is the stack of multiparts whose closing boundary
// has not come: those are compared with each line that begins with "--", the innermost first.
#include "mail/mime.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/scan.h"
#include "mail/header.h"

enum {
    PARTS_AT_FIRST = 8,
    ARENA_MAX = 64 << 20, // far above what MIME_FIELDS_TOTAL_MAX can ask for
    // Comparisons of lines with boundaries; only a message made to cost time passes it.
    WORK_MAX = 16 << 20,
};

struct open_multipart {
    int part;
    struct str boundary;
};

struct mime_parser {
    struct mime m;
    int current;
    bool in_header; // of the current part
    bool in_field;  // the last line of it belongs to a field that is kept
    bool is_full;   // no boundary is looked for any more
    unsigned open_count;
    struct open_multipart open[MIME_DEPTH_MAX];

    size_t offset;          // of the line being read
    size_t lines;           // line ends before it
    size_t last_ending;     // bytes of the line end before it
    size_t work;            // comparisons so far
    struct buf fields;      // the Content fields of the current header
    size_t fields_total;    // bytes of all of them
    struct buf held;        // the start of a line whose end has not come
    size_t held_len;        // its real length
    bool is_held_ending_cr; // was its last byte a CR?
};

struct line {
    struct str text; // without its end; cut at MIME_LINE_MAX
    size_t len;      // all its bytes
    size_t ending;   // of which this many are CRLF or LF; 0 at the end of the message
};

bool mime_is_type(const struct mime_part *part, struct str type, struct str subtype)
{
    return str_case_eq(part->type, type) &&
           (subtype.len == 0 || str_case_eq(part->subtype, subtype));
}

int mime_child(const struct mime *m, int parent, unsigned number)
{
    if (number == 0)
        return -1;
    for (size_t i = (size_t)(parent + 1); i < m->count; i++) {
        if (m->parts[i].parent == parent && --number == 0)
            return (int)i;
        if (parent >= 0 && m->parts[i].depth <= m->parts[parent].depth)
            return -1;
    }
    return -1;
}

static struct mime_part *part_at(struct mime_parser *p, int index)
{
    return &p->m.parts[index];
}

static void begin_part(struct mime_parser *p, int parent)
{
    struct mime *m = &p->m;
    struct mime_part *part;
    bool in_digest = false;

    if (m->count == m->cap) {
        m->cap = m->cap ? m->cap * 2 : PARTS_AT_FIRST;
        m->parts = realloc(m->parts, m->cap * sizeof(m->parts[0]));
        CHECK(m->parts);
    }
    part = &m->parts[m->count];
    *part = (struct mime_part){.parent = parent, .header = p->offset, .header_lines = p->lines};
    if (parent >= 0) {
        part->depth = m->parts[parent].depth + 1;
        m->parts[parent].child_count++;
        in_digest = mime_is_type(&m->parts[parent], STR("multipart"), STR("digest"));
    }
    part->type = in_digest ? STR("message") : STR("text");
    part->subtype = in_digest ? STR("rfc822") : STR("plain");
    p->current = (int)m->count++;
    p->in_header = true;
    p->in_field = false;
    buf_clear(&p->fields);
}

// --- the fields of a header ---

static struct str keep_text(struct mime_parser *p, struct str value)
{
    return arena_str(&p->m.arena, header_unfold(&p->m.arena, value));
}

static void read_type(struct mime_parser *p, struct mime_part *part, struct str value)
{
    part->has_type = param_parse(&p->m.arena, value, &part->type, &part->subtype, &part->params);
    if (!part->has_type) { // RFC 2045 5.2
        part->type = STR("text");
        part->subtype = STR("plain");
    }
}

static void read_field(struct mime_parser *p, struct mime_part *part, struct header_field f)
{
    struct str name = str_skip(f.name, sizeof("Content-") - 1);
    struct param_list none;

    if (str_case_eq(name, STR("Type")) && !part->has_type)
        read_type(p, part, f.value);
    else if (str_case_eq(name, STR("Transfer-Encoding")) && !part->encoding.ptr)
        param_parse(&p->m.arena, f.value, &part->encoding, NULL, &none);
    else if (str_case_eq(name, STR("Disposition")) && !part->disposition.ptr)
        param_parse(&p->m.arena, f.value, &part->disposition, NULL, &part->disposition_params);
    else if (str_case_eq(name, STR("ID")) && !part->id.ptr)
        part->id = keep_text(p, f.value);
    else if (str_case_eq(name, STR("Description")) && !part->description.ptr)
        part->description = keep_text(p, f.value);
    else if (str_case_eq(name, STR("Language")) && !part->language.ptr)
        part->language = keep_text(p, f.value);
    else if (str_case_eq(name, STR("Location")) && !part->location.ptr)
        part->location = keep_text(p, f.value);
    else if (str_case_eq(name, STR("MD5")) && !part->md5.ptr)
        part->md5 = keep_text(p, f.value);
}

static void read_fields(struct mime_parser *p, struct mime_part *part)
{
    struct header_iter it = header_iter_of(buf_str(&p->fields));
    struct header_field f;

    while (header_next(&it, &f)) {
        if (f.name.len)
            read_field(p, part, f);
    }
}

static void keep_header_line(struct mime_parser *p, struct str text)
{
    bool is_continued = text.ptr[0] == ' ' || text.ptr[0] == '\t';

    if (!is_continued)
        p->in_field = str_case_starts(text, STR("Content-"));
    if (!p->in_field)
        return;
    if (p->fields_total + text.len >= MIME_FIELDS_TOTAL_MAX ||
        p->fields.len + text.len >= MIME_FIELDS_MAX) {
        p->in_field = false;
        return;
    }
    buf_put(&p->fields, text);
    buf_put_char(&p->fields, '\n');
    p->fields_total += text.len + 1;
}

// --- the shape ---

static void make_plain_text(struct mime_part *part)
{
    part->kind = MIME_LEAF;
    part->has_type = false;
    part->type = STR("text");
    part->subtype = STR("plain");
    part->params = (struct param_list){0};
}

// In pieces or with a charset where it is said that way (RFC 2231 3 and 4).
static struct str boundary_param(struct mime_parser *p, const struct mime_part *part)
{
    struct str plain = param_find(&part->params, STR("boundary"));
    CLEANUP(buf_drop) struct buf decoded = {.max = PARAM_DECODED_MAX};

    if (plain.ptr || !param_put_decoded(&decoded, &part->params, STR("boundary")))
        return plain;
    return arena_str(&p->m.arena, buf_str(&decoded));
}

// Spaces at the end are not part of a boundary (RFC 2046 5.1.1).
static struct str boundary_of(struct mime_parser *p, const struct mime_part *part)
{
    struct str boundary = boundary_param(p, part);

    while (boundary.len && boundary.ptr[boundary.len - 1] == ' ')
        boundary.len--;
    return boundary;
}

static void open_multipart(struct mime_parser *p, struct mime_part *part)
{
    struct str boundary = boundary_of(p, part);

    if (boundary.len == 0 || boundary.len > MIME_BOUNDARY_MAX) {
        make_plain_text(part);
        return;
    }
    part->kind = MIME_MULTIPART;
    p->open[p->open_count++] = (struct open_multipart){p->current, boundary};
}

// The header of the current part is over; `offset` stands where its body begins.
static void end_header(struct mime_parser *p)
{
    struct mime_part *part = part_at(p, p->current);
    bool is_multipart, is_message;

    p->in_header = false;
    part->body = p->offset;
    part->header_lines = p->lines - part->header_lines;
    part->body_lines = p->lines; // made a count by close_part
    read_fields(p, part);
    is_multipart = mime_is_type(part, STR("multipart"), STR(""));
    is_message = mime_is_type(part, STR("message"), STR("rfc822")) ||
                 mime_is_type(part, STR("message"), STR("global"));
    if (!is_multipart && !is_message)
        return;
    if (part->depth + 1 >= MIME_DEPTH_MAX || p->m.count >= MIME_PART_MAX) {
        part->is_opaque = true;
    } else if (is_multipart) {
        open_multipart(p, part);
    } else {
        part->kind = MIME_MESSAGE;
        begin_part(p, p->current);
    }
}

// Where a body ends: an offset and the line ends before it.
struct place {
    size_t offset, lines;
};

// A body cannot end before it begins; then what is around it does not either.
static struct place close_part(struct mime_part *part, struct place end)
{
    if (end.offset < part->body)
        end = (struct place){part->body, part->body_lines};
    part->end = end.offset;
    part->body_lines = end.lines - part->body_lines;
    if (part->kind == MIME_MULTIPART && part->child_count == 0)
        make_plain_text(part);
    return end;
}

// Closes the current part and those around it up to `last`, which stays open and becomes current.
static void close_parts(struct mime_parser *p, int last, struct place end)
{
    while (p->in_header)
        end_header(p); // a message in it begins and ends here, too
    while (p->current != last) {
        struct mime_part *part = part_at(p, p->current);

        end = close_part(part, end);
        p->current = part->parent;
    }
}

enum boundary { NO_BOUNDARY, DELIMITER, CLOSE_DELIMITER };

static enum boundary compare_boundary(struct str line, struct str boundary)
{
    if (line.len != boundary.len + 2 && line.len != boundary.len + 4)
        return NO_BOUNDARY;
    if (memcmp(line.ptr + 2, boundary.ptr, boundary.len) != 0)
        return NO_BOUNDARY;
    if (line.len == boundary.len + 2)
        return DELIMITER;
    return str_ends(line, STR("--")) ? CLOSE_DELIMITER : NO_BOUNDARY;
}

static struct str without_padding(struct str line)
{
    while (line.len && strchr(" \t\r", line.ptr[line.len - 1]) && line.ptr[line.len - 1])
        line.len--;
    return line;
}

// Is the line the boundary of an open multipart? Then *out_level is its place in the stack.
static enum boundary find_boundary(struct mime_parser *p, struct str text, unsigned *out_level)
{
    struct str line;

    if (p->open_count == 0 || p->is_full || !str_starts(text, STR("--")))
        return NO_BOUNDARY;
    line = without_padding(text);
    for (unsigned level = p->open_count; level-- > 0;) {
        enum boundary found = compare_boundary(line, p->open[level].boundary);

        if (found) {
            *out_level = level;
            return found;
        }
    }
    p->work += p->open_count;
    p->is_full = p->work > WORK_MAX;
    return NO_BOUNDARY;
}

static void advance(struct mime_parser *p, const struct line *line)
{
    p->offset += line->len;
    p->lines += line->ending != 0;
    p->last_ending = line->ending;
}

static void on_boundary(struct mime_parser *p, const struct line *line, enum boundary found,
                        unsigned level)
{
    int multipart = p->open[level].part;
    // The line end before it belongs to the boundary, or to a header it cuts short: then
    // close_part gives it back.
    struct place end = {p->offset - p->last_ending, p->lines - (p->last_ending != 0)};

    close_parts(p, multipart, end);
    p->open_count = found == DELIMITER ? level + 1 : level;
    advance(p, line);
    if (found == DELIMITER)
        begin_part(p, multipart);
}

static void on_line(struct mime_parser *p, const struct line *line)
{
    unsigned level = 0;
    enum boundary found = find_boundary(p, line->text, &level);

    if (found == DELIMITER && p->m.count >= MIME_PART_MAX) {
        p->is_full = true;
        found = NO_BOUNDARY;
    }
    if (found) {
        on_boundary(p, line, found, level);
        return;
    }
    if (p->in_header && line->text.len)
        keep_header_line(p, line->text);
    advance(p, line);
    if (p->in_header && line->text.len == 0)
        end_header(p);
}

// --- bytes to lines ---

static void init(struct mime_parser *p)
{
    arena_init(&p->m.arena, ARENA_MAX);
    buf_init(&p->fields, MIME_FIELDS_MAX + MIME_LINE_MAX);
    buf_init(&p->held, MIME_LINE_MAX);
    begin_part(p, -1);
}

static void hold(struct mime_parser *p, struct str piece)
{
    buf_put(&p->held, str_head(piece, MIME_LINE_MAX - p->held.len));
    p->held_len += piece.len;
    p->is_held_ending_cr = piece.ptr[piece.len - 1] == '\r';
}

// A line of which the start was held and the rest, without its LF, is `rest`.
static void on_held_line(struct mime_parser *p, struct str rest, size_t lf_len)
{
    struct line line = {.ending = lf_len};

    if (rest.len)
        hold(p, rest);
    line.len = p->held_len + lf_len;
    line.text = buf_str(&p->held);
    if (lf_len && p->is_held_ending_cr) {
        line.ending++;
        if (p->held_len <= MIME_LINE_MAX)
            line.text.len--;
    }
    on_line(p, &line);
    buf_clear(&p->held);
    p->held_len = 0;
    p->is_held_ending_cr = false;
}

static void on_whole_line(struct mime_parser *p, const char *start, size_t len)
{
    struct line line = {str_of(start, len - 1), len, 1};

    if (len > 1 && start[len - 2] == '\r') {
        line.ending = 2;
        line.text.len--;
    }
    line.text = str_head(line.text, MIME_LINE_MAX);
    on_line(p, &line);
}

void mime_parser_feed(struct mime_parser *p, struct str bytes)
{
    const char *at = bytes.ptr, *end = at + bytes.len;

    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));

        if (!lf) {
            hold(p, str_of(at, (size_t)(end - at)));
            return;
        }
        if (p->held_len)
            on_held_line(p, str_of(at, (size_t)(lf - at)), 1);
        else
            on_whole_line(p, at, (size_t)(lf + 1 - at));
        at = lf + 1;
    }
}

static void done(struct mime_parser *p)
{
    buf_done(&p->fields);
    buf_done(&p->held);
}

static void finish(struct mime_parser *p, struct mime *out)
{
    if (p->held_len)
        on_held_line(p, STR_NONE, 0);
    close_parts(p, -1, (struct place){p->offset, p->lines});
    *out = p->m;
    done(p);
}

struct mime_parser *mime_parser_new(void)
{
    struct mime_parser *p = calloc(1, sizeof(*p));

    CHECK(p);
    init(p);
    return p;
}

struct mime_place mime_parser_place(const struct mime_parser *p)
{
    return (struct mime_place){p->current, p->in_header, p->m.count, &p->m};
}

void mime_parser_end(struct mime_parser *p, struct mime *out)
{
    finish(p, out);
    free(p);
}

void mime_parser_free(struct mime_parser *p)
{
    if (!p)
        return;
    mime_done(&p->m);
    done(p);
    free(p);
}

void mime_parse(struct mime *m, struct str message)
{
    struct mime_parser *p = mime_parser_new();

    if (message.len)
        mime_parser_feed(p, message);
    mime_parser_end(p, m);
}

void mime_done(struct mime *m)
{
    if (!m)
        return;
    free(m->parts);
    arena_done(&m->arena);
    *m = (struct mime){0};
}
