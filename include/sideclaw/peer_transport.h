/* peer_transport.h: the transport port over HTTP, from sidecar to sidecar, for when the brokers are
 * away (DESIGN 5, ADR 0010), and the door through which the others' requests come. */
#ifndef SIDECLAW_PEER_TRANSPORT_H
#define SIDECLAW_PEER_TRANSPORT_H

#include <stdbool.h>

#include "sideclaw/agent.h"
#include "sideclaw/clock.h"
#include "sideclaw/err.h"
#include "sideclaw/http_client.h"
#include "sideclaw/log.h"
#include "sideclaw/loop.h"
#include "sideclaw/message_json.h"
#include "sideclaw/peer_door.h"
#include "sideclaw/spool.h"
#include "sideclaw/transport.h"

/* All borrowed; must outlive the transport. */
struct sc_peer_deps {
    struct sc_loop *loop;
    struct sc_log *log;
    struct sc_clock clock;
    struct sc_http_client *http;
    struct sc_spool spool; /* only to hear when a turn is on disk: then a request is answered */
    struct sc_transport_events events;
    struct sc_mesh_key key; /* none: the transport is off */
    bool enabled;
    const char *self_name;
    const char *self_url; /* what we publish; "" for nothing */
};

struct sc_peer;
struct sc_peer *sc_peer_new(const struct sc_peer_deps *deps);
struct sc_transport *sc_peer_transport(struct sc_peer *p);
struct sc_peer_door sc_peer_door(struct sc_peer *p);
void sc_peer_free(struct sc_peer *p); /* after the transport's close */

/* The directory's view of the gateways, as in sc_directory_events. */
void sc_peer_gateways_begin(struct sc_peer *p);
void sc_peer_gateway(struct sc_peer *p, const struct sc_gateway_info *g);
void sc_peer_gateways_end(struct sc_peer *p);

/* How it stands, for people: changes with each `link` and `reach` event. */
struct sc_peer_view {
    enum sc_link_state state;
    bool refused; /* somebody does not let us in: a matter of key or clock */
    char detail[SC_ERR_TEXT_MAX], remedy[SC_ERR_TEXT_MAX];
};
void sc_peer_view(const struct sc_peer *p, struct sc_peer_view *ret);

#endif
