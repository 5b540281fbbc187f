// SPDX-License-Identifier: ISC
//
// Quota (RFC 9208): each account is one quota root, called by its address. What the verbs share.
#pragma once

#include "serve/imap/session.h"

/// Has the account any limit? Without one it has no quota root: a QUOTA answer names one resource
/// at least.
bool imap_has_quota(struct imap_session *s, uint64_t account_id);
/// "ana@example.test" as an astring.
void imap_put_quota_root(struct imap_session *s, uint64_t account_id, struct buf *out);
/// "* QUOTA root (STORAGE used limit MESSAGE used limit)", of what is limited.
void imap_put_quota(struct imap_session *s, uint64_t account_id, struct buf *out);
