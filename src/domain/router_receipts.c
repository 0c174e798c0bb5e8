/* Receipts of one turn, gathered per gateway and sent after its commit: telling somebody a stage
 * that a failed commit takes back would be a lie. */
#include <stdlib.h>

#include "router_internal.h"
#include "sideclaw/mem.h"

void router_free_batch(void *batch)
{
    struct receipt_batch *b = batch;
    sc_receipts_fini(&b->r);
    free(b);
}

/* One envelope carries SC_RECEIPTS_MAX; a busy turn has more. */
static bool send_batch(void *ctx, const char *gateway, void *value)
{
    struct sc_router *r = ctx;
    struct receipt_batch *b = value;
    struct sc_transport *t = router_way_back(r, gateway);
    for (size_t i = 0; t && i < b->r.n; i += SC_RECEIPTS_MAX) {
        struct sc_receipts part = b->r; /* borrowed */
        part.v += i;
        part.n = b->r.n - i < SC_RECEIPTS_MAX ? b->r.n - i : SC_RECEIPTS_MAX;
        r->n.receipts_out += part.n;
        t->ops->receipts(t->impl, &part);
    }
    router_free_batch(sc_map_del(r->receipts, gateway));
    return true;
}

static bool drop_batch(void *ctx, const char *gateway, void *value)
{
    struct sc_router *r = ctx;
    (void)value;
    router_free_batch(sc_map_del(r->receipts, gateway));
    return true;
}

static void on_commit(void *ctx, const struct sc_err *err)
{
    struct sc_router *r = ctx;
    r->flush_queued = false;
    sc_map_each(r->receipts, err ? drop_batch : send_batch, r);
}

void router_after_commit(struct sc_router *r, sc_commit_fn *fn, void *ctx)
{
    const struct sc_spool_ops *ops = r->d.spool.ops;
    if (r->patient && ops->after_commit_soon)
        ops->after_commit_soon(r->d.spool.impl, fn, ctx);
    else
        ops->after_commit(r->d.spool.impl, fn, ctx);
}

static struct receipt_batch *batch_for(struct sc_router *r, const char *gateway)
{
    struct receipt_batch *b = sc_map_get(r->receipts, gateway);
    if (!b) {
        b = sc_xcalloc(1, sizeof *b);
        b->r.from_gateway = sc_xstrdup(r->d.self_name);
        b->r.to_gateway = sc_xstrdup(gateway);
        (void)sc_map_set(r->receipts, gateway, b);
    }
    return b;
}

static struct sc_receipt receipt(const struct sc_router *r, const struct sc_id *id,
                                 enum sc_stage stage, const char *reason)
{
    struct sc_receipt one = { .id = *id, .stage = stage, .at = router_now(r) };
    sc_reason_copy(one.reason, reason);
    return one;
}

void router_tell(struct sc_router *r, const char *gateway, const struct sc_id *id,
                 enum sc_stage stage, const char *reason)
{
    if (!gateway)
        return; /* an external sender has no sidecar to tell */
    if (sc_streq(gateway, r->d.self_name)) {
        (void)router_advance(r, id, stage, router_now(r), reason && *reason ? reason : NULL);
        return;
    }
    struct receipt_batch *b = batch_for(r, gateway);
    /* Further in the same turn: the last stage says it all, but of a death, of which its sender has
     * to know whether a turn ran before it. */
    if (b->r.n > 0 && sc_id_eq(&b->r.v[b->r.n - 1].id, id) && stage != SC_STAGE_DEAD) {
        b->r.v[b->r.n - 1] = receipt(r, id, stage, reason);
        return;
    }
    if (b->r.n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 8;
        b->r.v = sc_xrealloc(b->r.v, b->cap * sizeof *b->r.v);
    }
    b->r.v[b->r.n++] = receipt(r, id, stage, reason);
    if (!r->flush_queued || (r->flush_patient && !r->patient)) {
        r->flush_queued = true;
        r->flush_patient = r->patient;
        router_after_commit(r, on_commit, r);
    }
}
