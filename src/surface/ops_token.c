/* ops_token.c: what an agent needs to call its tools over HTTP. */
#include <string.h>

#include "handlers.h"
#include "sideclaw/agent_token.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

void sc_op_agent_token(struct sc_call *call)
{
    const struct sc_ops_env *env = call->env;
    const char *agent = sc_value_get_str(call->params, "agent");
    struct sc_err err = SC_ERR_INIT;
    int r = sc_name_check("agent", agent, &err);
    if (r == SC_OK && !env->agent_key)
        r = sc_fail(&err, SC_ENOENT, "this sidecar has no key for tokens of agents");
    if (r < 0) {
        sc_call_fail(call, &err);
        return;
    }
    char token[SC_AGENT_TOKEN_SIZE];
    struct sc_value *v = sc_value_object();
    sc_auto_free char *url = env->mcp_url ? sc_xasprintf("%s/%s", env->mcp_url, agent) : NULL;
    sc_agent_token(env->agent_key, agent, token);
    sc_value_set_str(v, "agent", agent);
    sc_value_set_str(v, "token", token);
    sc_value_set_str(v, "url", url);
    explicit_bzero(token, sizeof token);
    sc_call_reply(call, v);
}
