#include "http_mcp.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "http_auth.h"
#include "http_reply.h"
#include "http_request.h"
#include "http_watch.h"
#include "sideclaw/agent_token.h"
#include "sideclaw/limits.h"
#include "sideclaw/mcp.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

_Static_assert(SC_HTTP_BODY_MAX <= (int)SC_MCP_FRAME_MAX, "sc_http_refuse bounds the frame");

static const char prefix[] = "/mcp";

/* One request whose answer is not there yet. */
struct exchange {
    LIST_ENTRY(exchange) link;
    struct evhttp_request *req;
    struct sc_mcp_session *session;
    struct sc_http_watch *watch;
};

struct sc_http_mcp {
    const struct sc_ops_env *env;
    const char *operator_token;
    LIST_HEAD(, exchange) exchanges;
};

struct sc_http_mcp *sc_http_mcp_new(const struct sc_ops_env *env, const char *operator_token)
{
    struct sc_http_mcp *m = sc_xcalloc(1, sizeof *m);
    m->env = env;
    m->operator_token = operator_token;
    LIST_INIT(&m->exchanges);
    return m;
}

bool sc_http_mcp_path(const char *path)
{
    const size_t n = sizeof prefix - 1;
    return path && strncmp(path, prefix, n) == 0 && (path[n] == '/' || !path[n]);
}

static const char *header(struct evhttp_request *req, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(req), name);
}

/* --- who it is --- */

static bool is_token_of(const struct sc_http_mcp *m, const char *authorization, const char *agent)
{
    char token[SC_AGENT_TOKEN_SIZE];
    struct sc_err err = SC_ERR_INIT;
    sc_agent_token(m->env->agent_key, agent, token);
    bool is = sc_auth_bearer(authorization, token, &err) == SC_OK;
    explicit_bzero(token, sizeof token);
    return is;
}

/* A real token at the wrong door is a mistake in somebody's set-up, and he is told which; he holds
 * it, so the name is no news to him. */
static int wrong_token(const struct sc_http_mcp *m, const char *authorization, const char *agent,
                       struct sc_err *err)
{
    struct sc_err unused = SC_ERR_INIT;
    size_t n;
    const struct sc_agent_info *agents = sc_registry_local(m->env->registry, &n);
    for (size_t i = 0; authorization && i < n; i++)
        if (is_token_of(m, authorization, agents[i].id))
            return sc_fail(err, SC_EPERM, "this is the token of %s, and the endpoint of %s",
                           agents[i].id, agent);
    if (sc_auth_bearer(authorization, m->operator_token, &unused) == SC_OK)
        return sc_fail(err, SC_EPERM, "the operator's token is none of an agent");
    return sc_fail(err, SC_EAUTH, authorization ? "the token is wrong" : "a token is needed");
}

static bool refuse_stranger(const struct sc_http_mcp *m, struct evhttp_request *req,
                            const char *agent)
{
    struct sc_err err = SC_ERR_INIT;
    const char *authorization = header(req, "Authorization");
    if (is_token_of(m, authorization, agent))
        return false;
    (void)wrong_token(m, authorization, agent, &err);
    (void)sc_err_remedy(&err,
                        "send \"Authorization: Bearer TOKEN\" with what `sideclaw token "
                        "%.128s` prints",
                        agent);
    sc_http_reply_problem(req, sc_problem_status(err.code), &err);
    return true;
}

/* --- what it wants --- */

static bool accepts_json(const char *accept)
{
    return !accept || strcasestr(accept, "application/json") || strstr(accept, "*/*") ||
           strcasestr(accept, "application/*");
}

/* The old revisions open a stream with GET, and end a session with DELETE; there are none. */
static bool refuse_method(struct evhttp_request *req)
{
    struct sc_err err = SC_ERR_INIT;
    if (sc_streq(sc_http_method(req), "POST"))
        return false;
    (void)evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", "POST");
    (void)sc_fail(&err, SC_EINVAL, "an MCP endpoint takes POST");
    sc_http_reply_problem(req, 405, &err);
    return true;
}

static bool refuse_accept(struct evhttp_request *req)
{
    struct sc_err err = SC_ERR_INIT;
    if (accepts_json(header(req, "Accept")))
        return false;
    (void)sc_fail(&err, SC_EINVAL, "the answer is application/json, which Accept does not allow");
    sc_http_reply_problem(req, 406, &err);
    return true;
}

static bool refuse_path(const struct sc_http_mcp *m, struct evhttp_request *req, const char *agent)
{
    struct sc_err err = SC_ERR_INIT;
    if (m->env->mcp && m->env->agent_key && sc_name_check("agent", agent, &err) == SC_OK)
        return false;
    (void)sc_fail(&err, SC_ENOENT, "there is no such MCP endpoint");
    (void)sc_err_remedy(&err, "each agent has its own: /mcp/AGENT");
    sc_http_reply_problem(req, 404, &err);
    return true;
}

/* --- the answer --- */

static void exchange_free(struct exchange *x)
{
    LIST_REMOVE(x, link);
    sc_http_watch_free(x->watch);
    sc_mcp_session_free(x->session);
    free(x);
}

static void on_out(void *ctx, int status, const char *text, size_t n)
{
    struct exchange *x = ctx;
    struct evhttp_request *req = x->req;
    sc_auto_buf struct sc_buf body = SC_BUF_INIT;
    sc_buf_add(&body, text, n);
    exchange_free(x);
    if (n)
        sc_http_reply_text(req, status, "application/json", &body);
    else
        evhttp_send_reply(req, status, NULL, NULL);
}

static void on_gone(void *ctx)
{
    exchange_free(ctx);
}

void sc_http_mcp_serve(struct sc_http_mcp *m, struct evhttp_request *req, const char *path)
{
    const char *agent = path + sizeof prefix - 1;
    agent += *agent == '/';
    if (refuse_method(req) || refuse_path(m, req, agent) || refuse_stranger(m, req, agent) ||
        refuse_accept(req) || sc_http_refuse_type(req))
        return;
    struct exchange *x = sc_xcalloc(1, sizeof *x);
    const struct sc_mcp_session_deps deps = {
        .mcp = m->env->mcp, .env = m->env, .agent = agent, .out = on_out, .ctx = x
    };
    const struct sc_mcp_headers headers = { .version = header(req, "MCP-Protocol-Version"),
                                            .method = header(req, "Mcp-Method"),
                                            .name = header(req, "Mcp-Name") };
    struct evbuffer *in = evhttp_request_get_input_buffer(req);
    size_t n = evbuffer_get_length(in);
    x->req = req;
    x->session = sc_mcp_session_new(&deps);
    x->watch = sc_http_watch_new(m->env->loop, req, on_gone, x);
    LIST_INSERT_HEAD(&m->exchanges, x, link);
    sc_mcp_session_take(x->session, n ? (const char *)evbuffer_pullup(in, -1) : "", n, &headers);
}

void sc_http_mcp_free(struct sc_http_mcp *m)
{
    if (!m)
        return;
    for (struct exchange *x; (x = LIST_FIRST(&m->exchanges));)
        exchange_free(x); /* NOLINT(clang-analyzer-unix.Malloc): it loses LIST_REMOVE */
    free(m);
}
