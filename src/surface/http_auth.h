/* http_auth.h: may this request be answered at all? */
#ifndef SIDECLAW_SURFACE_HTTP_AUTH_H
#define SIDECLAW_SURFACE_HTTP_AUTH_H

#include "sideclaw/err.h"

/* sc_auth_bearer: is `header` (Authorization; NULL: absent) "Bearer <token>"? Compared in constant
 * time. An empty token fits nothing. SC_EAUTH otherwise. */
int sc_auth_bearer(const char *header, const char *token, struct sc_err *err) SC_MUST_CHECK;

/* sc_auth_origin: is this a browser that somebody else's page brought here (DNS rebinding,
 * cross-site requests)? While we listen on a loopback address, Host must be an IP address or
 * localhost: a name that anybody can point at 127.0.0.1 is refused. An Origin must be that Host.
 * NULL: absent. SC_EPERM otherwise. */
int sc_auth_origin(const char *listen_host, const char *host, const char *origin,
                   struct sc_err *err) SC_MUST_CHECK;

/* The host of "HOST:PORT", "[V6]:PORT" or "HOST", without brackets; the caller frees. */
char *sc_host_of(const char *address);

#endif
