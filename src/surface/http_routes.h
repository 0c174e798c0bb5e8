/* http_routes.h: from a request's method, path, query and body to an operation and its parameters.
 * Pure text in, values out: the fuzzer's door. */
#ifndef SIDECLAW_SURFACE_HTTP_ROUTES_H
#define SIDECLAW_SURFACE_HTTP_ROUTES_H

#include <stddef.h>

#include "sideclaw/operations.h"

enum { SC_ALLOW_MAX = 64 };

enum sc_route_result {
    SC_ROUTE_FOUND,
    SC_ROUTE_UNKNOWN, /* no operation has that path */
    SC_ROUTE_METHOD,  /* some have, with the methods of `allow` */
    SC_ROUTE_BAD      /* the path is malformed; err says how */
};

/* sc_route_find: HEAD finds what GET finds. On FOUND the path's parameters were added to `params`.
 */
enum sc_route_result sc_route_find(const char *method, const char *path,
                                   const struct sc_op **ret_op, struct sc_value *params,
                                   char ret_allow[SC_ALLOW_MAX], struct sc_err *err);

/* sc_route_query: add name=value&… to params, each as the type its row has. NULL is empty. */
int sc_route_query(const struct sc_op *op, const char *query, struct sc_value *params,
                   struct sc_err *err) SC_MUST_CHECK;

/* sc_route_body: add the members of a JSON object of n bytes; nothing when n is 0. */
int sc_route_body(const char *body, size_t n, struct sc_value *params,
                  struct sc_err *err) SC_MUST_CHECK;

#endif
