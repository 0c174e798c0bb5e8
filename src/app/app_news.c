/* What is told to everybody: few things, and never one per message. */
#include "app_internal.h"
#include "sideclaw/mem.h"

static void on_ready(void *ctx)
{
    sc_events_ready(((struct sc_app *)ctx)->events);
}

static void on_heard(void *ctx, const struct sc_event *e)
{
    sc_events_heard(((struct sc_app *)ctx)->events, e);
}

void app_build_events(struct sc_app *a)
{
    if (a->redis)
        a->event_log = sc_redis_events_new(&(struct sc_redis_events_deps){
            .redis = a->redis, .ready = on_ready, .heard = on_heard, .ctx = a });
    a->events = sc_events_new(&(struct sc_events_deps){ .loop = a->loop,
                                                        .log = a->log,
                                                        .clock = a->clock,
                                                        .sink = sc_redis_events_log(a->event_log),
                                                        .self_name = a->cfg.gateway_name });
}

/* Every sidecar sees a gateway come or go; the mesh keeps the first who says so. An agent is only
 * its own sidecar's to announce, and one that goes with its gateway is not announced at all. */
void app_registry_news(void *app, enum sc_registry_news what, const char *name)
{
    struct sc_app *a = app;
    if (!a->events || a->stopping)
        return;
    switch (what) {
    case SC_NEWS_GATEWAY_UP:
        sc_events_note(a->events, "gateway_up", name, "gateway %s is up", name);
        break;
    case SC_NEWS_GATEWAY_DOWN:
        sc_events_note(a->events, "gateway_down", name, "gateway %s is down", name);
        break;
    case SC_NEWS_AGENT_CAME:
        sc_events_note(a->events, "agent_came", NULL, "agent %s came to %s", name,
                       a->cfg.gateway_name);
        break;
    case SC_NEWS_AGENT_LEFT:
        sc_events_note(a->events, "agent_left", NULL, "agent %s left %s", name,
                       a->cfg.gateway_name);
        break;
    }
}

void app_died(void *app, const struct sc_id *id, const char *reason)
{
    struct sc_app *a = app;
    char text[SC_ID_TEXT_SIZE + sizeof "message "];
    char hex[SC_ID_TEXT_SIZE];
    sc_id_format(id, hex);
    (void)snprintf(text, sizeof text, "message %s", hex);
    sc_events_died(a->events, "message_dead", text, reason);
}

void app_task_died(void *app, const char *id, const char *reason)
{
    struct sc_app *a = app;
    sc_auto_free char *text = sc_xasprintf("task %s", id);
    sc_events_died(a->events, "task_dead", text, reason);
}
