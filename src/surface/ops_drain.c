/* ops_drain.c: draining by an operator, and waiting for its end. */
#include <stdlib.h>

#include "handlers.h"
#include "sideclaw/mem.h"

static struct sc_value *causes_value(const struct sc_drain_view *v)
{
    struct sc_value *rows = sc_value_array();
    for (int i = 0; i < SC_DRAIN_CAUSES; i++) {
        if (!v->why[i])
            continue;
        struct sc_value *row = sc_value_object();
        sc_value_set_str(row, "by", sc_drain_cause_name((enum sc_drain_cause)i));
        sc_value_set_str(row, "why", v->why[i]);
        sc_value_add(rows, row);
    }
    return rows;
}

struct sc_value *sc_drain_value(const struct sc_drain *d)
{
    struct sc_drain_view view;
    if (!d)
        return sc_value_str(NULL);
    sc_drain_view(d, &view);
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "phase", sc_drain_phase_name(view.phase));
    sc_value_set_bool(v, "ready", view.phase == SC_DRAIN_READY);
    sc_value_set_time(v, "since", view.since);
    sc_value_set(v, "causes", causes_value(&view));
    sc_value_set_int(v, "turns", view.turns);
    sc_value_set_int(v, "leases", view.leases);
    return v;
}

/* A call that is answered when it is ready, or nobody drains any more. */
struct waiting {
    struct sc_call *call;
    struct sc_drain_waiter waiter;
    struct sc_timer *timer;
    bool kept;
};

static void reply(struct sc_call *call, bool kept, bool timed_out)
{
    struct sc_value *v = sc_drain_value(call->env->drain);
    sc_value_set_bool(v, "kept", kept);
    sc_value_set_bool(v, "timed_out", timed_out);
    sc_call_reply(call, v);
}

static void free_waiting(struct waiting *w)
{
    sc_drain_unwait(w->call->env->drain, &w->waiter);
    sc_timer_free(w->timer);
    free(w);
}

static void on_cancel(void *op_state)
{
    free_waiting(op_state);
}

static void on_over(void *ctx)
{
    struct waiting *w = ctx;
    reply(w->call, w->kept, false);
    free_waiting(w);
}

static void on_time(void *ctx)
{
    struct waiting *w = ctx;
    reply(w->call, w->kept, true);
    free_waiting(w);
}

static void wait_for_end(struct sc_call *call, int64_t wait_ms, bool kept)
{
    struct waiting *w = sc_xcalloc(1, sizeof *w);
    *w = (struct waiting){ .call = call, .waiter = { .over = on_over, .ctx = w }, .kept = kept };
    w->timer = sc_timer_new(call->env->loop, on_time, w);
    sc_timer_arm(w->timer, wait_ms);
    sc_drain_wait(call->env->drain, &w->waiter);
    call->op_state = w;
    call->cancel = on_cancel;
}

static bool is_possible(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    if (call->env->drain && call->env->set_drain)
        return true;
    (void)sc_fail(&err, SC_EAWAY, "this sidecar does not drain");
    sc_call_fail(call, &err);
    return false;
}

void sc_op_gateway_drain(struct sc_call *call)
{
    const struct sc_ops_env *env = call->env;
    const char *why = sc_value_get_str(call->params, "why");
    int64_t wait_ms = sc_value_get_int(call->params, "wait_ms", 0);
    struct sc_drain_view v;
    if (!is_possible(call))
        return;
    sc_drain_view(env->drain, &v);
    if (!why) /* again, to wait for it: the first reason stays */
        why = v.why[SC_DRAIN_OPERATOR] ? v.why[SC_DRAIN_OPERATOR] : "asked by an operator";
    bool kept = env->set_drain(env->ctx, why);
    sc_drain_view(env->drain, &v);
    if (wait_ms == 0 || v.phase == SC_DRAIN_READY)
        reply(call, kept, false);
    else
        wait_for_end(call, wait_ms, kept);
}

void sc_op_gateway_undrain(struct sc_call *call)
{
    if (is_possible(call))
        reply(call, call->env->set_drain(call->env->ctx, NULL), false);
}
