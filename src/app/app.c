#include "sideclaw/app.h"

#include <stdlib.h>
#include <string.h>

#include "app_internal.h"
#include "sideclaw/mem.h"

struct sc_app *sc_app_new(const struct sc_app_args *args, struct sc_config *take_config,
                          struct sc_err *err)
{
    struct sc_app *a = sc_xcalloc(1, sizeof *a);
    a->args = *args;
    a->cfg = *take_config;
    *take_config = (struct sc_config){ 0 };
    a->clock = sc_clock_system();
    a->started = sc_clock_mono(&a->clock);
    a->started_at = sc_clock_wall(&a->clock);
    if (app_build(a, err) < 0) {
        sc_app_free(a);
        return NULL;
    }
    return a;
}

int sc_app_run(struct sc_app *a, struct sc_err *err)
{
    app_signals_start(a);
    sc_mailbox_start(a->mailbox);
    sc_router_start(a->router);
    sc_tasks_start(a->tasks);
    if (a->gateway) {
        sc_gateway_ws_start(a->gateway);
        sc_prober_start(a->prober);
    }
    if (a->consul)
        sc_consul_start(a->consul);
    if (a->redis)
        sc_redis_start(a->redis);
    if (a->presence)
        sc_presence_start(a->presence);
    app_notify_ready(a);
    sc_log_info(a->log, "daemon.ready", SC_S("version", SC_VERSION),
                SC_S("socket", a->cfg.control_socket),
                SC_I("ms", sc_clock_mono(&a->clock).ms - a->started.ms));
    return sc_loop_run(a->loop, err);
}

static void free_links(struct sc_app *a)
{
    for (size_t i = 0; i < APP_LINKS; i++) {
        free(a->links[i].state);
        free(a->links[i].detail);
        free(a->links[i].remedy);
    }
}

/* Closing queues the last completions (loop.h, e); one more turn runs them while everybody lives.
 */
static void close_parts(struct sc_app *a)
{
    struct sc_err err = SC_ERR_INIT;
    if (a->gateway)
        sc_gateway_ws_close(a->gateway);
    sc_redis_memory_close(a->redis_memory);
    sc_redis_events_close(a->event_log);
    if (a->redis)
        sc_redis_transport(a->redis)->ops->close(sc_redis_transport(a->redis)->impl);
    if (a->peer)
        sc_peer_transport(a->peer)->ops->close(sc_peer_transport(a->peer)->impl);
    if (a->consul)
        sc_consul_close(a->consul);
    if (a->http)
        sc_http_client_close(a->http);
    for (int i = 0; i < 3; i++)
        if (sc_loop_turn(a->loop, 0, &err) < 0)
            return;
}

void sc_app_free(struct sc_app *a)
{
    if (!a)
        return;
    sc_http_server_free(a->http_server);
    sc_control_server_free(a->control);
    sc_mcp_free(a->mcp);
    sc_spawn_cancel(a->baseline);
    sc_prober_free(sc_steal(&a->prober));
    if (a->loop)
        close_parts(a);
    sc_timer_free(a->stop_timer);
    sc_timer_free(a->disk_timer);
    sc_timer_free(a->watchdog_timer);
    sc_drain_free(a->drain);
    sc_presence_free(a->presence);
    sc_mailbox_free(a->mailbox);
    sc_gateway_ws_free(a->gateway);
    sc_router_free(a->router);
    sc_peer_free(a->peer);
    sc_memory_free(a->memory);
    sc_tasks_free(a->tasks);
    sc_redis_tasks_free(a->redis_tasks);
    sc_spool_tasks_free(a->spool_tasks);
    sc_redis_events_free(a->event_log);
    sc_task_notes_free(a->notes);
    sc_spool_notes_free(a->spool_notes);
    sc_redis_free(a->redis);
    sc_redis_memory_free(a->redis_memory);
    sc_events_free(a->events);
    sc_consul_free(a->consul);
    sc_registry_free(a->registry);
    sc_board_free(a->board);
    sc_spool_sqlite_free(a->spool);
    sc_http_client_free(a->http);
    for (size_t i = 0; i < SC_ARRAY_LEN(a->signals); i++)
        sc_signal_free(a->signals[i]);
    sc_notify_free(a->notify);
    if (a->log)
        sc_log_gather(a->log, NULL);
    sc_loop_free(a->loop);
    sc_log_free(a->log);
    free_links(a);
    free(a->check_url);
    free(a->peer_url);
    free(a->mcp_url);
    free(a->spool_path);
    free(a->notified);
    free(a->baseline_path);
    sc_config_fini(&a->cfg);
    explicit_bzero(&a->agent_key, sizeof a->agent_key);
    free(a);
}
