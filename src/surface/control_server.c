/* control_server.c: the table of operations as JSON-RPC 2.0 on a unix socket, one line each. Calls
 * of one connection run side by side and are answered as they end, in any order. After `mcp.open`
 * the lines are frames of MCP, in the name of one agent. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "sideclaw/jsonrpc.h"
#include "sideclaw/limits.h"
#include "sideclaw/log.h"
#include "sideclaw/mcp.h"
#include "sideclaw/mem.h"
#include "sideclaw/operations.h"
#include "sideclaw/parse.h"
#include "sideclaw/stream.h"
#include "sideclaw/suggest.h"

struct conn;

/* One call and what its answer needs. */
struct rpc {
    struct conn *conn;
    struct sc_value *id; /* NULL: a notification, which gets no answer */
    struct sc_call *call;
    LIST_ENTRY(rpc) link;
};

struct conn {
    struct sc_control_server *server;
    struct sc_stream *stream;
    struct sc_mcp_session *mcp; /* NULL: the lines are calls of operations */
    LIST_HEAD(, rpc) calls;
    size_t n_calls; /* calls, or frames, that are not answered */
    bool ended;     /* nothing more is read: EOF or an endless line; what is owed is still sent */
    bool closed;    /* to be freed at the end of the turn */
    struct conn *next;
};

struct sc_control_server {
    struct sc_loop *loop;
    struct sc_log *log;
    const struct sc_ops_env *env;
    struct sc_listener *listener;
    struct conn *conns;
    size_t n_conns, n_mcp; /* of which so many are MCP's */
};

/* --- the life of a connection --- */

static void free_rpc(struct rpc *r)
{
    sc_value_free(r->id);
    free(r);
}

static void free_conn(void *ctx)
{
    free(ctx);
}

static void conn_close(struct conn *c)
{
    if (c->closed)
        return;
    c->closed = true;
    for (struct rpc *r; (r = LIST_FIRST(&c->calls));) {
        LIST_REMOVE(r, link);
        sc_call_abandon(r->call);
        free_rpc(r);
    }
    c->server->n_mcp -= c->mcp != NULL;
    sc_mcp_session_free(c->mcp);
    sc_stream_free(c->stream);
    struct conn **p = &c->server->conns;
    while (*p != c)
        p = &(*p)->next;
    *p = c->next;
    c->server->n_conns--;
    sc_loop_defer(c->server->loop, free_conn, c);
}

static void close_if_done(struct conn *c)
{
    if (!c->closed && c->ended && c->n_calls == 0 && sc_stream_pending(c->stream) == 0)
        conn_close(c);
}

/* A reader that does not read is cut off before its answers fill our memory. */
static void send_line(struct conn *c, const struct sc_buf *line)
{
    if (c->closed)
        return;
    sc_stream_write(c->stream, line->p, line->n);
    if (sc_stream_pending(c->stream) <= SC_CONTROL_PENDING_MAX)
        return;
    sc_log_warn(c->server->log, "control.slow_reader",
                SC_I("pending_bytes", sc_stream_pending(c->stream)),
                SC_S("instead", "its connection is closed"));
    conn_close(c);
}

static void send_error(struct conn *c, const struct sc_value *id, int code,
                       const struct sc_err *err)
{
    sc_auto_buf struct sc_buf line = SC_BUF_INIT;
    sc_rpc_write_error(&line, id, code, err);
    send_line(c, &line);
}

/* --- calls --- */

static void read_lines(struct conn *c);

static void on_done(void *ctx, struct sc_call *call, int status, struct sc_value *take_result,
                    const struct sc_err *err)
{
    struct rpc *r = ctx;
    struct conn *c = r->conn;
    (void)call;
    (void)status; /* HTTP's */
    LIST_REMOVE(r, link);
    c->n_calls--;
    if (r->id && err) {
        send_error(c, r->id, err->code == SC_EINVAL ? SC_RPC_PARAMS : SC_RPC_SERVER, err);
    } else if (r->id) {
        sc_auto_buf struct sc_buf line = SC_BUF_INIT;
        sc_rpc_write_result(&line, r->id, take_result);
        send_line(c, &line);
    }
    sc_value_free(take_result);
    free_rpc(r);
    read_lines(c);
    close_if_done(c);
}

