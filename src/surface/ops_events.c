/* ops_events.c: say something to everybody, see what was said, wait for what comes. */
#include <stdlib.h>

#include "handlers.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

enum { LIST_DEFAULT = 20 };

struct sc_value *sc_event_value(const struct sc_event *e)
{
    struct sc_value *v = sc_value_object();
    if (!sc_id_is_zero(&e->id))
        sc_value_set_id(v, "id", &e->id);
    if (e->at.ms > 0)
        sc_value_set_time(v, "at", e->at);
    if (e->kind)
        sc_value_set_str(v, "kind", e->kind);
    if (e->agent)
        sc_value_set_str(v, "agent", e->agent);
    if (e->gateway)
        sc_value_set_str(v, "gateway", e->gateway);
    sc_value_set_str(v, "text", e->text);
    return v;
}

void sc_op_events_push(struct sc_call *call)
{
    const struct sc_value *p = call->params;
    const char *kind = sc_value_get_str(p, "kind"), *agent = sc_value_get_str(p, "agent");
    struct sc_err err = SC_ERR_INIT;
    struct sc_id id;
    if (sc_events_push(call->env->events, agent ? agent : call->env->default_agent,
                       kind ? kind : "note", sc_value_get_str(p, "text"), &id, &err) < 0) {
        sc_call_fail(call, &err);
        return;
    }
    struct sc_value *v = sc_value_object();
    sc_value_set_id(v, "id", &id);
    sc_call_reply(call, v);
}

/* ---- the list ---- */

struct listing {
    struct sc_call *call; /* NULL: the caller went away */
    struct sc_value *rows;
    const char *kind; /* NULL: any; the call's */
};

static void on_list_cancel(void *op_state)
{
    struct listing *l = op_state;
    l->call = NULL;
}

static void on_event(void *ctx, const struct sc_event *e)
{
    struct listing *l = ctx;
    if (l->call && (!l->kind || sc_streq(l->kind, e->kind)))
        sc_value_add(l->rows, sc_event_value(e));
}

static void on_listed(void *ctx, const struct sc_err *err)
{
    struct listing *l = ctx;
    if (l->call) {
        struct sc_value *v = sc_value_object();
        sc_value_set(v, "events", sc_steal(&l->rows));
        if (err)
            sc_value_set_str(v, "note", err->text);
        sc_call_reply(l->call, v);
    }
    sc_value_free(l->rows);
    free(l);
}

void sc_op_events_list(struct sc_call *call)
{
    struct listing *l = sc_xcalloc(1, sizeof *l);
    *l = (struct listing){ .call = call,
                           .rows = sc_value_array(),
                           .kind = sc_value_get_str(call->params, "kind") };
    call->op_state = l;
    call->cancel = on_list_cancel;
    sc_events_list(call->env->events, (size_t)sc_value_get_int(call->params, "limit", LIST_DEFAULT),
                   on_event, on_listed, l);
}

/* ---- live ---- */

struct waiting {
    struct sc_call *call;
    struct sc_event_listener listener;
    struct sc_timer *timer;
};

static void add_event(void *ctx, const struct sc_event *e)
{
    sc_value_add(ctx, sc_event_value(e));
}

/* Each answer says where the next question goes on. */
static struct sc_value *since(const struct sc_events *e, uint64_t after)
{
    struct sc_value *v = sc_value_object(), *rows = sc_value_array();
    sc_events_since(e, after, add_event, rows);
    sc_value_set(v, "events", rows);
    sc_value_set_int(v, "next", (int64_t)sc_events_last(e));
    return v;
}

static void free_waiting(struct waiting *w)
{
    sc_events_unlisten(&w->listener);
    sc_timer_free(w->timer);
    free(w);
}

static void on_wait_cancel(void *op_state)
{
    free_waiting(op_state);
}

static void on_heard(void *ctx, uint64_t seq, const struct sc_event *e)
{
    struct waiting *w = ctx;
    (void)e;
    sc_call_reply(w->call, since(w->call->env->events, seq - 1));
    free_waiting(w);
}

static void on_time(void *ctx)
{
    struct waiting *w = ctx;
    const struct sc_events *e = w->call->env->events;
    sc_call_reply(w->call, since(e, sc_events_last(e)));
    free_waiting(w);
}

static void wait_for_one(struct sc_call *call, int64_t wait_ms)
{
    struct waiting *w = sc_xcalloc(1, sizeof *w);
    *w = (struct waiting){ .call = call, .listener = { .event = on_heard, .ctx = w } };
    w->timer = sc_timer_new(call->env->loop, on_time, w);
    sc_timer_arm(w->timer, wait_ms);
    sc_events_listen(call->env->events, &w->listener);
    call->op_state = w;
    call->cancel = on_wait_cancel;
}

/* Without `after`: from now on. A number from an earlier life of this daemon begins anew. */
void sc_op_events_wait(struct sc_call *call)
{
    struct sc_events *e = call->env->events;
    int64_t wait_ms = sc_value_get_int(call->params, "wait_ms", 0);
    int64_t last = (int64_t)sc_events_last(e);
    int64_t after = sc_value_get_int(call->params, "after", last);
    if (after > last)
        after = 0;
    sc_events_follow(e);
    if (after < last || wait_ms == 0)
        sc_call_reply(call, since(e, (uint64_t)after));
    else
        wait_for_one(call, wait_ms);
}
