/* gateway_json.h: the frames of OpenClaw's gateway protocol, version 4: requests out, answers and
 * events in, as plain values. The JSON stops here; what they mean is store/gateway_*.c.
 * Source: OPENCLAW.md 4a, and what OpenClaw 2026.9.6 was seen to send (tests/unit/wire). */
#ifndef SIDECLAW_GATEWAY_JSON_H
#define SIDECLAW_GATEWAY_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/agent.h"
#include "sideclaw/buf.h"
#include "sideclaw/err.h"
#include "sideclaw/value.h"

/* ---- requests: each appends one frame; id is ours and comes back with the answer ---- */

/* How we prove who we are: with a device key, or with the shared token alone. */
struct sc_gw_device_proof {
    const char *device_id;  /* hex SHA-256 of the public key */
    const char *public_key; /* base64url */
    const char *signature;  /* base64url, over sc_gw_device_text */
    const char *nonce;      /* the challenge's */
    int64_t signed_at;      /* the challenge's ts */
};
/* token and device may be NULL. */
void sc_gw_write_connect(struct sc_buf *out, int64_t id, const char *token,
                         const struct sc_gw_device_proof *device);
/* The text a device signs; token may be NULL. */
void sc_gw_device_text(struct sc_buf *out, const char *device_id, const char *token,
                       const char *nonce, int64_t signed_at);

struct sc_gw_run {
    const char *run_id; /* idempotency key and run id */
    const char *agent;
    const char *session_key;
    const char *from_agent;
    const char *from_gateway;
    const char *message;
    const char *traceparent; /* NULL when absent */
    unsigned timeout_s;
};
void sc_gw_write_agent(struct sc_buf *out, int64_t id, const struct sc_gw_run *run);
void sc_gw_write_wait(struct sc_buf *out, int64_t id, const char *run_id, int64_t timeout_ms);
void sc_gw_write_history(struct sc_buf *out, int64_t id, const char *session_key);
/* Any method without parameters, or with {"agentId": agent} when agent is not NULL. */
void sc_gw_write_call(struct sc_buf *out, int64_t id, const char *method, const char *agent);
void sc_gw_write_request(struct sc_buf *out, int64_t id, const char *method,
                         struct sc_value *take_params);

/* The one session an agent keeps for one remote peer: agent:<agent>:mesh:<gateway>:<peer>, in the
 * lower case the gateway stores it in. The caller frees. */
char *sc_gw_session_key(const char *agent, const char *from_gateway, const char *from_agent);

/* ---- frames ---- */

enum sc_gw_frame_type { SC_GW_ANSWER, SC_GW_EVENT, SC_GW_OTHER };

enum sc_gw_event {
    SC_GW_EV_OTHER,
    SC_GW_EV_CHALLENGE,
    SC_GW_EV_AGENT, /* a run's lifecycle and text */
    SC_GW_EV_CHAT,  /* a run's text, for its session */
    SC_GW_EV_CONFIG_CHANGED,
    SC_GW_EV_SKILLS_CHANGED,
    SC_GW_EV_SHUTDOWN,
    SC_GW_EV_SUSPENSION
};

/* Every string is borrowed from the frame and never NULL. */
struct sc_gw_error {
    const char *code;    /* INVALID_REQUEST, UNAVAILABLE, ... */
    const char *message; /* the gateway's words */
    const char *detail;  /* details.code: AUTH_TOKEN_MISMATCH, ... */
    const char *reason;  /* details.reason: startup-sidecars, gateway-suspending, ... */
    bool retryable;
};

struct sc_gw_frame {
    enum sc_gw_frame_type type;
    int64_t id; /* of the answer; 0 when it is none of ours */
    bool ok;
    struct sc_gw_error error; /* empty texts when there is none */
    enum sc_gw_event event;
    struct sc_value *root;
    const struct sc_value *payload; /* borrowed from root; may be NULL */
};
/* SC_EPROTO when it is not JSON or not shaped like a frame. Unknown types and fields are ignored.
 */
int sc_gw_frame_parse(const char *text, size_t n, struct sc_gw_frame *ret,
                      struct sc_err *err) SC_MUST_CHECK;
void sc_gw_frame_fini(struct sc_gw_frame *f);

/* ---- what frames carry; strings are borrowed from the frame unless said otherwise ---- */

/* connect.challenge. */
int sc_gw_challenge_read(const struct sc_gw_frame *f, const char **ret_nonce, int64_t *ret_ts,
                         struct sc_err *err) SC_MUST_CHECK;