static void unknown_method(struct conn *c, const struct sc_rpc_request *req)
{
    enum { MANY = 64 };
    const char *names[MANY];
    size_t n, known = 0;
    struct sc_err err = SC_ERR_INIT;
    const struct sc_op *ops = sc_operations(&n);
    for (; known < n && known < MANY; known++)
        names[known] = ops[known].name;
    const char *nearest = sc_suggest(req->method, names, known);
    (void)sc_fail(&err, SC_ENOENT, "there is no method %.64s", req->method);
    if (nearest)
        (void)sc_err_remedy(&err, "did you mean %s?", nearest);
    else
        (void)sc_err_remedy(&err, "operations.list names them all");
    if (req->id)
        send_error(c, req->id, SC_RPC_METHOD, &err);
}

static void start_call(struct conn *c, const struct sc_op *op, struct sc_rpc_request *req)
{
    struct rpc *r = sc_xcalloc(1, sizeof *r);
    sc_log_debug(c->server->log, "control.call", SC_S("method", op->name));
    *r = (struct rpc){ .conn = c, .id = sc_steal(&req->id) };
    LIST_INSERT_HEAD(&c->calls, r, link);
    c->n_calls++;
    r->call = sc_call_start(c->server->env, op, sc_steal(&req->params), NULL, on_done, r);
}

/* --- MCP --- */

static void on_frame(void *ctx, int status, const char *text, size_t n)
{
    struct conn *c = ctx;
    sc_auto_buf struct sc_buf line = SC_BUF_INIT;
    (void)status; /* HTTP's */
    c->n_calls--;
    if (n) {
        sc_buf_add(&line, text, n);
        sc_buf_addc(&line, '\n');
        send_line(c, &line);
    }
    read_lines(c);
    close_if_done(c);
}

static int check_open(const struct conn *c, const char *agent, struct sc_err *err)
{
    if (!c->server->env->mcp)
        return sc_fail(err, SC_ENOENT, "this sidecar serves no MCP");
    if (c->n_calls)
        return sc_fail(err, SC_EBUSY, "mcp.open is the first call of a connection");
    if (c->server->n_mcp >= SC_MCP_CONNS_MAX) {
        (void)sc_fail(err, SC_EBUSY, "%d MCP sessions are open already", SC_MCP_CONNS_MAX);
        return sc_err_remedy(err, "use the HTTP endpoint, which has no sessions: sideclaw token %s",
                             agent);
    }
    return sc_name_check("agent", agent, err);
}

/* Whoever can open the socket is the operator, and may act for any agent. */
static void open_mcp(struct conn *c, const struct sc_rpc_request *req)
{
    const struct sc_ops_env *env = c->server->env;
    const char *agent = sc_value_get_str(req->params, "agent");
    struct sc_err err = SC_ERR_INIT;
    if (!agent)
        agent = env->default_agent;
    if (check_open(c, agent, &err) < 0) {
        send_error(c, req->id, SC_RPC_SERVER, &err);
        return;
    }
    const struct sc_mcp_session_deps deps = {
        .mcp = env->mcp, .env = env, .agent = agent, .out = on_frame, .ctx = c
    };
    sc_auto_buf struct sc_buf line = SC_BUF_INIT;
    sc_auto_value struct sc_value *v = sc_value_object();
    c->mcp = sc_mcp_session_new(&deps);
    c->server->n_mcp++;
    sc_log_debug(c->server->log, "control.mcp_open", SC_S("agent", agent));
    sc_value_set_str(v, "agent", agent);
    sc_rpc_write_result(&line, req->id, v);
    send_line(c, &line);
}

static void handle_line(struct conn *c, const char *line, size_t n)
{
    struct sc_rpc_request req;
    struct sc_err err = SC_ERR_INIT;
    int code;
    if (n && line[n - 1] == '\r')
        n--;
    if (n == 0)
        return;
    if (c->mcp) {
        c->n_calls++;
        sc_mcp_session_take(c->mcp, line, n, NULL);
        return;
    }
    if (sc_rpc_request_parse(line, n, &req, &code, &err) < 0) {
        send_error(c, req.id, code, &err);
        sc_rpc_request_fini(&req);
        return;
    }
    const struct sc_op *op = sc_operation_find(req.method);
    if (op)
        start_call(c, op, &req);
    else if (sc_streq(req.method, "mcp.open"))
        open_mcp(c, &req);
    else
        unknown_method(c, &req);
    sc_rpc_request_fini(&req);
}

