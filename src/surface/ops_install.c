/* gateway.install and gateway.uninstall: our part of the gateway's own configuration, through the
 * gateway: config.get, the difference, config.patch; again when somebody else was faster. */
#include <stdlib.h>
#include <string.h>

#include "handlers.h"
#include "sideclaw/agent_token.h"
#include "sideclaw/mem.h"
#include "sideclaw/openclaw_config.h"

enum { TRIES = 5 };

struct install {
    struct sc_call *call;
    struct sc_gateway_ask *ask;
    struct sc_strv only;
    struct sc_value *changes;
    char *path; /* of the gateway's configuration */
    bool remove;
    int tries;
};

/* ---- what an agent's server looks like ---- */

static int check_env(const struct sc_ops_env *env, struct sc_err *err)
{
    if (env->mcp_url && env->agent_key)
        return SC_OK;
    (void)sc_fail(err, SC_ECONFIG, "http.enabled is false: agents reach the mesh over HTTP");
    return sc_err_remedy(err, "set http.enabled to true and restart sideclawd");
}

static struct sc_value *server(void *ctx, const char *agent)
{
    const struct sc_ops_env *env = ctx;
    char token[SC_AGENT_TOKEN_SIZE];
    sc_agent_token(env->agent_key, agent, token);
    struct sc_value *v = sc_openclaw_server(env->mcp_url, agent, token);
    explicit_bzero(token, sizeof token);
    return v;
}

static void read_agents(const struct sc_call *call, struct sc_strv *ret)
{
    const struct sc_value *list = sc_value_get(call->params, "agents");
    for (size_t i = 0; i < sc_value_count(list); i++)
        sc_strv_add(ret, sc_value_text(sc_value_at(list, i)));
}

void sc_op_gateway_servers(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_strv agents = { 0 };
    if (check_env(call->env, &err) < 0) {
        sc_call_fail(call, &err);
        return;
    }
    struct sc_value *v = sc_value_object(), *servers = sc_value_object();
    struct sc_ops_env env = *call->env;
    read_agents(call, &agents);
    for (size_t i = 0; i < agents.n; i++)
        sc_value_set(servers, agents.v[i], server(&env, agents.v[i]));
    sc_strv_fini(&agents);
    sc_value_set(v, "servers", servers);
    sc_call_reply(call, v);
}

/* ---- the end ---- */

static void install_free(struct install *in)
{
    in->call->env->gateway.cancel(in->ask);
    sc_value_free(in->changes);
    sc_strv_fini(&in->only);
    free(in->path);
    free(in);
}

static void on_cancel(void *op_state)
{
    install_free(op_state);
}

static void fail(struct install *in, const struct sc_err *err)
{
    struct sc_call *call = in->call;
    install_free(in);
    sc_call_fail(call, err);
}

static void reply(struct install *in, bool changed)
{
    struct sc_call *call = in->call;
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "way", "gateway");
    sc_value_set_str(v, "path", in->path);
    sc_value_set_bool(v, "changed", changed);
    sc_value_set_bool(v, "dry_run", sc_value_get_bool(call->params, "dry_run", false));
    sc_value_set(v, "changes", sc_steal(&in->changes));
    install_free(in);
    sc_call_reply(call, v);
}

/* ---- the patch ---- */

static void read_config(struct install *in);

/* A token that changed is seen by the gateway only: it shows us none. */
static void add_unseen(struct sc_value *changes, const struct sc_value *paths)
{
    for (size_t i = 0; i < sc_value_count(paths); i++) {
        struct sc_value *line = sc_value_object();
        sc_value_set_str(line, "op", "change");
        sc_value_set_str(line, "path", sc_value_text(sc_value_at(paths, i)));
        sc_value_set_str(line, "value", "***");
        sc_value_add(changes, line);
    }
}

static void on_patched(void *ctx, const struct sc_value *payload, const struct sc_err *err)
{
    struct install *in = ctx;
    in->ask = NULL;
    if (err && err->code == SC_EBUSY && ++in->tries < TRIES) {
        read_config(in);
        return;
    }
    if (err) {
        fail(in, err);
        return;
    }
    bool changed = !sc_value_get_bool(payload, "noop", false);
    if (changed && sc_value_count(in->changes) == 0)
        add_unseen(in->changes, sc_value_get(payload, "changedPaths"));
    reply(in, changed);
}

