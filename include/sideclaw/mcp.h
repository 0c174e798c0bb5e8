/* mcp.h: the Model Context Protocol (docs/MCP.md), whatever carries it: a frame of JSON-RPC goes
 * in, at most one comes out. Revision 2026-07-28, where each request says everything, and those
 * before it, which begin with `initialize`, on one endpoint. */
#ifndef SIDECLAW_MCP_H
#define SIDECLAW_MCP_H

#include <stddef.h>
#include <stdint.h>

#include "sideclaw/log.h"
#include "sideclaw/value.h"

struct sc_op;
struct sc_ops_env;

/* What all sessions share: the rows of a table that are tools, as a client is shown them. */
struct sc_mcp;
/* `ops` is borrowed; the log may be NULL. */
struct sc_mcp *sc_mcp_new(struct sc_log *log, const struct sc_op *ops, size_t n_ops);
void sc_mcp_free(struct sc_mcp *m);
/* The list of tools, in the table's order; borrowed. */
const struct sc_value *sc_mcp_tools(const struct sc_mcp *m);

struct sc_mcp_stats {
    uint64_t calls, failed; /* of tools; that ended with isError */
    uint64_t refused;       /* messages answered with an error of the protocol */
    uint64_t sessions;      /* now: connections of the socket, requests over HTTP */
};
struct sc_mcp_stats sc_mcp_stats(const struct sc_mcp *m);
/* The same for people: docs/TOOLS.md. */
struct sc_buf;
void sc_mcp_tools_markdown(const struct sc_op *ops, size_t n_ops, struct sc_buf *out);

/* What HTTP says beside the frame; NULL: absent. */
struct sc_mcp_headers {
    const char *version; /* MCP-Protocol-Version */
    const char *method;  /* Mcp-Method */
    const char *name;    /* Mcp-Name */
};

/* The end of one frame: its HTTP status (202: there is nothing to say, text is NULL) and the
 * answer, without a newline. It may free the session. */
typedef void sc_mcp_out_fn(void *ctx, int status, const char *text, size_t n);

/* One client of one agent: a connection, or one HTTP request. */
struct sc_mcp_session;
struct sc_mcp_session_deps {
    struct sc_mcp *mcp; /* all borrowed but agent */
    const struct sc_ops_env *env;
    const char *agent; /* in whose name the tools are called */
    sc_mcp_out_fn *out;
    void *ctx;
};
struct sc_mcp_session *sc_mcp_session_new(const struct sc_mcp_session_deps *deps);
/* sc_mcp_session_take: one frame of n bytes, borrowed for the call. `out` runs once for each, from
 * the loop, in the order in which they are done. headers NULL: the carrier has none. */
void sc_mcp_session_take(struct sc_mcp_session *s, const char *text, size_t n,
                         const struct sc_mcp_headers *headers);
/* Abandons what runs; `out` is not called any more. NULL is fine. */
void sc_mcp_session_free(struct sc_mcp_session *s);

#endif
