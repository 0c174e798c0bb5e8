/* The heartbeat. One round writes the latest presence: a transaction with the gateway's keys and as
 * many agents as fit, then further ones, each key locked by our session (a lock on a key that we
 * hold simply updates it). A key that another session holds fails the transaction and names itself:
 * an agent's is left out and its holder reported, our own name's ends the round. After the writes
 * come the holders' names for the report, then the agents that are no longer ours to announce. */
#include <stdlib.h>
#include <string.h>

#include "consul_internal.h"
#include "sideclaw/map.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum {
    GOODBYE_OPS = 2,         /* per gateway and per agent: status and time */
    OF_GATEWAY = -1,         /* in op_agent: the operation is not an agent's */
    LEFTOVER_MS = 300 * 1000 /* a gateway starts within that: what it does not list then is gone */
};

struct sc_consul_presence {
    struct sc_consul_presence_deps d;
    struct sc_consul_snapshot now, next; /* being written; to be written */
    bool wanted;                         /* another round as soon as this one ends */
    bool gone;                           /* goodbye was said */
    sc_mono since;                       /* the first publish of this process */

    /* the round that runs */
    struct sc_consul_call *call;
    size_t at, past;                 /* agents of the transaction under way */
    int op_agent[SC_KV_TXN_OPS_MAX]; /* whose operation it is */
    size_t n_ops;
    bool named;                               /* the gateway's own keys are written */
    bool *skip;                               /* per agent: held by another */
    bool lost_name, lost_session, lost_agent; /* what a refused transaction told */
    size_t asking;                            /* next skipped agent whose holder we look up */
    struct sc_strv leaving;                   /* agents to be taken out, from the back */

    struct sc_map *held;      /* agents whose keys we hold */
    struct sc_map *conflicts; /* agents reported as held by another */
    bool ever_named, name_conflict;

    sc_loop_fn *bye;
    void *bye_ctx;
};

static void write_some(struct sc_consul_presence *p);
static void ask_holders(struct sc_consul_presence *p);
static void take_out_next(struct sc_consul_presence *p);
static void say_goodbye(struct sc_consul_presence *p);

/* ---- whose operation is whose ---- */

static void own_ops(struct sc_consul_presence *p, size_t n, int agent)
{
    for (size_t i = 0; i < n; i++)
        p->op_agent[p->n_ops++] = agent;
}

static void add_gateway(struct sc_consul_presence *p, struct sc_buf *txn, const char *session)
{
    sc_auto_free char *cluster = sc_xasprintf("%s/cluster/", p->d.env->prefix);
    sc_consul_snapshot_add_gateway(&p->now, p->d.env, session, txn);
    sc_kv_txn_add(txn, &(struct sc_kv_op){ .verb = SC_KV_GET_TREE, .key = cluster });
    own_ops(p, SC_CONSUL_GATEWAY_OPS + 1, OF_GATEWAY);
}

static void add_agent(struct sc_consul_presence *p, struct sc_buf *txn, size_t i,
                      const char *session)
{
    sc_consul_snapshot_add_agent(&p->now, i, p->d.env, session, txn);
    own_ops(p, sc_consul_snapshot_agent_ops(&p->now, i), (int)i);
}

/* ---- the round ---- */

static void start_round(struct sc_consul_presence *p)
{
    p->wanted = false;
    if (p->next.set) {
        sc_consul_snapshot_fini(&p->now);
        p->now = p->next;
        p->next = (struct sc_consul_snapshot){ 0 };
    }
    free(p->skip);
    p->skip = sc_xcalloc(p->now.n + 1, sizeof *p->skip);
    p->at = p->past = p->asking = 0;
    p->named = false;
    sc_strv_fini(&p->leaving);
    sc_consul_cluster_set_id(p->d.cluster, p->now.cluster_id);
    write_some(p);
}

