/* gateway_ws.h: the gateway port over OpenClaw's WebSocket protocol, version 4. */
#ifndef SIDECLAW_GATEWAY_WS_H
#define SIDECLAW_GATEWAY_WS_H

#include <stdbool.h>
#include <stdint.h>

#include "sideclaw/checks.h"
#include "sideclaw/clock.h"
#include "sideclaw/err.h"
#include "sideclaw/gateway.h"
#include "sideclaw/gateway_admin.h"
#include "sideclaw/histogram.h"
#include "sideclaw/http_client.h"
#include "sideclaw/log.h"
#include "sideclaw/loop.h"

/* All borrowed; must outlive the adapter. */
struct sc_gateway_ws_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    struct sc_http_client *http; /* for /healthz and /startupz */
    struct sc_gateway_events events;
    const char *url;        /* ws://host:port[/path] */
    const char *token;      /* NULL when none is configured */
    bool device_auth;       /* log in with the Ed25519 device key (default) */
    const char *state_dir;  /* holds device.key (0600) and device.token */
    const char *self_name;  /* our gateway's name in the mesh */
    int64_t start_grace_ms; /* STARTING is not an error for that long */
};

struct sc_gateway_ws;
struct sc_gateway_ws *sc_gateway_ws_new(const struct sc_gateway_ws_deps *deps, struct sc_err *err);
struct sc_gateway sc_gateway_ws_port(struct sc_gateway_ws *g);
struct sc_gateway_admin sc_gateway_ws_admin(struct sc_gateway_ws *g);
void sc_gateway_ws_start(struct sc_gateway_ws *g);
/* Use another token from the next connection on (SIGHUP). */
void sc_gateway_ws_set_token(struct sc_gateway_ws *g, const char *token);
/* Ends every running turn with SC_TURN_AGAIN (queued) and closes the connection. */
void sc_gateway_ws_close(struct sc_gateway_ws *g);
void sc_gateway_ws_free(struct sc_gateway_ws *g);

/* Looks for the health board, all but the process. */
struct sc_checks sc_gateway_ws_checks(struct sc_gateway_ws *g);
/* The port it listens on, on this machine; 0 when it is on another. */
uint16_t sc_gateway_ws_local_port(const struct sc_gateway_ws *g);
/* It does not answer over the WebSocket, again. Unless something else came in by it lately, and if
 * it answers over HTTP, the connection alone is dead; if not, it stands still. Either way: end the
 * connection, park the turns, and try again from time to time. */
void sc_gateway_ws_silent(struct sc_gateway_ws *g, bool answers_http);
/* What it said it is at the last log-in; "" before. */
const char *sc_gateway_ws_version(const struct sc_gateway_ws *g);
/* How long its answers took, but those that wait for the end of a turn. */
const struct sc_histogram *sc_gateway_ws_answered(const struct sc_gateway_ws *g);

#endif
