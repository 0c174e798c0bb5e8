/* redis_url.h: redis://[[USER]:PASSWORD@]HOST[:PORT][/DB] */
#ifndef SIDECLAW_REDIS_URL_H
#define SIDECLAW_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "sideclaw/err.h"

enum { SC_REDIS_URL_MAX = 2048, SC_REDIS_DB_MAX = 1000000 };

/* Owned strings. */
struct sc_redis_url {
    char *host;     /* name or numeric address, without brackets */
    char *user;     /* NULL: the default user */
    char *password; /* NULL: none */
    uint16_t port;
    int db;
};

/* User and password may be percent-encoded. SC_ECONFIG with the remedy; the error never quotes the
 * URL, which may hold a password. rediss:// (TLS) is refused: hiredis 0.14 has none. */
int sc_redis_url_parse(const char *url, struct sc_redis_url *ret, struct sc_err *err) SC_MUST_CHECK;
void sc_redis_url_fini(struct sc_redis_url *u);

#endif
