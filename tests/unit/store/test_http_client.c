#include <stdio.h>
#include <string.h>

#include "http_fixture.h"
#include "sideclaw/limits.h"

/* What came back, as the last `done` saw it. */
struct result {
    int n, status;
    char body[256]; /* its beginning */
    size_t body_len;
    int64_t index;
    struct sc_err err;
    struct fixture *f;
    struct sc_http_op *op;
};

static void on_done(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct result *r = ctx;
    r->n++;
    r->op = NULL;
    if (err) {
        r->err = *err;
        return;
    }
    r->status = res->status;
    r->index = res->consul_index;
    r->body_len = res->body_len;
    (void)snprintf(r->body, sizeof r->body, "%s", res->body);
}

static void reply(struct evhttp_request *req, int status, const char *text, size_t n)
{
    struct evbuffer *out = evbuffer_new();
    evbuffer_add(out, text, n);
    evhttp_send_reply(req, status, NULL, out);
    evbuffer_free(out);
}

/* Says what it was asked. */
static void echo(struct evhttp_request *req, void *ctx)
{
    struct fixture *f = ctx;
    struct evbuffer *in = evhttp_request_get_input_buffer(req);
    const struct evkeyvalq *h = evhttp_request_get_input_headers(req);
    const char *token = evhttp_find_header(h, "X-Consul-Token");
    const char *type = evhttp_find_header(h, "Content-Type");
    const char *expect = evhttp_find_header(h, "Expect");
    static const char *const methods[] = { [EVHTTP_REQ_GET] = "GET",
                                           [EVHTTP_REQ_POST] = "POST",
                                           [EVHTTP_REQ_HEAD] = "HEAD",
                                           [EVHTTP_REQ_PUT] = "PUT",
                                           [EVHTTP_REQ_DELETE] = "DELETE" };
    sc_auto_buf struct sc_buf out = SC_BUF_INIT;
    f->requests++;
    sc_buf_addf(&out, "%s %s token=%s type=%s expect=%s body=%zu",
                methods[evhttp_request_get_command(req)], evhttp_request_get_uri(req),
                token ? token : "", type ? type : "", expect ? expect : "",
                evbuffer_get_length(in));
    evhttp_add_header(evhttp_request_get_output_headers(req), "X-Consul-Index", "42");
    reply(req, 200, out.p, out.n);
}

static void get(struct result *r, const char *path)
{
    sc_auto_free char *url = sc_xasprintf("%s%s", r->f->base, path);
    const struct sc_http_request req = { .method = "GET", .url = url, .timeout_ms = 5000 };
    cr_assert_eq(sc_http_send(r->f->http, &req, on_done, r, &r->op, NULL), SC_OK);
}

Test(http_client, methods_headers_and_bodies_arrive_as_given)
{
    struct fixture f;
    fixture_init(&f, echo, NULL);
    struct result r = { .f = &f };
    get(&r, "/a?b=c");
    cr_assert_eq(r.n, 0, "done before send returned");
    until(f.loop, r.n == 1);
    cr_assert_eq(r.status, 200);
    cr_assert_eq(r.index, 42);
    cr_assert_str_eq(r.body, "GET /a?b=c token= type= expect= body=0");

    const char *const headers[] = { "X-Consul-Token: s3cret", "Content-Type: text/x", NULL };
    sc_auto_free char *url = sc_xasprintf("%s/put", f.base), *body = sc_xcalloc(1, 4000);
    struct sc_http_request req = { .method = "PUT",
                                   .url = url,
                                   .headers = headers,
                                   .body = body,
                                   .body_len = 4000,
                                   .timeout_ms = 5000 };
    cr_assert_eq(sc_http_send(f.http, &req, on_done, &r, NULL, NULL), SC_OK);
    memset(body, 'x', 4000); /* it was copied */
    until(f.loop, r.n == 2);
    cr_assert_str_eq(r.body, "PUT /put token=s3cret type=text/x expect= body=4000");

    req = (struct sc_http_request){ .method = "DELETE", .url = url, .timeout_ms = 5000 };
    cr_assert_eq(sc_http_send(f.http, &req, on_done, &r, NULL, NULL), SC_OK);
    until(f.loop, r.n == 3);
    cr_assert_str_eq(r.body, "DELETE /put token= type= expect= body=0");
    req = (struct sc_http_request){ .method = "PUT", .url = url, .timeout_ms = 5000 };
    cr_assert_eq(sc_http_send(f.http, &req, on_done, &r, NULL, NULL), SC_OK);
    until(f.loop, r.n == 4);
    cr_assert_str_eq(r.body, "PUT /put token= type= expect= body=0");
    fixture_fini(&f);
}

