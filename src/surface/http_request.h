/* http_request.h: may a request be answered, and with which parameters? What is wrong is answered
 * here, as a problem; the functions then return its status, else 0. */
#ifndef SIDECLAW_SURFACE_HTTP_REQUEST_H
#define SIDECLAW_SURFACE_HTTP_REQUEST_H

#include "sideclaw/operations.h"

struct evhttp_request;

/* "GET", "HEAD", "POST", or "-" for what no operation takes. */
const char *sc_http_method(const struct evhttp_request *req);

/* What is wrong with any request, whatever it asks for: sizes; and Host, Origin. */
int sc_http_refuse_size(struct evhttp_request *req);
int sc_http_refuse(struct evhttp_request *req, const char *listen_host);
/* Everything but public pages wants the token. */
int sc_http_refuse_stranger(struct evhttp_request *req, enum sc_scope scope, const char *token);
/* A body that calls itself something else than JSON. */
int sc_http_refuse_type(struct evhttp_request *req);
/* Query and body into params. */
int sc_http_params(struct evhttp_request *req, const struct sc_op *op, struct sc_value *params);

#endif
