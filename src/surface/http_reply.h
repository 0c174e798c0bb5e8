/* http_reply.h: what goes back over HTTP: JSON, text, or a problem (RFC 9457). */
#ifndef SIDECLAW_SURFACE_HTTP_REPLY_H
#define SIDECLAW_SURFACE_HTTP_REPLY_H

#include "sideclaw/buf.h"
#include "sideclaw/err.h"
#include "sideclaw/value.h"

struct evhttp_request;

/* Each ends the request. */
void sc_http_reply_text(struct evhttp_request *req, int status, const char *content_type,
                        const struct sc_buf *body);
void sc_http_reply_value(struct evhttp_request *req, int status, const struct sc_value *v);
void sc_http_reply_problem(struct evhttp_request *req, int status, const struct sc_err *err);

/* {type,title,status,detail,code,remedy?} */
struct sc_value *sc_problem_value(int status, const struct sc_err *err);

#endif
