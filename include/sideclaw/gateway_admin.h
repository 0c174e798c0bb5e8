/* gateway_admin.h: port: a question to the gateway beside us, in its own words
 * (store/gateway_ask.c). For what an operator asks of it; messages and agents go through gateway.h.
 */
#ifndef SIDECLAW_GATEWAY_ADMIN_H
#define SIDECLAW_GATEWAY_ADMIN_H

#include "sideclaw/err.h"
#include "sideclaw/value.h"

/* Exactly one of payload and err is not NULL; both are borrowed. */
typedef void sc_gateway_answer_fn(void *ctx, const struct sc_value *payload,
                                  const struct sc_err *err);

struct sc_gateway_ask;
struct sc_gateway_admin {
    /* SC_EAWAY while the gateway takes no calls. After 0, fn runs once: with SC_EAWAY when the
     * connection is lost, SC_EBUSY when what was to be changed has changed meanwhile. */
    int (*ask)(void *impl, const char *method, struct sc_value *take_params,
               sc_gateway_answer_fn *fn, void *ctx, struct sc_gateway_ask **ret,
               struct sc_err *err);
    void (*cancel)(struct sc_gateway_ask *ask); /* fn does not run; NULL is fine */
    void *impl;
};

#endif
