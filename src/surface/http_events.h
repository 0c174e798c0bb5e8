/* http_events.h: GET /events: what happens in the mesh, live, as server-sent events (text/
 * event-stream). A client that reads too slowly is cut off; one that went away is noticed by the
 * comments that keep the connection open, half a minute later at most. */
#ifndef SIDECLAW_SURFACE_HTTP_EVENTS_H
#define SIDECLAW_SURFACE_HTTP_EVENTS_H

#include "sideclaw/operations.h"

struct evhttp_request;

#define SC_EVENTS_PATH "/events"

struct sc_http_events;
struct sc_http_events *sc_http_events_new(const struct sc_ops_env *env);
/* The request is allowed; answer it for as long as both sides live. */
void sc_http_events_serve(struct sc_http_events *s, struct evhttp_request *req);
/* Before evhttp_free. */
void sc_http_events_free(struct sc_http_events *s);

#endif
