/* http_server.c: the table of operations over HTTP: who may ask, which row it is, its answer. */
#include <errno.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "http_auth.h"
#include "http_conns.h"
#include "http_events.h"
#include "http_mcp.h"
#include "http_peer.h"
#include "http_reply.h"
#include "http_request.h"
#include "http_routes.h"
#include "http_watch.h"
#include "sideclaw/crypto.h"
#include "sideclaw/limits.h"
#include "sideclaw/log.h"
#include "sideclaw/mem.h"
#include "sideclaw/operations.h"
#include "sideclaw/parse.h"

enum {
    IDLE_S = 30, /* a request that does not come, an answer that is not read */
    /* evhttp answers what is over its own bounds with a page of HTML; ours, a little below, with a
     * problem document. */
    SLACK = 64 * 1024
};

/* One request whose call has not ended. */
struct exchange {
    struct sc_http_server *server;
    struct evhttp_request *req;
    struct sc_call *call;
    struct sc_http_watch *watch; /* NULL when nobody has to wait */
    struct exchange *next;
};

struct sc_http_server {
    struct sc_loop *loop;
    struct sc_log *log;
    const struct sc_ops_env *env;
    char *token, *host;
    struct evhttp *http;
    struct evhttp_bound_socket *socket;
    struct sc_http_conns *conns;
    struct exchange *exchanges;
    struct sc_http_peer *peer;
    struct sc_http_mcp *mcp;
    struct sc_http_events *events;
};

/* --- pages that are no operation --- */

static void write_openapi(const struct sc_ops_env *env, struct sc_buf *out)
{
    sc_auto_value struct sc_value *v = sc_openapi();
    (void)env;
    sc_value_dump_pretty(v, out);
}

static const struct page {
    const char *path;
    enum sc_scope scope;
    const char *content_type;
    void (*write)(const struct sc_ops_env *env, struct sc_buf *out);
} pages[] = {
    { "/metrics", SC_SCOPE_PUBLIC, "text/plain; version=0.0.4; charset=utf-8", sc_metrics_write },
    { "/v1/openapi.json", SC_SCOPE_OPERATOR, "application/json", write_openapi },
};

static const struct page *find_page(const char *path)
{
    for (size_t i = 0; i < SC_ARRAY_LEN(pages); i++)
        if (sc_streq(pages[i].path, path))
            return &pages[i];
    return NULL;
}

/* --- the call --- */

static void free_exchange(struct exchange *x)
{
    struct exchange **p = &x->server->exchanges;
    while (*p != x)
        p = &(*p)->next;
    *p = x->next;
    sc_http_watch_free(x->watch);
    free(x);
}

static void on_done(void *ctx, struct sc_call *call, int status, struct sc_value *take_result,
                    const struct sc_err *err)
{
    struct exchange *x = ctx;
    (void)call;
    if (err)
        sc_http_reply_problem(x->req, status, err);
    else
        sc_http_reply_value(x->req, status, take_result);
    sc_value_free(take_result);
    free_exchange(x);
}

static void on_gone(void *ctx)
{
    struct exchange *x = ctx;
    sc_call_abandon(x->call);
    free_exchange(x);
}

static void start_call(struct sc_http_server *s, struct evhttp_request *req, const struct sc_op *op,
                       struct sc_value *take_params)
{
    struct exchange *x = sc_xcalloc(1, sizeof *x);
    *x = (struct exchange){ .server = s, .req = req, .next = s->exchanges };
    s->exchanges = x;
    x->call = sc_call_start(s->env, op, take_params, NULL, on_done, x);
    if (x->call->cancel)
        x->watch = sc_http_watch_new(s->loop, req, on_gone, x);
}

static void serve_page(struct sc_http_server *s, struct evhttp_request *req,
                       const struct page *page)
{
    sc_auto_buf struct sc_buf body = SC_BUF_INIT;
    if (sc_http_refuse_stranger(req, page->scope, s->token))
        return;
    page->write(s->env, &body);
    sc_http_reply_text(req, 200, page->content_type, &body);
}

static void not_found(struct sc_http_server *s, struct evhttp_request *req, const char *path)
{
    struct sc_err err = SC_ERR_INIT;
    if (strncmp(path, "/v1", 3) == 0 && sc_http_refuse_stranger(req, SC_SCOPE_OPERATOR, s->token))
        return;
    (void)sc_fail(&err, SC_ENOENT, "there is nothing at %.150s", path);
    (void)sc_err_remedy(&err, "GET /v1/openapi.json lists everything");
    sc_http_reply_problem(req, 404, &err);
}

static void wrong_method(struct evhttp_request *req, const char *path, const char *allow)
{
    struct sc_err err = SC_ERR_INIT;
    (void)evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", allow);
    (void)sc_fail(&err, SC_EINVAL, "%.150s takes %s", path, allow);
    sc_http_reply_problem(req, 405, &err);
}

static void serve_operation(struct sc_http_server *s, struct evhttp_request *req, const char *path)
{
    const struct sc_op *op = NULL;
    struct sc_err err = SC_ERR_INIT;
    char allow[SC_ALLOW_MAX];
    sc_auto_value struct sc_value *params = sc_value_object();
    switch (sc_route_find(sc_http_method(req), path, &op, params, allow, &err)) {
    case SC_ROUTE_UNKNOWN:
        not_found(s, req, path);
        return;
    case SC_ROUTE_METHOD:
        wrong_method(req, path, allow);
        return;
    case SC_ROUTE_BAD:
        if (!sc_http_refuse_stranger(req, op->scope, s->token))
            sc_http_reply_problem(req, sc_problem_status(err.code), &err);
        return;
    case SC_ROUTE_FOUND:
        break;
    }
    if (sc_http_refuse_stranger(req, op->scope, s->token) || sc_http_params(req, op, params))
        return;
    start_call(s, req, op, sc_steal(&params));
}

