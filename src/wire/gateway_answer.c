/* What a gateway's answers and events say. */
#include <stdlib.h>
#include <string.h>

#include "sideclaw/gateway_json.h"
#include "sideclaw/mem.h"
#include "sideclaw/openclaw_config.h"

enum { DEFAULT_TICK_MS = 30 * 1000, TICK_MIN_MS = 1000, TICK_MAX_MS = 3600 * 1000 };

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

/* Our strings end at a NUL; JSON's do not. */
static void add_text(struct sc_buf *out, const struct sc_value *v)
{
    const char *s = sc_value_text(v);
    size_t n = s ? sc_value_text_len(v) : 0;
    for (size_t i = 0; i < n;) {
        size_t len = strnlen(s + i, n - i);
        sc_buf_add(out, s + i, len);
        i += len;
        if (i < n) {
            sc_buf_adds(out, "\xEF\xBF\xBD");
            i++;
        }
    }
}

int sc_gw_challenge_read(const struct sc_gw_frame *f, const char **ret_nonce, int64_t *ret_ts,
                         struct sc_err *err)
{
    const char *nonce = sc_value_get_str(f->payload, "nonce");
    if (!nonce || !*nonce)
        return sc_fail(err, SC_EPROTO, "a challenge without a nonce");
    *ret_nonce = nonce;
    *ret_ts = sc_value_get_int(f->payload, "ts", 0);
    return SC_OK;
}

static bool is_accepting(const struct sc_value *suspension)
{
    const char *phase = sc_value_get_str(suspension, "phase");
    return !phase || strcmp(phase, "accepting") == 0;
}

int sc_gw_hello_read(const struct sc_gw_frame *f, struct sc_gw_hello *ret, struct sc_err *err)
{
    const struct sc_value *p = f->payload;
    const char *type = sc_value_get_str(p, "type");
    if (!type || strcmp(type, "hello-ok") != 0)
        return sc_fail(err, SC_EPROTO, "the answer to connect is no hello-ok");
    int64_t tick = sc_value_get_int(sc_value_get(p, "policy"), "tickIntervalMs", DEFAULT_TICK_MS);
    *ret = (struct sc_gw_hello){
        .version = or_empty(sc_value_get_str(sc_value_get(p, "server"), "version")),
        .boot = or_empty(sc_value_get_str(sc_value_get(p, "server"), "bootId")),
        .device_token = sc_value_get_str(sc_value_get(p, "auth"), "deviceToken"),
        .tick_ms = tick < TICK_MIN_MS || tick > TICK_MAX_MS ? DEFAULT_TICK_MS : tick,
        .accepting = is_accepting(sc_value_get(sc_value_get(p, "snapshot"), "suspension")),
    };
    return SC_OK;
}

bool sc_gw_suspension_accepting(const struct sc_gw_frame *f)
{
    return is_accepting(f->payload);
}

const char *sc_gw_shutdown_reason(const struct sc_gw_frame *f, int64_t *ret_ms)
{
    *ret_ms = sc_value_get_int(f->payload, "restartExpectedMs", -1);
    return or_empty(sc_value_get_str(f->payload, "reason"));
}

/* ---- runs ---- */

static bool has(const struct sc_value *p, const char *key)
{
    const struct sc_value *v = sc_value_get(p, key);
    return v && !sc_value_is_null(v);
}

/* "timeout" stands for three things: the run took too long, the gateway stopped it because it goes
 * away, or only our wait is over. The last carries nothing but the run id. */
static enum sc_gw_run_status timeout_status(const struct sc_value *p)
{
    if (sc_streq(sc_value_get_str(p, "timeoutPhase"), "gateway_draining"))
        return SC_GW_RUN_DRAINED;
    if (sc_value_get_bool(p, "pendingError", false))
        return SC_GW_RUN_UNKNOWN;
    bool over = has(p, "endedAt") || has(p, "error") || has(p, "stopReason") || has(p, "result");
    return over ? SC_GW_RUN_TIMEOUT : SC_GW_RUN_UNKNOWN;
}

/* The reply as agent.wait tells it, else as the second answer to agent does. */
static void add_reply(struct sc_buf *out, const struct sc_value *p)
{
    const struct sc_value *reply = sc_value_get(sc_value_get(p, "terminalReply"), "text");
    if (sc_value_is_str(reply)) {
        add_text(out, reply);
        return;
    }
    const struct sc_value *parts = sc_value_get(sc_value_get(p, "result"), "payloads");
    for (size_t i = 0; i < sc_value_count(parts); i++) {
        const struct sc_value *text = sc_value_get(sc_value_at(parts, i), "text");
        if (!sc_value_is_str(text))
            continue;
        if (out->n)
            sc_buf_addc(out, '\n');
        add_text(out, text);
    }
}

static void add_reason(struct sc_buf *out, const struct sc_gw_frame *f)
{
    const struct sc_value *e = sc_value_get(f->payload, "error");
    add_text(out, sc_value_is_object(e) ? sc_value_get(e, "message") : e);
    if (!out->n)
        sc_buf_adds(out, f->error.message);
    if (!out->n)
        add_text(out, sc_value_get(f->payload, "summary"));
}

