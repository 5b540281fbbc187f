// SPDX-License-Identifier: ISC
//
// The door of deliver: what to put into which mailbox for one local target, and whether there is
// room for it. Nothing is written here; queue commits it. Filters and vacation come later.
#pragma once

#include "base/buf.h"
#include "base/setting.h"
#include "mail/envelope.h"
#include "mail/outcome.h"
#include "store/store.h"

/// The room's part of the configuration, title "deliver".
struct deliver_config {
    bool detail_mailbox; // `user+detail` goes to the mailbox `detail` when there is one; else INBOX
};
extern const struct settings deliver_settings;

/// The lines final delivery puts on top of a message: "Return-Path: <...>" (RFC 5321 4.4). No
/// Delivered-To: all recipients share one body, and a line with one recipient's address in it would
/// show blind copies to the others; loops among our own aliases are found when they are resolved.
void deliver_put_head(struct buf *out, struct str return_path);

/// Is there room in the account for `size` more bytes (0: unknown)? No waiting. DONE, or 452 4.2.2;
/// a mail larger than the whole quota gets 552 5.2.2.
struct outcome deliver_check_quota(struct store *store, uint64_t account_id, uint64_t size);

/// [await] Which mailbox: fills account_id, and mailbox_id or name, of *put. 0 or -errno.
int deliver_choose(const struct deliver_config *config, struct store *store,
                   const struct envelope_target *target, struct store_put *put);

/// Says in the log where a copy went, after the commit.
void deliver_log_filed(uint64_t mail_id, const struct store_put *put);
