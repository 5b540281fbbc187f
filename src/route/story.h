// SPDX-License-Identifier: ISC
//
// What DNS said and what follows from it, for people: records as dig draws them, conclusions as
// comments behind semicolons.
#pragma once

#include "base/buf.h"

#include "route/find.h"

void story_put_answer(struct buf *out, const struct find_question *question);
__attribute__((format(printf, 2, 3))) void story_putf(struct buf *out, const char *format, ...);
/// A host that will be tried, how, and why so.
void story_put_host(struct buf *out, const struct route_host *host);
/// "must, verified by DANE"
void story_put_tls(struct buf *out, const struct route_host *host);
