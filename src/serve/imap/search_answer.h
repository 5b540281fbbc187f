// SPDX-License-Identifier: ISC
//
// What SEARCH and SORT tell of the messages found: the plain answer, or ESEARCH with what RETURN
// asked for (RFC 4731, 5267 3.1, 6203 4, 7162 3.1.5, 9394 3.1).
#pragma once

#include "proto/imap/search_return.h"
#include "serve/imap/hits.h"
#include "serve/imap/search_judge.h"
#include "serve/imap/session.h"
#include "serve/imap/view.h"

struct imap_found {
    const struct imap_view *view;
    const struct imap_hits *hits; // in the order of the answer
    struct imap_search_return what;
    bool has_modseq; // the highest one is told
    bool is_uid;
};

/// [await] Finds as few as the answer needs: the first, the last, some at one end, or all. search.c
int imap_search_run(struct imap_judge *j, const struct imap_search_return *asked,
                    struct imap_hits *hits);
/// [await] "* SEARCH 2 84 882", word "SEARCH" or "SORT". 0 or -errno of the connection.
int imap_put_found_plain(struct imap_session *s, struct imap_call *c, const struct imap_found *f,
                         struct str word);
/// [await] Behind imap_put_esearch: " MIN 2 COUNT 3", and the line end.
int imap_put_found(struct imap_session *s, struct imap_call *c, const struct imap_found *f);

/// Places [*out_from, *out_to) of the hits that PARTIAL asks for.
void imap_found_partial(const struct imap_found *f, size_t *out_from, size_t *out_to);

/// Keeps the result for "$" where SAVE asks for that. NULL, or the NO it ends with: nothing is
/// kept.
const char *imap_found_save(struct imap_session *s, const struct imap_found *f);
/// RFC 5182 2.1: a search that saves and fails leaves nothing saved.
void imap_found_forget(struct imap_session *s, const struct imap_found *f);