static void end_round(struct sc_consul_presence *p)
{
    if (p->bye)
        say_goodbye(p);
    else if (p->wanted && sc_consul_session_id(p->d.session))
        start_round(p);
}

static void round_failed(struct sc_consul_presence *p, const struct sc_err *err)
{
    p->wanted = false; /* the next heartbeat, or the link's return, begins anew */
    p->d.state(p->d.ctx, err);
    end_round(p);
}

static void on_refusal(void *ctx, size_t op, const char *what)
{
    struct sc_consul_presence *p = ctx;
    static const char held[] =
        "failed to lock key"; /* ", lock is already held", ", due to lock delay" */
    bool is_held = strncmp(what, held, sizeof held - 1) == 0;
    if (!is_held && strstr(what, "session"))
        p->lost_session = true; /* "invalid session ...", "failed session lookup ..." */
    else if (op >= p->n_ops || !is_held)
        return;
    else if (p->op_agent[op] == OF_GATEWAY)
        p->lost_name = true;
    else
        p->lost_agent = p->skip[p->op_agent[op]] = true;
}

static int on_cluster_entry(void *ctx, const struct sc_kv_entry *e)
{
    struct sc_consul_presence *p = ctx;
    (void)sc_consul_cluster_entry(p->d.cluster, e); /* the writes' own entries are not its */
    return SC_OK;
}

static void took_name(struct sc_consul_presence *p, const struct sc_http_response *res)
{
    p->named = p->ever_named = true;
    if (p->name_conflict) {
        p->name_conflict = false;
        p->d.events->conflict(p->d.events->ctx, NULL, "");
    }
    sc_consul_cluster_begin(p->d.cluster);
    if (sc_kv_txn_results(res->body, res->body_len, on_cluster_entry, p, NULL) == SC_OK)
        sc_consul_cluster_seen(p->d.cluster);
}

static void on_name_holder(void *ctx, const struct sc_http_response *res, const struct sc_err *err);

static void ask_name_holder(struct sc_consul_presence *p)
{
    struct sc_buf txn = SC_BUF_INIT;
    sc_auto_free char *key = sc_consul_gateway_key(p->d.env, "url");
    sc_kv_txn_add(&txn, &(struct sc_kv_op){ .verb = SC_KV_GET_TREE, .key = key });
    p->call = sc_consul_kv_txn(p->d.env->kv, &txn, on_name_holder, p);
}

static void on_refused(struct sc_consul_presence *p, const struct sc_http_response *res,
                       const struct sc_err *err)
{
    p->lost_name = p->lost_session = p->lost_agent = false;
    int r = sc_kv_txn_errors(res->body, res->body_len, on_refusal, p, NULL);
    if (p->lost_session) {
        sc_consul_session_lost(p->d.session); /* a new one brings us back here */
        end_round(p);
    } else if (p->lost_name) {
        ask_name_holder(p);
    } else if (r == SC_OK && p->lost_agent) {
        write_some(p); /* without it */
    } else {
        round_failed(p, err);
    }
}

static void on_written(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_presence *p = ctx;
    p->call = NULL;
    if (err && err->code == SC_EEXIST) {
        on_refused(p, res, err);
        return;
    }
    if (err) {
        round_failed(p, err);
        return;
    }
    if (!p->named)
        took_name(p, res);
    for (size_t i = p->at; i < p->past; i++)
        if (!p->skip[i])
            (void)sc_map_set(p->held, p->now.agents[i].id, p);
    p->at = p->past;
    write_some(p);
}