static void count_connection(struct evhttp_connection *conn, void *ctx)
{
    (void)conn;
    ++*(unsigned *)ctx;
}

static struct bufferevent *new_connection(struct event_base *base, void *ctx)
{
    (void)base;
    count_connection(NULL, ctx);
    return NULL; /* evhttp makes the usual one */
}

Test(http_client, a_connection_is_used_again)
{
    struct fixture f;
    unsigned connections = 0;
    fixture_init(&f, echo, NULL);
    evhttp_set_bevcb(f.server, new_connection, &connections);
    struct result r = { .f = &f };
    for (int i = 1; i <= 5; i++) {
        get(&r, "/");
        until(f.loop, r.n == i);
    }
    cr_assert_eq(f.requests, 5);
    cr_assert_eq(connections, 1);
    fixture_fini(&f);
}

Test(http_client, many_at_once_all_end_once)
{
    enum { MANY = 64 };
    struct fixture f;
    fixture_init(&f, echo, NULL);
    struct result r[MANY] = { 0 };
    for (size_t i = 0; i < MANY; i++) {
        r[i].f = &f;
        get(&r[i], "/x");
    }
    for (size_t i = 0; i < MANY; i++)
        until(f.loop, r[i].n == 1);
    for (size_t i = 0; i < MANY; i++)
        cr_assert_eq(r[i].n, 1);
    fixture_fini(&f);
}

static void silent(struct evhttp_request *req, void *ctx)
{
    struct fixture *f = ctx;
    (void)req; /* never answered */
    f->requests++;
}

Test(http_client, silence_ends_with_the_deadline)
{
    struct fixture f;
    fixture_init(&f, silent, NULL);
    struct result r = { .f = &f };
    const struct sc_http_request req = { .method = "GET", .url = f.base, .timeout_ms = 60 };
    cr_assert_eq(sc_http_send(f.http, &req, on_done, &r, NULL, NULL), SC_OK);
    until(f.loop, r.n == 1);
    cr_assert_eq(r.err.code, SC_ETIMEDOUT);
    cr_assert(strstr(r.err.text, f.base), "%s", r.err.text);
    fixture_fini(&f);
}

Test(http_client, refused_connections_say_so_without_path_or_password)
{
    struct fixture f;
    fixture_init(&f, echo, NULL);
    evhttp_free(f.server);
    f.server = NULL;
    struct result r = { .f = &f };
    sc_auto_free char *url =
        sc_xasprintf("http://user:hunter2@127.0.0.1:%u/secret?token=x", (unsigned)f.port);
    const struct sc_http_request req = { .method = "GET", .url = url, .timeout_ms = 5000 };
    cr_assert_eq(sc_http_send(f.http, &req, on_done, &r, NULL, NULL), SC_OK);
    until(f.loop, r.n == 1);
    cr_assert_eq(r.err.code, SC_EAWAY);
    sc_auto_free char *want =
        sc_xasprintf("http://127.0.0.1:%u refuses connections", (unsigned)f.port);
    cr_assert_str_eq(r.err.text, want);
    fixture_fini(&f);
}

Test(http_client, proxies_of_the_environment_are_not_asked)
{
    struct fixture f;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    fixture_init(&f, echo, NULL);
    struct result r = { .f = &f };
    get(&r, "/direct");
    until(f.loop, r.n == 1);
    cr_assert_eq(r.status, 200);
    fixture_fini(&f);
}

