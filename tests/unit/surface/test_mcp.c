/* Each revision and each refusal of the MCP endpoint, without a carrier. */
#include "sideclaw/limits.h"
#include "sideclaw/mcp.h"
#include "surface_fixture.h"

#define META                                                                                       \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                       \
    "\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define RPC(id, method, params)                                                                    \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":{" params "}}"

/* A table of two tools of the real one's shape, and a row that is none. */
static void on_cancel(void *op_state)
{
    *(int *)op_state += 1;
}

static int cancelled;

static void op_echo(struct sc_call *call)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "agent", sc_value_get_str(call->params, "agent"));
    sc_value_set_str(v, "text", sc_value_get_str(call->params, "text"));
    if (sc_value_get(call->params, "traceparent"))
        sc_value_set_str(v, "trace", sc_value_get_str(call->params, "traceparent"));
    sc_call_reply(call, v);
}

static void op_hang(struct sc_call *call)
{
    call->op_state = &cancelled;
    call->cancel = on_cancel;
}

static void op_fail(struct sc_call *call)
{
    struct sc_err err = SC_ERR_INIT;
    (void)sc_fail(&err, SC_EAWAY, "redis is away");
    sc_call_fail(call, &err);
}

static const struct sc_param echo_params[] = {
    { .name = "agent", .type = SC_PARAM_STR, .required = true, .caller = true, .help = "Who." },
    { .name = "text", .type = SC_PARAM_STR, .required = true, .max = 100, .help = "What." },
    { .name = "n", .type = SC_PARAM_INT, .min = 1, .max = 9, .help = "How often." },
    { .name = "tags", .type = SC_PARAM_STRV, .max = 9, .help = "Words." },
    { .name = "traceparent", .type = SC_PARAM_STR, .max = 99, .seldom = true, .help = "Trace." },
    { .name = NULL },
};
static const struct sc_param no_params[] = { { .name = NULL } };
#define ECHOED                                                                                     \
    "{'type':'object','required':['agent','text'],'properties':{'agent':{'type':'string'},"        \
    "'text':{'type':'string'},'more':{'type':'integer'}}}"
static const struct sc_tool echo = { .name = "echo", .description = "Says it." },
                            hang = { .name = "hang",
                                     .description = "Never ends.",
                                     .hints = SC_TOOL_READ_ONLY },
                            drop = { .name = "drop",
                                     .description = "Fails.",
                                     .hints = SC_TOOL_DESTRUCTIVE | SC_TOOL_IDEMPOTENT };
static const struct sc_op ops[] = {
    { .name = "t.echo",
      .status = 200,
      .params = echo_params,
      .result = ECHOED,
      .tool = &echo,
      .handler = op_echo },
    { .name = "t.secret", .params = no_params, .result = "{}", .handler = op_echo },
    { .name = "t.hang", .params = no_params, .result = "{}", .tool = &hang, .handler = op_hang },
    { .name = "t.drop", .params = no_params, .result = "{}", .tool = &drop, .handler = op_fail },
};

static struct fixture f;
static struct sc_mcp *mcp;
static struct sc_mcp_session *session;

/* What came out last. */
static struct {
    int times, status;
    char *text;
    struct sc_value *value;
} out;

static void on_out(void *ctx, int status, const char *text, size_t n)
{
    struct sc_err err = SC_ERR_INIT;
    (void)ctx;
    out.times++;
    out.status = status;
    free(out.text);
    sc_value_free(out.value);
    out.text = text ? sc_xstrndup(text, n) : NULL;
    out.value = text ? sc_value_parse(text, n, &err) : NULL;
    cr_assert(!text || out.value, "%s", err.text);
}

static void setup(void)
{
    fixture_init(&f);
    mcp = sc_mcp_new(NULL, ops, SC_ARRAY_LEN(ops));
    const struct sc_mcp_session_deps deps = {
        .mcp = mcp, .env = &f.env, .agent = "jerry", .out = on_out
    };
    session = sc_mcp_session_new(&deps);
}

static void teardown(void)
{
    sc_mcp_session_free(session);
    sc_mcp_free(mcp);
    free(out.text);
    sc_value_free(out.value);
    fixture_fini(&f);
}
TestSuite(mcp, .init = setup, .fini = teardown);

