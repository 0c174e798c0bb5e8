#include "http_conns.h"

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

enum { LOOK_AGAIN_MS = 100, SWEEP_MS = 500 };

struct sc_http_conns {
    struct sc_log *log;
    struct evconnlistener *listener;
    struct sc_timer *look_again; /* armed while there are connections */
    struct bufferevent *bevs[SC_HTTP_CONNS_MAX];
    size_t n;
};

/* One that has no socket yet was made a moment ago: evhttp is about to set it up. */
static bool is_open(struct bufferevent *bev)
{
    bufferevent_event_cb on_event;
    bufferevent_getcb(bev, NULL, NULL, &on_event, NULL);
    return on_event || bufferevent_getfd(bev) < 0;
}

static void sweep(struct sc_http_conns *c)
{
    for (size_t i = 0; i < c->n;) {
        if (is_open(c->bevs[i])) {
            i++;
            continue;
        }
        bufferevent_decref(c->bevs[i]);
        c->bevs[i] = c->bevs[--c->n];
    }
}

static struct bufferevent *make_bev(struct event_base *base, void *ctx)
{
    struct sc_http_conns *c = ctx;
    sweep(c);
    /* CLOSE_ON_FREE: the socket lives as long as our reference. Were it closed before, the
     * bufferevent would go on reading from whatever connection gets its number next. */
    struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!bev || c->n == SC_HTTP_CONNS_MAX) /* several of one accept loop may come before the rest */
        return bev;
    bufferevent_incref(bev);
    c->bevs[c->n++] = bev;
    if (!sc_timer_armed(c->look_again))
        sc_timer_arm(c->look_again, SWEEP_MS);
    if (c->n == SC_HTTP_CONNS_MAX) {
        sc_log_warn(c->log, "http.connections_full", SC_I("connections", c->n),
                    SC_S("instead", "new ones wait until one ends"));
        (void)evconnlistener_disable(c->listener);
        sc_timer_arm(c->look_again, LOOK_AGAIN_MS);
    }
    return bev;
}

static void on_look_again(void *ctx)
{
    struct sc_http_conns *c = ctx;
    sweep(c);
    bool full = c->n == SC_HTTP_CONNS_MAX;
    if (!full)
        (void)evconnlistener_enable(c->listener);
    if (c->n)
        sc_timer_arm(c->look_again, full ? LOOK_AGAIN_MS : SWEEP_MS);
}

struct sc_http_conns *sc_http_conns_new(struct sc_loop *loop, struct sc_log *log,
                                        struct evhttp *http)
{
    struct sc_http_conns *c = sc_xcalloc(1, sizeof *c);
    c->log = log;
    c->look_again = sc_timer_new(loop, on_look_again, c);
    evhttp_set_bevcb(http, make_bev, c);
    return c;
}

void sc_http_conns_bound(struct sc_http_conns *c, struct evhttp_bound_socket *socket)
{
    c->listener = evhttp_bound_socket_get_listener(socket);
}

void sc_http_conns_free(struct sc_http_conns *c)
{
    if (!c)
        return;
    sc_timer_free(c->look_again);
    for (size_t i = 0; i < c->n; i++)
        bufferevent_decref(c->bevs[i]);
    free(c);
}
