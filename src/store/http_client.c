/* The curl multi interface driven by our loop. Two of its rules shape this file (FACTS 4.3):
 *  - the timer callback is one-shot, may ask for 0 ms, and must not call curl itself: it only arms;
 *  - no function of curl's may be called while one of its callbacks is on the stack. Our `chunk`
 *    runs there, and what it sets off in the domain may well send or cancel: `inside` says so, and
 *    after_curl() does then what had to wait. */
#include "sideclaw/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "http_tls.h"
#include "sideclaw/buf.h"
#include "sideclaw/limits.h"
#include "sideclaw/mem.h"
#include "sideclaw/parse.h"

enum {
    CONNECT_TIMEOUT_MS = 10 * 1000, /* a black hole must not hold a blocking query's five minutes */
    UPLOAD_BYTES = 64 * 1024,       /* curl's own buffer for what it sends */
    UPLOAD_MAX = 512 * 1024,
    CACHED_CONNECTIONS = 32 /* Consul's, and one or two to each sidecar we talk to just now */
};

struct sc_http_client {
    struct sc_loop *loop;
    CURLM *multi;
    struct sc_timer *timer;
    TAILQ_HEAD(op_list, sc_http_op) ops; /* everything whose done has not run */
    bool inside;                         /* a callback of curl's is on the stack */
    bool closed;
};

struct sc_http_op {
    struct sc_http_client *client;
    TAILQ_ENTRY(sc_http_op) link;
    CURL *easy;
    struct curl_slist *headers, *connect_to;
    char *body;
    size_t body_len;
    struct sc_http_tls *tls;
    char *origin; /* scheme://host:port, for error texts; never the path, which may name secrets */
    int64_t timeout_ms;
    bool added;     /* curl has it */
    bool cancelled; /* nobody waits; goes as soon as curl lets us */
    sc_http_done_fn *done;
    void *ctx;
    int (*chunk)(void *chunk_ctx, const char *data, size_t n);
    void *chunk_ctx;
    size_t max_body, header_bytes;
    struct sc_buf answer;
    int64_t consul_index;
    struct sc_err err; /* why a callback of ours stopped the transfer */
    char curl_text[CURL_ERROR_SIZE];
};

static void op_free(struct sc_http_op *op)
{
    if (op->added)
        (void)curl_multi_remove_handle(op->client->multi, op->easy);
    if (op->easy)
        curl_easy_cleanup(op->easy);
    curl_slist_free_all(op->headers);
    curl_slist_free_all(op->connect_to);
    free(op->body);
    free(op->origin);
    sc_buf_fini(&op->answer);
    free(op);
}

/* ---- what curl calls ---- */

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
    static const char index_name[] = "X-Consul-Index:";
    struct sc_http_op *op = ctx;
    size_t len = size * n;
    op->header_bytes += len;
    if (op->header_bytes > SC_HTTP_HEADERS_MAX) {
        (void)sc_fail(&op->err, SC_ETOOBIG, "%s answers with over %d bytes of headers", op->origin,
                      SC_HTTP_HEADERS_MAX);
        return 0;
    }
    if (len < sizeof index_name || strncasecmp(data, index_name, sizeof index_name - 1) != 0)
        return len;
    const char *p = data + sizeof index_name - 1, *end = data + len;
    while (p < end && *p == ' ')
        p++;
    while (end > p && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    sc_auto_free char *text = sc_xstrndup(p, (size_t)(end - p));
    if (sc_parse_i64(text, 0, INT64_MAX, &op->consul_index, NULL) < 0)
        op->consul_index = 0; /* as good as absent */
    return len;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct sc_http_op *op = ctx;
    size_t len = size * n;
    long status = 0;
    if (op->cancelled)
        return 0;
    (void)curl_easy_getinfo(op->easy, CURLINFO_RESPONSE_CODE, &status);
    if (op->chunk && status / 100 == 2) {
        int r = op->chunk(op->chunk_ctx, data, len);
        if (r < 0)
            (void)sc_fail(&op->err, (enum sc_code)r, "%s gave an answer that was refused",
                          op->origin);
        return r < 0 || op->cancelled ? 0 : len;
    }
    if (len > op->max_body - op->answer.n) {
        (void)sc_fail(&op->err, SC_ETOOBIG, "%s answers with more than %zu bytes", op->origin,
                      op->max_body);
        return 0;
    }
    sc_buf_add(&op->answer, data, len);
    return len;
}

