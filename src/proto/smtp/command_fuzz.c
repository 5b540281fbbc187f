// SPDX-License-Identifier: ISC
//
// Any line as a command, with every argument parser: no crash, and every view lies in the line.
#include "base/check.h"
#include "proto/smtp/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(struct str inner, struct str outer)
{
    return inner.len == 0 ||
           (inner.ptr >= outer.ptr && inner.ptr + inner.len <= outer.ptr + outer.len);
}

static void check_fault(const struct smtp_fault *fault)
{
    if (fault)
        CHECK(fault->code >= 500 && fault->code <= 555 && fault->status[0] == '5');
}

static void check_mail(struct str argument, struct str line)
{
    struct smtp_mail mail;
    const struct smtp_fault *fault = smtp_mail_parse(argument, &mail);

    check_fault(fault);
    if (fault)
        return;
    CHECK(lies_in(mail.path, line) && lies_in(mail.auth, line) && lies_in(mail.envid, line));
    CHECK(mail.is_null == (mail.path.len == 0));
    CHECK(mail.priority >= -9 && mail.priority <= 9);
    CHECK(mail.by_seconds < 1000000000 && mail.by_seconds > -1000000000);
    CHECK(mail.hold_seconds < 1000000000);
    CHECK(mail.is_utf8 || !mail.sender.is_utf8);
    CHECK(str_find(mail.path, '\r') < 0 && str_find(mail.path, '\n') < 0);
}

static void check_rcpt(struct str argument, struct str line)
{
    struct smtp_rcpt rcpt;
    const struct smtp_fault *fault = smtp_rcpt_parse(argument, line.len % 2, &rcpt);

    check_fault(fault);
    if (fault)
        return;
    CHECK(rcpt.path.len > 0 && lies_in(rcpt.path, line) && lies_in(rcpt.orcpt, line));
    CHECK(rcpt.is_postmaster == (rcpt.recipient.domain.len == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str line = str_of(data, size), name;
    struct smtp_command c;
    struct smtp_bdat bdat;
    struct smtp_auth auth;
    struct smtp_etrn etrn;
    struct smtp_xclient xclient;
    const struct smtp_fault *fault = smtp_command_parse(line, &c);

    check_fault(fault);
    if (fault)
        return 0;
    CHECK(lies_in(c.word, line) && lies_in(c.argument, line));
    check_mail(c.argument, line);
    check_rcpt(c.argument, line);
    check_fault(smtp_bdat_parse(c.argument, &bdat));
    fault = smtp_auth_parse(c.argument, &auth);
    CHECK(fault || (lies_in(auth.initial, line) && auth.mechanism.len > 0));
    check_fault(smtp_helo_parse(c.argument, &name));
    fault = smtp_etrn_parse(c.argument, &etrn);
    CHECK(fault || (etrn.node.len > 0 && lies_in(etrn.node, line)));
    fault = smtp_xclient_parse(c.argument, &xclient);
    CHECK(fault || xclient.addr.len == 0 || lies_in(xclient.addr, line));
    return 0;
}
