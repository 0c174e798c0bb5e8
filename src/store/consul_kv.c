#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "consul_internal.h"
#include "sideclaw/crypto.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"

enum { CALL_TIMEOUT_MS = 10 * 1000 };

struct sc_consul_kv {
    struct sc_loop *loop;
    struct sc_http_client *http;
    char *addr;         /* without a slash at its end */
    char *token_header; /* "X-Consul-Token: ..."; NULL when none. Secret. */
    struct sc_http_tls *tls;
    sc_consul_heard_fn *heard;
    void *heard_ctx;
    TAILQ_HEAD(call_list, sc_consul_call) calls;
    TAILQ_HEAD(turn_list, sc_consul_call) waiting; /* of them: not begun, first come first served */
    size_t n_turns, n_waiting, waiting_bytes;      /* n_turns: begun of those that take turns */
};

struct sc_consul_call {
    struct sc_consul_kv *kv;
    TAILQ_ENTRY(sc_consul_call) link;
    struct sc_http_op *op; /* NULL once it ended, or when it never began */
    bool in_turn;          /* counts in n_turns */
    bool waits;
    TAILQ_ENTRY(sc_consul_call) turn;
    const char *method;
    char *path;
    struct sc_buf body;
    sc_consul_done_fn *done;
    void *ctx;
    struct sc_err err; /* why it never began */
};

struct sc_consul_kv *sc_consul_kv_new(struct sc_loop *loop, struct sc_http_client *http,
                                      const char *addr, const char *token)
{
    struct sc_consul_kv *kv = sc_xcalloc(1, sizeof *kv);
    size_t n = strlen(addr);
    while (n > 0 && addr[n - 1] == '/')
        n--;
    TAILQ_INIT(&kv->calls);
    TAILQ_INIT(&kv->waiting);
    kv->loop = loop;
    kv->http = http;
    /* CONSUL_HTTP_ADDR is often a bare host:port; Consul's own tools take that too. */
    kv->addr = sc_xasprintf("%s%.*s", strstr(addr, "://") ? "" : "http://", (int)n, addr);
    sc_consul_kv_set_token(kv, token);
    return kv;
}

void sc_consul_kv_set_token(struct sc_consul_kv *kv, const char *token)
{
    sc_secret_free(kv->token_header);
    kv->token_header = token && token[0] ? sc_xasprintf("X-Consul-Token: %s", token) : NULL;
}

void sc_consul_kv_set_tls(struct sc_consul_kv *kv, struct sc_http_tls *tls)
{
    kv->tls = tls;
}

void sc_consul_kv_on_answer(struct sc_consul_kv *kv, sc_consul_heard_fn *fn, void *ctx)
{
    kv->heard = fn;
    kv->heard_ctx = ctx;
}

static void on_unsent(void *ctx);
static void next_turns(struct sc_consul_kv *kv);

static void stop_waiting(struct sc_consul_call *call)
{
    struct sc_consul_kv *kv = call->kv;
    if (!call->waits)
        return;
    TAILQ_REMOVE(&kv->waiting, call, turn);
    call->waits = false;
    kv->n_waiting--;
    kv->waiting_bytes -= call->body.n;
}

static void call_free(struct sc_consul_call *call)
{
    struct sc_consul_kv *kv = call->kv;
    TAILQ_REMOVE(&kv->calls, call, link);
    sc_loop_undefer(kv->loop, on_unsent, call);
    stop_waiting(call);
    if (call->in_turn)
        kv->n_turns--;
    free(call->path);
    sc_buf_fini(&call->body);
    free(call);
    next_turns(kv);
}

void sc_consul_kv_cancel(struct sc_consul_call *call)
{
    if (!call)
        return;
    sc_http_cancel(call->op);
    call_free(call);
}

