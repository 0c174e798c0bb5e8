/* Which answer belongs to which request. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway_ws_internal.h"

struct request {
    gw_answer_fn *fn;
    void *ctx;
    bool once;
    bool timed; /* not answered yet, and the answer does not wait for something else */
    sc_tick sent;
};

struct key {
    char text[24];
};

static struct key key_of(int64_t id)
{
    struct key k;
    (void)snprintf(k.text, sizeof k.text, "%" PRId64, id);
    return k;
}

int64_t gw_request_new(struct sc_gateway_ws *g, bool once, gw_answer_fn *fn, void *ctx)
{
    struct request *r = sc_xmalloc(sizeof *r);
    *r = (struct request){
        .fn = fn, .ctx = ctx, .once = once, .timed = true, .sent = sc_clock_tick(&g->clock)
    };
    (void)sc_map_set(g->requests, key_of(++g->next_id).text, r); /* ids are never used again */
    return g->next_id;
}

bool gw_request_send(struct sc_gateway_ws *g, int64_t *id, const struct sc_buf *frame)
{
    struct sc_err err = SC_ERR_INIT;
    int r = g->ws ? sc_ws_client_send(g->ws, frame->p, frame->n, &err)
                  : sc_fail(&err, SC_EAWAY, "there is no connection");
    if (r == SC_OK)
        return true;
    sc_log_debug(g->log, "gateway.unsent", SC_S("error", err.text));
    gw_request_drop(g, id);
    return false;
}

void gw_request_waits(struct sc_gateway_ws *g, int64_t id)
{
    struct request *r = sc_map_get(g->requests, key_of(id).text);
    if (r)
        r->timed = false;
}

void gw_request_drop(struct sc_gateway_ws *g, int64_t *id)
{
    free(sc_map_del(g->requests, key_of(*id).text));
    *id = 0;
}

void gw_requests_fini(struct sc_gateway_ws *g)
{
    sc_map_free(sc_steal(&g->requests), free);
}

void gw_requests_drop_all(struct sc_gateway_ws *g)
{
    gw_requests_fini(g);
    g->requests = sc_map_new();
}

void gw_requests_answer(struct sc_gateway_ws *g, const struct sc_gw_frame *f)
{
    struct key key = key_of(f->id);
    struct request *r = sc_map_get(g->requests, key.text);
    if (!r)
        return; /* of a turn that is over */
    if (r->timed)
        sc_histogram_since(&g->answered, &g->clock, r->sent);
    r->timed = false;         /* `agent` answers twice */
    struct request copy = *r; /* the callback may drop it */
    if (copy.once)
        free(sc_map_del(g->requests, key.text));
    copy.fn(g, copy.ctx, f);
}
