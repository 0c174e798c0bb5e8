/* mcp_internal.h: what the files of the MCP endpoint share. */
#ifndef SIDECLAW_SURFACE_MCP_INTERNAL_H
#define SIDECLAW_SURFACE_MCP_INTERNAL_H

#include <stdbool.h>

#include "sideclaw/buf.h"
#include "sideclaw/jsonrpc.h"
#include "sideclaw/mcp.h"
#include "sideclaw/operations.h"

/* Of 2026-07-28, beside those of JSON-RPC (jsonrpc.h). */
enum { MCP_HEADER_MISMATCH = -32020, MCP_UNSUPPORTED_VERSION = -32022 };

struct sc_mcp {
    struct sc_log *log;
    const struct sc_op *ops;
    size_t n_ops;
    struct sc_value *tools;
    struct sc_mcp_stats stats;
};

/* --- mcp_message.c: one JSON-RPC message --- */

enum mcp_kind { MCP_REQUEST, MCP_NOTIFICATION, MCP_RESPONSE };
/* All borrowed from the frame. */
struct mcp_message {
    enum mcp_kind kind;
    const struct sc_value *id; /* NULL: none, or none that can be read */
    const char *method;
    const struct sc_value *params; /* an object, or NULL */
};

/* Why a message is refused. */
struct mcp_error {
    int code;        /* JSON-RPC's */
    int http_status; /* over HTTP */
    struct sc_err err;
    struct sc_value *data; /* owned; NULL: none */
};
/* sc_fail for these; returns false. `status` is HTTP's. */
bool mcp_refuse(struct mcp_error *e, int code, int status, const char *fmt, ...) SC_PRINTF(4, 5);

/* What quotes a stranger may be cut inside a character, or be none; as JSON it would be null. */
char *mcp_readable(char *text);
bool mcp_message_read(const struct sc_value *v, struct mcp_message *ret, struct mcp_error *e);
/* Appended, without a newline. The error's data is freed. */
void mcp_write_result(struct sc_buf *out, const struct sc_value *id, struct sc_value *take_result);
void mcp_write_error(struct sc_buf *out, const struct sc_value *id, struct mcp_error *e);

/* --- mcp_revision.c: which revision a request speaks, and whether it says so as it must --- */

struct mcp_revision {
    const char *name;
    bool modern; /* each request says everything; no handshake */
    bool batches;
};
const struct mcp_revision *mcp_revision_find(const char *name);
/* Of those with a handshake, the one asked for, else our newest. */
const struct mcp_revision *mcp_revision_offer(const char *asked);
/* Their names, the newest first. */
struct sc_value *mcp_revisions(void);
/* `negotiated` is what the handshake of this session ended with; NULL: there was none. */
bool mcp_revision_of(const struct mcp_message *m, const struct sc_mcp_headers *headers,
                     const struct mcp_revision *negotiated, const struct mcp_revision **ret,
                     struct mcp_error *e);

/* --- mcp_tools.c: rows of the table as tools, ends of calls as their results --- */

struct sc_value *mcp_tools_value(const struct sc_op *ops, size_t n);
const struct sc_op *mcp_tool_find(const struct sc_mcp *m, const char *name);
/* The known name nearest to `name`, or NULL. */
const char *mcp_tool_nearest(const struct sc_mcp *m, const char *name);
/* Its parameters from those of tools/call, the caller's; NULL: `arguments` is no object. */
struct sc_value *mcp_tool_params(const struct sc_op *op, const struct sc_value *call_params);
struct sc_value *mcp_tool_result(struct sc_value *take_result);
struct sc_value *mcp_tool_failure(const struct sc_err *err);

/* --- mcp_methods.c: what is answered at once --- */

/* NULL: there is no such method in this revision. */
typedef struct sc_value *mcp_method_fn(const struct sc_mcp *m, const struct mcp_message *msg);
mcp_method_fn *mcp_method_find(const char *name, const struct mcp_revision *rev);
/* What every result of 2026-07-28 says beside its own members. */
void mcp_complete(struct sc_value *result, const struct mcp_revision *rev);

#endif
