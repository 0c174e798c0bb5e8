/* gateway_fixture.h: a gateway that follows a script, an adapter that talks to it, and everything
 * the adapter reports as lines of text. */
#ifndef GATEWAY_FIXTURE_H
#define GATEWAY_FIXTURE_H

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "../../../src/store/gateway_ws_internal.h"
#include "sideclaw/file.h"
#include "sideclaw/parse.h"
#include "sideclaw/value.h"
#include "ws_server.h"

#define TOKEN "s3cret-token"

/* What is answered to a method: a payload, or an error after '!'; NULL or "" for silence. @KEY@ is
 * the run id of the request. "agent.2" is the second answer to agent. */
struct line {
    const char *method;
    const char *answer;
    unsigned seen;
    struct sc_value *last; /* the last request, whole */
};

struct fix {
    struct sc_loop *loop;
    struct sc_http_client *http;
    struct ws_server server;
    struct sc_gateway_ws *gw;
    struct sc_gateway port;
    char dir[64];
    struct sc_buf news; /* what the adapter reported */
    bool device_auth;
    const char *token;
    struct line script[16];
    const char *healthz, *startupz;
    const char *greeting;
};

#define HELLO HELLO_OF("boot-1")
/* Of another life of the gateway, which has forgotten all runs. */
#define HELLO_OF(boot)                                                                             \
    "{\"type\":\"hello-ok\",\"protocol\":4,\"server\":{\"version\":\"2026.9.6\",\"bootId\":"       \
    "\"" boot "\"},"                                                                               \
    "\"snapshot\":{\"suspension\":{\"phase\":\"accepting\"}},\"auth\":{\"deviceToken\":\"dt-1\"}," \
    "\"policy\":{\"tickIntervalMs\":1000}}"
#define ACCEPTED "{\"runId\":\"@KEY@\",\"status\":\"accepted\"}"
#define WAIT_OK                                                                                    \
    "{\"runId\":\"@KEY@\",\"status\":\"ok\",\"terminalReply\":{\"disposition\":\"visible\","       \
    "\"text\":\"echo\"}}"
#define WAIT_UNKNOWN "{\"runId\":\"@KEY@\",\"status\":\"timeout\"}"
#define UNAVAILABLE(reason)                                                                        \
    "!{\"code\":\"UNAVAILABLE\",\"message\":\"not now\",\"retryable\":true,\"details\":"           \
    "{\"reason\":\"" reason "\"}}"

static inline struct line *line_of(struct fix *f, const char *method)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(f->script); i++) {
        struct line *l = &f->script[i];
        if (!l->method)
            l->method = method;
        if (strcmp(l->method, method) == 0)
            return l;
    }
    cr_assert_fail("the script is full");
    return NULL;
}

static inline void script(struct fix *f, const char *method, const char *answer)
{
    line_of(f, method)->answer = answer;
}

static inline unsigned seen(struct fix *f, const char *method)
{
    return line_of(f, method)->seen;
}

static inline const struct sc_value *params(struct fix *f, const char *method)
{
    return sc_value_get(line_of(f, method)->last, "params");
}

static inline void replace_key(struct sc_buf *out, const char *text, const char *key)
{
    for (const char *hole; (hole = strstr(text, "@KEY@")); text = hole + 5) {
        sc_buf_add(out, text, (size_t)(hole - text));
        sc_buf_adds(out, key);
    }
    sc_buf_adds(out, text);
}

static inline void respond(struct ws_conn *c, const char *id, const char *answer, const char *key)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    bool ok = *answer != '!';
    sc_buf_addf(&out, "{\"type\":\"res\",\"id\":\"%s\",\"ok\":%s,\"%s\":", id,
                ok ? "true" : "false", ok ? "payload" : "error");
    replace_key(&out, answer + !ok, key);
    sc_buf_addc(&out, '}');
    conn_send_text(c, sc_buf_str(&out));
}

