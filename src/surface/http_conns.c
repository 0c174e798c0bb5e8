#include "http_conns.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>

#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

enum {
    LOOK_AGAIN_MS = 100,
    SWEEP_MS = 500,
    REQUEST_MS = 60 * 1000, /* for a request to be whole; evhttp's own time is per read */
    CROWDED_MS = 2000,      /* the same, and for idling, while others wait for a place */
    READ_MAX = 4096,        /* what libevent reads at once, however much there is */
    READS_A_TURN = 64       /* of one connection */
};

struct conn {
    struct sc_http_conns *owner;
    struct bufferevent *bev;
    struct evbuffer_cb_entry *counting;
    size_t received; /* since the last answer */
    sc_mono since;   /* the first byte after it, or the answer itself, or its birth */
    bool busy;       /* its request is whole, its answer not */
    bool reading_on;
};

struct sc_http_conns {
    struct sc_log *log;
    struct sc_clock clock;
    struct evconnlistener *listener;
    struct sc_timer *look_again; /* armed while there are connections */
    struct conn *conns[SC_HTTP_CONNS_MAX];
    size_t n;
    size_t pending; /* bytes of unfinished requests, over all of them */
    bool urgent;    /* look_again is armed for now */
};

/* --- one connection --- */

/* One that has no socket yet was made a moment ago: evhttp is about to set it up. */
static bool is_open(struct bufferevent *bev)
{
    bufferevent_event_cb on_event;
    bufferevent_getcb(bev, NULL, NULL, &on_event, NULL);
    return on_event || bufferevent_getfd(bev) < 0;
}

static void set_received(struct conn *k, size_t n)
{
    k->owner->pending = k->owner->pending - k->received + n;
    k->received = n;
}

/* Soon, not from inside: evhttp is reading. Armed once: libevent takes a timer that is about to run
 * off its queue when it is armed again, so a flood would put it off for ever. */
static void look_now(struct sc_http_conns *c)
{
    if (!c->urgent)
        sc_timer_arm(c->look_again, 0);
    c->urgent = true;
}

/* What has come, in one turn: a turn may cost a commit, and a batch of messages would take a
 * hundred of them. This runs inside evbuffer_read, where the buffer takes more; each read counts
 * itself. */
static void read_on(struct conn *k, struct evbuffer *in)
{
    if (k->reading_on)
        return;
    k->reading_on = true;
    for (int i = 0; i < READS_A_TURN; i++)
        if (evbuffer_read(in, bufferevent_getfd(k->bev), -1) < READ_MAX)
            break; /* nothing left, or its end, which evhttp sees for itself */
    k->reading_on = false;
}

static void on_input(struct evbuffer *in, const struct evbuffer_cb_info *info, void *ctx)
{
    struct conn *k = ctx;
    if (info->n_added == 0 || k->busy)
        return;
    if (k->received == 0)
        k->since = sc_clock_mono(&k->owner->clock);
    set_received(k, k->received + info->n_added);
    if (k->owner->pending > SC_HTTP_PENDING_MAX)
        look_now(k->owner);
    if (info->n_added == READ_MAX)
        read_on(k, in);
}

static void conn_new(struct sc_http_conns *c, struct bufferevent *bev)
{
    struct conn *k = sc_xcalloc(1, sizeof *k);
    *k = (struct conn){ .owner = c, .bev = bev, .since = sc_clock_mono(&c->clock) };
    bufferevent_incref(bev);
    k->counting = evbuffer_add_cb(bufferevent_get_input(bev), on_input, k);
    c->conns[c->n++] = k;
}

static void conn_free(struct conn *k)
{
    set_received(k, 0);
    (void)evbuffer_remove_cb_entry(bufferevent_get_input(k->bev), k->counting);
    bufferevent_decref(k->bev);
    free(k);
}

