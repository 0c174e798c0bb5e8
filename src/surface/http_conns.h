/* http_conns.h: bounds that libevent 2.1's evhttp lacks: SC_HTTP_CONNS_MAX connections, so many
 * bytes of unfinished requests over all of them, and a time for each request to be whole. evhttp
 * does not say when a connection ends, so each one's bufferevent is made here and kept by a
 * reference of ours: once evhttp has let go of it, its callbacks are gone. While all places are
 * taken the listener rests, new connections wait in the kernel's backlog, and who dawdles is cut
 * off. */
#ifndef SIDECLAW_SURFACE_HTTP_CONNS_H
#define SIDECLAW_SURFACE_HTTP_CONNS_H

#include "sideclaw/log.h"
#include "sideclaw/loop.h"

struct evhttp;
struct evhttp_bound_socket;
struct evhttp_request;

struct sc_http_conns;
/* Installs itself in `http`, before it is bound. */
struct sc_http_conns *sc_http_conns_new(struct sc_loop *loop, struct sc_log *log,
                                        struct evhttp *http);
void sc_http_conns_bound(struct sc_http_conns *c, struct evhttp_bound_socket *socket);
/* The request is whole: from here until its answer has left, its connection may take its time. */
void sc_http_conns_request(struct sc_http_conns *c, struct evhttp_request *req);
/* After evhttp_free. */
void sc_http_conns_free(struct sc_http_conns *c);

#endif
