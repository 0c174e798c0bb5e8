/* app_internal.h: the one place that knows every part. */
#ifndef SIDECLAW_APP_INTERNAL_H
#define SIDECLAW_APP_INTERNAL_H

#include "sideclaw/agent_token.h"
#include "sideclaw/app.h"
#include "sideclaw/consul_directory.h"
#include "sideclaw/drain.h"
#include "sideclaw/events.h"
#include "sideclaw/gateway_ws.h"
#include "sideclaw/http_client.h"
#include "sideclaw/log.h"
#include "sideclaw/loop.h"
#include "sideclaw/mailbox.h"
#include "sideclaw/mcp.h"
#include "sideclaw/memory.h"
#include "sideclaw/notify.h"
#include "sideclaw/operations.h"
#include "sideclaw/peer_transport.h"
#include "sideclaw/presence.h"
#include "sideclaw/prober.h"
#include "sideclaw/process.h"
#include "sideclaw/redis_events.h"
#include "sideclaw/redis_memory.h"
#include "sideclaw/redis_tasks.h"
#include "sideclaw/redis_transport.h"
#include "sideclaw/registry.h"
#include "sideclaw/router.h"
#include "sideclaw/spawn.h"
#include "sideclaw/spool_notes.h"
#include "sideclaw/spool_sqlite.h"
#include "sideclaw/spool_tasks.h"
#include "sideclaw/task_note.h"
#include "sideclaw/tasks.h"

/* What status.get says of a dependency. */
struct app_link {
    char *state, *detail, *remedy;
    bool up;
    uint64_t ups;
};
enum app_link_id { APP_LINK_GATEWAY, APP_LINK_REDIS, APP_LINK_PEER, APP_LINK_CONSUL, APP_LINKS };

/* The gateway's process, and how it was found. */
enum app_process_way { APP_BY_PID_FILE, APP_BY_NOMAD, APP_BY_SOCKET, APP_BY_COMMAND };
struct app_process {
    struct sc_process what;
    uint64_t kind; /* of it, by which its successor is known */
    enum app_process_way way;
    bool seen;
    sc_mono searched;
    sc_check_fn *fn; /* who waits for a look at it; NULL */
    void *ctx;
};

/* In the order of building; freed from the end. */
struct sc_app {
    struct sc_app_args args;
    struct sc_config cfg;
    struct sc_clock clock;
    sc_mono started;
    sc_wall started_at;
    struct sc_log *log;
    struct sc_loop *loop;
    struct sc_signal *signals[4];
    struct sc_notify *notify; /* NULL while no service manager listens */
    char *notified;           /* the status it was told last */
    struct sc_timer *watchdog_timer;
    int64_t watchdog_ms; /* 0: nobody asks for it */
    struct sc_http_client *http;
    struct sc_spool_sqlite *spool;
    struct sc_board *board;
    struct sc_drain *drain;
    struct sc_timer *disk_timer; /* looks at what drains */
    struct app_link links[APP_LINKS];
    struct sc_registry *registry;
    struct sc_http_server *http_server;   /* NULL while switched off; its port is in our URLs */
    struct sc_consul *consul;             /* NULL while switched off */
    struct sc_redis *redis;               /* NULL while switched off */
    struct sc_redis_memory *redis_memory; /* NULL without redis */
    struct sc_memory *memory;
    struct sc_redis_events *event_log; /* the same */
    struct sc_events *events;
    bool looking_at_tasks;             /* for the shared document */
    struct sc_event_listener listener; /* app_shared.c's; on `events` */
    struct sc_peer *peer;
    struct sc_router *router;
    struct sc_gateway_ws *gateway; /* NULL while switched off */
    struct sc_mailbox *mailbox;
    struct sc_presence_beat *presence;
    struct sc_agent_key agent_key;
    struct sc_mcp *mcp;
    struct sc_spool_tasks *spool_tasks;
    struct sc_redis_tasks *redis_tasks; /* NULL while Redis is switched off */
    struct sc_tasks *tasks;
    struct sc_spool_notes *spool_notes;
    struct sc_task_notes *notes;
    struct sc_ops_env env;
    struct sc_control_server *control;
    struct app_process process;
    struct sc_prober *prober;    /* NULL without a gateway */
    struct sc_spawn *baseline;   /* runs; NULL */
    struct sc_timer *stop_timer; /* bounds the graceful stop */
    char *check_url, *peer_url, *mcp_url, *spool_path, *baseline_path;
    bool baseline_taken, stopping;
};

