// SPDX-License-Identifier: ISC
//
// Hard messages against the table of what is to be answered about them (tests/corpus/messages),
// over mail/mime and mail/structure alone: ENVELOPE, BODY, BODYSTRUCTURE, sections, partials and
// decoded parts. Each message is also given to the parser byte by byte. Usage: FILE.mails...
#include "base/check.h"
#include "base/cleanup.h"
#include "base/scan.h"
#include "mail/encoding.h"
#include "mail/structure.h"

#include "mails.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 16 << 20, MESSAGE_MAX = 1 << 20, MAILS_MIN = 300, FIELDS_MAX = 8 };

struct tally {
    unsigned mails, answers, failures;
};

static void read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    char chunk[4096];
    size_t n;

    if (!file)
        perror(path);
    CHECK(file);
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_put(out, str_of(chunk, n));
    fclose(file);
    buf_put_char(out, '\0');
    CHECK(buf_ok(out));
    out->len--;
}

// ---- questions

struct question {
    bool is_binary, is_size; // BINARY[...], BINARY.SIZE[...]
    struct section section;
    struct str fields[FIELDS_MAX];
    bool is_partial;
    uint64_t offset, len;
};

static void read_fields(struct question *q, struct str list)
{
    struct str name;

    while (str_split(&list, ' ', &name)) {
        CHECK(q->section.field_count < FIELDS_MAX);
        q->fields[q->section.field_count++] = name;
    }
}

// "BODY[1.2.HEADER.FIELDS (A B)]<3.4>"
static void read_question(struct str text, struct question *out)
{
    struct scan in = scan_of(text);
    struct str name, inside, list;
    bool has_list;

    *out = (struct question){0};
    CHECK(scan_until(&in, '[', SIZE_MAX, &name) && scan_char(&in, '[') &&
          scan_until(&in, ']', SIZE_MAX, &inside) && scan_char(&in, ']'));
    out->is_binary = str_starts(name, STR("BINARY"));
    out->is_size = str_eq(name, STR("BINARY.SIZE"));
    has_list = str_ends(inside, STR(")"));
    list = inside;
    if (has_list)
        CHECK(str_split(&list, ' ', &inside));
    CHECK(section_parse(inside, &out->section));
    if (has_list)
        read_fields(out, str_head(str_skip(list, 1), list.len - 2));
    out->section.fields = out->fields;
    out->is_partial = scan_char(&in, '<');
    if (out->is_partial)
        CHECK(scan_u64(&in, SIZE_MAX, &out->offset) && scan_char(&in, '.') &&
              scan_u64(&in, SIZE_MAX, &out->len) && scan_char(&in, '>'));
    CHECK(scan_is_end(&in));
}

static void answer_binary(const struct question *q, const struct mime *m, struct str message,
                          struct buf *out)
{
    int index = section_part(m, &q->section);
    enum encoding encoding = index < 0 ? ENCODING_UNKNOWN : encoding_of(m->parts[index].encoding);
    CLEANUP(buf_drop) struct buf bytes = {.max = MESSAGE_MAX};

    if (encoding == ENCODING_UNKNOWN) {
        buf_put(out, STR("!UNKNOWN-CTE"));
        return;
    }
    encoding_decode(&bytes, encoding, mime_body_of(message, &m->parts[index]));
    if (q->is_size)
        buf_put_u64(out, bytes.len);
    else
        mails_put_quoted(out, buf_str(&bytes));
}

static void answer_section(struct str text, const struct mime *m, struct str message,
                           struct buf *out)
{
    CLEANUP(buf_drop) struct buf bytes = {.max = MESSAGE_MAX};
    struct question q;

    read_question(text, &q);
    if (q.is_binary)
        answer_binary(&q, m, message, out);
    else if (!section_put(&bytes, m, message, &q.section))
        buf_put(out, STR("NIL"));
    else if (q.is_partial)
        mails_put_quoted(out, str_head(str_skip(buf_str(&bytes), q.offset), q.len));
    else
        mails_put_quoted(out, buf_str(&bytes));
}

static void answer(struct str question, const struct mime *m, struct str message, struct buf *out)
{
    CLEANUP(buf_drop) struct buf told = {.max = MESSAGE_MAX};

    if (str_eq(question, STR("ENVELOPE")))
        structure_put_envelope(&told, message);
    else if (str_eq(question, STR("BODY")))
        structure_put_body(&told, m, message, false);
    else if (str_eq(question, STR("BODYSTRUCTURE")))
        structure_put_body(&told, m, message, true);
    else
        answer_section(question, m, message, out);
    CHECK(buf_ok(&told));
    mails_put_response(out, buf_str(&told));
}

// ---- mails

static void parse_bytewise(struct mime *out, struct str message)
{
    struct mime_parser *p = mime_parser_new();

    for (size_t i = 0; i < message.len; i++)
        mime_parser_feed(p, str_head(str_skip(message, i), 1));
    mime_parser_end(p, out);
}

static void check_answers(const char *file, const struct mail_case *mail, const struct mime *m,
                          struct str message, struct tally *tally)
{
    struct str at = mail->text;
    struct mail_answer a;

    while (mail_case_next_answer(&at, &a)) {
        CLEANUP(buf_drop) struct buf want = {.max = MESSAGE_MAX}, got = {.max = MESSAGE_MAX};

        mail_answer_put_want(&a, message, &want);
        answer(a.question, m, message, &got);
        CHECK(buf_ok(&want) && buf_ok(&got));
        tally->answers++;
        if (str_eq(buf_str(&got), buf_str(&want)))
            continue;
        tally->failures++;
        printf("%s: %.*s: %.*s\n  want %.*s\n  got  %.*s\n", file, STR_ARG(mail->name),
               STR_ARG(a.question), STR_ARG(buf_str(&want)), STR_ARG(buf_str(&got)));
    }
}

static void check_mail(const char *file, const struct mail_case *mail, struct tally *tally)
{
    CLEANUP(buf_drop) struct buf message = {.max = MESSAGE_MAX};
    CLEANUP(mime_drop) struct mime whole = {0}, pieces = {0};
    unsigned before = tally->answers;

    mail_case_put_message(mail, &message);
    CHECK(buf_ok(&message));
    mime_parse(&whole, buf_str(&message));
    check_answers(file, mail, &whole, buf_str(&message), tally);
    parse_bytewise(&pieces, buf_str(&message));
    check_answers(file, mail, &pieces, buf_str(&message), tally);
    if (tally->answers < before + 2 * 4) {
        printf("%s: %.*s: too few answers to mean anything\n", file, STR_ARG(mail->name));
        tally->failures++;
    }
    tally->mails++;
}

int main(int argc, char **argv)
{
    struct tally tally = {0};

    for (int i = 1; i < argc; i++) {
        CLEANUP(buf_drop) struct buf text = {.max = FILE_MAX};
        struct str rest;
        struct mail_case mail;

        read_file(argv[i], &text);
        rest = buf_str(&text);
        while (mails_next(&rest, &mail))
            check_mail(argv[i], &mail, &tally);
    }
    printf("%u messages, %u answers, %u of them wrong\n", tally.mails, tally.answers,
           tally.failures);
    return tally.failures > 0 || tally.mails < MAILS_MIN;
}