void sc_consul_kv_free(struct sc_consul_kv *kv)
{
    if (!kv)
        return;
    struct sc_consul_call *call;
    while ((call = TAILQ_FIRST(&kv->waiting)))
        sc_consul_kv_cancel(call); /* NOLINT(clang-analyzer-unix.Malloc): it loses TAILQ_REMOVE */
    while ((call = TAILQ_FIRST(&kv->calls)))
        sc_consul_kv_cancel(call); /* NOLINT(clang-analyzer-unix.Malloc): it loses TAILQ_REMOVE */
    sc_secret_free(kv->token_header);
    free(kv->addr);
    free(kv);
}

/* ---- answers ---- */

static bool mentions(const struct sc_http_response *res, const char *words)
{
    return strstr(res->body, words) != NULL;
}

bool sc_consul_denies(const char *text)
{
    return strstr(text, "Permission denied") || strstr(text, "ACL not found");
}

/* The first of them, for people. */
static void on_right(void *ctx, const char *right, const char *name)
{
    struct sc_buf *text = ctx;
    if (text->n == 0)
        sc_buf_addf(text, ": it may not %s %.100s", right, name);
}

/* A token that expired or was deleted is as unknown to Consul as one that never was. */
static int token_refused(struct sc_err *err, const struct sc_consul_call *call,
                         const struct sc_http_response *res)
{
    const struct sc_consul_kv *kv = call->kv;
    const struct sc_consul_request req = { .method = call->method, .path = call->path };
    sc_auto_buf struct sc_buf what = SC_BUF_INIT;
    if (!kv->token_header) {
        (void)sc_fail(err, SC_EAUTH, "consul at %s: ACL token missing (%d)", kv->addr, res->status);
        return sc_err_remedy(err, "set CONSUL_HTTP_TOKEN or consul.token_file to a token with the "
                                  "policy in consul/acl-sidecar.hcl");
    }
    if (mentions(res, "ACL not found")) {
        (void)sc_fail(err, SC_EAUTH,
                      "consul at %s: ACL token refused (%d): Consul does not know "
                      "it: it is wrong, expired or deleted",
                      kv->addr, res->status);
        return sc_err_remedy(err, "make one with consul/acl-sidecar.hcl, put it into the file of "
                                  "consul.token_file and send SIGHUP; one that is in the "
                                  "environment needs a restart");
    }
    sc_consul_asked(&req, res, true, on_right, &what);
    (void)sc_fail(err, SC_EAUTH, "consul at %s: ACL token refused (%d)%s", kv->addr, res->status,
                  sc_buf_str(&what));
    return sc_err_remedy(err, "give the token the policy of consul/acl-sidecar.hcl (with another "
                              "cluster.prefix, change it there), or set consul.token_file to a "
                              "token that has it and send SIGHUP");
}

/* Consul says why in a line of plain text; some of it echoes keys, so only its start is repeated.
 */
static int explain(const struct sc_consul_call *call, const struct sc_http_response *res,
                   struct sc_err *err)
{
    const struct sc_consul_kv *kv = call->kv;
    int line = (int)strcspn(res->body, "\r\n");
    if (line > 120)
        line = 120;
    if (res->status == 403 || sc_consul_denies(res->body))
        return token_refused(err, call, res);
    enum sc_code code = res->status == 404   ? SC_ENOENT
                        : res->status == 409 ? SC_EEXIST
                        : res->status == 413 ? SC_ETOOBIG
                        : res->status == 429 ? SC_EBUSY
                        : res->status >= 500 ? SC_EAWAY
                                             : SC_EPROTO;
    (void)sc_fail(err, code, "consul at %s answers %d%s%.*s", kv->addr, res->status,
                  line > 0 ? ": " : "", line, res->body);
    if (mentions(res, "HTTP request to an HTTPS server"))
        return sc_err_remedy(err, "write consul.addr with https://, or set CONSUL_HTTP_SSL=true");
    if (code == SC_EAWAY)
        return sc_err_remedy(err, "look at Consul's own log; it needs a cluster leader");
    if (code == SC_EPROTO)
        return sc_err_remedy(err, "check that consul.addr is Consul's HTTP address");
    return err->code;
}

