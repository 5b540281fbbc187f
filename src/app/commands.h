// SPDX-License-Identifier: ISC
//
// All commands, and what several of them do alike.
#pragma once

#include "app/command.h"
#include "app/table.h"

extern const struct command command_account, command_alias, command_backup, command_check,
    command_dns, command_domain, command_export, command_fsck, command_import, command_init,
    command_list, command_mailbox, command_man, command_queue, command_reload, command_restore,
    command_send, command_serve, command_status, command_suppress, command_trace, command_version;

#define COMMAND_YES                                                                                \
    {                                                                                              \
        "yes", 'y', NULL, "Do not ask first"                                                       \
    }

/// For what cannot be undone: asks on the terminal unless --yes. EX_OK, or an exit code.
__attribute__((format(printf, 2, 3))) int command_confirm(const struct call *call,
                                                          const char *format, ...);
/// Each prints `result`, or with --json its member (NULL: all of it), and gives it back. Returns
/// EX_OK.
__attribute__((format(printf, 4, 5))) int command_done(const struct call *call, json_t *result,
                                                       const char *member, const char *format, ...);
int command_rows(const struct call *call, json_t *result, const char *member,
                 const struct table_column *columns, size_t count, const char *nothing);
int command_one(const struct call *call, json_t *result, const char *member,
                const struct table_column *columns, size_t count);
