#include "http_peer.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "http_reply.h"
#include "http_request.h"
#include "sideclaw/mem.h"
#include "sideclaw/operations.h"

/* One request whose answer waits for the commit. evhttp does not read meanwhile, so it cannot go
 * away before we have answered. */
struct exchange {
    LIST_ENTRY(exchange) link;
    struct evhttp_request *req;
    struct sc_peer_visit *visit;
};

struct sc_http_peer {
    const struct sc_peer_door *door;
    LIST_HEAD(, exchange) exchanges;
};

struct sc_http_peer *sc_http_peer_new(const struct sc_peer_door *door)
{
    struct sc_http_peer *p = sc_xcalloc(1, sizeof *p);
    p->door = door;
    LIST_INIT(&p->exchanges);
    return p;
}

static void exchange_free(struct exchange *x)
{
    LIST_REMOVE(x, link);
    free(x);
}

static void on_done(void *ctx, const char *body, size_t n)
{
    struct exchange *x = ctx;
    sc_auto_buf struct sc_buf text = SC_BUF_INIT;
    sc_buf_add(&text, body, n);
    sc_http_reply_text(x->req, 200, SC_PEER_CONTENT_TYPE, &text);
    exchange_free(x);
}

/* 421: what is asked for is real, but not here (RFC 9110, 15.5.20). */
static int status_of(const struct sc_err *err)
{
    return err->code == SC_ENOENT ? 421 : sc_problem_status(err->code);
}

void sc_http_peer_serve(struct sc_http_peer *p, struct evhttp_request *req)
{
    struct sc_err err = SC_ERR_INIT;
    struct evbuffer *in = evhttp_request_get_input_buffer(req);
    size_t n = evbuffer_get_length(in);
    const struct sc_peer_post post = {
        .authorization = evhttp_find_header(evhttp_request_get_input_headers(req), "Authorization"),
        .method = sc_http_method(req),
        .path = SC_PEER_PATH,
        .body = n ? (const char *)evbuffer_pullup(in, -1) : "",
        .n = n,
    };
    struct exchange *x = sc_xcalloc(1, sizeof *x);
    x->req = req;
    LIST_INSERT_HEAD(&p->exchanges, x, link);
    if (p->door->ops->post(p->door->impl, &post, on_done, x, &x->visit, &err) < 0) {
        sc_http_reply_problem(req, status_of(&err), &err);
        exchange_free(x);
    }
}

void sc_http_peer_free(struct sc_http_peer *p)
{
    struct exchange *x;
    if (!p)
        return;
    while ((x = LIST_FIRST(&p->exchanges))) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it loses LIST_REMOVE */
        p->door->ops->leave(p->door->impl, x->visit);
        exchange_free(x);
    }
    free(p);
}
