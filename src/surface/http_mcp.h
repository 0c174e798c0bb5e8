/* http_mcp.h: /mcp/AGENT, where MCP clients call an agent's tools over streamable HTTP
 * (docs/MCP.md). One POST is one frame, and its answer is plain JSON: nothing here comes in
 * pieces. */
#ifndef SIDECLAW_SURFACE_HTTP_MCP_H
#define SIDECLAW_SURFACE_HTTP_MCP_H

#include <stdbool.h>

#include "sideclaw/operations.h"

struct evhttp_request;

struct sc_http_mcp;
/* Borrowed. The operator's token opens no agent's endpoint: it is known here to say so. */
struct sc_http_mcp *sc_http_mcp_new(const struct sc_ops_env *env, const char *operator_token);
bool sc_http_mcp_path(const char *path);
/* Ends the request, now or later. Sizes, Host and Origin were looked at. */
void sc_http_mcp_serve(struct sc_http_mcp *m, struct evhttp_request *req, const char *path);
/* Before evhttp_free: what is unanswered stays so. */
void sc_http_mcp_free(struct sc_http_mcp *m);

#endif
