// SPDX-License-Identifier: ISC
//
// Any line: views stay inside it, numbers keep their ranges, and the verb's name parses back.
#include "base/check.h"
#include "proto/pop3/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_inside(struct str line, struct str view)
{
    if (view.ptr)
        CHECK(view.ptr >= line.ptr && view.ptr + view.len <= line.ptr + line.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct str line = str_of(bytes, len);
    struct pop3_command c;

    if (pop3_command_parse(line, &c) != POP3_PARSED)
        return 0;
    CHECK(c.verb < POP3_VERB_COUNT);
    CHECK(str_case_starts(line, pop3_verb_name(c.verb)));
    CHECK(c.has_number == (c.number > 0));
    CHECK(!c.has_response || (c.verb == POP3_AUTH && c.name.len > 0 && c.response.len > 0));
    check_inside(line, c.name);
    check_inside(line, c.response);
    return 0;
}
