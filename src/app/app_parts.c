/* Building, bottom up: each function makes one part from the configuration. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app_internal.h"
#include "sideclaw/crypto.h"
#include "sideclaw/file.h"
#include "sideclaw/mem.h"
#include "sideclaw/probe.h"

enum {
    MAX_TURNS = 32, /* the gateway queues further ones anyway (OPENCLAW 4a) */
    ACK_MS = 2000,  /* a live receiver's receipt comes within milliseconds */
    REFRESH_MS = 60 * 1000,
    TURN_RETRY_MIN_MS = 1000,
    TURN_RETRY_MAX_MS = 30 * 1000
};

static int build_base(struct sc_app *a, struct sc_err *err)
{
    enum sc_log_level level = SC_LOG_INFO;
    (void)sc_log_level_parse(a->cfg.log_level, &level); /* the option table checked it */
    a->log = sc_log_new(STDERR_FILENO, level, a->cfg.gateway_name, a->clock);
    if (sc_crypto_init(err) < 0)
        return err->code;
    if (sc_mkdirs(a->cfg.state_dir, err) < 0)
        return sc_err_remedy(err, "create it, or choose another with state_dir");
    int r = sc_config_secrets(&a->cfg, err);
    if (r < 0)
        return r;
    a->loop = sc_loop_new(err);
    if (a->loop)
        sc_log_gather(a->log, a->loop);
    if (a->loop)
        app_build_notify(a);
    a->http = a->loop ? sc_http_client_new(a->loop, err) : NULL;
    return a->http ? SC_OK : SC_EIO;
}

static int build_spool(struct sc_app *a, struct sc_err *err)
{
    a->spool_path = sc_xasprintf("%s/spool.db", a->cfg.state_dir);
    const struct sc_spool_sqlite_deps deps = {
        .loop = a->loop,
        .log = a->log,
        .path = a->spool_path,
        .full_sync = sc_streq(a->cfg.spool_synchronous, "full"),
        .max_bytes = a->cfg.spool_max_bytes,
        .max_messages = a->cfg.spool_max_messages,
        .max_outgoing = a->cfg.messages_agent_outbox_max,
        .max_waiting = a->cfg.messages_agent_queue_max,
        .health = app_spool_health,
        .ctx = a,
    };
    a->spool = sc_spool_sqlite_new(&deps, err);
    return a->spool ? SC_OK : (int)err->code;
}

/* The sender of the command line is an agent of ours, even where no gateway lists it. */
static void build_registry(struct sc_app *a)
{
    const struct sc_registry_deps deps = { .self_name = a->cfg.gateway_name,
                                           .log = a->log,
                                           .local_changed = app_local_changed,
                                           .gateway_alive = app_gateway_alive,
                                           .news = app_registry_news,
                                           .ctx = a };
    a->board = sc_board_new(a->clock, a->log, app_verdict_changed, a);
    a->registry = sc_registry_new(&deps);
    app_build_drain(a);
    for (size_t i = 0; i < a->cfg.n_agents; i++)
        sc_registry_local_config(a->registry, a->cfg.agents[i].id, &a->cfg.agents[i].capabilities);
    if (*a->cfg.agent_id && !sc_streq(a->cfg.agent_id, "operator"))
        sc_registry_local_config(a->registry, a->cfg.agent_id, NULL);
    app_load_declared(a);
    sc_board_set(a->board, SC_SIG_SPOOL, SC_SIGNAL_OK, "", "");
    sc_board_set(a->board, SC_SIG_DRAIN, SC_SIGNAL_OK, "", "");
    sc_board_set(a->board, SC_SIG_CONFLICT, SC_SIGNAL_OK, "", "");
}

static const char *or_null(const char *s)
{
    return s && *s ? s : NULL;
}

struct sc_http_tls_options app_consul_tls(const struct sc_app *a)
{
    if (!a->cfg.consul_tls_verify && strncmp(a->cfg.consul_addr, "https:", 6) == 0)
        sc_log_warn(a->log, "consul.tls_unverified", SC_S("addr", a->cfg.consul_addr),
                    SC_S("try", "set consul.ca_file and take consul.tls_verify away"),
                    SC_S("instead", "whoever answers there is believed, and gets our token"));
    return (struct sc_http_tls_options){ .who = "consul",
                                         .ca_file = a->cfg.consul_ca_file,
                                         .cert_file = a->cfg.consul_cert_file,
                                         .key_file = a->cfg.consul_key_file,
                                         .name = a->cfg.consul_tls_server_name,
                                         .unverified = !a->cfg.consul_tls_verify };
}

