/* What the gateways share: the cluster's name, the list of members, and one leader. All of it is
 * seen with each heartbeat; what is missing is written with a check-and-set, never blindly, and
 * read again when somebody else was faster. */
#include <stdlib.h>

#include "consul_internal.h"
#include "sideclaw/agent_json.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

/* Ten sidecars that start at once serialise on one key; each round lets one through. */
enum { TRIES_MAX = 10 };

struct sc_consul_cluster {
    const struct sc_consul_env *env;
    const struct sc_consul_session *session;
    const struct sc_consul_view *view;
    char *cluster_id; /* what it should be called; NULL: we do not mind */
    char *id_key, *members_key, *leader_key;

    bool seen, has_id, warned_id;
    struct sc_strv members;
    uint64_t members_index;
    char leader[SC_CONSUL_ID_SIZE]; /* the session that holds it; "" when none does */
    bool leading;

    struct sc_consul_call *call, *sweep_call;
    bool sweep_wanted; /* the view changed while a sweep was under way */
    unsigned tries;
    bool leaving;
    sc_loop_fn *left;
    void *left_ctx;
};

static void join(struct sc_consul_cluster *k);
static void resign(struct sc_consul_cluster *k);

struct sc_consul_cluster *sc_consul_cluster_new(const struct sc_consul_env *env,
                                                const struct sc_consul_session *session,
                                                const struct sc_consul_view *view)
{
    struct sc_consul_cluster *k = sc_xcalloc(1, sizeof *k);
    k->env = env;
    k->session = session;
    k->view = view;
    k->id_key = sc_xasprintf("%s/cluster/id", env->prefix);
    k->members_key = sc_xasprintf("%s/cluster/members", env->prefix);
    k->leader_key = sc_xasprintf("%s/cluster/leader", env->prefix);
    return k;
}

void sc_consul_cluster_set_id(struct sc_consul_cluster *k, const char *cluster_id)
{
    if (!sc_streq(k->cluster_id, cluster_id))
        sc_set_str(&k->cluster_id, cluster_id);
}

/* ---- what there is ---- */

void sc_consul_cluster_begin(struct sc_consul_cluster *k)
{
    k->has_id = false;
    k->members_index = 0;
    k->leader[0] = '\0';
    sc_strv_fini(&k->members);
}

static void note_id(struct sc_consul_cluster *k, const char *value)
{
    k->has_id = true;
    if (!k->cluster_id || sc_streq(value, k->cluster_id) || k->warned_id)
        return;
    k->warned_id = true;
    sc_log_warn(k->env->log, "consul.cluster.other_id", SC_S("theirs", value),
                SC_S("ours", k->cluster_id), SC_S("instead", "theirs stays"));
}

static void note_members(struct sc_consul_cluster *k, const struct sc_kv_entry *e)
{
    struct sc_err err = SC_ERR_INIT;
    k->members_index = e->modify_index;
    if (sc_strv_from_json(e->value, e->value_len, SC_GATEWAYS_MAX, &k->members, &err) < 0)
        sc_log_warn(k->env->log, "consul.cluster.members_unreadable", SC_S("reason", err.text),
                    SC_S("instead", "the list is begun again"));
}

bool sc_consul_cluster_entry(struct sc_consul_cluster *k, const struct sc_kv_entry *e)
{
    if (sc_streq(e->key, k->id_key))
        note_id(k, e->value);
    else if (sc_streq(e->key, k->members_key))
        note_members(k, e);
    else if (sc_streq(e->key, k->leader_key))
        (void)snprintf(k->leader, sizeof k->leader, "%s", e->session);
    else
        return false;
    return true;
}

static int on_entry(void *ctx, const struct sc_kv_entry *e)
{
    (void)sc_consul_cluster_entry(ctx, e);
    return SC_OK;
}

static void on_read(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_cluster *k = ctx;
    k->call = NULL;
    sc_consul_cluster_begin(k);
    k->seen = !err && sc_kv_txn_results(res->body, res->body_len, on_entry, k, NULL) == SC_OK;
    if (k->leaving)
        resign(k);
    else if (k->seen)
        join(k);
}