static void on_http_done(void *ctx, const struct sc_http_response *res,
                         const struct sc_err *http_err)
{
    struct sc_consul_call *call = ctx;
    const struct sc_consul_kv *kv = call->kv;
    struct sc_err err = SC_ERR_INIT;
    call->op = NULL;
    if (!res) {
        (void)sc_fail(&err, http_err->code, "consul at %s", http_err->text);
        (void)sc_err_remedy(&err, "%s",
                            *http_err->remedy
                                ? http_err->remedy
                                : "start Consul (consul agent -dev), or set consul.addr");
    } else if (res->status / 100 != 2) {
        (void)explain(call, res, &err);
    }
    if (res && kv->heard)
        kv->heard(kv->heard_ctx,
                  &(struct sc_consul_request){ .method = call->method, .path = call->path }, res,
                  err.code == SC_OK ? NULL : &err);
    sc_consul_done_fn *done = call->done;
    void *done_ctx = call->ctx;
    call_free(call);
    done(done_ctx, res, err.code == SC_OK ? NULL : &err);
}

static void on_unsent(void *ctx)
{
    struct sc_consul_call *call = ctx;
    on_http_done(call, NULL, &call->err);
}

/* ---- requests ---- */

static struct sc_consul_call *call_new(struct sc_consul_kv *kv, sc_consul_done_fn *done, void *ctx)
{
    struct sc_consul_call *call = sc_xcalloc(1, sizeof *call);
    call->kv = kv;
    call->done = done;
    call->ctx = ctx;
    TAILQ_INSERT_TAIL(&kv->calls, call, link);
    return call;
}

static void begin(struct sc_consul_call *call, struct sc_http_request *req, const char *path)
{
    struct sc_consul_kv *kv = call->kv;
    sc_auto_free char *url = sc_xasprintf("%s/v1/%s", kv->addr, path);
    if (!call->path)
        call->path = sc_xstrdup(path);
    call->method = req->method;
    const char *const headers[] = { kv->token_header, NULL };
    req->url = url;
    req->headers = headers;
    req->tls = kv->tls;
    if (req->timeout_ms == 0)
        req->timeout_ms = CALL_TIMEOUT_MS;
    if (sc_http_send(kv->http, req, on_http_done, call, &call->op, &call->err) < 0)
        sc_loop_defer(kv->loop, on_unsent, call);
}

static struct sc_consul_call *start(struct sc_consul_kv *kv, struct sc_http_request *req,
                                    const char *path, sc_consul_done_fn *done, void *ctx)
{
    struct sc_consul_call *call = call_new(kv, done, ctx);
    begin(call, req, path);
    return call;
}

/* ---- taking turns ---- */

static void take_turn(struct sc_consul_call *call, const char *path, const char *body, size_t n)
{
    struct sc_http_request req = { .method = "PUT", .body = body, .body_len = n };
    call->in_turn = true;
    call->kv->n_turns++;
    begin(call, &req, path);
}

static void next_turns(struct sc_consul_kv *kv)
{
    struct sc_consul_call *call;
    while (kv->n_turns < SC_KV_CALLS_MAX && (call = TAILQ_FIRST(&kv->waiting))) {
        stop_waiting(call);
        take_turn(call, call->path, sc_buf_str(&call->body), call->body.n);
    }
}

static struct sc_consul_call *put_in_turn(struct sc_consul_kv *kv, const char *path,
                                          const char *body, size_t n, sc_consul_done_fn *done,
                                          void *ctx)
{
    struct sc_consul_call *call = call_new(kv, done, ctx);
    if (kv->n_turns < SC_KV_CALLS_MAX) {
        take_turn(call, path, body, n);
        return call;
    }
    call->path = sc_xstrdup(path);
    sc_buf_add(&call->body, body, n);
    call->waits = true;
    TAILQ_INSERT_TAIL(&kv->waiting, call, turn);
    kv->n_waiting++;
    kv->waiting_bytes += n;
    return call;
}