static struct sc_consul_registration consul_service(struct sc_app *a)
{
    const struct sc_config *c = &a->cfg;
    return (struct sc_consul_registration){
        .enabled = c->consul_register_service,
        .url = a->check_url,
        .ttl = sc_streq(c->consul_check_type, "ttl"),
        .health = !sc_streq(c->consul_check_page, "traffic"),
        .traffic = !sc_streq(c->consul_check_page, "health"),
        .interval_s = c->consul_check_interval_s,
        .deregister_after_s = c->consul_deregister_critical_service_after_s,
        .address = c->consul_service_address,
        .version = SC_VERSION,
        .tags = &c->consul_tags,
        .page = app_page,
        .ctx = a,
    };
}

static int build_consul(struct sc_app *a, struct sc_err *err)
{
    if (!a->cfg.consul_enabled) {
        app_set_link(a, APP_LINK_CONSUL, "off", "consul.enabled is false", "");
        sc_board_set(a->board, SC_SIG_CONSUL, SC_SIGNAL_OFF, "", "");
        return SC_OK;
    }
    const struct sc_consul_deps deps = {
        .loop = a->loop,
        .log = a->log,
        .clock = a->clock,
        .http = a->http,
        .events = app_directory_events(a),
        .transport_events = app_transport_events(a),
        .key = app_mesh_key(a),
        .addr = a->cfg.consul_addr,
        .token = or_null(a->cfg.consul_token),
        .tls = app_consul_tls(a),
        .prefix = a->cfg.cluster_prefix,
        .self_name = a->cfg.gateway_name,
        .state_dir = a->cfg.state_dir,
        .heartbeat_ms = a->cfg.consul_heartbeat_s * 1000,
        .session_ttl_ms = a->cfg.consul_session_ttl_s * 1000,
        .service = consul_service(a),
    };
    app_set_link(a, APP_LINK_CONSUL, "down", "not connected yet", "");
    a->consul = sc_consul_new(&deps, err);
    return a->consul ? SC_OK : (int)err->code;
}

static int build_redis(struct sc_app *a, struct sc_err *err)
{
    if (!a->cfg.redis_enabled) {
        app_set_link(a, APP_LINK_REDIS, "off", "redis.enabled is false", "");
        sc_board_set(a->board, SC_SIG_REDIS, SC_SIGNAL_OFF, "", "");
        return SC_OK;
    }
    const struct sc_redis_deps deps = {
        .loop = a->loop,
        .log = a->log,
        .clock = a->clock,
        .events = app_transport_events(a),
        .key = app_mesh_key(a),
        .url = a->cfg.redis_url,
        .password = or_null(a->cfg.redis_password),
        .sentinel_password = or_null(a->cfg.redis_sentinel_password),
        .ca_file = or_null(a->cfg.redis_ca_file),
        .cert_file = or_null(a->cfg.redis_cert_file),
        .key_file = or_null(a->cfg.redis_key_file),
        .prefix = a->cfg.cluster_prefix,
        .self_name = a->cfg.gateway_name,
        .stream_max_len = a->cfg.redis_stream_max_len,
        .stream_max_age_ms = a->cfg.redis_stream_max_age_s * 1000,
    };
    app_set_link(a, APP_LINK_REDIS, "down", "not connected yet", "");
    a->redis = sc_redis_new(&deps, err);
    return a->redis ? SC_OK : (int)err->code;
}

static void build_memory(struct sc_app *a)
{
    const struct sc_redis_memory_deps remote = { .redis = a->redis,
                                                 .log = a->log,
                                                 .max_drift_ms = a->cfg.memory_max_drift_s * 1000,
                                                 .up = app_memory_up,
                                                 .down = app_memory_down,
                                                 .ctx = a };
    struct sc_memory_deps deps = {
        .loop = a->loop,
        .log = a->log,
        .clock = a->clock,
        .spool = sc_spool_sqlite_port(a->spool),
        .store = sc_spool_sqlite_memory(a->spool),
        .registry = a->registry,
        .self_name = a->cfg.gateway_name,
        .limits = app_memory_limits(a),
        .readable = a->cfg.memory_readable,
    };
    if (a->redis) {
        a->redis_memory = sc_redis_memory_new(&remote);
        deps.remote = sc_redis_memory_port(a->redis_memory);
    }
    a->memory = sc_memory_new(&deps);
}

static void build_peer(struct sc_app *a)
{
    const struct sc_peer_deps deps = {
        .loop = a->loop,
        .log = a->log,
        .clock = a->clock,
        .http = a->http,
        .spool = sc_spool_sqlite_port(a->spool),
        .events = app_transport_events(a),
        .key = app_mesh_key(a),
        .enabled = a->cfg.peer_enabled,
        .self_name = a->cfg.gateway_name,
        .self_url = a->peer_url,
    };
    a->peer = sc_peer_new(&deps);
    app_show_peer(a);
}