static int on_timer_wanted(CURLM *multi, long ms, void *ctx)
{
    struct sc_http_client *c = ctx;
    (void)multi;
    if (ms < 0)
        sc_timer_disarm(c->timer);
    else
        sc_timer_arm(c->timer, ms);
    return 0;
}

static void on_ready(void *ctx, int fd, int what);

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct sc_http_client *c = ctx;
    struct sc_io *io = NULL;
    (void)easy;
    sc_io_free(socket_ctx); /* before any new one: curl may have closed and reopened the number */
    if (what != CURL_POLL_REMOVE) {
        int events =
            (what & CURL_POLL_IN ? SC_IO_READ : 0) | (what & CURL_POLL_OUT ? SC_IO_WRITE : 0);
        io = sc_io_new(c->loop, fd, events, on_ready, c);
    }
    (void)curl_multi_assign(c->multi, fd, io);
    return 0;
}

/* ---- the end of an exchange ---- */

/* One sentence in which the origin is the subject, so that a caller can show it as it is. */
static int explain(struct sc_http_op *op, CURLcode code, struct sc_err *err)
{
    long os_errno = 0;
    if (op->err.code != SC_OK) {
        *err = op->err;
        return err->code;
    }
    (void)curl_easy_getinfo(op->easy, CURLINFO_OS_ERRNO, &os_errno);
    const char *why = op->curl_text[0] ? op->curl_text : curl_easy_strerror(code);
    if (sc_http_tls_explain(op->tls, op->origin, code, why, err))
        return err->code;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return sc_fail(err, SC_ETIMEDOUT, "%s does not answer in time", op->origin);
    if (code == CURLE_COULDNT_CONNECT && os_errno == ECONNREFUSED)
        return sc_fail(err, SC_EAWAY, "%s refuses connections", op->origin);
    if (code == CURLE_COULDNT_RESOLVE_HOST)
        return sc_fail(err, SC_EAWAY, "%s has a host name that does not resolve", op->origin);
    if (code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE)
        return sc_fail(err, SC_EAWAY, "%s closed the connection", op->origin);
    if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL)
        return sc_fail(err, SC_EPROTO, "%s does not speak HTTP: %s", op->origin, why);
    return sc_fail(err, SC_EAWAY, "%s cannot be used: %s", op->origin, why);
}

static void deliver(struct sc_http_op *op, CURLcode code)
{
    struct sc_err err = SC_ERR_INIT;
    long status = 0;
    TAILQ_REMOVE(&op->client->ops, op, link);
    if (code != CURLE_OK) {
        (void)explain(op, code, &err);
        op->done(op->ctx, NULL, &err);
    } else {
        (void)curl_easy_getinfo(op->easy, CURLINFO_RESPONSE_CODE, &status);
        struct sc_http_response res = { .status = (int)status,
                                        .body = sc_buf_str(&op->answer),
                                        .body_len = op->answer.n,
                                        .consul_index = op->consul_index,
                                        .sent = op->body ? op->body : "",
                                        .sent_len = op->body_len };
        op->done(op->ctx, &res, NULL);
    }
    op_free(op);
}

static struct sc_http_op *first_failed(const struct sc_http_client *c)
{
    struct sc_http_op *op;
    TAILQ_FOREACH (op, &c->ops, link)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it loses TAILQ_REMOVE */
        if (!op->added && op->err.code != SC_OK)
            return op;
    return NULL;
}

/* From the front each time: done may change the list as it likes. */
static void deliver_failed(void *ctx)
{
    struct sc_http_client *c = ctx;
    struct sc_http_op *op;
    while ((op = first_failed(c))) {
        TAILQ_REMOVE(&c->ops, op, link);
        op->done(op->ctx, NULL, &op->err);
        op_free(op);
    }
}

static void fail_later(struct sc_http_op *op, enum sc_code code, const char *why)
{
    if (op->added)
        (void)curl_multi_remove_handle(op->client->multi, op->easy);
    op->added = false;
    (void)sc_fail(&op->err, code, "%s: %s", op->origin, why);
    sc_loop_undefer(op->client->loop, deliver_failed, op->client);
    sc_loop_defer(op->client->loop, deliver_failed, op->client);
}

static void fail_all(struct sc_http_client *c)
{
    struct sc_http_op *op;
    TAILQ_FOREACH (op, &c->ops, link)
        fail_later(op, SC_ECANCELED, "closed");
}

