/* agent.h: who is in the mesh: agents and gateways as the directory shows them (DESIGN 2). */
#ifndef SIDECLAW_AGENT_H
#define SIDECLAW_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "sideclaw/clock.h"
#include "sideclaw/err.h"

enum sc_agent_status { SC_AGENT_OFFLINE, SC_AGENT_ACTIVE, SC_AGENT_BUSY };
enum sc_gateway_status {
    SC_GATEWAY_DEAD,
    SC_GATEWAY_DRAINING,
    SC_GATEWAY_DEGRADED,
    SC_GATEWAY_HEALTHY
};

/* A list of strings: one block, NULL-terminated, owned by its struct. */
struct sc_strv {
    char **v;
    size_t n;
};
void sc_strv_add(struct sc_strv *l, const char *s);
void sc_strv_fini(struct sc_strv *l);
void sc_strv_copy(struct sc_strv *dst, const struct sc_strv *src); /* dst must be empty */
bool sc_strv_has(const struct sc_strv *l, const char *s);
bool sc_strv_eq(const struct sc_strv *a, const struct sc_strv *b);

struct sc_agent_info {
    char *id;
    char *gateway;
    enum sc_agent_status status;
    struct sc_strv capabilities;
    struct sc_strv labels; /* "key=value" and the text below: what it declared of itself at run */
    char *description;     /* time; NULL when it never did */
    sc_wall last_seen;     /* 0 when unknown */
};
void sc_agent_info_fini(struct sc_agent_info *a);

struct sc_gateway_info {
    char *name;
    char *url;      /* of the OpenClaw gateway, ws:// */
    char *peer_url; /* of its sidecar, http://; "" while the peer endpoint is off */
    enum sc_gateway_status status;
    struct sc_strv agents;
    struct sc_strv labels; /* "key=value" */
    sc_wall last_heartbeat;
    unsigned turns; /* running there at its last heartbeat */
    bool held;      /* its keys are held by a living session */
};
void sc_gateway_info_fini(struct sc_gateway_info *g);

const char *sc_agent_status_name(enum sc_agent_status s);
const char *sc_gateway_status_name(enum sc_gateway_status s);
/* An unknown word reads as OFFLINE / DEAD: what we do not understand gets no messages. */
enum sc_agent_status sc_agent_status_parse(const char *s);
enum sc_gateway_status sc_gateway_status_parse(const char *s);

#endif