/* As if its own time had run out: evhttp closes it without a word. */
static void cut(struct conn *k, const char *why)
{
    sc_log_debug(k->owner->log, "http.cut_off", SC_S("reason", why), SC_I("bytes", k->received));
    set_received(k, 0);
    bufferevent_trigger_event(k->bev, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
}

/* --- all of them --- */

static void sweep(struct sc_http_conns *c)
{
    for (size_t i = 0; i < c->n;) {
        if (is_open(c->conns[i]->bev)) {
            i++;
            continue;
        }
        conn_free(c->conns[i]);
        c->conns[i] = c->conns[--c->n];
    }
}

static void cut_the_slow(struct sc_http_conns *c)
{
    sc_mono now = sc_clock_mono(&c->clock);
    int64_t most = c->n == SC_HTTP_CONNS_MAX ? CROWDED_MS : REQUEST_MS;
    for (size_t i = 0; i < c->n; i++)
        if (!c->conns[i]->busy && now.ms - c->conns[i]->since.ms >= most)
            cut(c->conns[i], "its request takes too long");
}

static struct conn *largest(const struct sc_http_conns *c)
{
    struct conn *k = NULL;
    for (size_t i = 0; i < c->n; i++)
        if (!c->conns[i]->busy && (!k || c->conns[i]->received > k->received))
            k = c->conns[i];
    return k;
}

static void cut_the_large(struct sc_http_conns *c)
{
    for (struct conn *k; c->pending > SC_HTTP_PENDING_MAX && (k = largest(c));)
        cut(k, "too much is unfinished");
}

static void on_look_again(void *ctx)
{
    struct sc_http_conns *c = ctx;
    c->urgent = false;
    sweep(c);
    cut_the_large(c);
    cut_the_slow(c);
    sweep(c);
    bool full = c->n == SC_HTTP_CONNS_MAX;
    if (!full)
        (void)evconnlistener_enable(c->listener);
    if (c->n)
        sc_timer_arm(c->look_again, full ? LOOK_AGAIN_MS : SWEEP_MS);
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
    conn_new(c, bev);
    if (!sc_timer_armed(c->look_again))
        sc_timer_arm(c->look_again, SWEEP_MS);
    if (c->n == SC_HTTP_CONNS_MAX) {
        sc_log_warn(c->log, "http.connections_full", SC_I("connections", c->n),
                    SC_S("instead", "new ones wait until one ends"));
        (void)evconnlistener_disable(c->listener);
        if (!c->urgent)
            sc_timer_arm(c->look_again, LOOK_AGAIN_MS);
    }
    return bev;
}

/* --- requests --- */

static struct conn *conn_of(const struct sc_http_conns *c, struct evhttp_request *req)
{
    struct evhttp_connection *conn = evhttp_request_get_connection(req);
    struct bufferevent *bev = conn ? evhttp_connection_get_bufferevent(conn) : NULL;
    for (size_t i = 0; i < c->n; i++)
        if (c->conns[i]->bev == bev)
            return c->conns[i];
    return NULL;
}

static void on_answered(struct evhttp_request *req, void *ctx)
{
    struct sc_http_conns *c = ctx;
    struct conn *k = conn_of(c, req);
    if (!k)
        return;
    k->busy = false;
    k->since = sc_clock_mono(&c->clock);
    set_received(k, evbuffer_get_length(bufferevent_get_input(k->bev))); /* the next, pipelined */
}

void sc_http_conns_request(struct sc_http_conns *c, struct evhttp_request *req)
{
    struct conn *k = conn_of(c, req);
    if (!k)
        return;
    k->busy = true;
    set_received(k, 0);
    evhttp_request_set_on_complete_cb(req, on_answered, c);
}

/* --- life --- */

struct sc_http_conns *sc_http_conns_new(struct sc_loop *loop, struct sc_log *log,
                                        struct evhttp *http)
{
    struct sc_http_conns *c = sc_xcalloc(1, sizeof *c);
    c->log = log;
    c->clock = sc_clock_system();
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
        conn_free(c->conns[i]);
    free(c);
}