static void take(const char *frame, const struct sc_mcp_headers *headers)
{
    out.times = 0;
    sc_mcp_session_take(session, frame, strlen(frame), headers);
    cr_assert_eq(out.times, 0, "never before take returned");
    fixture_turn(&f);
}

static const struct sc_value *ask_with(const char *frame, const struct sc_mcp_headers *headers)
{
    take(frame, headers);
    cr_assert_eq(out.times, 1, "%s was answered %d times", frame, out.times);
    return out.value;
}

static const struct sc_value *result(const char *frame)
{
    const struct sc_value *v = sc_value_get(ask_with(frame, NULL), "result");
    cr_assert(v, "%s", out.text);
    return v;
}

static void refused(const char *frame, const struct sc_mcp_headers *headers, int code, int status,
                    const char *text)
{
    const struct sc_value *e = sc_value_get(ask_with(frame, headers), "error");
    cr_assert(e, "%s: %s", frame, out.text);
    cr_assert_eq(sc_value_get_int(e, "code", 0), code, "%s: %s", frame, out.text);
    cr_assert(strstr(sc_value_get_str(e, "message"), text), "%s", out.text);
    cr_assert_eq(out.status, status, "%s: HTTP %d", frame, out.status);
}

/* --- 2026-07-28 --- */

Test(mcp, discover_says_all_that_a_client_needs)
{
    const struct sc_value *v = result(RPC("1", "server/discover", META));
    cr_assert_str_eq(sc_value_text(sc_value_at(sc_value_get(v, "supportedVersions"), 0)),
                     "2026-07-28");
    cr_assert_eq(sc_value_count(sc_value_get(v, "supportedVersions")), 5);
    cr_assert(sc_value_get(sc_value_get(v, "capabilities"), "tools"));
    cr_assert_str_eq(sc_value_get_str(v, "resultType"), "complete");
    cr_assert_str_eq(sc_value_get_str(v, "cacheScope"), "private");
    cr_assert_gt(sc_value_get_int(v, "ttlMs", -1), 0);
    const struct sc_value *info =
        sc_value_get(sc_value_get(v, "_meta"), "io.modelcontextprotocol/serverInfo");
    cr_assert_str_eq(sc_value_get_str(info, "name"), "sideclaw");
}

Test(mcp, a_request_without_what_it_must_say_is_refused)
{
    refused(RPC("1", "server/discover", ""), NULL, -32602, 400, "protocolVersion");
    refused(RPC("1", "tools/list",
                "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}"),
            NULL, -32602, 400, "clientCapabilities");
    refused(RPC("\"a\"", "tools/list",
                "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"v9\"}"),
            NULL, -32022, 400, "v9");
    const struct sc_value *data = sc_value_get(sc_value_get(out.value, "error"), "data");
    cr_assert_str_eq(sc_value_get_str(data, "requested"), "v9");
    cr_assert_eq(sc_value_count(sc_value_get(data, "supported")), 5);
    cr_assert_str_eq(sc_value_get_str(out.value, "id"), "a");
}

Test(mcp, the_handshakes_methods_are_gone)
{
    refused(RPC("1", "initialize", META), NULL, -32601, 404, "initialize");
    refused(RPC("1", "ping", META), NULL, -32601, 404, "ping");
    refused(RPC("1", "prompts/list", META), NULL, -32601, 404, "prompts/list");
    refused(RPC("1", "subscriptions/listen", META), NULL, -32601, 404, "listen");
}

Test(mcp, headers_say_what_the_request_says)
{
    const struct sc_mcp_headers good = { "2026-07-28", "tools/list", NULL };
    const struct sc_mcp_headers no_version = { NULL, "tools/list", NULL };
    const struct sc_mcp_headers other = { "2025-11-25", "tools/list", NULL };
    const struct sc_mcp_headers no_method = { "2026-07-28", NULL, NULL };
    const struct sc_mcp_headers shouted = { "2026-07-28", "TOOLS/LIST", NULL };
    const struct sc_mcp_headers future = { "v9", "tools/list", NULL };
    const char *list = RPC("1", "tools/list", META);
    cr_assert(sc_value_get(ask_with(list, &good), "result"), "%s", out.text);
    refused(list, &no_version, -32020, 400, "MCP-Protocol-Version");
    refused(list, &other, -32020, 400, "MCP-Protocol-Version");
    refused(list, &no_method, -32020, 400, "Mcp-Method");
    refused(list, &shouted, -32020, 400, "Mcp-Method");
    refused(RPC("1", "tools/list", ""), &good, -32602, 400, "protocolVersion");
    refused(RPC("1", "tools/list", ""), &future, -32022, 400, "v9");
}

