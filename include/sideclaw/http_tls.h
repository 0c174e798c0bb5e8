/* http_tls.h: what an HTTPS server must show us and what we show it, as files that may change. */
#ifndef SIDECLAW_HTTP_TLS_H
#define SIDECLAW_HTTP_TLS_H

#include <stdbool.h>

#include "sideclaw/err.h"
#include "sideclaw/log.h"

/* NULL or "" is "not given" for each file and name. */
struct sc_http_tls_options {
    const char *who;       /* "consul": errors speak of consul.ca_file and so on */
    const char *ca_file;   /* PEM; the only authorities then; not given: the system's */
    const char *cert_file; /* PEM; ours, with its chain; goes with key_file */
    const char *key_file;  /* PEM, without a passphrase */
    const char *name;      /* expected in the server's certificate; not given: the address's */
    bool unverified;       /* believe any server */
};

struct sc_http_tls;
/* The options are copied, log is borrowed. SC_ECONFIG: a file that cannot be used. */
struct sc_http_tls *sc_http_tls_new(const struct sc_http_tls_options *o, struct sc_log *log,
                                    struct sc_err *err);
/* Other options, from the next connection on; nothing changes when it fails. */
int sc_http_tls_set(struct sc_http_tls *t, const struct sc_http_tls_options *o,
                    struct sc_err *err) SC_MUST_CHECK;
void sc_http_tls_free(struct sc_http_tls *t);

#endif
