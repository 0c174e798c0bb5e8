/* jsonrpc.h: newline-framed JSON-RPC 2.0, both ends (control socket, CLI, later MCP). */
#ifndef SIDECLAW_JSONRPC_H
#define SIDECLAW_JSONRPC_H

#include <stdbool.h>

#include "sideclaw/buf.h"
#include "sideclaw/err.h"
#include "sideclaw/value.h"

enum {
    SC_RPC_PARSE = -32700,
    SC_RPC_INVALID = -32600,
    SC_RPC_METHOD = -32601,
    SC_RPC_PARAMS = -32602,
    SC_RPC_SERVER = -32000
};

struct sc_rpc_request {
    struct sc_value *id; /* NULL: a notification */
    char *method;
    struct sc_value *params; /* an object; never NULL */
};
/* ret_code is the JSON-RPC error code to answer with on failure; the id, if readable, is in
 * ret->id even then. */
int sc_rpc_request_parse(const char *line, size_t n, struct sc_rpc_request *ret, int *ret_code,
                         struct sc_err *err) SC_MUST_CHECK;
void sc_rpc_request_fini(struct sc_rpc_request *r);

/* Ids are texts or whole numbers; anything else equals nothing. */
bool sc_rpc_id_eq(const struct sc_value *a, const struct sc_value *b);

/* Each appends one line with its newline. */
void sc_rpc_write_request(struct sc_buf *out, int64_t id, const char *method,
                          const struct sc_value *params);
void sc_rpc_write_result(struct sc_buf *out, const struct sc_value *id,
                         const struct sc_value *result);
/* error.data carries {"code":"not_found","remedy":"..."} */
void sc_rpc_write_error(struct sc_buf *out, const struct sc_value *id, int code,
                        const struct sc_err *err);

/* The client's side: exactly one of *ret_result (owned) and the returned error. The daemon's error
 * comes back as err with its code, text and remedy. */
int sc_rpc_response_parse(const char *line, size_t n, struct sc_value **ret_result,
                          struct sc_err *err) SC_MUST_CHECK;

#endif
