#include "http_reply.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>

#include "sideclaw/mem.h"
#include "sideclaw/operations.h"

/* Statuses that no error code has, and those whose words evhttp does not know. */
static const char *title_of(int status, const struct sc_err *err)
{
    switch (status) {
    case 405:
        return "Method not allowed";
    case 406:
        return "Not acceptable";
    case 415:
        return "Unsupported media type";
    case 421:
        return "Misdirected request";
    case 431:
        return "Request header fields too large";
    default:
        return sc_problem_title(err->code);
    }
}

static const char *reason_of(int status)
{
    switch (status) {
    case 421:
        return "Misdirected Request";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 507:
        return "Insufficient Storage";
    default:
        return NULL; /* evhttp knows */
    }
}

void sc_http_reply_text(struct evhttp_request *req, int status, const char *content_type,
                        const struct sc_buf *body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
    struct evbuffer *out = evbuffer_new();
    char length[32];
    sc_assert(out);
    (void)evhttp_add_header(headers, "Content-Type", content_type);
    (void)evhttp_add_header(headers, "Cache-Control", "no-store");
    (void)evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    /* Of HEAD evhttp would send the body and not its length; it has to be the other way round. */
    (void)snprintf(length, sizeof length, "%zu", body->n);
    (void)evhttp_add_header(headers, "Content-Length", length);
    if (evhttp_request_get_command(req) != EVHTTP_REQ_HEAD)
        (void)evbuffer_add(out, body->p, body->n);
    evhttp_send_reply(req, status, reason_of(status), out);
    evbuffer_free(out);
}

void sc_http_reply_value(struct evhttp_request *req, int status, const struct sc_value *v)
{
    sc_auto_buf struct sc_buf body = SC_BUF_INIT;
    sc_value_dump(v, &body);
    sc_buf_addc(&body, '\n');
    sc_http_reply_text(req, status, "application/json", &body);
}

struct sc_value *sc_problem_value(int status, const struct sc_err *err)
{
    struct sc_value *v = sc_value_object();
    sc_value_set_str(v, "type", "about:blank");
    sc_value_set_str(v, "title", title_of(status, err));
    sc_value_set_int(v, "status", status);
    sc_value_set_str(v, "detail", err->text);
    sc_value_set_str(v, "code", sc_code_name(err->code));
    if (err->remedy[0])
        sc_value_set_str(v, "remedy", err->remedy);
    return v;
}

/* When asking again may help: a full queue empties by itself, a full disk hardly so soon. */
static const char *retry_after(int status)
{
    switch (status) {
    case 429:
        return "1";
    case 503:
        return "5";
    case 507:
        return "30";
    default:
        return NULL;
    }
}

void sc_http_reply_problem(struct evhttp_request *req, int status, const struct sc_err *err)
{
    sc_auto_buf struct sc_buf body = SC_BUF_INIT;
    sc_auto_value struct sc_value *v = sc_problem_value(status, err);
    if (retry_after(status))
        (void)evhttp_add_header(evhttp_request_get_output_headers(req), "Retry-After",
                                retry_after(status));
    if (status == 401)
        (void)evhttp_add_header(evhttp_request_get_output_headers(req), "WWW-Authenticate",
                                "Bearer realm=\"sideclaw\"");
    sc_value_dump(v, &body);
    sc_buf_addc(&body, '\n');
    sc_http_reply_text(req, status, "application/problem+json", &body);
}