Test(mcp, the_name_header_is_the_tools)
{
    const char *call =
        RPC("1", "tools/call", "\"name\":\"echo\",\"arguments\":{\"text\":\"x\"}," META);
    const struct sc_mcp_headers good = { "2026-07-28", "tools/call", "  echo\t" };
    const struct sc_mcp_headers none = { "2026-07-28", "tools/call", NULL };
    const struct sc_mcp_headers other = { "2026-07-28", "tools/call", "hang" };
    cr_assert(sc_value_get(ask_with(call, &good), "result"), "%s", out.text);
    refused(call, &none, -32020, 400, "Mcp-Name");
    refused(call, &other, -32020, 400, "Mcp-Name");
}

/* --- the older ones --- */

static void handshake(const char *asked, const char *got)
{
    sc_auto_free char *frame = sc_xasprintf(
        RPC("1", "initialize", "\"protocolVersion\":\"%s\",\"capabilities\":{}"), asked);
    const struct sc_value *v = result(frame);
    cr_assert_str_eq(sc_value_get_str(v, "protocolVersion"), got);
    cr_assert(sc_value_get(sc_value_get(v, "capabilities"), "tools"));
    cr_assert_str_eq(sc_value_get_str(sc_value_get(v, "serverInfo"), "name"), "sideclaw");
    cr_assert_null(sc_value_get(v, "resultType"), "it is of a later revision");
}

Test(mcp, every_revision_with_a_handshake_is_spoken)
{
    handshake("2025-11-25", "2025-11-25");
    handshake("2025-06-18", "2025-06-18");
    handshake("2025-03-26", "2025-03-26");
    handshake("2024-11-05", "2024-11-05");
    handshake("1999-01-01", "2025-11-25");
    handshake("2026-07-28", "2025-11-25"); /* that one has none: our newest that has */
}

Test(mcp, a_notification_is_not_answered)
{
    take("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", NULL);
    cr_assert_eq(out.times, 1);
    cr_assert_eq(out.status, 202);
    cr_assert_null(out.text);
    take("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", NULL);
    cr_assert_eq(out.status, 202, "nor is an answer to what was never asked");
}

Test(mcp, an_old_client_may_look_for_the_new_ways_first)
{
    (void)result(RPC("0", "server/discover", META));
    handshake("2025-11-25", "2025-11-25");
    cr_assert_eq(sc_value_count(result(RPC("2", "ping", ""))), 0);
    cr_assert_null(sc_value_get(result(RPC("3", "tools/list", "")), "ttlMs"));
    refused(RPC("4", "resources/list", ""), NULL, -32601, 200, "resources/list");
}

Test(mcp, a_batch_is_answered_whole_where_there_are_batches)
{
    const char *batch = "[" RPC("1", "ping", "") ",{\"jsonrpc\":\"2.0\",\"method\":\"x\"},7," RPC(
        "2", "tools/call",
        "\"name\":\"echo\",\"arguments\":{\"text\":\"a\"}") "," RPC("3", "initialize", "") "]";
    refused(batch, NULL, -32600, 400, "no batches");
    handshake("2025-11-25", "2025-11-25");
    refused(batch, NULL, -32600, 400, "no batches");
    handshake("2025-03-26", "2025-03-26");
    const struct sc_value *v = ask_with(batch, NULL);
    cr_assert_eq(sc_value_count(v), 4, "%s", out.text);
    cr_assert(strstr(out.text, "-32600") && strstr(out.text, "stands in no batch"));
    refused("[]", NULL, -32600, 400, "1 to");
    take("[{\"jsonrpc\":\"2.0\",\"method\":\"x\"}]", NULL);
    cr_assert_eq(out.status, 202);
    const struct sc_mcp_headers old = { NULL, NULL, NULL }, newer = { "2025-06-18", NULL, NULL };
    cr_assert(sc_value_is_array(ask_with(batch, &old)));
    refused(batch, &newer, -32600, 400, "no batches");
}

/* --- what is no request --- */

