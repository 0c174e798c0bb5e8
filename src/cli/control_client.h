/* control_client.h: one call on the daemon's control socket, blocking, with a deadline. */
#ifndef SIDECLAW_CLI_CONTROL_CLIENT_H
#define SIDECLAW_CLI_CONTROL_CLIENT_H

#include <stdint.h>

#include "sideclaw/err.h"
#include "sideclaw/value.h"

/* All borrowed. */
struct sc_control_request {
    const char *socket;
    const char *method;
    const struct sc_value *params; /* NULL: none */
    int64_t timeout_ms;            /* from now to the answer */
    /* Called about once a second while waiting; NULL. */
    void (*tick)(void *ctx, int64_t waited_ms);
    void *ctx;
};

/* sc_control_call: the result, or NULL: SC_EAWAY (no daemon there), SC_ETIMEDOUT, SC_ETOOBIG (the
 * request does not fit in a line), or the daemon's own error. */
struct sc_value *sc_control_call(const struct sc_control_request *req, struct sc_err *err);

/* sc_control_open: the same, and the connection stays: its descriptor, or a negative code. */
int sc_control_open(const struct sc_control_request *req, struct sc_value **ret_result,
                    struct sc_err *err) SC_MUST_CHECK;

#endif
