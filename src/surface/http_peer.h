/* http_peer.h: POST /peer, where the other sidecars bring messages and receipts. No operation: its
 * body is a batch, its caller proves himself by the mesh key, and its answer waits for the disk. */
#ifndef SIDECLAW_SURFACE_HTTP_PEER_H
#define SIDECLAW_SURFACE_HTTP_PEER_H

#include "sideclaw/peer_door.h"

struct evhttp_request;

struct sc_http_peer;
/* door is borrowed. */
struct sc_http_peer *sc_http_peer_new(const struct sc_peer_door *door);
/* Ends the request, now or later. */
void sc_http_peer_serve(struct sc_http_peer *p, struct evhttp_request *req);
/* Before evhttp_free: what is unanswered stays so. */
void sc_http_peer_free(struct sc_http_peer *p);

#endif
