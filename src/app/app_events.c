/* What the parts tell each other: one function per piece of news, each a few lines. */
#include <stdlib.h>
#include <string.h>

#include "app_internal.h"
#include "sideclaw/mem.h"
#include "sideclaw/task_note_json.h"

void app_set_link(struct sc_app *a, enum app_link_id id, const char *state, const char *detail,
                  const char *remedy)
{
    bool up = sc_streq(state, "up") || sc_streq(state, "ready");
    a->links[id].ups += up && !a->links[id].up;
    a->links[id].up = up;
    sc_set_str(&a->links[id].state, state);
    sc_set_str(&a->links[id].detail, detail ? detail : "");
    sc_set_str(&a->links[id].remedy, remedy ? remedy : "");
}

void app_link_view(void *app, const char *link, struct sc_link_view *ret)
{
    static const char *const names[APP_LINKS] = {
        [APP_LINK_GATEWAY] = "gateway",
        [APP_LINK_REDIS] = "redis",
        [APP_LINK_PEER] = "peer",
        [APP_LINK_CONSUL] = "consul",
    };
    const struct sc_app *a = app;
    *ret = (struct sc_link_view){ .state = "unknown", .detail = "", .remedy = "" };
    for (size_t i = 0; i < APP_LINKS; i++)
        if (sc_streq(names[i], link))
            *ret = (struct sc_link_view){ .state = a->links[i].state,
                                          .detail = a->links[i].detail,
                                          .remedy = a->links[i].remedy,
                                          .up = a->links[i].up,
                                          .ups = a->links[i].ups };
}

void app_redis_stats(void *app, struct sc_transport_stats *ret)
{
    const struct sc_app *a = app;
    *ret = (struct sc_transport_stats){ .pending = 0 };
    if (a->redis)
        sc_redis_transport(a->redis)->ops->stats(sc_redis_transport(a->redis)->impl, ret);
}

static void link_changed(struct sc_app *a, enum app_link_id id, enum sc_signal_id sig,
                         enum sc_link_state state, const char *detail, const char *remedy)
{
    static const char *const names[] = {
        [SC_LINK_OFF] = "off", [SC_LINK_DOWN] = "down", [SC_LINK_UP] = "up"
    };
    static const enum sc_signal_state signals[] = {
        [SC_LINK_OFF] = SC_SIGNAL_OFF, [SC_LINK_DOWN] = SC_SIGNAL_BAD, [SC_LINK_UP] = SC_SIGNAL_OK
    };
    bool faulty = id == APP_LINK_CONSUL && state == SC_LINK_UP && *detail; /* directory.h */
    app_set_link(a, id, names[state], detail, remedy);
    sc_board_set(a->board, sig, faulty ? SC_SIGNAL_BAD : signals[state], detail, remedy);
}

/* --- the directory --- */

static void directory_link(void *ctx, enum sc_link_state state, const char *detail,
                           const char *remedy)
{
    struct sc_app *a = ctx;
    link_changed(a, APP_LINK_CONSUL, SC_SIG_CONSUL, state, detail, remedy);
    sc_registry_set_fresh(a->registry, state == SC_LINK_UP);
    if (state == SC_LINK_UP) { /* a Consul that came back may have lost everything */
        sc_presence_touch(a->presence);
        sc_task_notes_ready(a->notes);
    }
}

static void agents_begin(void *ctx)
{
    sc_registry_agents_begin(((struct sc_app *)ctx)->registry);
}

static void agent(void *ctx, const struct sc_agent_info *info)
{
    sc_registry_agent(((struct sc_app *)ctx)->registry, info);
}

static void agents_end(void *ctx)
{
    sc_registry_agents_end(((struct sc_app *)ctx)->registry);
}

static void gateways_begin(void *ctx)
{
    struct sc_app *a = ctx;
    sc_registry_gateways_begin(a->registry);
    sc_peer_gateways_begin(a->peer);
}

static void gateway(void *ctx, const struct sc_gateway_info *info)
{
    struct sc_app *a = ctx;
    sc_registry_gateway(a->registry, info);
    sc_peer_gateway(a->peer, info);
}

static void gateways_end(void *ctx)
{
    struct sc_app *a = ctx;
    sc_registry_gateways_end(a->registry);
    sc_peer_gateways_end(a->peer);
    app_show_peer(a);
}