/* app_parts.c: each builds one part; a negative code stops the building. */
int app_build(struct sc_app *a, struct sc_err *err) SC_MUST_CHECK;
/* Warns when Consul is not verified. */
struct sc_http_tls_options app_consul_tls(const struct sc_app *a);

/* app_events.c: what the parts tell each other. */
struct sc_directory_events app_directory_events(struct sc_app *a);
struct sc_transport_events app_transport_events(struct sc_app *a);
struct sc_gateway_events app_gateway_events(struct sc_app *a);
void app_local_changed(void *app);
void app_gateway_alive(void *app, const char *gateway);
void app_verdict_changed(void *app, enum sc_health h);
/* As sc_consul_registration's page. */
int app_page(void *app, bool traffic, struct sc_buf *ret_why);
void app_spool_health(void *app, const struct sc_err *err);
void app_deliver(void *app, const struct sc_message *m);
bool app_queues(void *app, const struct sc_message *m);
void app_sign(void *app, struct sc_message *m);
struct sc_mesh_key app_mesh_key(const struct sc_app *a);
unsigned app_turns(void *app);
bool app_is_busy(void *app, const char *agent);
void app_tasks_ready(void *app);
void app_reached(void *app, const struct sc_message *m, enum sc_stage stage, const char *text);
bool app_say_note(void *app, const struct sc_task_note *n);
void app_set_link(struct sc_app *a, enum app_link_id id, const char *state, const char *detail,
                  const char *remedy);
void app_link_view(void *app, const char *link, struct sc_link_view *ret);
void app_show_peer(struct sc_app *a);
void app_redis_stats(void *app, struct sc_transport_stats *ret);
void app_memory_up(void *app);
void app_memory_down(void *app);
struct sc_memory_limits app_memory_limits(const struct sc_app *a);

/* app_probes.c: how the gateway beside us is. */
void app_build_prober(struct sc_app *a);
void app_take_baseline(struct sc_app *a);

/* app_news.c: what is told to everybody. */
void app_build_events(struct sc_app *a);
void app_registry_news(void *app, enum sc_registry_news what, const char *name);
void app_died(void *app, const struct sc_id *id, const char *reason);
void app_task_died(void *app, const char *id, const char *reason);

/* app_shared.c: what the shared documents in Consul KV say. */
void app_build_shared(struct sc_app *a);
void app_share_tasks(struct sc_app *a);

/* app_declared.c: agents that declared themselves; loaded after the configuration's. */
int app_declare(void *app, const struct sc_agent_info *what, bool *ret_changed, struct sc_err *err);
void app_load_declared(struct sc_app *a);

/* app_drain.c: who asks for a drain, and what follows. It begins once the mailbox is there. */
void app_build_drain(struct sc_app *a);
void app_begin_drain(struct sc_app *a);
bool app_set_drain(void *app, const char *why);
void app_maintenance(void *app, bool on, const char *reason);
/* A signal of the board may want a drain, or want it no more. */
void app_follow_board(struct sc_app *a);
void app_on_disk(void *app);

/* app_notify.c: what the service manager is told. */
void app_build_notify(struct sc_app *a);
void app_notify_ready(struct sc_app *a);
void app_notify_status(struct sc_app *a);
void app_notify_stopping(struct sc_app *a);

/* app_urls.c: where this sidecar is reached; set once its HTTP server has a port. */
void app_find_urls(struct sc_app *a);

/* app_signals.c: SIGTERM, SIGINT, SIGHUP, SIGUSR1. */
void app_signals_start(struct sc_app *a);
void app_on_stop_deadline(void *app);

/* The gateway port of a daemon that has none. */
struct sc_gateway app_no_gateway(void);

#endif