static void write_some(struct sc_consul_presence *p)
{
    struct sc_buf txn = SC_BUF_INIT;
    const char *session = sc_consul_session_id(p->d.session);
    if (p->bye || !session) {
        end_round(p); /* lost between two transactions: `ready` begins anew */
        return;
    }
    p->n_ops = 0;
    if (!p->named)
        add_gateway(p, &txn, session);
    for (p->past = p->at; p->past < p->now.n; p->past++) {
        if (p->n_ops + sc_consul_snapshot_agent_ops(&p->now, p->past) > SC_KV_TXN_OPS_MAX)
            break;
        if (!p->skip[p->past])
            add_agent(p, &txn, p->past, session);
    }
    if (txn.n == 0) { /* all written, or held by others */
        p->d.state(p->d.ctx, NULL);
        ask_holders(p);
        return;
    }
    p->call = sc_consul_kv_txn(p->d.env->kv, &txn, on_written, p);
}

/* ---- conflicts ---- */

struct holder_search {
    const char *key;
    char holder[2 * SC_NAME_MAX + 1];
};

static int on_holder(void *ctx, const struct sc_kv_entry *e)
{
    struct holder_search *s = ctx;
    if (sc_streq(e->key, s->key) && sc_utf8_valid(e->value, e->value_len))
        (void)snprintf(s->holder, sizeof s->holder, "%s", e->value);
    return SC_OK;
}

/* The value of `take_key` in a transaction's results, or a word for not knowing. */
static struct holder_search find_holder(const struct sc_http_response *res, char *take_key)
{
    struct holder_search s = { .key = take_key, .holder = "" };
    if (!res || sc_kv_txn_results(res->body, res->body_len, on_holder, &s, NULL) < 0 ||
        !s.holder[0])
        (void)snprintf(s.holder, sizeof s.holder, "unknown");
    s.key = NULL;
    free(take_key);
    return s;
}

static void on_name_holder(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_presence *p = ctx;
    p->call = NULL;
    struct holder_search s = find_holder(err ? NULL : res, sc_consul_gateway_key(p->d.env, "url"));
    sc_auto_free char *holder = sc_xasprintf("%s at %s", p->d.env->self, s.holder);
    p->name_conflict = true;
    p->d.state(p->d.ctx, NULL); /* Consul itself is well */
    p->d.events->conflict(p->d.events->ctx, NULL, holder);
    end_round(p);
}

static void on_holders(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_presence *p = ctx;
    p->call = NULL;
    for (size_t i = 0, n = 0; p->asking < p->now.n && n < SC_KV_TXN_OPS_MAX; p->asking++) {
        i = p->asking;
        if (!p->skip[i])
            continue;
        n++;
        const char *id = p->now.agents[i].id;
        struct holder_search s =
            find_holder(err ? NULL : res, sc_consul_agent_key(p->d.env, id, "gateway"));
        (void)sc_map_del(p->held, id);
        (void)sc_map_set(p->conflicts, id, p);
        p->d.events->conflict(p->d.events->ctx, id, s.holder);
    }
    ask_holders(p);
}

struct over {
    struct sc_consul_presence *p;
    struct sc_strv ids;
};

static bool collect_over(void *ctx, const char *id, void *value)
{
    struct over *o = ctx;
    const struct sc_consul_presence *p = o->p;
    (void)value;
    for (size_t i = 0; i < p->now.n; i++)
        if (p->skip[i] && sc_streq(p->now.agents[i].id, id))
            return true;
    sc_strv_add(&o->ids, id);
    return true;
}

static void end_conflicts(struct sc_consul_presence *p)
{
    struct over o = { .p = p };
    sc_map_each(p->conflicts, collect_over, &o);
    for (size_t i = 0; i < o.ids.n; i++) {
        (void)sc_map_del(p->conflicts, o.ids.v[i]);
        p->d.events->conflict(p->d.events->ctx, o.ids.v[i], "");
    }
    sc_strv_fini(&o.ids);
}

static void collect_leaving(struct sc_consul_presence *p);