/* Its caller is no browser and has a better proof than the name he calls us by: a proxy or a tunnel
 * in front may use any. */
static void serve_peer(struct sc_http_server *s, struct evhttp_request *req)
{
    if (!sc_streq(sc_http_method(req), "POST"))
        wrong_method(req, SC_PEER_PATH, "POST");
    else if (!sc_http_refuse_size(req))
        sc_http_peer_serve(s->peer, req);
}

static void serve_events(struct sc_http_server *s, struct evhttp_request *req)
{
    if (sc_http_refuse_stranger(req, SC_SCOPE_OPERATOR, s->token))
        return;
    if (sc_streq(sc_http_method(req), "GET"))
        sc_http_events_serve(s->events, req);
    else
        wrong_method(req, SC_EVENTS_PATH, "GET");
}

static void on_request(struct evhttp_request *req, void *ctx)
{
    struct sc_http_server *s = ctx;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    sc_http_conns_request(s->conns, req);
    if (s->env->peer.ops && sc_streq(path, SC_PEER_PATH)) {
        serve_peer(s, req);
        return;
    }
    if (sc_http_refuse(req, s->host))
        return;
    if (sc_http_mcp_path(path)) {
        sc_http_mcp_serve(s->mcp, req, path);
        return;
    }
    if (sc_streq(path, SC_EVENTS_PATH)) {
        serve_events(s, req);
        return;
    }
    const struct page *page = path ? find_page(path) : NULL;
    const char *method = sc_http_method(req);
    if (page && (sc_streq(method, "GET") || sc_streq(method, "HEAD")))
        serve_page(s, req, page);
    else if (page)
        wrong_method(req, path, "GET, HEAD");
    else
        serve_operation(s, req, path ? path : "");
}

/* --- the server --- */

static int bind_server(struct sc_http_server *s, const char *listen, struct sc_err *err)
{
    const char *colon = strrchr(listen, ':');
    int64_t port;
    if (!colon || sc_parse_i64(colon + 1, 0, 65535, &port, err) < 0)
        return sc_fail(err, SC_ECONFIG, "http.listen %s is not ADDRESS:PORT", listen);
    s->host = sc_host_of(listen);
    const char *address = sc_streq(s->host, "localhost") ? "127.0.0.1" : s->host;
    s->socket = evhttp_bind_socket_with_handle(s->http, address, (uint16_t)port);
    if (s->socket)
        return SC_OK;
    int saved = errno;
    (void)sc_fail_errno(err, saved, "cannot listen on %s", listen);
    return sc_err_remedy(err, saved == EADDRINUSE
                                  ? "stop what listens there, or set http.listen"
                                  : "set http.listen to an address of this machine");
}

struct sc_http_server *sc_http_server_new(const struct sc_http_server_deps *deps,
                                          struct sc_err *err)
{
    struct sc_http_server *s = sc_xcalloc(1, sizeof *s);
    s->loop = deps->loop;
    s->log = deps->log;
    s->env = deps->env;
    s->token = sc_xstrdup(deps->token);
    s->http = evhttp_new(sc_loop_event_base(deps->loop));
    sc_assert(s->http);
    evhttp_set_max_body_size(s->http, SC_HTTP_BODY_MAX + SLACK);
    evhttp_set_max_headers_size(s->http, SC_HTTP_HEADERS_MAX + SLACK);
    evhttp_set_timeout(s->http, IDLE_S);
    evhttp_set_allowed_methods(s->http, UINT16_MAX); /* 405 is ours to say, with its Allow */
    (void)evhttp_set_flags(s->http, EVHTTP_SERVER_LINGERING_CLOSE);
    evhttp_set_gencb(s->http, on_request, s);
    s->peer = sc_http_peer_new(&s->env->peer);
    s->mcp = sc_http_mcp_new(s->env, s->token);
    s->events = sc_http_events_new(s->env);
    s->conns = sc_http_conns_new(s->loop, s->log, s->http);
    if (bind_server(s, deps->listen, err) < 0) {
        sc_http_server_free(s);
        return NULL;
    }
    sc_http_conns_bound(s->conns, s->socket);
    return s;
}

int sc_http_server_port(const struct sc_http_server *s)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } sa = { .v6 = { .sin6_family = AF_UNSPEC } };
    socklen_t n = sizeof sa;
    if (getsockname(evhttp_bound_socket_get_fd(s->socket), &sa.any, &n) < 0)
        return -1;
    return ntohs(sa.any.sa_family == AF_INET6 ? sa.v6.sin6_port : sa.v4.sin_port);
}

void sc_http_server_free(struct sc_http_server *s)
{
    if (!s)
        return;
    for (struct exchange *x; (x = s->exchanges);) {
        s->exchanges = x->next;
        sc_call_abandon(x->call);
        sc_http_watch_free(x->watch);
        free(x);
    }
    sc_http_peer_free(s->peer);
    sc_http_mcp_free(s->mcp);
    sc_http_events_free(s->events);
    if (s->http)
        evhttp_free(s->http);
    sc_http_conns_free(s->conns);
    sc_secret_free(s->token);
    free(s->host);
    free(s);
}
