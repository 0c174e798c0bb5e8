/* http_tls.h (store): what http_client.c needs of http_tls.c; the only two that know curl. */
#ifndef SIDECLAW_STORE_HTTP_TLS_H
#define SIDECLAW_STORE_HTTP_TLS_H

#include <curl/curl.h>

#include "sideclaw/http_tls.h"

/* Reads the files again if they changed (what cannot be used is said once, and the old contents
 * stay), and sets up a request to `url`, which is https. *ret_to is to be freed after it. */
int sc_http_tls_apply(struct sc_http_tls *t, CURL *easy, const char *url,
                      struct curl_slist **ret_to, struct sc_err *err) SC_MUST_CHECK;
/* The "Host: ..." that such a request needs beside its URL; NULL: none. The caller frees. */
char *sc_http_tls_host_header(const struct sc_http_tls *t, const char *url);
/* True when it was TLS that failed: err says whose fault it is. t may be NULL. `why` is curl's. */
bool sc_http_tls_explain(const struct sc_http_tls *t, const char *origin, CURLcode code,
                         const char *why, struct sc_err *err);

#endif