static void ask_holders(struct sc_consul_presence *p)
{
    struct sc_buf txn = SC_BUF_INIT;
    size_t n = 0;
    for (size_t i = p->asking; i < p->now.n && n < SC_KV_TXN_OPS_MAX; i++) {
        if (!p->skip[i])
            continue;
        sc_auto_free char *key = sc_consul_agent_key(p->d.env, p->now.agents[i].id, "gateway");
        sc_kv_txn_add(&txn, &(struct sc_kv_op){ .verb = SC_KV_GET_TREE, .key = key });
        n++;
    }
    if (n > 0) {
        p->call = sc_consul_kv_txn(p->d.env->kv, &txn, on_holders, p);
        return;
    }
    end_conflicts(p);
    collect_leaving(p);
    take_out_next(p);
}

/* ---- agents that are no longer ours ---- */

static bool collect_vanished(void *ctx, const char *id, void *value)
{
    struct sc_consul_presence *p = ctx;
    (void)value;
    if (!sc_consul_snapshot_has(&p->now, id))
        sc_strv_add(&p->leaving, id);
    return true;
}

/* What an earlier life of this sidecar announced goes too, but not before the gateway has had its
 * time to list its agents: a name that vanishes for a minute is a dead letter for somebody. */
static void collect_leaving(struct sc_consul_presence *p)
{
    const struct sc_strv *own = sc_consul_view_own_agents(p->d.view);
    int64_t age = sc_clock_mono(&p->d.env->clock).ms - p->since.ms;
    sc_map_each(p->held, collect_vanished, p);
    if (p->now.gateway.status != SC_GATEWAY_HEALTHY && age < LEFTOVER_MS)
        return;
    for (size_t i = 0; i < own->n; i++)
        if (!sc_consul_snapshot_has(&p->now, own->v[i]) && !sc_map_get(p->held, own->v[i]))
            sc_strv_add(&p->leaving, own->v[i]);
}

static void on_taken_out(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_presence *p = ctx;
    (void)res;
    p->call = NULL;
    if (err && err->code != SC_EEXIST) {
        round_failed(p, err); /* still in `held`, or in the view: the next round tries again */
        return;
    }
    const char *id = p->leaving.v[p->leaving.n - 1];
    if (!err)
        sc_log_info(p->d.env->log, "consul.agent_removed", SC_S("agent", id));
    (void)sc_map_del(p->held, id); /* a refusal: it is another's by now */
    free(p->leaving.v[--p->leaving.n]);
    take_out_next(p);
}

static void take_out_next(struct sc_consul_presence *p)
{
    static const char *const fields[] = { "gateway", "capabilities", "status", "last_seen",
                                          "about" };
    struct sc_buf txn = SC_BUF_INIT;
    const char *session = sc_consul_session_id(p->d.session);
    if (p->bye || p->leaving.n == 0 || !session) {
        end_round(p);
        return;
    }
    const char *id = p->leaving.v[p->leaving.n - 1];
    /* The lock is the question whether it is ours, or nobody's. */
    sc_consul_add_lock(&txn, sc_consul_agent_key(p->d.env, id, "gateway"), p->d.env->self, session);
    for (size_t i = 0; i < SC_ARRAY_LEN(fields); i++) {
        sc_auto_free char *key = sc_consul_agent_key(p->d.env, id, fields[i]);
        sc_kv_txn_add(&txn, &(struct sc_kv_op){ .verb = SC_KV_DELETE, .key = key });
    }
    p->call = sc_consul_kv_txn(p->d.env->kv, &txn, on_taken_out, p);
}

/* ---- goodbye ---- */

static void farewell(void *ctx)
{
    struct sc_consul_presence *p = ctx;
    sc_loop_fn *bye = sc_steal(&p->bye);
    if (bye)
        bye(p->bye_ctx);
}

static void on_said(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_presence *p = ctx;
    p->call = NULL;
    p->lost_name = p->lost_session = p->lost_agent = false;
    bool refused = err && err->code == SC_EEXIST &&
                   sc_kv_txn_errors(res->body, res->body_len, on_refusal, p, NULL) == SC_OK;
    if (!err)
        p->at = p->past;
    if ((err && !(refused && p->lost_agent && !p->lost_session && !p->lost_name)) ||
        p->at == p->now.n)
        farewell(p);
    else
        say_goodbye(p);
}

