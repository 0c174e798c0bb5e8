/* redis_tls.h: TLS to Redis, for hiredis 1.0 and newer; redis_tls.c is the only file that knows
 * whether this build has it. */
#ifndef SIDECLAW_REDIS_TLS_H
#define SIDECLAW_REDIS_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "sideclaw/err.h"

/* SC_ECONFIG with cause and remedy when this build has none. */
int sc_redis_tls_check(struct sc_err *err) SC_MUST_CHECK;

/* What every connection shares: whom to trust, and who we are. */
struct sc_redis_tls;
/* PEM files; NULL or "": the system's authorities, and no certificate of our own. */
struct sc_redis_tls *sc_redis_tls_new(const char *ca_file, const char *cert_file,
                                      const char *key_file, struct sc_err *err);
void sc_redis_tls_free(struct sc_redis_tls *t);

/* sc_redis_tls_begin: make hiredis's context (a redisContext) speak TLS; host is whom its
 * certificate must name. The session returned lives as long as the context; NULL: it failed, and
 * ret_why says why. */
struct ssl_st *sc_redis_tls_begin(struct sc_redis_tls *t, void *redis_context, const char *host,
                                  char *ret_why, size_t size);
/* Why the session could not be; false when TLS is not to blame. hiredis does not say. */
bool sc_redis_tls_why(const struct ssl_st *session, char *ret, size_t size);

#endif