static void add_conflict(void *ctx, const char *agent_id, const char *holder)
{
    struct sc_buf *text = ctx;
    sc_buf_addf(text, "%s%s is held by %s", text->n ? "; " : "",
                agent_id ? agent_id : "our gateway name", holder);
}

static void conflict(void *ctx, const char *agent_id, const char *holder)
{
    struct sc_app *a = ctx;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_registry_conflict(a->registry, agent_id, holder);
    sc_registry_each_conflict(a->registry, add_conflict, &text);
    sc_board_set(a->board, SC_SIG_CONFLICT, text.n ? SC_SIGNAL_BAD : SC_SIGNAL_OK,
                 sc_buf_str(&text),
                 text.n ? "rename one of the two (gateway.name, or the agent's id)" : "");
}

struct sc_directory_events app_directory_events(struct sc_app *a)
{
    return (struct sc_directory_events){
        .ctx = a,
        .link = directory_link,
        .agents_begin = agents_begin,
        .agent = agent,
        .agents_end = agents_end,
        .gateways_begin = gateways_begin,
        .gateway = gateway,
        .gateways_end = gateways_end,
        .conflict = conflict,
        .maintenance = app_maintenance,
    };
}

/* --- the transports --- */

/* Whether some sidecar is down is its own board's business; that they refuse us is ours. */
void app_show_peer(struct sc_app *a)
{
    static const char *const names[] = {
        [SC_LINK_OFF] = "off", [SC_LINK_DOWN] = "down", [SC_LINK_UP] = "up"
    };
    struct sc_peer_view v;
    sc_peer_view(a->peer, &v);
    app_set_link(a, APP_LINK_PEER, names[v.state], v.detail, v.remedy);
    sc_board_set(a->board, SC_SIG_PEER,
                 v.refused               ? SC_SIGNAL_BAD
                 : v.state == SC_LINK_UP ? SC_SIGNAL_OK
                                         : SC_SIGNAL_OFF,
                 v.detail, v.remedy);
}

static bool is_up(const struct sc_transport *t)
{
    return t->state == SC_LINK_UP;
}

static bool any_fast_up(const struct sc_app *a)
{
    return (a->redis && is_up(sc_redis_transport(a->redis))) || is_up(sc_peer_transport(a->peer));
}

/* A way that opens takes what waits; one that closes leaves what was on it to the others, at once
 * if they can take it: with none, or with Consul alone, a whole backlog's retries would be in vain.
 */
static void transport_link(void *ctx, const struct sc_transport *t, enum sc_link_state state,
                           const char *detail, const char *remedy)
{
    struct sc_app *a = ctx;
    if (a->redis && t == sc_redis_transport(a->redis))
        link_changed(a, APP_LINK_REDIS, SC_SIG_REDIS, state, detail, remedy);
    if (t == sc_peer_transport(a->peer))
        app_show_peer(a);
    if (state == SC_LINK_UP || any_fast_up(a))
        sc_router_hurry(a->router, NULL);
}

static void transport_way(void *ctx, const struct sc_transport *t, const char *gateway, bool open)
{
    struct sc_app *a = ctx;
    (void)t;
    app_show_peer(a);
    if (open || any_fast_up(a))
        sc_router_hurry(a->router, gateway);
}

/* Somebody wrote to a local agent's outbox/ in Consul KV: once committed, the key may go. */
struct kv_submission {
    const struct sc_transport *via;
    struct sc_entry entry;
};

static void on_kv_submitted(void *ctx, const struct sc_message *m, const struct sc_err *err)
{
    struct kv_submission *s = ctx;
    (void)m;
    if (!err)
        s->via->ops->settle(s->via->impl, &s->entry);
    free(s);
}

static void submit_from_kv(struct sc_app *a, const struct sc_transport *via,
                           struct sc_message *take_msg, const struct sc_entry *entry)
{
    struct sc_err err = SC_ERR_INIT;
    struct kv_submission *s = sc_xcalloc(1, sizeof *s);
    s->via = via;
    s->entry = *entry;
    int r = sc_router_submit(a->router, take_msg, on_kv_submitted, s, &err);
    if (r < 0) {
        free(s);
        if (r == SC_EINVAL || r == SC_ENOENT || r == SC_ETOOBIG)
            sc_consul_reject(a->consul, entry, err.text);
    }
    sc_message_free(take_msg);
}

