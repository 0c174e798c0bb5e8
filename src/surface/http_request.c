#include "http_request.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "http_auth.h"
#include "http_reply.h"
#include "http_routes.h"
#include "sideclaw/limits.h"

static const char *header(struct evhttp_request *req, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(req), name);
}

const char *sc_http_method(const struct evhttp_request *req)
{
    switch (evhttp_request_get_command(req)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_OPTIONS:
    case EVHTTP_REQ_TRACE:
    case EVHTTP_REQ_CONNECT:
    case EVHTTP_REQ_PATCH:
    default:        /* evhttp hands words it does not know over as another number */
        return "-"; /* no row has it */
    }
}

static size_t headers_size(struct evhttp_request *req)
{
    size_t n = strlen(evhttp_request_get_uri(req));
    const struct evkeyval *h;
    TAILQ_FOREACH (h, evhttp_request_get_input_headers(req), next)
        n += strlen(h->key) + strlen(h->value) + 4;
    return n;
}

static int fail(struct evhttp_request *req, int status, struct sc_err *err)
{
    sc_http_reply_problem(req, status, err);
    return status;
}

int sc_http_refuse_size(struct evhttp_request *req)
{
    struct sc_err err = SC_ERR_INIT;
    if (headers_size(req) > SC_HTTP_HEADERS_MAX) {
        (void)sc_fail(&err, SC_ETOOBIG, "the headers have more than %d bytes", SC_HTTP_HEADERS_MAX);
        return fail(req, 431, &err);
    }
    if (evbuffer_get_length(evhttp_request_get_input_buffer(req)) > SC_HTTP_BODY_MAX) {
        (void)sc_fail(&err, SC_ETOOBIG, "the request's body has more than %d bytes",
                      SC_HTTP_BODY_MAX);
        return fail(req, 413, &err);
    }
    return 0;
}

int sc_http_refuse(struct evhttp_request *req, const char *listen_host)
{
    struct sc_err err = SC_ERR_INIT;
    int status = sc_http_refuse_size(req);
    if (status)
        return status;
    if (sc_auth_origin(listen_host, header(req, "Host"), header(req, "Origin"), &err) < 0)
        return fail(req, 403, &err);
    return 0;
}

int sc_http_refuse_stranger(struct evhttp_request *req, enum sc_scope scope, const char *token)
{
    struct sc_err err = SC_ERR_INIT;
    if (scope == SC_SCOPE_PUBLIC ||
        sc_auth_bearer(header(req, "Authorization"), token, &err) == SC_OK)
        return 0;
    return fail(req, 401, &err);
}

static bool is_json(const char *content_type)
{
    static const char json[] = "application/json";
    const size_t n = sizeof json - 1;
    return !content_type || (strncasecmp(content_type, json, n) == 0 &&
                             (!content_type[n] || strchr("; ", content_type[n])));
}

int sc_http_refuse_type(struct evhttp_request *req)
{
    struct sc_err err = SC_ERR_INIT;
    const char *type = header(req, "Content-Type");
    if (is_json(type))
        return 0;
    (void)sc_fail(&err, SC_EINVAL, "the body is %.60s; application/json is expected", type);
    return fail(req, 415, &err);
}

int sc_http_params(struct evhttp_request *req, const struct sc_op *op, struct sc_value *params)
{
    struct sc_err err = SC_ERR_INIT;
    struct evbuffer *in = evhttp_request_get_input_buffer(req);
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
    size_t n = evbuffer_get_length(in);
    int status = n ? sc_http_refuse_type(req) : 0;
    if (status)
        return status;
    if (sc_route_query(op, query, params, &err) < 0 ||
        (n && sc_route_body((const char *)evbuffer_pullup(in, -1), n, params, &err) < 0))
        return fail(req, sc_problem_status(err.code), &err);
    return 0;
}