Test(mcp, garbage_is_answered)
{
    refused("", NULL, -32700, 400, "JSON");
    refused("{", NULL, -32700, 400, "JSON");
    refused("7", NULL, -32600, 400, "object");
    refused("{}", NULL, -32600, 400, "jsonrpc");
    refused("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", NULL, -32600, 400, "jsonrpc");
    refused("{\"jsonrpc\":\"2.0\",\"id\":1}", NULL, -32600, 400, "method");
    refused("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", NULL, -32600, 400, "id");
    refused("{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", NULL, -32600, 400, "id");
    refused("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", NULL, -32602, 400,
            "params");
}

Test(mcp, what_quotes_a_stranger_is_text)
{
    const struct sc_mcp_headers odd = { "v\xff\xc3", NULL, NULL };
    sc_auto_free char *long_name = sc_xasprintf(
        RPC("1", "tools/call", "\"name\":\"%63s\u00e4\u00e4\"") "", "x"); /* cut inside of ä */
    refused(RPC("1", "tools/list", ""), &odd, -32022, 400, "v??");
    const struct sc_value *data = sc_value_get(sc_value_get(out.value, "error"), "data");
    cr_assert_str_eq(sc_value_get_str(data, "requested"), "v??");
    refused(long_name, NULL, -32602, 200, "x?");
}

/* --- tools --- */

Test(mcp, the_list_is_the_tables)
{
    const struct sc_value *v = result(RPC("1", "tools/list", META));
    const struct sc_value *tools = sc_value_get(v, "tools"), *t = sc_value_at(tools, 0);
    cr_assert_eq(sc_value_count(tools), 3, "a row without a tool is none");
    cr_assert_eq(sc_value_get_int(v, "ttlMs", 0) > 0, true);
    const struct sc_value *in = sc_value_get(t, "inputSchema"),
                          *outs = sc_value_get(t, "outputSchema");
    cr_assert_null(sc_value_get(sc_value_get(in, "properties"), "agent"), "who calls is bound");
    cr_assert(sc_value_get(sc_value_get(in, "properties"), "text"));
    cr_assert_eq(sc_value_count(sc_value_get(in, "required")), 1);
    cr_assert_eq(sc_value_get_bool(in, "additionalProperties", true), false);
    cr_assert_eq(sc_value_count(sc_value_get(outs, "required")), 2, "only what is always there");
    cr_assert_null(sc_value_get(outs, "properties"), "each of its words would cost tokens");
    const struct sc_value *hints = sc_value_get(t, "annotations");
    cr_assert(!sc_value_get_bool(hints, "destructiveHint", true));
    hints = sc_value_get(sc_value_at(tools, 1), "annotations");
    cr_assert(sc_value_get_bool(hints, "readOnlyHint", false));
    hints = sc_value_get(sc_value_at(tools, 2), "annotations");
    cr_assert(sc_value_get_bool(hints, "destructiveHint", false));
    cr_assert(sc_value_get_bool(hints, "idempotentHint", false));
}

static const char *first_text(const struct sc_value *tool_result)
{
    const struct sc_value *block = sc_value_at(sc_value_get(tool_result, "content"), 0);
    cr_assert_str_eq(sc_value_get_str(block, "type"), "text");
    return sc_value_get_str(block, "text");
}

Test(mcp, a_tool_is_called_in_the_agents_name)
{
    const struct sc_value *v =
        result(RPC("1", "tools/call", "\"name\":\"echo\",\"arguments\":{\"text\":\"hi\"}," META));
    const struct sc_value *s = sc_value_get(v, "structuredContent");
    cr_assert_str_eq(sc_value_get_str(s, "agent"), "jerry");
    cr_assert_str_eq(first_text(v), "{\"agent\":\"jerry\",\"text\":\"hi\"}");
    cr_assert_str_eq(sc_value_get_str(v, "resultType"), "complete");
    cr_assert_null(sc_value_get(v, "isError"));
}

