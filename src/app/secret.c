// SPDX-License-Identifier: ISC
#include "app/secret.h"

#include "base/cleanup.h"
#include "os/file.h"
#include "os/terminal.h"

#include <errno.h>

enum { SECRET_MAX = 1024 };

static void wipe_drop(struct buf *b)
{
    if (b->ptr)
        explicit_bzero(b->ptr, b->cap);
    buf_done(b);
}

static int ask(const struct call *call, const char *prompt, struct buf *out)
{
    int r = os_password_ask(prompt, out);

    if (r == -ENOTTY)
        return call_fail(call, EX_NOINPUT,
                         "no terminal to ask for the password; give --password-file FILE or "
                         "CARTEIRO_PASSWORD");
    if (r < 0)
        return call_fail(call, EX_NOINPUT, "no password was given");
    return EX_OK;
}

int secret_password(const struct call *call, const char *prompt, bool twice, struct buf *out)
{
    CLEANUP(wipe_drop) struct buf again = {0};
    const char *file = call_option(call, "password-file");
    const char *environment = getenv("CARTEIRO_PASSWORD");
    int r;

    buf_init(&again, SECRET_MAX);
    if (file) {
        r = os_file_first_line(file, out);
        if (r < 0)
            return call_fail(call, EX_NOINPUT, "%s: %s", file, strerror(-r));
    } else if (environment) {
        buf_put(out, str_from(environment));
    } else {
        r = ask(call, prompt, out);
        if (r == EX_OK && twice)
            r = ask(call, "The same again: ", &again);
        if (r != EX_OK)
            return r;
        if (twice && !str_eq(buf_str(out), buf_str(&again)))
            return call_fail(call, EX_DATAERR, "the two passwords are not the same");
    }
    if (out->len == 0 || !buf_ok(out))
        return call_fail(call, EX_DATAERR,
                         out->len ? "the password is too long" : "the password is empty");
    return EX_OK;
}