static void read_again(struct sc_consul_cluster *k)
{
    sc_auto_free char *under = sc_xasprintf("%s/cluster/", k->env->prefix);
    struct sc_buf txn = SC_BUF_INIT;
    sc_kv_txn_add(&txn, &(struct sc_kv_op){ .verb = SC_KV_GET_TREE, .key = under });
    k->call = sc_consul_kv_txn(k->env->kv, &txn, on_read, k);
}

/* ---- joining ---- */

static void add_members(struct sc_consul_cluster *k, struct sc_buf *txn, const struct sc_strv *list)
{
    sc_auto_buf struct sc_buf value = SC_BUF_INIT;
    sc_strv_to_json(list, &value);
    sc_kv_txn_add(txn, &(struct sc_kv_op){ .verb = SC_KV_CAS,
                                           .key = k->members_key,
                                           .value = value.p,
                                           .value_len = value.n,
                                           .index = k->members_index });
}

static void on_led(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_cluster *k = ctx;
    (void)res;
    k->call = NULL;
    if (err) /* another was faster, or the heartbeat will meet the same trouble and say so */
        return;
    k->leading = true;
    sc_log_info(k->env->log, "consul.cluster.leading", SC_S("gateway", k->env->self));
    sc_consul_cluster_sweep(k);
}

static void lead(struct sc_consul_cluster *k)
{
    const char *session = sc_consul_session_id(k->session);
    bool led = k->leading;
    k->leading = session && sc_streq(k->leader, session);
    if (led && !k->leading)
        sc_log_info(k->env->log, "consul.cluster.not_leading", SC_S("gateway", k->env->self));
    if (k->leading)
        sc_consul_cluster_sweep(k);
    if (!session || k->leader[0])
        return;
    struct sc_buf txn = SC_BUF_INIT;
    sc_kv_txn_add(&txn, &(struct sc_kv_op){ .verb = SC_KV_LOCK,
                                            .key = k->leader_key,
                                            .value = k->env->self,
                                            .value_len = strlen(k->env->self),
                                            .session = session });
    k->call = sc_consul_kv_txn(k->env->kv, &txn, on_led, k);
}

static void on_joined(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_cluster *k = ctx;
    (void)res;
    k->call = NULL;
    if (!err)
        lead(k);
    else if (err->code == SC_EEXIST && k->tries++ < TRIES_MAX)
        read_again(k);
}

static void join(struct sc_consul_cluster *k)
{
    struct sc_buf txn = SC_BUF_INIT;
    if (!k->has_id && k->cluster_id)
        sc_kv_txn_add(&txn, &(struct sc_kv_op){ .verb = SC_KV_CAS,
                                                .key = k->id_key,
                                                .value = k->cluster_id,
                                                .value_len = strlen(k->cluster_id) });
    if (!sc_strv_has(&k->members, k->env->self) && k->members.n < SC_GATEWAYS_MAX) {
        sc_strv_add(&k->members, k->env->self);
        add_members(k, &txn, &k->members);
    }
    if (txn.n > 0)
        k->call = sc_consul_kv_txn(k->env->kv, &txn, on_joined, k);
    else
        lead(k);
}

void sc_consul_cluster_seen(struct sc_consul_cluster *k)
{
    k->seen = true;
    if (k->call || k->leaving)
        return;
    k->tries = 0;
    join(k);
}

/* ---- leading ---- */

/* An agent that nobody holds while its gateway lives is the gateway's to put right. */
static size_t add_verdicts(const struct sc_consul_cluster *k, struct sc_buf *txn, bool gateways,
                           size_t room)
{
    size_t n = 0;
    const char *verdict =
        gateways ? sc_gateway_status_name(SC_GATEWAY_DEAD) : sc_agent_status_name(SC_AGENT_OFFLINE);
    const struct sc_consul_orphan *o = sc_consul_view_orphans(k->view, gateways);
    for (; o && n < room; o = o->next) {
        if (sc_consul_view_held(k->view, o->gateway))
            continue;
        n++;
        sc_kv_txn_add(txn, &(struct sc_kv_op){ .verb = SC_KV_CAS,
                                               .key = o->key,
                                               .value = verdict,
                                               .value_len = strlen(verdict),
                                               .index = o->modify_index });
    }
    return n;
}