/* An event to the adapter. */
static inline void event(struct fix *f, const char *name, const char *payload)
{
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    sc_buf_addf(&out, "{\"type\":\"event\",\"event\":\"%s\",\"payload\":%s}", name, payload);
    conn_send_text(f->server.last, sc_buf_str(&out));
}

static inline void gw_opened(void *ctx, struct ws_conn *c)
{
    struct fix *f = ctx;
    if (f->greeting)
        conn_send_text(c, f->greeting);
}

static inline void gw_request(void *ctx, struct ws_conn *c, const char *text, size_t n)
{
    struct fix *f = ctx;
    sc_auto_value struct sc_value *req = sc_value_parse(text, n, NULL);
    const struct sc_value *p = sc_value_get(req, "params");
    const char *id = sc_value_get_str(req, "id");
    const char *key = sc_value_get_str(p, "idempotencyKey");
    key = key ? key : sc_value_get_str(p, "runId");
    struct line *l = NULL;
    for (size_t i = 0; !l && i < SC_ARRAY_LEN(f->script) && f->script[i].method; i++)
        if (strcmp(f->script[i].method, sc_value_get_str(req, "method")) == 0)
            l = &f->script[i];
    cr_assert_not_null(l, "no line for %s", sc_value_get_str(req, "method"));
    l->seen++;
    sc_value_free(l->last);
    l->last = sc_value_ref(req);
    if (l->answer && *l->answer)
        respond(c, id, l->answer, key ? key : "");
    const char *second = line_of(f, "agent.2")->answer;
    if (strcmp(l->method, "agent") == 0 && second)
        respond(c, id, second, key);
}

static inline const char *gw_get(void *ctx, const char *path)
{
    struct fix *f = ctx;
    return strcmp(path, "/healthz") == 0 ? f->healthz : f->startupz;
}

static inline void on_state(void *ctx, enum sc_gateway_state s, const char *detail,
                            const char *remedy)
{
    struct fix *f = ctx;
    sc_buf_addf(&f->news, "state %s: %s [%s]\n", sc_gateway_state_name(s), detail, remedy);
}

static inline void on_agents(void *ctx, const struct sc_gateway_agent *agents, size_t n)
{
    struct fix *f = ctx;
    sc_buf_adds(&f->news, "agents");
    for (size_t i = 0; i < n; i++) {
        sc_buf_addf(&f->news, " %s(", agents[i].id);
        for (size_t k = 0; k < agents[i].capabilities.n; k++)
            sc_buf_addf(&f->news, "%s%s", k ? "," : "", agents[i].capabilities.v[k]);
        sc_buf_addc(&f->news, ')');
    }
    sc_buf_addc(&f->news, '\n');
}

static inline void on_turn(void *ctx, const struct sc_id *id, enum sc_turn_event ev,
                           const char *text)
{
    static const char *const names[] = {
        "accepted", "started", "replied", "failed", "lost", "again"
    };
    struct fix *f = ctx;
    sc_buf_addf(&f->news, "turn %u %s: %s\n", id->b[15], names[ev], text);
}

static inline void init(struct fix *f)
{
    *f = (struct fix){ .loop = sc_loop_new(NULL), .device_auth = true, .token = TOKEN };
    cr_assert_eq(sc_crypto_init(NULL), SC_OK);
    f->http = sc_http_client_new(f->loop, NULL);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/sc-gateway-XXXXXX");
    cr_assert_not_null(mkdtemp(f->dir));
    f->server.opened = gw_opened;
    f->server.text = gw_request;
    f->server.get = gw_get;
    f->server.ctx = f;
    f->healthz = "200 {\"ok\":true,\"status\":\"live\"}";
    f->startupz = "200 {\"ok\":true,\"status\":\"started\"}";
    f->greeting = "{\"type\":\"event\",\"event\":\"connect.challenge\",\"payload\":"
                  "{\"nonce\":\"n-1\",\"ts\":1795225183338}}";
    script(f, "connect", HELLO);
    script(f, "agents.list",
           "{\"agents\":[{\"id\":\"main\",\"kind\":\"system\"},"
           "{\"id\":\"jerry\",\"kind\":\"agent\",\"name\":\"Jerry\"}]}");
    script(f, "config.get", "{\"resolved\":{\"bindings\":[]}}");
    script(f, "skills.status", "{\"skills\":[]}");
    script(f, "agent", ACCEPTED);
    script(f, "agent.wait", WAIT_OK);
    script(f, "chat.history", "{\"messages\":[]}");
    script(f, "health", "{}");
    server_listen(&f->server, f->loop, 0);
}