static void say_goodbye(struct sc_consul_presence *p)
{
    struct sc_buf txn = SC_BUF_INIT;
    char time[SC_RFC3339_SIZE];
    const char *session = sc_consul_session_id(p->d.session);
    if (!session || !p->now.set || p->name_conflict) {
        sc_loop_defer(p->d.env->loop, farewell, p);
        return;
    }
    if (!p->gone) { /* the first of its transactions */
        p->gone = true;
        p->at = 0;
    }
    p->n_ops = 0;
    sc_wall_format_s(sc_clock_wall(&p->d.env->clock), time);
    sc_consul_add_lock(&txn, sc_consul_gateway_key(p->d.env, "status"),
                       sc_gateway_status_name(SC_GATEWAY_DEAD), session);
    sc_consul_add_lock(&txn, sc_consul_gateway_key(p->d.env, "last_heartbeat"), time, session);
    own_ops(p, GOODBYE_OPS, OF_GATEWAY);
    for (p->past = p->at; p->past < p->now.n; p->past++) {
        const char *id = p->now.agents[p->past].id;
        if (p->n_ops + GOODBYE_OPS > SC_KV_TXN_OPS_MAX)
            break;
        if (p->skip[p->past] || !sc_map_get(p->held, id))
            continue;
        sc_consul_add_lock(&txn, sc_consul_agent_key(p->d.env, id, "status"),
                           sc_agent_status_name(SC_AGENT_OFFLINE), session);
        sc_consul_add_lock(&txn, sc_consul_agent_key(p->d.env, id, "last_seen"), time, session);
        own_ops(p, GOODBYE_OPS, (int)p->past);
    }
    p->call = sc_consul_kv_txn(p->d.env->kv, &txn, on_said, p);
}

void sc_consul_presence_goodbye(struct sc_consul_presence *p, sc_loop_fn *done, void *ctx)
{
    p->wanted = false;
    p->bye = done;
    p->bye_ctx = ctx;
    /* A heartbeat under way is waited for: cancelled, it might still arrive after the farewell and
     * leave us alive for ever. */
    if (!p->call)
        say_goodbye(p);
}

/* ---- the presence ---- */

struct sc_consul_presence *sc_consul_presence_new(const struct sc_consul_presence_deps *deps)
{
    struct sc_consul_presence *p = sc_xcalloc(1, sizeof *p);
    p->d = *deps;
    p->held = sc_map_new();
    p->conflicts = sc_map_new();
    return p;
}

void sc_consul_presence_again(struct sc_consul_presence *p)
{
    if (p->bye || p->gone || !(p->now.set || p->next.set))
        return;
    p->wanted = true;
    if (!p->call && sc_consul_session_id(p->d.session))
        start_round(p);
}

void sc_consul_presence_publish(struct sc_consul_presence *p, const struct sc_presence *now)
{
    if (p->since.ms == 0)
        p->since = sc_clock_mono(&p->d.env->clock);
    sc_consul_snapshot_take(&p->next, now);
    sc_consul_presence_again(p);
}

bool sc_consul_presence_named(const struct sc_consul_presence *p)
{
    return p->ever_named && !p->name_conflict;
}

void sc_consul_presence_free(struct sc_consul_presence *p)
{
    if (!p)
        return;
    sc_consul_kv_cancel(p->call);
    sc_loop_undefer(p->d.env->loop, farewell, p);
    sc_consul_snapshot_fini(&p->now);
    sc_consul_snapshot_fini(&p->next);
    sc_strv_fini(&p->leaving);
    sc_map_free(p->held, NULL);
    sc_map_free(p->conflicts, NULL);
    free(p->skip);
    free(p);
}