static void on_swept(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_cluster *k = ctx;
    (void)res;
    k->sweep_call = NULL;
    /* Refused: the view was a little old, somebody came back, or we lead no more. The watch brings
     * the news, and sweeps again; or it did while this was under way. */
    if (err && err->code != SC_EEXIST)
        sc_log_warn(k->env->log, "consul.cluster.sweep_failed", SC_S("reason", err->text),
                    SC_S("instead", "the next change of the view tries again"));
    if (k->sweep_wanted)
        sc_consul_cluster_sweep(k);
}

void sc_consul_cluster_sweep(struct sc_consul_cluster *k)
{
    const char *session = sc_consul_session_id(k->session);
    sc_auto_buf struct sc_buf txn = SC_BUF_INIT;
    k->sweep_wanted = k->sweep_call != NULL;
    if (!k->leading || k->leaving || !session || k->sweep_call)
        return;
    /* Fencing: if we were replaced since the last heartbeat, nothing of this happens. */
    sc_kv_txn_add(&txn, &(struct sc_kv_op){ .verb = SC_KV_CHECK_SESSION,
                                            .key = k->leader_key,
                                            .session = session });
    size_t n = add_verdicts(k, &txn, true, SC_KV_TXN_OPS_MAX - 1);
    n += add_verdicts(k, &txn, false, SC_KV_TXN_OPS_MAX - 1 - n);
    if (n == 0)
        return;
    sc_log_info(k->env->log, "consul.cluster.sweep", SC_I("keys", n));
    k->sweep_call = sc_consul_kv_txn(k->env->kv, &txn, on_swept, k);
}

bool sc_consul_cluster_leads(const struct sc_consul_cluster *k)
{
    return k->leading && !k->leaving;
}

/* ---- leaving ---- */

static void on_left(void *ctx)
{
    struct sc_consul_cluster *k = ctx;
    sc_loop_fn *left = sc_steal(&k->left);
    if (left)
        left(k->left_ctx);
}

static void on_resigned(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct sc_consul_cluster *k = ctx;
    (void)res;
    k->call = NULL;
    if (err && err->code == SC_EEXIST && k->tries++ < TRIES_MAX)
        read_again(k);
    else
        on_left(k);
}

static void resign(struct sc_consul_cluster *k)
{
    if (!k->seen || !sc_strv_has(&k->members, k->env->self)) {
        on_left(k);
        return;
    }
    struct sc_buf txn = SC_BUF_INIT;
    struct sc_strv others = { 0 };
    for (size_t i = 0; i < k->members.n; i++)
        if (!sc_streq(k->members.v[i], k->env->self))
            sc_strv_add(&others, k->members.v[i]);
    add_members(k, &txn, &others);
    sc_strv_fini(&others);
    k->call = sc_consul_kv_txn(k->env->kv, &txn, on_resigned, k);
}

void sc_consul_cluster_leave(struct sc_consul_cluster *k, sc_loop_fn *done, void *ctx)
{
    k->leaving = true;
    k->left = done;
    k->left_ctx = ctx;
    k->tries = 0;
    sc_consul_kv_cancel(sc_steal(&k->call));
    sc_consul_kv_cancel(sc_steal(&k->sweep_call));
    read_again(k); /* what we saw last may be a heartbeat old, and was perhaps never written */
}

void sc_consul_cluster_free(struct sc_consul_cluster *k)
{
    if (!k)
        return;
    sc_consul_kv_cancel(k->call);
    sc_consul_kv_cancel(k->sweep_call);
    sc_strv_fini(&k->members);
    free(k->cluster_id);
    free(k->id_key);
    free(k->members_key);
    free(k->leader_key);
    free(k);
}