Test(http_client, only_http_addresses_are_called)
{
    struct fixture f;
    fixture_init(&f, echo, NULL);
    static const char *const urls[] = { "file:///etc/passwd", "gopher://127.0.0.1", "", "127.0.0.1",
                                        "http://a b/" };
    for (size_t i = 0; i < SC_ARRAY_LEN(urls); i++) {
        struct result r = { .f = &f };
        const struct sc_http_request req = { .method = "GET", .url = urls[i], .timeout_ms = 5000 };
        int rc = sc_http_send(f.http, &req, on_done, &r, NULL, &r.err);
        if (rc == SC_OK)
            until(f.loop, r.n == 1);
        cr_assert_neq(r.err.code, SC_OK, "%s", urls[i]);
    }
    fixture_fini(&f);
}

static void big(struct evhttp_request *req, void *ctx)
{
    sc_auto_free char *text = sc_xcalloc(1, 200001);
    (void)ctx;
    memset(text, 'b', 200000);
    reply(req, 200, text, 200000);
}

Test(http_client, an_answer_over_the_bound_is_refused)
{
    struct fixture f;
    fixture_init(&f, big, NULL);
    struct result r = { .f = &f };
    struct sc_http_request req = {
        .method = "GET", .url = f.base, .timeout_ms = 5000, .max_body = 199999
    };
    cr_assert_eq(sc_http_send(f.http, &req, on_done, &r, NULL, NULL), SC_OK);
    until(f.loop, r.n == 1);
    cr_assert_eq(r.err.code, SC_ETOOBIG);
    req.max_body = 200000;
    cr_assert_eq(sc_http_send(f.http, &req, on_done, &r, NULL, NULL), SC_OK);
    until(f.loop, r.n == 2);
    cr_assert_eq(r.body_len, 200000);
    fixture_fini(&f);
}

static void long_headers(struct evhttp_request *req, void *ctx)
{
    (void)ctx;
    sc_auto_free char *text = sc_xcalloc(1, 1001);
    memset(text, 'h', 1000);
    for (int i = 0; i < 40; i++)
        evhttp_add_header(evhttp_request_get_output_headers(req), "X-Long", text);
    reply(req, 200, "", 0);
}

Test(http_client, endless_headers_are_refused)
{
    struct fixture f;
    fixture_init(&f, long_headers, NULL);
    struct result r = { .f = &f };
    get(&r, "/");
    until(f.loop, r.n == 1);
    cr_assert_eq(r.err.code, SC_ETOOBIG);
    fixture_fini(&f);
}

/* ---- streaming ---- */

struct streamed {
    struct result r;
    size_t bytes;
    int chunks;
    struct result *send_inside, *cancel_inside;
    bool cancel_self, abort;
};

static int on_chunk(void *ctx, const char *data, size_t n)
{
    struct streamed *s = ctx;
    (void)data;
    s->bytes += n;
    if (s->chunks++ > 0)
        return SC_OK;
    if (s->send_inside)
        get(s->send_inside, "/inside");
    if (s->cancel_inside) {
        sc_http_cancel(s->cancel_inside->op);
        s->cancel_inside->op = NULL;
    }
    if (s->cancel_self)
        sc_http_cancel(s->r.op);
    return s->abort ? SC_EPROTO : SC_OK;
}

static void stream(struct streamed *s)
{
    const struct sc_http_request req = {
        .method = "GET", .url = s->r.f->base, .timeout_ms = 5000, .chunk = on_chunk, .chunk_ctx = s
    };
    cr_assert_eq(sc_http_send(s->r.f->http, &req, on_done, s, &s->r.op, NULL), SC_OK);
}

Test(http_client, a_streamed_answer_is_not_kept)
{
    struct fixture f;
    fixture_init(&f, big, NULL);
    struct streamed s = { .r = { .f = &f } };
    stream(&s);
    until(f.loop, s.r.n == 1);
    cr_assert_eq(s.bytes, 200000);
    cr_assert_eq(s.r.body_len, 0);
    fixture_fini(&f);
}

