/* http_client.h: HTTP requests on the loop (libcurl multi_socket); nothing blocks. */
#ifndef SIDECLAW_HTTP_CLIENT_H
#define SIDECLAW_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "sideclaw/err.h"
#include "sideclaw/http_tls.h"
#include "sideclaw/loop.h"

struct sc_http_client;
struct sc_http_op;

/* Copied by the call, except chunk_ctx. Headers carry tokens: never logged. */
struct sc_http_request {
    const char *method; /* "GET", "PUT", ... */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; NULL for none */
    const void *body;
    size_t body_len;
    int64_t timeout_ms; /* from now, for the whole exchange; > 0 */
    int64_t connect_ms; /* of it, to connect; 0: ten seconds */
    size_t max_body;    /* bytes of answer we accept; SC_ETOOBIG above; 0: SC_HTTP_RESPONSE_MAX */
    /* When set, a 2xx body is handed over as it comes and not kept (max_body then bounds nothing).
     * Return a negative code to abort. */
    int (*chunk)(void *chunk_ctx, const char *data, size_t n);
    void *chunk_ctx;
    struct sc_http_tls *tls; /* borrowed until done; for https; NULL: the system's authorities */
};

struct sc_http_response {
    int status;
    const char *body; /* NUL-terminated; "" when streamed or empty */
    size_t body_len;
    int64_t consul_index; /* X-Consul-Index, 0 when absent */
    const char *sent;     /* the request's body, as it was given */
    size_t sent_len;
};

/* res NULL: no answer, err says why: SC_EAWAY (refused, reset, unresolved), SC_ETIMEDOUT,
 * SC_ETOOBIG, SC_ECANCELED. */
typedef void sc_http_done_fn(void *ctx, const struct sc_http_response *res,
                             const struct sc_err *err);

struct sc_http_client *sc_http_client_new(struct sc_loop *loop, struct sc_err *err);
/* Fails what is pending (queued, SC_ECANCELED). */
void sc_http_client_close(struct sc_http_client *c);
void sc_http_client_free(struct sc_http_client *c);

/* After 0, done runs once. ret_op (may be NULL) is valid until then. */
int sc_http_send(struct sc_http_client *c, const struct sc_http_request *req, sc_http_done_fn *done,
                 void *ctx, struct sc_http_op **ret_op, struct sc_err *err) SC_MUST_CHECK;
/* done does not run any more. NULL is fine. */
void sc_http_cancel(struct sc_http_op *op);

#endif