/* What had to wait while curl was on the stack. */
static void catch_up(struct sc_http_client *c)
{
    struct sc_http_op *op, *next;
    for (op = TAILQ_FIRST(&c->ops); op; op = next) {
        next = TAILQ_NEXT(op, link);
        if (op->cancelled) {
            TAILQ_REMOVE(&c->ops, op, link);
            op_free(op);
        } else if (!op->added && op->err.code == SC_OK) {
            op->added = curl_multi_add_handle(c->multi, op->easy) == CURLM_OK;
            if (!op->added)
                fail_later(op, SC_EIO, "curl did not take the request");
        }
    }
    if (c->closed)
        fail_all(c);
}

static void drive(struct sc_http_client *c, curl_socket_t fd, int what)
{
    int running = 0, left = 0;
    CURLMsg *msg;
    c->inside = true;
    (void)curl_multi_socket_action(c->multi, fd, what, &running);
    c->inside = false;
    catch_up(c);
    /* One message at a time: each done may add, cancel or close, and curl then drops the messages
     * of handles that are gone. */
    while ((msg = curl_multi_info_read(c->multi, &left))) {
        struct sc_http_op *op = NULL;
        if (msg->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&op);
        deliver(op, msg->data.result);
    }
}

static void on_ready(void *ctx, int fd, int what)
{
    drive(ctx, fd,
          (what & SC_IO_READ ? CURL_CSELECT_IN : 0) | (what & SC_IO_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(void *ctx)
{
    drive(ctx, CURL_SOCKET_TIMEOUT, 0);
}

/* ---- starting ---- */

static char *origin_of(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    size_t n = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', n); /* user:password@ stays out */
    const char *from = at ? at + 1 : host;
    return sc_xasprintf("%.*s%.*s", (int)(host - url), url, (int)(host + n - from), from);
}

static void set_method(struct sc_http_op *op, const struct sc_http_request *req)
{
    CURL *h = op->easy;
    if (sc_streq(req->method, "GET"))
        (void)curl_easy_setopt(h, CURLOPT_HTTPGET, 1L);
    else if (sc_streq(req->method, "HEAD"))
        (void)curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
    else
        (void)curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, req->method);
    if (req->body_len > 0 || sc_streq(req->method, "PUT") || sc_streq(req->method, "POST")) {
        op->body = sc_xmalloc(req->body_len + 1);
        op->body_len = req->body_len;
        if (req->body_len > 0)
            memcpy(op->body, req->body, req->body_len);
        (void)curl_easy_setopt(h, CURLOPT_POSTFIELDS, op->body);
        (void)curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body_len);
        (void)curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, req->method);
        /* One write a turn: a batch of messages should not take several. */
        if (req->body_len > UPLOAD_BYTES)
            (void)curl_easy_setopt(h, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_MAX);
    }
}

static void set_headers(struct sc_http_op *op, const struct sc_http_request *req)
{
    /* No "Expect: 100-continue" round trip, no form type for a body that is none; a header of the
     * caller's comes later and wins. */
    op->headers = curl_slist_append(op->headers, "Expect:");
    bool typed = false;
    for (size_t i = 0; req->headers && req->headers[i]; i++) {
        typed |= strncasecmp(req->headers[i], "Content-Type:", 13) == 0;
        op->headers = curl_slist_append(op->headers, req->headers[i]);
    }
    if (!typed)
        op->headers = curl_slist_append(op->headers, "Content-Type:");
    sc_auto_free char *host = op->tls ? sc_http_tls_host_header(op->tls, req->url) : NULL;
    if (host)
        op->headers = curl_slist_append(op->headers, host);
    sc_assert(op->headers);
    (void)curl_easy_setopt(op->easy, CURLOPT_HTTPHEADER, op->headers);
}

static void set_bounds(struct sc_http_op *op, const struct sc_http_request *req)
{
    CURL *h = op->easy;
    int64_t wanted = req->connect_ms ? req->connect_ms : CONNECT_TIMEOUT_MS;
    long connect_ms = (long)(req->timeout_ms < wanted ? req->timeout_ms : wanted);
    (void)curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)req->timeout_ms);
    (void)curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    (void)curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