Test(http_client, the_reader_of_a_stream_may_send_and_cancel)
{
    struct fixture f;
    fixture_init(&f, big, NULL);
    struct result sent = { .f = &f }, cancelled = { .f = &f };
    struct streamed s = { .r = { .f = &f }, .send_inside = &sent, .cancel_inside = &cancelled };
    stream(&s);
    get(&cancelled, "/never");
    until(f.loop, s.r.n == 1 && sent.n == 1);
    cr_assert_eq(cancelled.n, 0);
    cr_assert_eq(sent.status, 200);
    fixture_fini(&f);
}

Test(http_client, the_reader_of_a_stream_may_cancel_it)
{
    struct fixture f;
    fixture_init(&f, big, NULL);
    struct streamed s = { .r = { .f = &f }, .cancel_self = true };
    struct result after = { .f = &f };
    stream(&s);
    until(f.loop, s.chunks > 0);
    get(&after, "/");
    until(f.loop, after.n == 1);
    cr_assert_eq(s.r.n, 0);
    cr_assert_eq(s.chunks, 1);
    fixture_fini(&f);
}

Test(http_client, the_reader_of_a_stream_may_refuse_it)
{
    struct fixture f;
    fixture_init(&f, big, NULL);
    struct streamed s = { .r = { .f = &f }, .abort = true };
    stream(&s);
    until(f.loop, s.r.n == 1);
    cr_assert_eq(s.r.err.code, SC_EPROTO);
    fixture_fini(&f);
}

static void refuse(struct evhttp_request *req, void *ctx)
{
    (void)ctx;
    reply(req, 403, "ACL not found", 13);
}

Test(http_client, an_error_answer_is_not_streamed)
{
    struct fixture f;
    fixture_init(&f, refuse, NULL);
    struct streamed s = { .r = { .f = &f } };
    stream(&s);
    until(f.loop, s.r.n == 1);
    cr_assert_eq(s.chunks, 0);
    cr_assert_eq(s.r.status, 403);
    cr_assert_str_eq(s.r.body, "ACL not found");
    fixture_fini(&f);
}

/* ---- the end ---- */

Test(http_client, a_cancelled_request_says_nothing)
{
    struct fixture f;
    fixture_init(&f, silent, NULL);
    struct result r = { .f = &f };
    get(&r, "/");
    until(f.loop, f.requests == 1);
    sc_http_cancel(r.op);
    sc_http_cancel(NULL);
    cr_assert_eq(sc_loop_turn(f.loop, 20, NULL), SC_OK);
    cr_assert_eq(r.n, 0);
    fixture_fini(&f);
}

Test(http_client, close_fails_what_is_pending_but_later)
{
    struct fixture f;
    fixture_init(&f, silent, NULL);
    struct result a = { .f = &f }, b = { .f = &f };
    get(&a, "/");
    until(f.loop, f.requests == 1);
    get(&b, "/");
    sc_http_client_close(f.http);
    cr_assert_eq(a.n + b.n, 0);
    until(f.loop, a.n == 1 && b.n == 1);
    cr_assert_eq(a.err.code, SC_ECANCELED);
    cr_assert_eq(b.err.code, SC_ECANCELED);
    const struct sc_http_request req = { .method = "GET", .url = f.base, .timeout_ms = 100 };
    cr_assert_eq(sc_http_send(f.http, &req, on_done, &a, NULL, NULL), SC_ECANCELED);
    fixture_fini(&f);
}

static void cancel_on_done(void *ctx, const struct sc_http_response *res, const struct sc_err *err)
{
    struct result *r = ctx;
    (void)res;
    (void)err;
    r->n++;
    sc_http_cancel(r->op); /* of another request */
    r->op = NULL;
}

Test(http_client, a_completion_may_cancel_another_that_is_just_as_complete)
{
    struct fixture f;
    fixture_init(&f, echo, NULL);
    struct result first = { .f = &f }, second = { .f = &f };
    sc_auto_free char *url = sc_xasprintf("%s/", f.base);
    const struct sc_http_request req = { .method = "GET", .url = url, .timeout_ms = 5000 };
    cr_assert_eq(sc_http_send(f.http, &req, cancel_on_done, &first, NULL, NULL), SC_OK);
    get(&second, "/");
    first.op = second.op;
    until(f.loop, first.n == 1 || second.n == 1);
    cr_assert_leq(first.n + second.n, 2);
    fixture_fini(&f);
}
