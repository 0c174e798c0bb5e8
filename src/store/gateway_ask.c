/* An operator's questions to the gateway: each with its deadline, each with one end. */
#include <stdlib.h>
#include <string.h>

#include "gateway_ws_internal.h"

struct sc_gateway_ask {
    struct sc_gateway_ws *g;
    int64_t request;
    struct sc_timer *deadline;
    sc_gateway_answer_fn *fn;
    void *ctx;
    LIST_ENTRY(sc_gateway_ask) link;
};

static void ask_free(struct sc_gateway_ask *a)
{
    LIST_REMOVE(a, link);
    if (a->request)
        gw_request_drop(a->g, &a->request);
    sc_timer_free(a->deadline);
    free(a);
}

static void end(struct sc_gateway_ask *a, const struct sc_value *payload, const struct sc_err *err)
{
    sc_gateway_answer_fn *fn = a->fn;
    void *ctx = a->ctx;
    ask_free(a);
    fn(ctx, payload, err);
}

/* The gateway's own words are the best explanation there is. */
static int explain(const struct sc_gw_error *e, struct sc_err *err)
{
    enum sc_code code = SC_EPROTO;
    if (strstr(e->message, "config changed since last load"))
        code = SC_EBUSY;
    else if (strcmp(e->code, "INVALID_REQUEST") == 0)
        code = SC_EINVAL;
    else if (strcmp(e->code, "FORBIDDEN") == 0)
        code = SC_EPERM;
    else if (strcmp(e->code, "UNAVAILABLE") == 0)
        code = SC_EAWAY;
    return sc_fail(err, code, "the gateway refuses: %.200s", e->message);
}

static void on_answer(struct sc_gateway_ws *g, void *ctx, const struct sc_gw_frame *f)
{
    struct sc_gateway_ask *a = ctx;
    struct sc_err err = SC_ERR_INIT;
    (void)g;
    a->request = 0; /* answered, and so forgotten */
    if (f->ok && f->payload) {
        end(a, f->payload, NULL);
        return;
    }
    if (f->ok)
        (void)sc_fail(&err, SC_EPROTO, "the gateway's answer is empty");
    else
        (void)explain(&f->error, &err);
    end(a, NULL, &err);
}

static void on_deadline(void *ctx)
{
    struct sc_gateway_ask *a = ctx;
    struct sc_err err = SC_ERR_INIT;
    (void)sc_fail(&err, SC_ETIMEDOUT, "the gateway did not answer within %lld ms",
                  (long long)a->g->timing.ask);
    end(a, NULL, &err);
}

static int ask(void *impl, const char *method, struct sc_value *take_params,
               sc_gateway_answer_fn *fn, void *ctx, struct sc_gateway_ask **ret, struct sc_err *err)
{
    struct sc_gateway_ws *g = impl;
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    if (g->phase != GW_UP || g->state != SC_GW_READY) {
        sc_value_free(take_params);
        (void)sc_fail(err, SC_EAWAY, "the gateway is not ready: %s", g->detail);
        return sc_err_remedy(err, "%s", *g->remedy ? g->remedy : "try again in a moment");
    }
    struct sc_gateway_ask *a = sc_xcalloc(1, sizeof *a);
    *a = (struct sc_gateway_ask){ .g = g, .fn = fn, .ctx = ctx };
    a->deadline = sc_timer_new(g->loop, on_deadline, a);
    a->request = gw_request_new(g, true, on_answer, a);
    LIST_INSERT_HEAD(&g->asks, a, link);
    sc_gw_write_request(&out, a->request, method, take_params);
    if (!gw_request_send(g, &a->request, &out)) {
        ask_free(a);
        return sc_fail(err, SC_EAWAY, "the connection to the gateway is lost");
    }
    sc_timer_arm(a->deadline, g->timing.ask);
    *ret = a;
    return SC_OK;
}

static void cancel(struct sc_gateway_ask *a)
{
    if (a)
        ask_free(a);
}

void gw_asks_lost(struct sc_gateway_ws *g)
{
    struct sc_err err = SC_ERR_INIT;
    (void)sc_fail(&err, SC_EAWAY,
                  "the connection to the gateway was lost: it may have done what "
                  "was asked, or not");
    /* Nobody can ask again before this is over: the state says so. */
    struct sc_gateway_ask *a;
    while ((a = LIST_FIRST(&g->asks))) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it loses LIST_REMOVE */
        a->request = 0; /* dropped with all others */
        end(a, NULL, &err);
    }
}

struct sc_gateway_admin sc_gateway_ws_admin(struct sc_gateway_ws *g)
{
    return (struct sc_gateway_admin){ .ask = ask, .cancel = cancel, .impl = g };
}