#if CURL_AT_LEAST_VERSION(7, 85, 0)
    (void)curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    (void)curl_easy_setopt(h, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    /* What we call is ours and near: http_proxy in the environment is meant for the agents. */
    (void)curl_easy_setopt(h, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* A blocking query is silent for minutes; a peer that vanished without a word must show. */
    (void)curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(h, CURLOPT_TCP_KEEPIDLE, 20L);
    (void)curl_easy_setopt(h, CURLOPT_TCP_KEEPINTVL, 10L);
}

static void set_callbacks(struct sc_http_op *op)
{
    CURL *h = op->easy;
    (void)curl_easy_setopt(h, CURLOPT_PRIVATE, op);
    (void)curl_easy_setopt(h, CURLOPT_ERRORBUFFER, op->curl_text);
    (void)curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(h, CURLOPT_HEADERDATA, op);
    (void)curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(h, CURLOPT_WRITEDATA, op);
}

static int set_address(struct sc_http_op *op, const struct sc_http_request *req, struct sc_err *err)
{
    if (curl_easy_setopt(op->easy, CURLOPT_URL, req->url) != CURLE_OK)
        return sc_fail(err, SC_EINVAL, "the address cannot be called");
    return op->tls ? sc_http_tls_apply(op->tls, op->easy, req->url, &op->connect_to, err) : SC_OK;
}

int sc_http_send(struct sc_http_client *c, const struct sc_http_request *req, sc_http_done_fn *done,
                 void *ctx, struct sc_http_op **ret_op, struct sc_err *err)
{
    if (c->closed)
        return sc_fail(err, SC_ECANCELED, "http client is closed");
    if (strncasecmp(req->url, "http://", 7) != 0 && strncasecmp(req->url, "https://", 8) != 0)
        return sc_fail(err, SC_EINVAL, "only http:// and https:// addresses can be called");
    CURL *easy = curl_easy_init();
    if (!easy)
        return sc_fail(err, SC_EIO, "curl gives no handle");
    struct sc_http_op *op = sc_xcalloc(1, sizeof *op);
    op->client = c;
    op->easy = easy;
    op->origin = origin_of(req->url);
    op->tls = strncasecmp(req->url, "https://", 8) == 0 ? req->tls : NULL;
    op->done = done;
    op->ctx = ctx;
    op->chunk = req->chunk;
    op->chunk_ctx = req->chunk_ctx;
    op->max_body = req->max_body ? req->max_body : (size_t)SC_HTTP_RESPONSE_MAX;
    set_callbacks(op);
    set_method(op, req);
    set_headers(op, req);
    set_bounds(op, req);
    int r = set_address(op, req, err);
    if (r < 0) {
        op_free(op);
        return r;
    }
    if (!c->inside) {
        op->added = curl_multi_add_handle(c->multi, easy) == CURLM_OK;
        if (!op->added) {
            op_free(op);
            return sc_fail(err, SC_EIO, "curl did not take the request");
        }
    }
    TAILQ_INSERT_TAIL(&c->ops, op, link);
    if (ret_op)
        *ret_op = op;
    return SC_OK;
}

void sc_http_cancel(struct sc_http_op *op)
{
    if (!op)
        return;
    op->cancelled = true;
    if (op->client->inside)
        return;
    TAILQ_REMOVE(&op->client->ops, op, link);
    op_free(op);
}

/* ---- the client ---- */

struct sc_http_client *sc_http_client_new(struct sc_loop *loop, struct sc_err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)sc_fail(err, SC_EIO, "libcurl does not initialise");
        return NULL;
    }
    struct sc_http_client *c = sc_xcalloc(1, sizeof *c);
    c->loop = loop;
    TAILQ_INIT(&c->ops);
    c->timer = sc_timer_new(loop, on_timer, c);
    c->multi = curl_multi_init();
    if (!c->multi) {
        sc_http_client_free(c);
        (void)sc_fail(err, SC_EIO, "libcurl gives no multi handle");
        return NULL;
    }
    (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
    (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
    (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    (void)curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)CACHED_CONNECTIONS);
    return c;
}

void sc_http_client_close(struct sc_http_client *c)
{
    if (c->closed)
        return;
    c->closed = true;
    if (!c->inside)
        fail_all(c);
}

void sc_http_client_free(struct sc_http_client *c)
{
    if (!c)
        return;
    sc_assert(TAILQ_EMPTY(&c->ops));
    sc_loop_undefer(c->loop, deliver_failed, c);
    if (c->multi)
        (void)curl_multi_cleanup(c->multi); /* still calls on_socket_wanted for open sockets */
    sc_timer_free(c->timer);
    free(c);
    curl_global_cleanup();
}
