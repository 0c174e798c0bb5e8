/* fuzz_mcp: a line of headers ("VERSION,METHOD,NAME", or "-" for none), then a frame a line, in one
 * session. Each frame is done with once, or runs until the session ends; what comes out is JSON-RPC
 * and says nothing of a caller that the session did not name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sideclaw/mcp.h"
#include "sideclaw/mem.h"
#include "sideclaw/operations.h"
#include "sideclaw/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void op_echo(struct sc_call *call)
{
    if (!sc_streq(sc_value_get_str(call->params, "agent"), "jerry"))
        abort();
    sc_call_reply(call, sc_value_ref(call->params));
}

static void on_cancel(void *op_state)
{
    *(int *)op_state += 1;
}

static int cancelled;

static void op_hang(struct sc_call *call)
{
    call->op_state = &cancelled;
    call->cancel = on_cancel;
}

static const struct sc_param params[] = {
    { .name = "agent", .type = SC_PARAM_STR, .required = true, .caller = true, .help = "" },
    { .name = "text", .type = SC_PARAM_STR, .max = 100, .help = "" },
    { .name = "n", .type = SC_PARAM_INT, .max = 9, .help = "" },
    { .name = "tags", .type = SC_PARAM_STRV, .max = 9, .help = "" },
    { .name = NULL },
};
static const struct sc_tool echo = { .name = "echo", .description = "" },
                            hang = { .name = "hang", .description = "" };
static const struct sc_op ops[] = {
    { .name = "t.echo", .params = params, .result = "{}", .tool = &echo, .handler = op_echo },
    { .name = "t.hang", .params = params, .result = "{}", .tool = &hang, .handler = op_hang },
};

static void check_answer(const struct sc_value *v)
{
    const struct sc_value *result = sc_value_get(v, "result"), *error = sc_value_get(v, "error");
    if (!sc_streq(sc_value_get_str(v, "jsonrpc"), "2.0") || !result == !error)
        abort();
    if (error && (!sc_value_get_str(error, "message") || sc_value_get_int(error, "code", 0) >= 0))
        abort();
}

static void on_out(void *ctx, int status, const char *text, size_t n)
{
    int *outs = ctx;
    struct sc_err err = SC_ERR_INIT;
    ++*outs;
    if (!text != (status == 202))
        abort();
    if (!text)
        return;
    sc_auto_value struct sc_value *v = sc_value_parse(text, n, &err);
    if (!v || memchr(text, '\n', n))
        abort();
    if (!sc_value_is_array(v))
        check_answer(v);
    for (size_t i = 0; sc_value_is_array(v) && i < sc_value_count(v); i++)
        check_answer(sc_value_at(v, i));
}

/* "a,b,c": empty is absent. */
static bool take_headers(char *line, struct sc_mcp_headers *ret)
{
    const char **fields[] = { &ret->version, &ret->method, &ret->name };
    if (sc_streq(line, "-"))
        return false;
    for (size_t i = 0; i < SC_ARRAY_LEN(fields) && line; i++) {
        char *comma = strchr(line, ',');
        if (comma)
            *comma++ = 0;
        *fields[i] = *line ? line : NULL;
        line = comma;
    }
    return true;
}

static void run(struct sc_mcp *mcp, const struct sc_ops_env *env, char *text)
{
    int frames = 0, outs = 0;
    struct sc_err err = SC_ERR_INIT;
    struct sc_mcp_headers headers = { .version = NULL };
    const struct sc_mcp_session_deps deps = {
        .mcp = mcp, .env = env, .agent = "jerry", .out = on_out, .ctx = &outs
    };
    struct sc_mcp_session *s = sc_mcp_session_new(&deps);
    char *rest = text, *line = strsep(&rest, "\n");
    bool http = take_headers(line, &headers);
    for (; (line = strsep(&rest, "\n")); frames++)
        sc_mcp_session_take(s, line, strlen(line), http ? &headers : NULL);
    if (outs)
        abort();
    for (int i = 0; i < 3; i++)
        if (sc_loop_turn(env->loop, 0, &err) < 0)
            abort();
    int before = outs;
    sc_mcp_session_free(s);
    if (before > frames || outs != before)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *text = sc_xstrndup((const char *)data, n);
    struct sc_ops_env env = { .loop = sc_loop_new(&err) };
    struct sc_mcp *mcp = sc_mcp_new(NULL, ops, SC_ARRAY_LEN(ops));
    run(mcp, &env, text);
    sc_mcp_free(mcp);
    sc_loop_free(env.loop);
    return 0;
}
