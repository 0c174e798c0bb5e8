/* What we ask a gateway. */
#include "sideclaw/gateway_json.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "sideclaw/mem.h"

enum { PROTOCOL = 4, HISTORY_ROWS = 100, HISTORY_CHARS = 500000 /* the most the gateway allows */ };

/* `cli` is an operator's own program. The alternative `gateway-client`/`backend` keeps its scopes
 * with the shared token alone, but is reserved for OpenClaw's helpers: so it is the fallback only.
 */
#define DEVICE_CLIENT "cli"
#define DEVICE_MODE "cli"
#define TOKEN_CLIENT "gateway-client"
#define TOKEN_MODE "backend"
#define ROLE "operator"
#define PLATFORM "linux"

static const char *const scopes[] = { "operator.read", "operator.write", "operator.admin" };

static struct sc_value *frame(int64_t id, const char *method)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, id);
    struct sc_value *f = sc_value_object();
    sc_value_set_str(f, "type", "req");
    sc_value_set_str(f, "id", text);
    sc_value_set_str(f, "method", method);
    return f;
}

static void finish(struct sc_buf *out, struct sc_value *take_frame, struct sc_value *take_params)
{
    sc_value_set(take_frame, "params", take_params);
    sc_value_dump(take_frame, out);
    sc_value_free(take_frame);
}

static struct sc_value *client(bool device)
{
    struct sc_value *c = sc_value_object();
    sc_value_set_str(c, "id", device ? DEVICE_CLIENT : TOKEN_CLIENT);
    sc_value_set_str(c, "displayName", "sideclaw");
    sc_value_set_str(c, "version", SC_VERSION);
    sc_value_set_str(c, "platform", PLATFORM);
    sc_value_set_str(c, "mode", device ? DEVICE_MODE : TOKEN_MODE);
    return c;
}

static struct sc_value *device_value(const struct sc_gw_device_proof *d)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "id", d->device_id);
    sc_value_set_str(v, "publicKey", d->public_key);
    sc_value_set_str(v, "signature", d->signature);
    sc_value_set_str(v, "nonce", d->nonce);
    sc_value_set_int(v, "signedAt", d->signed_at);
    return v;
}

void sc_gw_write_connect(struct sc_buf *out, int64_t id, const char *token,
                         const struct sc_gw_device_proof *device)
{
    struct sc_value *p = sc_value_object();
    struct sc_value *want = sc_value_array();
    struct sc_value *caps = sc_value_array();
    struct sc_value *auth = sc_value_object();
    for (size_t i = 0; i < SC_ARRAY_LEN(scopes); i++)
        sc_value_add_str(want, scopes[i]);
    sc_value_add_str(caps, "agent-kind");
    if (token)
        sc_value_set_str(auth, "token", token);
    sc_value_set_int(p, "minProtocol", PROTOCOL);
    sc_value_set_int(p, "maxProtocol", PROTOCOL);
    sc_value_set_str(p, "role", ROLE);
    sc_value_set(p, "scopes", want);
    sc_value_set(p, "caps", caps);
    sc_value_set(p, "auth", auth);
    sc_value_set(p, "client", client(device != NULL));
    if (device)
        sc_value_set(p, "device", device_value(device));
    finish(out, frame(id, "connect"), p);
}

void sc_gw_device_text(struct sc_buf *out, const char *device_id, const char *token,
                       const char *nonce, int64_t signed_at)
{
    sc_buf_addf(out, "v3|%s|%s|%s|%s|", device_id, DEVICE_CLIENT, DEVICE_MODE, ROLE);
    for (size_t i = 0; i < SC_ARRAY_LEN(scopes); i++)
        sc_buf_addf(out, "%s%s", i ? "," : "", scopes[i]);
    /* The last, empty field is the device family, which we do not set. */
    sc_buf_addf(out, "|%" PRId64 "|%s|%s|%s|", signed_at, token ? token : "", nonce, PLATFORM);
}

/* Names come from other gateways and end up in a system prompt and in a key: only what a name may
 * hold gets through. */
