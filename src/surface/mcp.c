/* mcp.c: a session: frames in, each answered once all of its requests are. */
#include "sideclaw/mcp.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "mcp_internal.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

/* One that came in. */
struct frame {
    struct sc_mcp_session *session;
    bool is_batch;
    size_t open; /* requests without an answer, and one while it is being read */
    int status;
    struct sc_buf out;
    LIST_ENTRY(frame) link;
};

/* A tool that runs. */
struct request {
    struct frame *frame;
    const struct mcp_revision *rev;
    struct sc_value *id;
    struct sc_call *call;
    LIST_ENTRY(request) link;
};

struct sc_mcp_session {
    struct sc_mcp *mcp;
    const struct sc_ops_env *env;
    char *agent;
    sc_mcp_out_fn *out;
    void *ctx;
    const struct mcp_revision *rev; /* what the handshake ended with */
    LIST_HEAD(, frame) frames;
    LIST_HEAD(, request) requests;
};

/* --- frames --- */

static void frame_free(struct frame *f)
{
    LIST_REMOVE(f, link);
    sc_buf_fini(&f->out);
    free(f);
}

/* The session may be gone when `out` returns. */
static void frame_deliver(void *ctx)
{
    struct frame *f = ctx;
    sc_mcp_out_fn *out = f->session->out;
    void *out_ctx = f->session->ctx;
    sc_auto_buf struct sc_buf text = f->out;
    int status = text.n ? f->status : 202;
    f->out = (struct sc_buf)SC_BUF_INIT;
    frame_free(f);
    out(out_ctx, status, text.p, text.n);
}

static void frame_release(struct frame *f)
{
    if (--f->open > 0)
        return;
    if (f->is_batch && f->out.n)
        sc_buf_addc(&f->out, ']');
    sc_loop_defer(f->session->env->loop, frame_deliver, f);
}

/* Before each answer that is written into the frame. */
static struct sc_buf *frame_answer(struct frame *f, int status)
{
    f->status = f->is_batch ? 200 : status;
    if (f->is_batch)
        sc_buf_addc(&f->out, f->out.n ? ',' : '[');
    return &f->out;
}

static void refuse(struct frame *f, const struct sc_value *id, struct mcp_error *e)
{
    sc_log_debug(f->session->mcp->log, "mcp.refused", SC_S("agent", f->session->agent),
                 SC_I("code", e->code)); /* the text may quote the frame */
    f->session->mcp->stats.refused++;
    mcp_write_error(frame_answer(f, e->http_status), id, e);
}

static void answer(struct frame *f, const struct sc_value *id, const struct mcp_revision *rev,
                   struct sc_value *take_result)
{
    mcp_complete(take_result, rev);
    mcp_write_result(frame_answer(f, 200), id, take_result);
}

/* --- tools --- */

static void request_free(struct request *r)
{
    LIST_REMOVE(r, link);
    sc_value_free(r->id);
    free(r);
}

static void on_call_done(void *ctx, struct sc_call *call, int status, struct sc_value *take_result,
                         const struct sc_err *err)
{
    struct request *r = ctx;
    struct frame *f = r->frame;
    (void)call, (void)status;
    f->session->mcp->stats.failed += err != NULL;
    answer(f, r->id, r->rev, err ? mcp_tool_failure(err) : mcp_tool_result(take_result));
    request_free(r);
    frame_release(f);
}

static void unknown_tool(struct frame *f, const struct mcp_message *m, const char *name)
{
    struct mcp_error e;
    const char *nearest = mcp_tool_nearest(f->session->mcp, name);
    (void)mcp_refuse(&e, SC_RPC_PARAMS, 200, "Unknown tool: %.64s", name);
    if (nearest)
        (void)sc_err_remedy(&e.err, "did you mean %s?", nearest);
    refuse(f, m->id, &e);
}

static void bad_params(struct frame *f, const struct mcp_message *m, const char *text)
{
    struct mcp_error e;
    (void)mcp_refuse(&e, SC_RPC_PARAMS, 200, "%s", text);
    refuse(f, m->id, &e);
}

static void call_tool(struct frame *f, const struct mcp_message *m, const struct mcp_revision *rev)
{
    struct sc_mcp_session *s = f->session;
    const char *name = sc_value_get_str(m->params, "name");
    const struct sc_op *op = name ? mcp_tool_find(s->mcp, name) : NULL;
    struct sc_value *params = op ? mcp_tool_params(op, m->params) : NULL;
    if (!name) {
        bad_params(f, m, "name: a string is expected");
    } else if (!op) {
        unknown_tool(f, m, name);
    } else if (!params) {
        bad_params(f, m, "arguments: an object is expected");
    } else {
        sc_log_debug(s->mcp->log, "mcp.call", SC_S("agent", s->agent), SC_S("tool", name));
        struct request *r = sc_xcalloc(1, sizeof *r);
        *r = (struct request){ .frame = f, .rev = rev, .id = sc_value_ref(m->id) };
        LIST_INSERT_HEAD(&s->requests, r, link);
        f->open++;
        s->mcp->stats.calls++;
        r->call = sc_call_start(s->env, op, params, s->agent, on_call_done, r);
    }
}

/* The cancelled request is not answered (spec: cancellation); what it did stays done. */
static void cancel(struct sc_mcp_session *s, const struct sc_value *id)
{
    struct request *r;
    LIST_FOREACH (r, &s->requests, link)
        if (sc_rpc_id_eq(r->id, id))
            break;
    if (!r)
        return;
    struct frame *f = r->frame;
    sc_call_abandon(r->call);
    request_free(r);
    frame_release(f);
}

