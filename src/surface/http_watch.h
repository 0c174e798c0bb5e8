/* http_watch.h: notices a client that goes away while it waits for its answer. evhttp does not read
 * meanwhile, so it would not. */
#ifndef SIDECLAW_SURFACE_HTTP_WATCH_H
#define SIDECLAW_SURFACE_HTTP_WATCH_H

#include "sideclaw/loop.h"

struct evhttp_request;

struct sc_http_watch;
/* `gone` runs at most once and frees the watch; the request is gone when it returns. */
struct sc_http_watch *sc_http_watch_new(struct sc_loop *loop, struct evhttp_request *req,
                                        sc_loop_fn *gone, void *ctx);
/* Before the request is answered. NULL is fine. */
void sc_http_watch_free(struct sc_http_watch *w);

#endif
