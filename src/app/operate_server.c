// SPDX-License-Identifier: ISC
//
// What can be asked of a server as a whole.
#include "app/operation.h"
#include "app/server.h"

int operate_status(struct operation *op)
{
    struct store_stats stats;

    operation_put(op, "running", json_boolean(op->site->server != NULL));
    operation_put(op, "version", json_string(CARTEIRO_VERSION));
    operation_put(op, "data", operation_json(str_from(op->site->data)));
    if (op->site->server)
        server_put_status(op->site->server, op->result);
    if (store_stats_get(op->site->store, &stats) == 0)
        operation_put(op, "store",
                      json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "mailboxes",
                                (json_int_t)stats.mailboxes, "messages", (json_int_t)stats.messages,
                                "bytes", (json_int_t)stats.bytes_live, "bytes_dead",
                                (json_int_t)stats.bytes_dead, "segments",
                                (json_int_t)stats.segments, "commits", (json_int_t)stats.commits,
                                "syncs", (json_int_t)stats.syncs));
    return EX_OK;
}

int operate_reload(struct operation *op)
{
    if (!op->site->server) {
        buf_put(op->why, STR("no server is running"));
        return EX_UNAVAILABLE;
    }
    return server_reload(op->site->server, op->result, op->why);
}