static void transport_message(void *ctx, const struct sc_transport *t, struct sc_message *take_msg,
                              const struct sc_entry *entry)
{
    static const char outbox[] = "outbox/";
    struct sc_app *a = ctx;
    if (strncmp(entry->name, outbox, sizeof outbox - 1) == 0)
        submit_from_kv(a, t, take_msg, entry);
    else
        sc_router_receive(a->router, t, take_msg, entry);
}

static void transport_receipts(void *ctx, const struct sc_transport *t, const struct sc_receipts *r)
{
    (void)t;
    sc_router_receipts(((struct sc_app *)ctx)->router, r);
}

static void transport_rejected(void *ctx, const struct sc_transport *t, const char *reason)
{
    sc_router_rejected(((struct sc_app *)ctx)->router, t->name, reason);
}

struct sc_transport_events app_transport_events(struct sc_app *a)
{
    return (struct sc_transport_events){ .ctx = a,
                                         .link = transport_link,
                                         .message = transport_message,
                                         .receipts = transport_receipts,
                                         .rejected = transport_rejected,
                                         .way = transport_way };
}

/* --- the memory --- */

void app_memory_up(void *app)
{
    sc_memory_up(((struct sc_app *)app)->memory);
}

void app_memory_down(void *app)
{
    sc_memory_down(((struct sc_app *)app)->memory);
}

struct sc_memory_limits app_memory_limits(const struct sc_app *a)
{
    return (struct sc_memory_limits){ .max_keys = a->cfg.memory_agent_max_keys,
                                      .max_bytes = a->cfg.memory_agent_max_bytes,
                                      .tombstone_ms = a->cfg.memory_tombstone_s * 1000,
                                      .max_drift_ms = a->cfg.memory_max_drift_s * 1000,
                                      .scan_ms = a->cfg.memory_scan_s * 1000 };
}

/* --- the gateway --- */

static void gateway_state(void *ctx, enum sc_gateway_state s, const char *detail,
                          const char *remedy)
{
    struct sc_app *a = ctx;
    app_set_link(a, APP_LINK_GATEWAY, sc_gateway_state_name(s), detail, remedy);
    /* A gateway that goes away, or is suspended, drains this place, too. */
    sc_drain_set(a->drain, SC_DRAIN_GATEWAY, s == SC_GW_DRAINING ? detail : NULL);
    sc_prober_hurry(a->prober);
    if (s != SC_GW_READY)
        return;
    a->process.searched.ms = 0; /* it listens now, so its process can be found */
    app_take_baseline(a);
    sc_mailbox_gateway_ready(a->mailbox);
}

static void gateway_agents(void *ctx, const struct sc_gateway_agent *agents, size_t n)
{
    struct sc_app *a = ctx;
    sc_registry_local_gateway(a->registry, agents, n);
    sc_router_hurry(a->router, NULL); /* what waited for a name may be for one of these */
    sc_mailbox_gateway_ready(a->mailbox);
}

static void gateway_turn(void *ctx, const struct sc_id *id, enum sc_turn_event ev, const char *text)
{
    sc_mailbox_turn(((struct sc_app *)ctx)->mailbox, id, ev, text);
}

struct sc_gateway_events app_gateway_events(struct sc_app *a)
{
    return (struct sc_gateway_events){
        .ctx = a, .state = gateway_state, .agents = gateway_agents, .turn = gateway_turn
    };
}

static int no_run(void *impl, const struct sc_turn *turn, struct sc_err *err)
{
    (void)impl;
    return sc_fail(err, SC_EAWAY, "agent %s has no gateway: gateway.enabled is false", turn->agent);
}

static enum sc_gateway_state no_state(const void *impl)
{
    (void)impl;
    return SC_GW_OFF;
}

struct sc_gateway app_no_gateway(void)
{
    static const struct sc_gateway_ops ops = { .run = no_run, .state = no_state };
    return (struct sc_gateway){ .ops = &ops, .impl = NULL };
}

/* --- registry, board, router --- */

static void serve(struct sc_app *a, const struct sc_transport *t)
{
    size_t n;
    const struct sc_agent_info *agents = sc_registry_local(a->registry, &n);
    const char **ids = sc_xcalloc(n + 1, sizeof *ids);
    for (size_t i = 0; i < n; i++)
        ids[i] = agents[i].id;
    t->ops->serve(t->impl, ids, n);
    free(ids);
}