static void build_router(struct sc_app *a)
{
    struct sc_router_deps deps = {
        .loop = a->loop,
        .log = a->log,
        .clock = a->clock,
        .spool = sc_spool_sqlite_port(a->spool),
        .registry = a->registry,
        .self_name = a->cfg.gateway_name,
        .limits = { .retry_min_ms = a->cfg.messages_retry_min_ms,
                    .retry_max_ms = a->cfg.messages_retry_max_ms,
                    .ack_ms = ACK_MS,
                    .refresh_ms = REFRESH_MS,
                    .retention_ms = a->cfg.spool_retention_s * 1000,
                    .default_ttl_s = (uint32_t)a->cfg.messages_ttl_s,
                    .max_hops = (uint32_t)a->cfg.messages_max_hops,
                    .thread_rate = (uint32_t)a->cfg.messages_thread_rate },
        .sign = app_sign,
        .deliver = app_deliver,
        .queues = app_queues,
        .died = app_died,
        .reached = app_reached,
        .ctx = a,
    };
    size_t n = 0;
    if (a->redis)
        deps.transports[n++] = sc_redis_transport(a->redis);
    deps.transports[n++] = sc_peer_transport(a->peer);
    if (a->consul)
        deps.transports[n++] = sc_consul_transport(a->consul);
    a->router = sc_router_new(&deps);
}

static int build_gateway(struct sc_app *a, struct sc_err *err)
{
    if (!a->cfg.gateway_enabled) {
        app_set_link(a, APP_LINK_GATEWAY, "off", "gateway.enabled is false", "");
        for (int i = 0; i < SC_CHECKS; i++)
            sc_board_set(a->board, sc_probe_rule((enum sc_check_id)i)->signal, SC_SIGNAL_OFF, "",
                         "");
        sc_registry_local_gateway(a->registry, NULL, 0);
        return SC_OK;
    }
    const struct sc_gateway_ws_deps deps = {
        .loop = a->loop,
        .log = a->log,
        .clock = a->clock,
        .http = a->http,
        .events = app_gateway_events(a),
        .url = a->cfg.gateway_url,
        .token = or_null(a->cfg.gateway_token),
        .device_auth = sc_streq(a->cfg.gateway_auth, "device"),
        .state_dir = a->cfg.state_dir,
        .self_name = a->cfg.gateway_name,
        .start_grace_ms = a->cfg.gateway_start_grace_s * 1000,
    };
    app_set_link(a, APP_LINK_GATEWAY, "absent", "not connected yet", "");
    a->gateway = sc_gateway_ws_new(&deps, err);
    if (!a->gateway)
        return err->code;
    app_build_prober(a);
    return SC_OK;
}

static void build_mailbox(struct sc_app *a)
{
    const struct sc_mailbox_deps deps = {
        .loop = a->loop,
        .log = a->log,
        .clock = a->clock,
        .spool = sc_spool_sqlite_port(a->spool),
        .router = a->router,
        .registry = a->registry,
        .gateway = a->gateway ? sc_gateway_ws_port(a->gateway) : app_no_gateway(),
        .turn_timeout_s = (unsigned)a->cfg.gateway_turn_timeout_s,
        .max_turns = MAX_TURNS,
        .retry_min_ms = TURN_RETRY_MIN_MS,
        .retry_max_ms = TURN_RETRY_MAX_MS,
    };
    a->mailbox = sc_mailbox_new(&deps);
    app_begin_drain(a);
}

static void build_presence(struct sc_app *a)
{
    if (!a->consul)
        return;
    const struct sc_presence_deps deps = {
        .loop = a->loop,
        .clock = a->clock,
        .directory = sc_consul_directory(a->consul),
        .registry = a->registry,
        .board = a->board,
        .cluster_id = a->cfg.cluster_id,
        .self_name = a->cfg.gateway_name,
        .url = a->cfg.gateway_url,
        .peer_url = a->peer_url,
        .labels = &a->cfg.labels,
        .heartbeat_ms = a->cfg.consul_heartbeat_s * 1000,
        .turns = app_turns,
        .ctx = a,
    };
    a->presence = sc_presence_new(&deps);
}

static int build_notes(struct sc_app *a, struct sc_err *err)
{
    a->spool_notes = sc_spool_notes_new(a->spool, err);
    if (!a->spool_notes)
        return err->code;
    const struct sc_task_notes_deps deps = { .loop = a->loop,
                                             .log = a->log,
                                             .clock = a->clock,
                                             .spool = sc_spool_sqlite_port(a->spool),
                                             .store = sc_spool_notes_port(a->spool_notes),
                                             .say = app_say_note,
                                             .ctx = a };
    a->notes = sc_task_notes_new(&deps);
    return SC_OK;
}

