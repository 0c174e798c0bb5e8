#include "sideclaw/stream.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sideclaw/mem.h"

enum { TURN_READ_MAX = 256 * 1024 };

struct sc_stream {
    struct sc_loop *loop;
    struct bufferevent *bev;
    struct evdns_base *dns; /* only for names; NULL for numeric addresses */
    const struct sc_stream_ops *ops;
    void *ctx;
    bool connecting;
    bool closed; /* freed by its owner; waits for the end of the turn */
    char error[128];
};

static void emit(struct sc_stream *s, enum sc_stream_event ev)
{
    if (!s->closed && s->ops->event)
        s->ops->event(s->ctx, s, ev);
}

/* libevent reads 4 KiB and comes back in the next turn; then a pipe full of messages would be one
 * commit for every three of them. What else has arrived is taken at once. An end or an error that
 * this meets is met again, and told, by libevent's own next read. */
static void read_on(struct bufferevent *bev)
{
    struct evbuffer *in = bufferevent_get_input(bev);
    (void)evbuffer_unfreeze(in, 0);
    while (evbuffer_get_length(in) < TURN_READ_MAX &&
           evbuffer_read(in, bufferevent_getfd(bev), -1) > 0)
        ;
    (void)evbuffer_freeze(in, 0);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
    struct sc_stream *s = ctx;
    if (!s->closed && bufferevent_get_enabled(bev) & EV_READ)
        read_on(bev);
    if (!s->closed && s->ops->readable)
        s->ops->readable(s->ctx, s);
}

static void on_write(struct bufferevent *bev, void *ctx)
{
    (void)bev;
    emit(ctx, SC_STREAM_DRAINED);
}

/* Small frames both ways: waiting for more to send would add 40 ms to every request. */
static void no_delay(struct sc_stream *s)
{
    int on = 1;
    (void)setsockopt(bufferevent_getfd(s->bev), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void set_error(struct sc_stream *s)
{
    int dns = bufferevent_socket_get_dns_error(s->bev);
    const char *text =
        dns ? evutil_gai_strerror(dns) : evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR());
    (void)snprintf(s->error, sizeof s->error, "%s", text);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
    struct sc_stream *s = ctx;
    (void)bev;
    if (what & BEV_EVENT_CONNECTED) {
        s->connecting = false;
        bufferevent_set_timeouts(s->bev, NULL, NULL);
        no_delay(s);
        emit(s, SC_STREAM_CONNECTED);
    } else if (what & BEV_EVENT_TIMEOUT) {
        (void)snprintf(s->error, sizeof s->error, "timed out");
        emit(s, SC_STREAM_TIMEOUT);
    } else if (what & BEV_EVENT_ERROR) {
        set_error(s);
        emit(s, SC_STREAM_ERROR);
    } else if (what & BEV_EVENT_EOF) {
        emit(s, SC_STREAM_EOF);
    }
}

static struct sc_stream *stream_new(struct sc_loop *loop, int fd, const struct sc_stream_ops *ops,
                                    void *ctx)
{
    struct sc_stream *s = sc_xcalloc(1, sizeof *s);
    s->loop = loop;
    s->ops = ops;
    s->ctx = ctx;
    /* Deferred callbacks keep loop.h's promise (a): nothing is called from inside a start. */
    s->bev = bufferevent_socket_new(sc_loop_event_base(loop), fd,
                                    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    sc_assert(s->bev);
    bufferevent_setcb(s->bev, on_read, on_write, on_event, s);
    return s;
}

static bool is_numeric(const char *host)
{
    struct in6_addr a;
    return evutil_inet_pton(AF_INET, host, &a) == 1 || evutil_inet_pton(AF_INET6, host, &a) == 1;
}

static void connect_failed(void *ctx)
{
    emit(ctx, SC_STREAM_ERROR);
}

struct sc_stream *sc_stream_connect(struct sc_loop *loop, const char *host, uint16_t port,
                                    int64_t timeout_ms, const struct sc_stream_ops *ops, void *ctx)
{
    struct sc_stream *s = stream_new(loop, -1, ops, ctx);
    s->connecting = true;
    if (sc_streq(host, "localhost"))
        host = "127.0.0.1";
    if (!is_numeric(host))
        s->dns = evdns_base_new(sc_loop_event_base(loop), EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                              EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    struct timeval tv = { .tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000 };
    bufferevent_set_timeouts(s->bev, &tv, &tv);
    (void)bufferevent_enable(s->bev, EV_READ | EV_WRITE);
    if (bufferevent_socket_connect_hostname(s->bev, s->dns, AF_UNSPEC, host, port) < 0) {
        set_error(s);
        sc_loop_defer(loop, connect_failed, s);
    }
    return s;
}

struct sc_stream *sc_stream_from_fd(struct sc_loop *loop, int fd, const struct sc_stream_ops *ops,
                                    void *ctx)
{
    struct sc_stream *s = stream_new(loop, fd, ops, ctx);
    (void)bufferevent_enable(s->bev, EV_READ | EV_WRITE);
    return s;
}

static void free_now(void *ctx)
{
    struct sc_stream *s = ctx;
    bufferevent_free(s->bev);
    if (s->dns)
        evdns_base_free(s->dns, 0);
    free(s);
}

void sc_stream_free(struct sc_stream *s)
{
    if (!s || s->closed)
        return;
    s->closed = true;
    sc_loop_undefer(s->loop, connect_failed, s);
    bufferevent_setcb(s->bev, NULL, NULL, NULL, NULL);
    (void)bufferevent_disable(s->bev, EV_READ | EV_WRITE);
    sc_loop_defer(s->loop, free_now, s);
}

const uint8_t *sc_stream_peek(struct sc_stream *s, size_t *ret_n)
{
    struct evbuffer *in = bufferevent_get_input(s->bev);
    *ret_n = evbuffer_get_length(in);
    return *ret_n ? evbuffer_pullup(in, -1) : (const uint8_t *)"";
}

void sc_stream_consume(struct sc_stream *s, size_t n)
{
    (void)evbuffer_drain(bufferevent_get_input(s->bev), n);
}

void sc_stream_write(struct sc_stream *s, const void *data, size_t n)
{
    if (!s->closed)
        (void)bufferevent_write(s->bev, data, n);
}

size_t sc_stream_pending(const struct sc_stream *s)
{
    return evbuffer_get_length(bufferevent_get_output(s->bev));
}

void sc_stream_pause(struct sc_stream *s, bool paused)
{
    if (paused)
        (void)bufferevent_disable(s->bev, EV_READ);
    else if (!s->closed)
        (void)bufferevent_enable(s->bev, EV_READ);
}

const char *sc_stream_error_text(const struct sc_stream *s)
{
    return s->error;
}

int sc_stream_fd(const struct sc_stream *s)
{
    return bufferevent_getfd(s->bev);
}