static void add_name(struct sc_buf *out, const char *name)
{
    for (const char *s = name ? name : ""; *s; s++)
        sc_buf_addc(out, isalnum((unsigned char)*s) || strchr("._-", *s) ? *s : '-');
}

char *sc_gw_session_key(const char *agent, const char *from_gateway, const char *from_agent)
{
    struct sc_buf b = SC_BUF_INIT;
    sc_buf_adds(&b, "agent:");
    add_name(&b, agent);
    sc_buf_adds(&b, ":mesh:");
    add_name(&b, from_gateway);
    sc_buf_addc(&b, ':');
    add_name(&b, from_agent);
    for (size_t i = 0; i < b.n; i++)
        b.p[i] = (char)tolower((unsigned char)b.p[i]);
    return sc_buf_steal(&b);
}

static struct sc_value *provenance(const struct sc_gw_run *run)
{
    sc_auto_buf struct sc_buf source = SC_BUF_INIT;
    sc_buf_adds(&source, "agent:");
    add_name(&source, run->from_agent);
    sc_buf_adds(&source, ":mesh:");
    add_name(&source, run->from_gateway);
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "kind", "inter_session");
    sc_value_set_str(v, "sourceSessionKey", sc_buf_str(&source));
    sc_value_set_str(v, "sourceChannel", "mesh");
    return v;
}

/* In the system prompt, so that the message itself stays as it was sent. */
static void add_sender(struct sc_buf *out, const struct sc_gw_run *run)
{
    sc_buf_adds(out, "The message comes from the agent \"");
    add_name(out, run->from_agent);
    sc_buf_adds(out, "\" on the OpenClaw gateway \"");
    add_name(out, run->from_gateway);
    sc_buf_adds(out, "\", not from a person. Your answer is sent back to that agent.");
}

void sc_gw_write_agent(struct sc_buf *out, int64_t id, const struct sc_gw_run *run)
{
    sc_auto_buf struct sc_buf sender = SC_BUF_INIT;
    add_sender(&sender, run);
    struct sc_value *p = sc_value_object();
    sc_value_set_str(p, "agentId", run->agent);
    sc_value_set_str(p, "sessionKey", run->session_key);
    sc_value_set_str(p, "message", run->message);
    sc_value_set_str(p, "idempotencyKey", run->run_id);
    sc_value_set_bool(p, "deliver", false);
    sc_value_set(p, "inputProvenance", provenance(run));
    sc_value_set_str(p, "extraSystemPrompt", sc_buf_str(&sender));
    if (run->timeout_s)
        sc_value_set_int(p, "timeout", run->timeout_s);
    struct sc_value *f = frame(id, "agent");
    if (run->traceparent)
        sc_value_set_str(f, "traceparent", run->traceparent);
    finish(out, f, p);
}

void sc_gw_write_wait(struct sc_buf *out, int64_t id, const char *run_id, int64_t timeout_ms)
{
    struct sc_value *p = sc_value_object();
    sc_value_set_str(p, "runId", run_id);
    sc_value_set_int(p, "timeoutMs", timeout_ms);
    finish(out, frame(id, "agent.wait"), p);
}

void sc_gw_write_history(struct sc_buf *out, int64_t id, const char *session_key)
{
    struct sc_value *p = sc_value_object();
    sc_value_set_str(p, "sessionKey", session_key);
    sc_value_set_int(p, "limit", HISTORY_ROWS);
    sc_value_set_int(p, "maxChars", HISTORY_CHARS);
    finish(out, frame(id, "chat.history"), p);
}

void sc_gw_write_request(struct sc_buf *out, int64_t id, const char *method,
                         struct sc_value *take_params)
{
    finish(out, frame(id, method), take_params);
}

void sc_gw_write_call(struct sc_buf *out, int64_t id, const char *method, const char *agent)
{
    struct sc_value *p = sc_value_object();
    if (agent)
        sc_value_set_str(p, "agentId", agent);
    finish(out, frame(id, method), p);
}
