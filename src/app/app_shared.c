/* What the shared documents say: recent events from the mesh's list, recommendations from those of
 * our own agents. `current-tasks` has no source yet: whoever keeps the tasks sets one. */
#include <stdlib.h>

#include "app_internal.h"
#include "sideclaw/consul_shared.h"
#include "sideclaw/event_json.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

/* Made for one look at the list. */
struct look {
    struct sc_app *app;
    struct sc_buf text;
};

static void add_event(void *ctx, const struct sc_event *e)
{
    struct look *l = ctx;
    sc_buf_adds(&l->text, l->text.n ? ",\n" : "[\n");
    sc_event_to_json(e, &l->text);
}

/* While Redis is away nobody knows what the list says: the document stays. */
static void on_listed(void *ctx, const struct sc_err *err)
{
    struct look *l = ctx;
    sc_buf_adds(&l->text, l->text.n ? "\n]\n" : "[]\n");
    if (!err)
        sc_consul_shared_answer(l->app->consul, SC_SHARED_EVENTS, l->text.p, l->text.n);
    sc_buf_fini(&l->text);
    free(l);
}

static void ask_events(void *ctx)
{
    struct sc_app *a = ctx;
    struct look *l = sc_xcalloc(1, sizeof *l);
    l->app = a;
    sc_events_list(a->events, SC_SHARED_EVENTS_MAX, add_event, on_listed, l);
}

/* Each sidecar writes down what its own agents recommend; all of them hear it. */
static void on_event(void *ctx, uint64_t seq, const struct sc_event *e)
{
    struct sc_app *a = ctx;
    (void)seq;
    if (sc_streq(e->kind, "recommendation") && sc_streq(e->gateway, a->cfg.gateway_name) &&
        e->agent)
        sc_consul_recommend(a->consul, e);
}

void app_build_shared(struct sc_app *a)
{
    if (!a->consul)
        return;
    a->listener = (struct sc_event_listener){ .event = on_event, .ctx = a };
    sc_events_listen(a->events, &a->listener);
    sc_consul_shared_source(a->consul, SC_SHARED_EVENTS, ask_events, a);
}