/* The answer to connect. */
struct sc_gw_hello {
    const char *version;
    const char *boot;         /* of this life of the gateway; "" when it does not say */
    const char *device_token; /* NULL when none was given */
    int64_t tick_ms;
    bool accepting; /* not suspended */
};
int sc_gw_hello_read(const struct sc_gw_frame *f, struct sc_gw_hello *ret,
                     struct sc_err *err) SC_MUST_CHECK;

/* The answers to agent and agent.wait. */
enum sc_gw_run_status {
    SC_GW_RUN_ACCEPTED, /* it runs, or is queued */
    SC_GW_RUN_OK,       /* text is the reply */
    SC_GW_RUN_ERROR,    /* text is the reason */
    SC_GW_RUN_TIMEOUT,  /* the run took too long; text says so */
    SC_GW_RUN_DRAINED,  /* stopped because the gateway goes away: it continues after the restart */
    SC_GW_RUN_UNKNOWN,  /* not over, or no such run: the gateway does not tell these apart */
    SC_GW_RUN_REFUSED   /* the request itself was refused: see the frame's error */
};
/* ret_text is the caller's; "" when there is none. NULs in it became U+FFFD. */
int sc_gw_run_read(const struct sc_gw_frame *f, enum sc_gw_run_status *ret_status, char **ret_text,
                   struct sc_err *err) SC_MUST_CHECK;

/* The answer to chat.history: what became of the run with that id? */
struct sc_gw_history {
    bool asked;    /* its message is in the session */
    bool active;   /* a run is going on there */
    bool answered; /* text is the answer */
    bool failed;   /* text is the reason */
    size_t rows;   /* of the session, of whatever kind */
    char *text;    /* the caller's; NULL when neither */
};
int sc_gw_history_read(const struct sc_gw_frame *f, const char *run_id, struct sc_gw_history *ret,
                       struct sc_err *err) SC_MUST_CHECK;

/* The answer to agents.list, system agents left out. */
typedef void sc_gw_agent_fn(void *ctx, const char *id, const char *name);
int sc_gw_agents_read(const struct sc_gw_frame *f, sc_gw_agent_fn *fn, void *ctx,
                      struct sc_err *err) SC_MUST_CHECK;
/* The answer to skills.status: skills that work and were given to this agent; the fifty that every
 * gateway brings along, and the one that comes with us, say nothing about it. Adds at most `max`.
 */
void sc_gw_skills_read(const struct sc_gw_frame *f, size_t max, struct sc_strv *ret);
/* The answer to config.get: which agent is bound to which channel. */
typedef void sc_gw_binding_fn(void *ctx, const char *agent, const char *channel);
void sc_gw_bindings_read(const struct sc_gw_frame *f, sc_gw_binding_fn *fn, void *ctx);

/* The events agent and chat. */
struct sc_gw_run_event {
    const char *run_id;
    const char *session_key;
    bool started; /* the model begins */
    bool ended;   /* the last text of the run was sent, or it failed */
};
void sc_gw_run_event_read(const struct sc_gw_frame *f, struct sc_gw_run_event *ret);

/* gateway.suspension: does it take work again? */
bool sc_gw_suspension_accepting(const struct sc_gw_frame *f);
/* shutdown: ret_ms is when it means to be back, -1 when it does not. */
const char *sc_gw_shutdown_reason(const struct sc_gw_frame *f, int64_t *ret_ms);

/* ---- GET /healthz and /startupz ---- */

enum sc_gw_http_status {
    SC_GW_HTTP_UNKNOWN, /* not an answer we know */
    SC_GW_HTTP_LIVE,
    SC_GW_HTTP_STARTED,
    SC_GW_HTTP_STARTING,
    SC_GW_HTTP_DRAINING
};
enum sc_gw_http_status sc_gw_http_status_read(const char *body, size_t n);

/* ---- what the gateway says of itself (wire/gateway_health.c) ---- */

/* Each appends what is wrong to `out`, one thing after another with "; " between, and returns how
 * many there are (of many only the first are written); -1 when the text is not such an answer. */
int sc_gw_readyz_read(const char *body, size_t n, struct sc_buf *out);
/* The answer to channels.status: accounts that are configured and do not run, or say an error. */
int sc_gw_channels_read(const struct sc_gw_frame *f, struct sc_buf *out);
/* The answer to models.authStatus: providers whose login is missing or over. */
int sc_gw_models_read(const struct sc_gw_frame *f, struct sc_buf *out);

#endif
