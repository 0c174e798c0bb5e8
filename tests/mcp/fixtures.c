/* fixtures.c: the endpoint /mcp/<agent> as it is in the daemon, over other tools: those that the
 * public conformance suite calls by name. Prints its port and the token of the agent `suite`; ends
 * with SIGTERM. Not part of the product. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "sideclaw/agent_token.h"
#include "sideclaw/loop.h"
#include "sideclaw/mcp.h"
#include "sideclaw/mem.h"
#include "sideclaw/operations.h"

static void simple_text(struct sc_call *call)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "text", "This is a simple text response for testing.");
    sc_call_reply(call, v);
}

static void error_handling(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    (void)sc_fail(&err, SC_EINVAL, "This tool intentionally returns an error for testing");
    sc_call_fail(call, &err);
}

#define T_TEXT                                                                                     \
    "{\"type\":\"object\",\"required\":[\"text\"],"                                                \
    "\"properties\":{\"text\":{\"type\":\"string\"}}}"

static const struct sc_param no_params[] = { { .name = NULL } };
static const struct sc_tool tools[] = {
    { "test_simple_text", "Answers with a text.", SC_TOOL_READ_ONLY },
    { "test_error_handling", "Fails.", SC_TOOL_READ_ONLY },
    /* Two where the suite sees that a client is sent no log and no question with the answer. */
    { "test_logging_tool", "Answers with a text.", SC_TOOL_READ_ONLY },
    { "test_streaming_elicitation", "Answers with a text.", SC_TOOL_READ_ONLY },
};
#define ROW(i, does)                                                                               \
    {                                                                                              \
        .name = "fixture", .scope = SC_SCOPE_AGENT, .params = no_params, .result = T_TEXT,         \
        .tool = &tools[i], .handler = (does),                                                      \
    }
static const struct sc_op table[] = {
    ROW(0, simple_text),
    ROW(1, error_handling),
    ROW(2, simple_text),
    ROW(3, simple_text),
};

static void on_stop(void *ctx, int signum)
{
    (void)signum;
    sc_loop_stop(ctx);
}

static int serve(struct sc_loop *loop, const struct sc_ops_env *env, struct sc_err *err)
{
    char token[SC_AGENT_TOKEN_SIZE];
    const struct sc_http_server_deps deps = {
        .loop = loop, .env = env, .listen = "127.0.0.1:0", .token = "of the operator: not used"
    };
    struct sc_http_server *server = sc_http_server_new(&deps, err);
    if (!server)
        return err->code;
    sc_agent_token(env->agent_key, "suite", token);
    (void)printf("ready %d %s\n", sc_http_server_port(server), token);
    (void)fflush(stdout);
    int r = sc_loop_run(loop, err);
    sc_http_server_free(server);
    return r;
}

int main(void)
{
    struct sc_err err = SC_ERR_INIT;
    struct sc_loop *loop = sc_loop_new(&err);
    if (!loop) {
        (void)fprintf(stderr, "%s\n", err.text);
        return EXIT_FAILURE;
    }
    const struct sc_agent_key key = { .b = { 1 } };
    struct sc_signal *stop = sc_signal_new(loop, SIGTERM, on_stop, loop);
    struct sc_mcp *mcp = sc_mcp_new(NULL, table, SC_ARRAY_LEN(table));
    const struct sc_ops_env env = {
        .loop = loop, .self_name = "fixtures", .mcp = mcp, .agent_key = &key
    };
    int r = serve(loop, &env, &err);
    if (r < 0)
        (void)fprintf(stderr, "%s\n", err.text);
    sc_mcp_free(mcp);
    sc_signal_free(stop);
    sc_loop_free(loop);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