/* --- bytes --- */

static void endless_line(struct conn *c)
{
    struct sc_err err = SC_ERR_INIT;
    (void)sc_fail(&err, SC_ETOOBIG, "the line is longer than %d bytes", SC_RPC_LINE_MAX);
    c->ended = true; /* where the next request begins cannot be known */
    sc_stream_pause(c->stream, true);
    send_error(c, NULL, SC_RPC_INVALID, &err);
}

/* Takes whole lines while there is room for their calls; else it stops reading until one has ended.
 */
static void read_lines(struct conn *c)
{
    while (!c->closed && !c->ended && c->n_calls < SC_CONTROL_CALLS_MAX) {
        size_t n;
        const char *data = (const char *)sc_stream_peek(c->stream, &n);
        const char *end = n ? memchr(data, '\n', n) : NULL;
        size_t len = end ? (size_t)(end - data) : n;
        if (len > SC_RPC_LINE_MAX) {
            endless_line(c);
            return;
        }
        if (!end)
            break;
        handle_line(c, data, len);
        if (!c->closed)
            sc_stream_consume(c->stream, len + 1);
    }
    if (!c->closed && !c->ended)
        sc_stream_pause(c->stream, c->n_calls >= SC_CONTROL_CALLS_MAX);
}

static void on_readable(void *ctx, struct sc_stream *s)
{
    (void)s;
    read_lines(ctx);
}

/* `echo '{…}' | socat - UNIX:…` closes only its sending half and still waits for the answer; a
 * client that is gone closed both. */
static bool is_gone(const struct conn *c)
{
    struct pollfd p = { .fd = sc_stream_fd(c->stream) };
    return poll(&p, 1, 0) < 0 || (p.revents & (POLLHUP | POLLERR));
}

static void on_event(void *ctx, struct sc_stream *s, enum sc_stream_event ev)
{
    struct conn *c = ctx;
    (void)s;
    switch (ev) {
    case SC_STREAM_EOF:
        c->ended = true;
        if (is_gone(c))
            conn_close(c);
        else
            close_if_done(c);
        break;
    case SC_STREAM_ERROR:
    case SC_STREAM_TIMEOUT:
        conn_close(c);
        break;
    case SC_STREAM_DRAINED:
        close_if_done(c);
        break;
    case SC_STREAM_CONNECTED: /* it came connected */
        break;
    }
}

static const struct sc_stream_ops stream_ops = { .readable = on_readable, .event = on_event };

static void on_accept(void *ctx, int fd)
{
    struct sc_control_server *s = ctx;
    if (s->n_conns >= SC_CONTROL_CONNS_MAX) {
        sc_log_warn(s->log, "control.refused", SC_I("connections", s->n_conns),
                    SC_S("instead", "the new connection is closed"));
        (void)close(fd);
        return;
    }
    struct conn *c = sc_xcalloc(1, sizeof *c);
    c->server = s;
    c->stream = sc_stream_from_fd(s->loop, fd, &stream_ops, c);
    c->next = s->conns;
    s->conns = c;
    s->n_conns++;
}

struct sc_control_server *sc_control_server_new(struct sc_loop *loop, struct sc_log *log,
                                                const struct sc_ops_env *env, const char *path,
                                                struct sc_err *err)
{
    struct sc_control_server *s = sc_xcalloc(1, sizeof *s);
    *s = (struct sc_control_server){ .loop = loop, .log = log, .env = env };
    s->listener = sc_listen_unix(loop, path, on_accept, s, err);
    if (!s->listener) {
        sc_control_server_free(s);
        return NULL;
    }
    return s;
}

void sc_control_server_free(struct sc_control_server *s)
{
    if (!s)
        return;
    sc_listener_free(s->listener);
    while (s->conns)
        conn_close(s->conns);
    free(s);
}