static void send_patch(struct install *in, const struct sc_value *config, const char *hash,
                       const struct sc_value *to)
{
    const struct sc_gateway_admin *gateway = &in->call->env->gateway;
    struct sc_err err = SC_ERR_INIT;
    struct sc_value *shrunk = sc_value_array(), *p = sc_value_object();
    sc_auto_value struct sc_value *patch = sc_merge_patch(config, to, shrunk);
    sc_auto_buf struct sc_buf raw = SC_BUF_INIT;
    sc_value_dump(patch, &raw);
    sc_value_set_str(p, "raw", sc_buf_str(&raw));
    sc_value_set_str(p, "baseHash", hash);
    if (sc_value_count(shrunk))
        sc_value_set(p, "replacePaths", sc_value_ref(shrunk));
    bool is_empty = sc_value_count(patch) == 0;
    sc_value_free(shrunk);
    explicit_bzero(raw.p, raw.n); /* tokens */
    if (is_empty) {
        sc_value_free(p);
        reply(in, false);
    } else if (gateway->ask(gateway->impl, "config.patch", p, on_patched, in, &in->ask, &err) < 0) {
        fail(in, &err);
    }
}

/* ---- the configuration as it is ---- */

static void on_config(void *ctx, const struct sc_value *payload, const struct sc_err *ask_err)
{
    struct install *in = ctx;
    struct sc_err err = SC_ERR_INIT;
    struct sc_ops_env env = *in->call->env;
    in->ask = NULL;
    if (ask_err) {
        fail(in, ask_err);
        return;
    }
    const struct sc_value *config = sc_value_get(payload, "parsed");
    const char *hash = sc_value_get_str(payload, "hash");
    const struct sc_openclaw_want want = { .remove = in->remove,
                                           .only = &in->only,
                                           .skill = sc_value_get_str(in->call->params, "skill"),
                                           .server = server,
                                           .ctx = &env };
    sc_auto_value struct sc_value *to = hash ? sc_openclaw_apply(config, &want, &err) : NULL;
    if (!to) {
        if (!hash)
            (void)sc_fail(&err, SC_EPROTO, "the gateway's answer to config.get has no hash");
        fail(in, &err);
        return;
    }
    sc_set_str(&in->path, sc_value_get_str(payload, "path"));
    sc_value_free(in->changes);
    in->changes = sc_openclaw_changes(config, to);
    if (sc_value_get_bool(in->call->params, "dry_run", false))
        reply(in, false);
    else
        send_patch(in, config, hash, to);
}

static void read_config(struct install *in)
{
    const struct sc_gateway_admin *gateway = &in->call->env->gateway;
    struct sc_err err = SC_ERR_INIT;
    sc_assert(gateway->ask); /* start looked */
    if (gateway->ask(gateway->impl, "config.get", sc_value_object(), on_config, in, &in->ask,
                     &err) < 0)
        fail(in, &err);
}

/* ---- the operations ---- */

static void start(struct sc_call *call, bool remove)
{
    struct sc_err err = SC_ERR_INIT;
    int r = remove ? SC_OK : check_env(call->env, &err);
    if (r == SC_OK && !call->env->gateway.ask) {
        r = sc_fail(&err, SC_EAWAY, "gateway.enabled is false");
        (void)sc_err_remedy(&err, "name the gateway's configuration: --file PATH");
    }
    if (r < 0) {
        sc_call_fail(call, &err);
        return;
    }
    struct install *in = sc_xcalloc(1, sizeof *in);
    *in = (struct install){ .call = call, .remove = remove };
    read_agents(call, &in->only);
    call->op_state = in;
    call->cancel = on_cancel;
    read_config(in);
}

void sc_op_gateway_install(struct sc_call *call)
{
    start(call, false);
}

void sc_op_gateway_uninstall(struct sc_call *call)
{
    start(call, true);
}