bool sc_consul_kv_busy(const struct sc_consul_kv *kv)
{
    return kv->n_waiting >= SC_KV_WAITING_MAX || kv->waiting_bytes >= SC_KV_WAITING_BYTES_MAX;
}

void sc_consul_kv_give_up(struct sc_consul_kv *kv)
{
    struct sc_consul_call *call;
    while ((call = TAILQ_FIRST(&kv->waiting))) {
        stop_waiting(call);
        (void)sc_fail(&call->err, SC_EAWAY, "consul is away");
        sc_loop_defer(kv->loop, on_unsent, call);
    }
}

/* ---- calls ---- */

static void add_escaped(struct sc_buf *out, const char *key)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-._~/";
    for (; *key; key++) {
        if (strchr(plain, *key))
            sc_buf_addc(out, *key);
        else
            sc_buf_addf(out, "%%%02X", (unsigned)(unsigned char)*key);
    }
}

static struct sc_consul_call *put(struct sc_consul_kv *kv, const char *path,
                                  const struct sc_buf *body, sc_consul_done_fn *done, void *ctx)
{
    struct sc_http_request req = { .method = "PUT",
                                   .body = body ? sc_buf_str(body) : NULL,
                                   .body_len = body ? body->n : 0 };
    return start(kv, &req, path, done, ctx);
}

/* Index 0: an answer now. */
static void add_wait(struct sc_buf *path, struct sc_http_request *req, int64_t index,
                     int64_t wait_ms)
{
    if (index <= 0)
        return;
    sc_buf_addf(path, "&index=%lld&wait=%llds", (long long)index, (long long)wait_ms / 1000);
    /* Consul adds up to a sixteenth of its own; what is silent for longer is broken. */
    req->timeout_ms = wait_ms + wait_ms / 16 + CALL_TIMEOUT_MS;
}

struct sc_consul_call *sc_consul_kv_list(struct sc_consul_kv *kv, const struct sc_consul_query *q,
                                         sc_consul_done_fn *done, void *ctx)
{
    sc_auto_buf struct sc_buf path = SC_BUF_INIT;
    struct sc_http_request req = { .method = "GET", .chunk = q->chunk, .chunk_ctx = ctx };
    sc_buf_adds(&path, "kv/");
    add_escaped(&path, q->prefix);
    sc_buf_adds(&path, "?recurse=true");
    add_wait(&path, &req, q->index, q->wait_ms);
    return start(kv, &req, sc_buf_str(&path), done, ctx);
}

/* Names have no quotation marks (sc_name_check). */
struct sc_consul_call *sc_consul_kv_instance(struct sc_consul_kv *kv, const char *gateway,
                                             int64_t index, int64_t wait_ms,
                                             sc_consul_done_fn *done, void *ctx)
{
    sc_auto_buf struct sc_buf path = SC_BUF_INIT;
    sc_auto_free char *filter = sc_xasprintf("Service.Meta.gateway == \"%s\"", gateway);
    struct sc_http_request req = { .method = "GET" };
    sc_buf_adds(&path, "health/service/openclaw-gateway?filter=");
    add_escaped(&path, filter);
    add_wait(&path, &req, index, wait_ms);
    return start(kv, &req, sc_buf_str(&path), done, ctx);
}

struct sc_consul_call *sc_consul_kv_put(struct sc_consul_kv *kv, const char *key, const char *value,
                                        size_t n, sc_consul_done_fn *done, void *ctx)
{
    sc_auto_buf struct sc_buf path = SC_BUF_INIT;
    sc_buf_adds(&path, "kv/");
    add_escaped(&path, key);
    return put_in_turn(kv, sc_buf_str(&path), value, n, done, ctx);
}

struct sc_consul_call *sc_consul_kv_txn(struct sc_consul_kv *kv, struct sc_buf *take_txn,
                                        sc_consul_done_fn *done, void *ctx)
{
    sc_kv_txn_end(take_txn);
    struct sc_consul_call *call = put(kv, "txn", take_txn, done, ctx);
    sc_buf_fini(take_txn);
    *take_txn = (struct sc_buf)SC_BUF_INIT;
    return call;
}