static int build_tasks(struct sc_app *a, struct sc_err *err)
{
    struct sc_tasks_deps deps = { .loop = a->loop,
                                  .log = a->log,
                                  .clock = a->clock,
                                  .spool = sc_spool_sqlite_port(a->spool),
                                  .self_name = a->cfg.gateway_name,
                                  .is_busy = app_is_busy,
                                  .died = app_task_died,
                                  .ctx = a };
    a->spool_tasks = sc_spool_tasks_new(a->spool, err);
    if (!a->spool_tasks)
        return err->code;
    deps.store = sc_spool_tasks_port(a->spool_tasks);
    if (a->redis) {
        a->redis_tasks =
            sc_redis_tasks_new(&(struct sc_redis_tasks_deps){ .redis = a->redis,
                                                              .log = a->log,
                                                              .clock = a->clock,
                                                              .prefix = a->cfg.cluster_prefix,
                                                              .self_name = a->cfg.gateway_name,
                                                              .ready = app_tasks_ready,
                                                              .ctx = a });
        deps.queue = sc_redis_tasks_port(a->redis_tasks);
    }
    a->tasks = sc_tasks_new(&deps);
    app_share_tasks(a);
    return build_notes(a, err);
}

static void build_env(struct sc_app *a)
{
    a->env = (struct sc_ops_env){
        .loop = a->loop,
        .clock = a->clock,
        .router = a->router,
        .registry = a->registry,
        .spool = sc_spool_sqlite_port(a->spool),
        .memory = a->memory,
        .events = a->events,
        .board = a->board,
        .spool_path = a->spool_path,
        .self_name = a->cfg.gateway_name,
        .default_agent = *a->cfg.agent_id ? a->cfg.agent_id : "operator",
        .is_signed = app_mesh_key(a).key_len > 0,
        .peer = sc_peer_door(a->peer),
        .mcp = a->mcp,
        .gateway = a->gateway ? sc_gateway_ws_admin(a->gateway) : (struct sc_gateway_admin){ 0 },
        .agent_key = &a->agent_key,
        .mcp_url = a->mcp_url,
        .tasks = a->tasks,
        .notes = a->notes,
        .labels = &a->cfg.labels,
        .started = a->started,
        .started_at = a->started_at,
        .directory = a->consul ? sc_consul_directory(a->consul) : (struct sc_directory){ 0 },
        .prober = a->prober,
        .gateway_answered = a->gateway ? sc_gateway_ws_answered(a->gateway) : NULL,
        .link = app_link_view,
        .redis_stats = app_redis_stats,
        .declare = app_declare,
        .drain = a->drain,
        .set_drain = app_set_drain,
        .ctx = a,
    };
}

static int build_mcp(struct sc_app *a, struct sc_err *err)
{
    size_t n;
    const struct sc_op *ops = sc_operations(&n);
    sc_auto_free char *path = sc_xasprintf("%s/agent-tokens.key", a->cfg.state_dir);
    a->mcp = sc_mcp_new(a->log, ops, n);
    return sc_agent_key_load(path, &a->agent_key, err);
}

static int build_control(struct sc_app *a, struct sc_err *err)
{
    build_env(a);
    a->control = sc_control_server_new(a->loop, a->log, &a->env, a->cfg.control_socket, err);
    return a->control ? SC_OK : (int)err->code;
}

/* Early, because what others are told of us names its port; it answers once the loop runs, when
 * everything that it shows is there. */
static int build_http(struct sc_app *a, struct sc_err *err)
{
    if (!a->cfg.http_enabled) {
        app_find_urls(a);
        return SC_OK;
    }
    const struct sc_http_server_deps deps = { .loop = a->loop,
                                              .log = a->log,
                                              .env = &a->env,
                                              .listen = a->cfg.http_listen,
                                              .token = a->cfg.http_token };
    a->http_server = sc_http_server_new(&deps, err);
    if (!a->http_server)
        return err->code;
    app_find_urls(a);
    return SC_OK;
}

int app_build(struct sc_app *a, struct sc_err *err)
{
    int r = build_base(a, err);
    if (r == SC_OK)
        r = build_spool(a, err);
    if (r < 0)
        return r;
    build_registry(a);
    r = build_http(a, err);
    if (r < 0)
        return r;
    a->stop_timer = sc_timer_new(a->loop, app_on_stop_deadline, a);
    r = build_consul(a, err);
    if (r == SC_OK)
        r = build_redis(a, err);
    if (r < 0)
        return r;
    build_memory(a);
    app_build_events(a);
    app_build_shared(a);
    build_peer(a);
    build_router(a);
    r = build_gateway(a, err);
    if (r < 0)
        return r;
    build_mailbox(a);
    build_presence(a);
    r = build_mcp(a, err);
    if (r == SC_OK)
        r = build_tasks(a, err);
    return r < 0 ? r : build_control(a, err);
}