int sc_gw_run_read(const struct sc_gw_frame *f, enum sc_gw_run_status *ret_status, char **ret_text,
                   struct sc_err *err)
{
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    const char *s = or_empty(sc_value_get_str(f->payload, "status"));
    enum sc_gw_run_status status = SC_GW_RUN_UNKNOWN;
    if (strcmp(s, "error") == 0)
        status = SC_GW_RUN_ERROR; /* also of an answer that is not ok: a run that ended badly */
    else if (!f->ok)
        status = SC_GW_RUN_REFUSED;
    else if (strcmp(s, "accepted") == 0 || strcmp(s, "in_flight") == 0 || strcmp(s, "pending") == 0)
        status = SC_GW_RUN_ACCEPTED;
    else if (strcmp(s, "ok") == 0)
        status = SC_GW_RUN_OK;
    else if (strcmp(s, "timeout") == 0)
        status = timeout_status(f->payload);
    else
        return sc_fail(err, SC_EPROTO, "a run with the status \"%.32s\"", s);
    if (status == SC_GW_RUN_OK)
        add_reply(&text, f->payload);
    else
        add_reason(&text, f);
    *ret_status = status;
    *ret_text = sc_buf_steal(&text);
    return SC_OK;
}

void sc_gw_run_event_read(const struct sc_gw_frame *f, struct sc_gw_run_event *ret)
{
    const struct sc_value *p = f->payload;
    const char *phase = sc_value_get_str(sc_value_get(p, "data"), "phase");
    const char *state = or_empty(sc_value_get_str(p, "state"));
    *ret = (struct sc_gw_run_event){
        .run_id = or_empty(sc_value_get_str(p, "runId")),
        .session_key = or_empty(sc_value_get_str(p, "sessionKey")),
        .started = f->event == SC_GW_EV_AGENT && sc_streq(phase, "start"),
        .ended = f->event == SC_GW_EV_CHAT &&
                 (strcmp(state, "final") == 0 || strcmp(state, "error") == 0 ||
                  strcmp(state, "aborted") == 0),
    };
}

enum sc_gw_http_status sc_gw_http_status_read(const char *body, size_t n)
{
    sc_auto_value struct sc_value *v = sc_value_parse(body, n, NULL);
    const char *s = or_empty(sc_value_get_str(v, "status"));
    return strcmp(s, "live") == 0       ? SC_GW_HTTP_LIVE
           : strcmp(s, "started") == 0  ? SC_GW_HTTP_STARTED
           : strcmp(s, "starting") == 0 ? SC_GW_HTTP_STARTING
           : strcmp(s, "draining") == 0 ? SC_GW_HTTP_DRAINING
                                        : SC_GW_HTTP_UNKNOWN;
}

/* ---- agents, skills, channels ---- */

int sc_gw_agents_read(const struct sc_gw_frame *f, sc_gw_agent_fn *fn, void *ctx,
                      struct sc_err *err)
{
    const struct sc_value *list = sc_value_get(f->payload, "agents");
    if (!sc_value_is_array(list))
        return sc_fail(err, SC_EPROTO, "agents.list without agents");
    for (size_t i = 0; i < sc_value_count(list); i++) {
        const struct sc_value *a = sc_value_at(list, i);
        const char *id = sc_value_get_str(a, "id");
        const char *name = sc_value_get_str(a, "name");
        if (id && !sc_streq(sc_value_get_str(a, "kind"), "system"))
            fn(ctx, id, name ? name : id);
    }
    return SC_OK;
}

static bool is_own_skill(const struct sc_value *s)
{
    return sc_value_get_bool(s, "eligible", false) && !sc_value_get_bool(s, "disabled", false) &&
           !sc_value_get_bool(s, "bundled", false) &&
           !sc_value_get_bool(s, "blockedByAllowlist", false) &&
           !sc_value_get_bool(s, "blockedByAgentFilter", false);
}

void sc_gw_skills_read(const struct sc_gw_frame *f, size_t max, struct sc_strv *ret)
{
    const struct sc_value *list = sc_value_get(f->payload, "skills");
    for (size_t i = 0; i < sc_value_count(list) && ret->n < max; i++) {
        const struct sc_value *s = sc_value_at(list, i);
        const char *name = sc_value_get_str(s, "name");
        if (name && !sc_streq(name, SC_OPENCLAW_SKILL) && is_own_skill(s) &&
            !sc_strv_has(ret, name))
            sc_strv_add(ret, name);
    }
}

void sc_gw_bindings_read(const struct sc_gw_frame *f, sc_gw_binding_fn *fn, void *ctx)
{
    const struct sc_value *list = sc_value_get(sc_value_get(f->payload, "resolved"), "bindings");
    for (size_t i = 0; i < sc_value_count(list); i++) {
        const struct sc_value *b = sc_value_at(list, i);
        const char *agent = sc_value_get_str(b, "agentId");
        const char *channel = sc_value_get_str(sc_value_get(b, "match"), "channel");
        if (agent && channel && strcmp(channel, "*") != 0)
            fn(ctx, agent, channel);
    }
}