static inline void make(struct fix *f)
{
    struct sc_err err = SC_ERR_INIT;
    sc_auto_free char *url = sc_xasprintf("ws://127.0.0.1:%u", (unsigned)f->server.port);
    struct sc_gateway_ws_deps deps = {
        .loop = f->loop,
        .clock = sc_clock_system(),
        .http = f->http,
        .events = { .ctx = f, .state = on_state, .agents = on_agents, .turn = on_turn },
        .url = url,
        .token = f->token,
        .device_auth = f->device_auth,
        .state_dir = f->dir,
        .self_name = "gw-a",
        .start_grace_ms = 1000,
    };
    f->gw = sc_gateway_ws_new(&deps, &err);
    cr_assert_not_null(f->gw, "%s", err.text);
    f->port = sc_gateway_ws_port(f->gw);
    f->gw->timing = (struct gw_timing){ .connect = 200,
                                        .retry_min = 10,
                                        .retry_max = 20,
                                        .retry_starting = 10,
                                        .retry_refused = 20,
                                        .good_connection = 10000,
                                        .probe_timeout = 200,
                                        .agents_retry = 20,
                                        .config_settle = 10,
                                        .skills_settle = 10,
                                        .wait_again = 20,
                                        .ask = 100,
                                        .poll = 30,
                                        .poll_settle = 5 };
}

static inline void start(struct fix *f)
{
    make(f);
    sc_gateway_ws_start(f->gw);
}

static inline bool told(const struct fix *f, const char *text)
{
    return strstr(sc_buf_str(&f->news), text) != NULL;
}

/* Waits for a line; what came before it stays to be looked at. */
#define until_told(f, text) until((f)->loop, told((f), (text)))

static inline void start_ready(struct fix *f)
{
    start(f);
    until_told(f, "state ready");
    until(f->loop, seen(f, "skills.status") && !f->gw->agents.busy);
    sc_buf_clear(&f->news);
}

static inline struct sc_turn make_turn(uint8_t n, bool resume, unsigned timeout_s)
{
    struct sc_turn t = { .agent = "jerry",
                         .from_agent = "Bobby",
                         .from_gateway = "gw-B",
                         .body = "hi",
                         .traceparent = "00-trace-01",
                         .timeout_s = timeout_s,
                         .resume = resume };
    t.id.b[15] = n;
    return t;
}

static inline int run_turn(struct fix *f, uint8_t n, bool resume, unsigned timeout_s)
{
    struct sc_err err = SC_ERR_INIT;
    const struct sc_turn t = make_turn(n, resume, timeout_s);
    return f->port.ops->run(f->port.impl, &t, &err);
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline void stop(struct fix *f)
{
    if (!f->gw)
        return;
    sc_gateway_ws_close(f->gw);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(sc_loop_turn(f->loop, 10, NULL), SC_OK);
    sc_gateway_ws_free(sc_steal(&f->gw));
}

static inline void fini(struct fix *f)
{
    stop(f);
    server_down(&f->server);
    sc_http_client_close(f->http);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(sc_loop_turn(f->loop, 0, NULL), SC_OK);
    sc_http_client_free(f->http);
    for (size_t i = 0; i < SC_ARRAY_LEN(f->script); i++)
        sc_value_free(f->script[i].last);
    sc_buf_fini(&f->news);
    (void)nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    sc_loop_free(f->loop);
}

#endif