/* --- messages --- */

static void take_request(struct frame *f, const struct mcp_message *m,
                         const struct sc_mcp_headers *headers)
{
    struct sc_mcp_session *s = f->session;
    const struct mcp_revision *rev;
    struct mcp_error e;
    if (!mcp_revision_of(m, headers, s->rev, &rev, &e)) {
        refuse(f, m->id, &e);
        return;
    }
    if (sc_streq(m->method, "tools/call")) {
        call_tool(f, m, rev);
        return;
    }
    mcp_method_fn *method = mcp_method_find(m->method, rev);
    bool handshake = method && sc_streq(m->method, "initialize");
    if (!method || (handshake && f->is_batch)) {
        (void)mcp_refuse(&e, handshake ? SC_RPC_INVALID : SC_RPC_METHOD, rev->modern ? 404 : 200,
                         handshake ? "%.64s stands in no batch" : "there is no method %.64s here",
                         m->method);
        refuse(f, m->id, &e);
        return;
    }
    if (handshake)
        s->rev = mcp_revision_offer(sc_value_get_str(m->params, "protocolVersion"));
    answer(f, m->id, rev, method(s->mcp, m));
}

static void take_message(struct frame *f, const struct sc_value *v,
                         const struct sc_mcp_headers *headers)
{
    struct mcp_message m;
    struct mcp_error e;
    if (!mcp_message_read(v, &m, &e))
        refuse(f, m.id, &e);
    else if (m.kind == MCP_REQUEST)
        take_request(f, &m, headers);
    else if (m.kind == MCP_NOTIFICATION && sc_streq(m.method, "notifications/cancelled"))
        cancel(f->session, sc_value_get(m.params, "requestId"));
}

/* Without a header a request over HTTP is one of 2025-03-26, which had none (its successor's
 * spec). */
static bool may_batch(const struct sc_mcp_session *s, const struct sc_mcp_headers *headers)
{
    const struct mcp_revision *rev = headers ? mcp_revision_find(headers->version) : s->rev;
    return rev ? rev->batches : headers && !headers->version;
}

static void take_batch(struct frame *f, const struct sc_value *list,
                       const struct sc_mcp_headers *headers)
{
    struct mcp_error e = { .code = 0 };
    size_t n = sc_value_count(list);
    if (!may_batch(f->session, headers))
        (void)mcp_refuse(&e, SC_RPC_INVALID, 400,
                         "this revision has no batches: send one message at a time");
    else if (n == 0 || n > SC_MCP_BATCH_MAX)
        (void)mcp_refuse(&e, SC_RPC_INVALID, 400, "a batch has 1 to %d messages, not %zu",
                         SC_MCP_BATCH_MAX, n);
    if (e.code) {
        refuse(f, NULL, &e);
        return;
    }
    f->is_batch = true;
    for (size_t i = 0; i < n; i++)
        take_message(f, sc_value_at(list, i), headers);
}

void sc_mcp_session_take(struct sc_mcp_session *s, const char *text, size_t n,
                         const struct sc_mcp_headers *headers)
{
    struct frame *f = sc_xcalloc(1, sizeof *f);
    struct mcp_error e;
    struct sc_err err = SC_ERR_INIT;
    *f = (struct frame){ .session = s, .open = 1, .out = SC_BUF_INIT };
    LIST_INSERT_HEAD(&s->frames, f, link);
    sc_auto_value struct sc_value *v = sc_value_parse(text, n, &err);
    if (!v) {
        (void)mcp_refuse(&e, SC_RPC_PARSE, 400, "%s", err.text);
        refuse(f, NULL, &e);
    } else if (sc_value_is_array(v)) {
        take_batch(f, v, headers);
    } else {
        take_message(f, v, headers);
    }
    frame_release(f);
}

/* --- life --- */

struct sc_mcp_session *sc_mcp_session_new(const struct sc_mcp_session_deps *deps)
{
    struct sc_mcp_session *s = sc_xcalloc(1, sizeof *s);
    *s = (struct sc_mcp_session){ .mcp = deps->mcp,
                                  .env = deps->env,
                                  .agent = sc_xstrdup(deps->agent),
                                  .out = deps->out,
                                  .ctx = deps->ctx };
    s->mcp->stats.sessions++;
    return s;
}

void sc_mcp_session_free(struct sc_mcp_session *s)
{
    if (!s)
        return;
    struct request *r;
    while ((r = LIST_FIRST(&s->requests))) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it loses LIST_REMOVE */
        sc_call_abandon(r->call);
        request_free(r);
    }
    struct frame *f;
    while ((f = LIST_FIRST(&s->frames))) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the same */
        sc_loop_undefer(s->env->loop, frame_deliver, f);
        frame_free(f);
    }
    s->mcp->stats.sessions--;
    free(s->agent);
    free(s);
}

struct sc_mcp *sc_mcp_new(struct sc_log *log, const struct sc_op *ops, size_t n_ops)
{
    struct sc_mcp *m = sc_xcalloc(1, sizeof *m);
    *m = (struct sc_mcp){
        .log = log, .ops = ops, .n_ops = n_ops, .tools = mcp_tools_value(ops, n_ops)
    };
    return m;
}

void sc_mcp_free(struct sc_mcp *m)
{
    if (!m)
        return;
    sc_value_free(m->tools);
    free(m);
}

struct sc_mcp_stats sc_mcp_stats(const struct sc_mcp *m)
{
    return m->stats;
}

const struct sc_value *sc_mcp_tools(const struct sc_mcp *m)
{
    return m->tools;
}