struct sc_consul_call *sc_consul_kv_txn_in_turn(struct sc_consul_kv *kv, struct sc_buf *take_txn,
                                                sc_consul_done_fn *done, void *ctx)
{
    sc_kv_txn_end(take_txn);
    struct sc_consul_call *call =
        put_in_turn(kv, "txn", sc_buf_str(take_txn), take_txn->n, done, ctx);
    sc_buf_fini(take_txn);
    *take_txn = (struct sc_buf)SC_BUF_INIT;
    return call;
}

struct sc_consul_call *sc_consul_kv_session_create(struct sc_consul_kv *kv, const char *name,
                                                   int64_t ttl_ms, sc_consul_done_fn *done,
                                                   void *ctx)
{
    sc_auto_buf struct sc_buf body = SC_BUF_INIT;
    sc_consul_session_to_json(name, ttl_ms, &body);
    return put(kv, "session/create", &body, done, ctx);
}

static struct sc_consul_call *put_id(struct sc_consul_kv *kv, const char *what, const char *id,
                                     sc_consul_done_fn *done, void *ctx)
{
    sc_auto_buf struct sc_buf path = SC_BUF_INIT;
    sc_buf_adds(&path, what);
    add_escaped(&path, id);
    return put(kv, sc_buf_str(&path), NULL, done, ctx);
}

struct sc_consul_call *sc_consul_kv_session_renew(struct sc_consul_kv *kv, const char *id,
                                                  sc_consul_done_fn *done, void *ctx)
{
    return put_id(kv, "session/renew/", id, done, ctx);
}

struct sc_consul_call *sc_consul_kv_session_destroy(struct sc_consul_kv *kv, const char *id,
                                                    sc_consul_done_fn *done, void *ctx)
{
    return put_id(kv, "session/destroy/", id, done, ctx);
}

struct sc_consul_call *sc_consul_kv_service_get(struct sc_consul_kv *kv, const char *id,
                                                sc_consul_done_fn *done, void *ctx)
{
    sc_auto_buf struct sc_buf path = SC_BUF_INIT;
    struct sc_http_request req = { .method = "GET" };
    sc_buf_adds(&path, "agent/service/");
    add_escaped(&path, id);
    return start(kv, &req, sc_buf_str(&path), done, ctx);
}

struct sc_consul_call *sc_consul_kv_service_register(struct sc_consul_kv *kv,
                                                     const struct sc_consul_service *s,
                                                     sc_consul_done_fn *done, void *ctx)
{
    sc_auto_buf struct sc_buf body = SC_BUF_INIT;
    sc_consul_service_to_json(s, &body);
    return put(kv, "agent/service/register", &body, done, ctx);
}

struct sc_consul_call *sc_consul_kv_service_deregister(struct sc_consul_kv *kv, const char *id,
                                                       sc_consul_done_fn *done, void *ctx)
{
    return put_id(kv, "agent/service/deregister/", id, done, ctx);
}

struct sc_consul_call *sc_consul_kv_check_update(struct sc_consul_kv *kv, const char *id,
                                                 const char *status, const char *output,
                                                 sc_consul_done_fn *done, void *ctx)
{
    sc_auto_buf struct sc_buf body = SC_BUF_INIT, path = SC_BUF_INIT;
    sc_buf_adds(&path, "agent/check/update/");
    add_escaped(&path, id);
    sc_consul_check_to_json(status, output, &body);
    return put(kv, sc_buf_str(&path), &body, done, ctx);
}

struct sc_consul_call *sc_consul_kv_check_deregister(struct sc_consul_kv *kv, const char *id,
                                                     sc_consul_done_fn *done, void *ctx)
{
    return put_id(kv, "agent/check/deregister/", id, done, ctx);
}
