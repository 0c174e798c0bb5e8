#include "http_events.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "handlers.h"
#include "http_reply.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum { ALIVE_MS = 15 * 1000 };

struct client {
    struct sc_http_events *server;
    struct evhttp_request *req;
    struct sc_event_listener listener;
    struct sc_timer *alive;
    LIST_ENTRY(client) link;
};

struct sc_http_events {
    const struct sc_ops_env *env;
    LIST_HEAD(, client) clients;
    size_t n;
};

static void forget(struct client *c)
{
    LIST_REMOVE(c, link);
    c->server->n--;
    sc_events_unlisten(&c->listener);
    sc_timer_free(c->alive);
    free(c);
}

/* When a connection fails, evhttp takes it from the request, which then is ours to end. */
static bool is_gone(const struct client *c)
{
    return !evhttp_request_get_connection(c->req);
}

static void end(struct client *c)
{
    struct evhttp_request *req = c->req;
    forget(c);
    evhttp_send_reply_end(req);
}

static size_t unread(const struct client *c)
{
    struct evhttp_connection *conn = evhttp_request_get_connection(c->req);
    return evbuffer_get_length(bufferevent_get_output(evhttp_connection_get_bufferevent(conn)));
}

/* False: the client is no more. */
static bool tell(struct client *c, const struct sc_buf *text)
{
    if (is_gone(c)) {
        end(c);
        return false;
    }
    if (unread(c) + text->n > SC_SSE_PENDING_MAX) {
        struct evhttp_connection *conn = evhttp_request_get_connection(c->req);
        forget(c);
        evhttp_connection_free(conn); /* and the request with it */
        return false;
    }
    struct evbuffer *chunk = evbuffer_new();
    sc_assert(chunk);
    (void)evbuffer_add(chunk, text->p, text->n);
    evhttp_send_reply_chunk(c->req, chunk);
    evbuffer_free(chunk);
    return true;
}

/* JSON on one line has no line end, so one data line it is. */
static void add_event(struct sc_buf *text, uint64_t seq, const struct sc_event *e)
{
    sc_auto_value struct sc_value *v = sc_event_value(e);
    sc_buf_addf(text, "id: %llu\ndata: ", (unsigned long long)seq);
    sc_value_dump(v, text);
    sc_buf_adds(text, "\n\n");
}

static void on_event(void *ctx, uint64_t seq, const struct sc_event *e)
{
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    add_event(&text, seq, e);
    (void)tell(ctx, &text);
}

static void on_alive(void *ctx)
{
    struct client *c = ctx;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_buf_adds(&text, ": alive\n\n");
    sc_timer_arm(c->alive, ALIVE_MS);
    (void)tell(c, &text);
}

/* ---- the beginning ---- */

struct replay {
    struct sc_buf *text;
    uint64_t seq;
};

static void replay_one(void *ctx, const struct sc_event *e)
{
    struct replay *r = ctx;
    add_event(r->text, ++r->seq, e);
}

/* A client that comes back says what it has seen (a number of an earlier life of ours: nothing). */
static void replay(const struct sc_http_events *s, struct evhttp_request *req, struct sc_buf *text)
{
    const char *seen = evhttp_find_header(evhttp_request_get_input_headers(req), "Last-Event-ID");
    const struct sc_events *e = s->env->events;
    uint64_t last = sc_events_last(e);
    int64_t after;
    if (!seen || sc_parse_i64(seen, 0, INT64_MAX, &after, NULL) < 0)
        return;
    uint64_t kept = last > SC_EVENTS_HEARD_MAX ? last - SC_EVENTS_HEARD_MAX : 0;
    uint64_t from = (uint64_t)after > last ? 0 : (uint64_t)after;
    struct replay r = { .text = text, .seq = from > kept ? from : kept };
    sc_events_since(e, r.seq, replay_one, &r);
}

static void refuse(struct evhttp_request *req)
{
    struct sc_err err = SC_ERR_INIT;
    (void)sc_fail(&err, SC_EBUSY, "%d clients listen to events already", SC_SSE_CLIENTS_MAX);
    (void)sc_err_remedy(&err, "close one, or ask GET /v1/events/wait now and then");
    sc_http_reply_problem(req, sc_problem_status(err.code), &err);
}

void sc_http_events_serve(struct sc_http_events *s, struct evhttp_request *req)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    if (s->n >= SC_SSE_CLIENTS_MAX) {
        refuse(req);
        return;
    }
    struct client *c = sc_xcalloc(1, sizeof *c);
    *c = (struct client){ .server = s, .req = req, .listener = { .event = on_event, .ctx = c } };
    c->alive = sc_timer_new(s->env->loop, on_alive, c);
    LIST_INSERT_HEAD(&s->clients, c, link);
    s->n++;
    sc_events_listen(s->env->events, &c->listener);
    sc_events_follow(s->env->events);
    (void)evhttp_add_header(headers, "Content-Type", "text/event-stream");
    (void)evhttp_add_header(headers, "Cache-Control", "no-store");
    (void)evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    evhttp_send_reply_start(req, 200, "OK");
    sc_buf_adds(&text, ": listening\n\n");
    replay(s, req, &text);
    sc_timer_arm(c->alive, ALIVE_MS);
    (void)tell(c, &text);
}

/* ---- the object ---- */

struct sc_http_events *sc_http_events_new(const struct sc_ops_env *env)
{
    struct sc_http_events *s = sc_xcalloc(1, sizeof *s);
    s->env = env;
    LIST_INIT(&s->clients);
    return s;
}

void sc_http_events_free(struct sc_http_events *s)
{
    struct client *c;
    if (!s)
        return;
    while ((c = LIST_FIRST(&s->clients))) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it loses LIST_REMOVE */
        if (is_gone(c))
            end(c);
        else
            forget(c); /* evhttp_free ends the rest */
    }
    free(s);
}
