/* SIGTERM and SIGINT stop gracefully, SIGHUP reads the configuration again, SIGUSR1 drains. */
#include <signal.h>
#include <stdlib.h>

#include "app_internal.h"
#include "sideclaw/mem.h"

enum { STOP_DEADLINE_MS = 4000 }; /* below Nomad's default kill_timeout of 5 s */

static void stopped(struct sc_app *a)
{
    sc_timer_disarm(a->stop_timer);
    sc_spool_sqlite_commit(a->spool);
    sc_log_info(a->log, "daemon.stopped");
    sc_loop_stop(a->loop);
}

void app_on_stop_deadline(void *app)
{
    struct sc_app *a = app;
    sc_log_warn(a->log, "daemon.stop_deadline",
                SC_S("instead", "stopping without having deregistered; the session will expire"));
    stopped(a);
}

static void withdrawn(void *ctx, const struct sc_err *err)
{
    struct sc_app *a = ctx;
    if (err)
        sc_log_warn(a->log, "registry.withdraw_failed", SC_S("reason", err->text),
                    SC_S("instead", "the session will expire by itself"));
    stopped(a);
}

/* Deregister, flush, close: nobody sends to us any more before we stop listening. */
static void on_stop(void *ctx, int signum)
{
    struct sc_app *a = ctx;
    if (a->stopping)
        return;
    a->stopping = true;
    sc_log_info(a->log, "daemon.stopping", SC_I("signal", signum));
    sc_presence_stop(a->presence);
    app_notify_stopping(a);
    sc_drain_set(a->drain, SC_DRAIN_STOP, "the sidecar is stopping");
    if (!a->consul) {
        stopped(a);
        return;
    }
    sc_timer_arm(a->stop_timer, STOP_DEADLINE_MS);
    const struct sc_directory d = sc_consul_directory(a->consul);
    d.ops->withdraw(d.impl, withdrawn, a);
}

static void apply_consul(struct sc_app *a)
{
    struct sc_err err = SC_ERR_INIT;
    if (!a->consul)
        return;
    const struct sc_http_tls_options tls = app_consul_tls(a);
    if (sc_consul_set_tls(a->consul, &tls, &err) < 0)
        sc_log_error(a->log, "consul.tls_unchanged", SC_S("reason", err.text),
                     SC_S("try", err.remedy), SC_S("instead", "the old certificates stay in use"));
    sc_consul_set_token(a->consul, *a->cfg.consul_token ? a->cfg.consul_token : NULL);
}

static void apply(struct sc_app *a)
{
    enum sc_log_level level;
    if (sc_log_level_parse(a->cfg.log_level, &level))
        sc_log_set_level(a->log, level);
    sc_spool_sqlite_set_queues(a->spool, a->cfg.messages_agent_outbox_max,
                               a->cfg.messages_agent_queue_max);
    const struct sc_memory_limits memory = app_memory_limits(a);
    sc_memory_set_limits(a->memory, &memory);
    sc_memory_set_readable(a->memory, a->cfg.memory_readable);
    apply_consul(a);
    if (a->gateway)
        sc_gateway_ws_set_token(a->gateway, *a->cfg.gateway_token ? a->cfg.gateway_token : NULL);
}

static void on_reload(void *ctx, int signum)
{
    struct sc_app *a = ctx;
    struct sc_err err = SC_ERR_INIT;
    struct sc_strv ignored = { 0 };
    (void)signum;
    int r = sc_config_reload(&a->cfg, a->args.config_file, a->args.argc, a->args.argv, a->args.envp,
                             &ignored, &err);
    if (r < 0) {
        sc_log_error(a->log, "config.reload_failed", SC_S("reason", err.text),
                     SC_S("try", err.remedy), SC_S("instead", "the old values stay"));
        return;
    }
    apply(a);
    for (size_t i = 0; i < ignored.n; i++)
        sc_log_warn(a->log, "config.needs_restart", SC_S("key", ignored.v[i]),
                    SC_S("instead", "the old value stays until the daemon is restarted"));
    sc_log_info(a->log, "config.reloaded");
    sc_strv_fini(&ignored);
}

/* As `sideclaw drain`; a second one changes nothing, for job managers send them twice. */
static void on_drain(void *ctx, int signum)
{
    struct sc_app *a = ctx;
    (void)signum;
    (void)app_set_drain(a, "SIGUSR1"); /* logged when the disk does not have it */
}

void app_signals_start(struct sc_app *a)
{
    a->signals[0] = sc_signal_new(a->loop, SIGTERM, on_stop, a);
    a->signals[1] = sc_signal_new(a->loop, SIGINT, on_stop, a);
    a->signals[2] = sc_signal_new(a->loop, SIGHUP, on_reload, a);
    a->signals[3] = sc_signal_new(a->loop, SIGUSR1, on_drain, a);
}