void app_local_changed(void *app)
{
    struct sc_app *a = app;
    if (a->redis)
        serve(a, sc_redis_transport(a->redis));
    if (a->consul)
        serve(a, sc_consul_transport(a->consul));
    sc_presence_touch(a->presence);
}

void app_gateway_alive(void *app, const char *name)
{
    struct sc_app *a = app;
    if (a->router)
        sc_router_hurry(a->router, name);
}

static void add_reason(void *ctx, const char *reason)
{
    sc_buf_addf(ctx, "%s\n", reason);
}

int app_page(void *app, bool traffic, struct sc_buf *ret_why)
{
    const struct sc_app *a = app;
    sc_buf_addf(ret_why, "%s\n", sc_health_name(sc_board_verdict(a->board)));
    sc_board_reasons(a->board, add_reason, ret_why);
    return sc_board_status(a->board, traffic ? SC_PAGE_TRAFFIC : SC_PAGE_HEALTH);
}

void app_verdict_changed(void *app, enum sc_health h)
{
    struct sc_app *a = app;
    (void)h;
    if (a->consul)
        sc_consul_health_changed(a->consul);
    sc_presence_touch(a->presence);
    app_follow_board(a);
    app_notify_status(a);
}

void app_spool_health(void *app, const struct sc_err *err)
{
    struct sc_app *a = app;
    sc_board_set(a->board, SC_SIG_SPOOL, err ? SC_SIGNAL_BAD : SC_SIGNAL_OK, err ? err->text : "",
                 err ? err->remedy : "");
}

void app_deliver(void *app, const struct sc_message *m)
{
    sc_mailbox_deliver(((struct sc_app *)app)->mailbox, m);
}

bool app_queues(void *app, const struct sc_message *m)
{
    return sc_mailbox_queues(((const struct sc_app *)app)->mailbox, m);
}

struct sc_mesh_key app_mesh_key(const struct sc_app *a)
{
    return (struct sc_mesh_key){ .key = (const uint8_t *)a->cfg.mesh_key,
                                 .key_len = strlen(a->cfg.mesh_key) };
}

void app_sign(void *app, struct sc_message *m)
{
    const struct sc_mesh_key key = app_mesh_key(app);
    sc_message_sign(m, &key);
}

unsigned app_turns(void *app)
{
    return sc_mailbox_turns(((struct sc_app *)app)->mailbox);
}

bool app_is_busy(void *app, const char *agent)
{
    size_t n;
    const struct sc_agent_info *agents = sc_registry_local(((struct sc_app *)app)->registry, &n);
    for (size_t i = 0; i < n; i++)
        if (sc_streq(agents[i].id, agent))
            return agents[i].status == SC_AGENT_BUSY;
    return false;
}

void app_tasks_ready(void *app)
{
    sc_tasks_ready(((struct sc_app *)app)->tasks);
}

/* --- work that agents here were asked for --- */

void app_reached(void *app, const struct sc_message *m, enum sc_stage stage, const char *text)
{
    sc_auto_free char *name = sc_message_task(m);
    if (name)
        sc_task_notes_reach(((struct sc_app *)app)->notes, m, name, stage, text);
}

static void on_note_said(void *ctx, const struct sc_err *err)
{
    struct sc_app *a = ctx;
    if (err)
        sc_log_debug(a->log, "task.note_unsaid", SC_S("reason", err->text));
    sc_task_notes_said(a->notes, !err);
}

bool app_say_note(void *app, const struct sc_task_note *n)
{
    struct sc_app *a = app;
    struct sc_err err = SC_ERR_INIT;
    sc_auto_buf struct sc_buf json = SC_BUF_INIT;
    sc_auto_value struct sc_value *v = sc_task_note_value(n);
    sc_auto_free char *key = sc_xasprintf("agents/%s/tasks/%s", n->agent, n->name);
    if (!a->consul)
        return false;
    if (n->state == SC_NOTE_GONE)
        return sc_consul_drop(a->consul, key, on_note_said, a, &err) == SC_OK;
    sc_value_dump(v, &json);
    return sc_consul_put(a->consul, key, json.p, json.n, on_note_said, a, &err) == SC_OK;
}