Test(mcp, a_trace_comes_beside_the_arguments)
{
    const struct sc_value *v = result(RPC(
        "1", "tools/call",
        "\"name\":\"echo\",\"arguments\":{\"text\":\"x\"},\"_meta\":{\"traceparent\":\"00-1\"}"));
    cr_assert_str_eq(sc_value_get_str(sc_value_get(v, "structuredContent"), "trace"), "00-1");
    v = result(
        RPC("1", "tools/call", "\"name\":\"hang\",\"arguments\":{\"traceparent\":\"00-1\"}"));
    cr_assert(sc_value_get_bool(v, "isError", false), "that one has no such parameter");
    const struct sc_value *t =
        sc_value_at(sc_value_get(result(RPC("1", "tools/list", "")), "tools"), 0);
    cr_assert_null(
        sc_value_get(sc_value_get(sc_value_get(t, "inputSchema"), "properties"), "traceparent"));
}

static void fails(const char *params, const char *text)
{
    sc_auto_free char *frame = sc_xasprintf(
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{%s}}", params);
    const struct sc_value *v = result(frame);
    cr_assert(sc_value_get_bool(v, "isError", false), "%s", out.text);
    cr_assert_null(sc_value_get(v, "structuredContent"));
    cr_assert(strstr(first_text(v), text), "%s", first_text(v));
    cr_assert(strstr(first_text(v), "\nNext: "), "%s", first_text(v));
}

Test(mcp, a_failure_tells_the_model_what_to_do)
{
    fails("\"name\":\"echo\",\"arguments\":{\"text\":\"hi\",\"agent\":\"bobby\"}", "no other name");
    fails("\"name\":\"echo\",\"arguments\":{\"txt\":\"hi\"}", "did you mean text?");
    fails("\"name\":\"echo\"", "missing");
    fails("\"name\":\"echo\",\"arguments\":{\"text\":\"hi\",\"n\":10}", "between 1 and 9");
    fails("\"name\":\"drop\"", "redis is away");
    fails("\"name\":\"drop\",\"arguments\":{}", "call again in a minute");
}

Test(mcp, what_is_no_call_is_refused)
{
    refused(RPC("1", "tools/call", "\"name\":\"eco\""), NULL, -32602, 200, "did you mean echo?");
    refused(RPC("1", "tools/call", "\"name\":\"t.secret\""), NULL, -32602, 200, "Unknown tool");
    refused(RPC("1", "tools/call", ""), NULL, -32602, 200, "name");
    refused(RPC("1", "tools/call", "\"name\":\"echo\",\"arguments\":[]"), NULL, -32602, 200,
            "arguments");
}

Test(mcp, a_cancelled_call_is_abandoned_and_not_answered)
{
    cancelled = 0;
    take(RPC("\"h\"", "tools/call", "\"name\":\"hang\""), NULL);
    cr_assert_eq(out.times, 0);
    take(
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":7}}",
        NULL);
    cr_assert_eq(cancelled, 0, "that was another's number");
    take("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
         "\"params\":{\"requestId\":\"h\"}}",
         NULL);
    cr_assert_eq(cancelled, 1);
    cr_assert_eq(out.times, 2, "the call and the notification, both without a word");
    cr_assert_null(out.text);
}

Test(mcp, a_session_that_ends_abandons_what_runs)
{
    cancelled = 0;
    take(RPC("1", "tools/call", "\"name\":\"hang\""), NULL);
    sc_mcp_session_take(session, "{}", 2, NULL); /* its answer is on its way */
    sc_mcp_session_free(sc_steal(&session));
    fixture_turn(&f);
    cr_assert_eq(cancelled, 1);
    cr_assert_eq(out.times, 0);
}

/* --- the real table --- */

/* Method: bytes of the compact list by four. With o200k_base sixteen of the tools, 11,538 bytes,
 * are 2,763 tokens, 4.2 bytes each (cl100k_base: the same); so this errs on the high side. */
Test(mcp, the_tools_of_the_table_are_few_words)
{
    size_t n;
    const struct sc_op *table = sc_operations(&n);
    struct sc_mcp *real = sc_mcp_new(NULL, table, n);
    const struct sc_value *tools = sc_mcp_tools(real);
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_value_dump(tools, &text);
    cr_assert_gt(sc_value_count(tools), 0);
    cr_assert_lt(text.n / 4, 3000, "tools/list has about %zu tokens", text.n / 4);
    for (size_t i = 0; i < sc_value_count(tools); i++) {
        const struct sc_value *t = sc_value_at(tools, i);
        const char *name = sc_value_get_str(t, "name");
        cr_assert_leq(strlen(sc_value_get_str(t, "description")), 350, "%s", name);
        cr_assert_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name), "%s", name);
    }
    sc_mcp_free(real);
}
