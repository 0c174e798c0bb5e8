/* redis_url.h: where Redis is: redis[s]://[[USER]:PASSWORD@]HOST[:PORT][/DB], or behind Sentinel:
 * redis[s]+sentinel://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]...]/PRIMARY[/DB] */
#ifndef SIDECLAW_REDIS_URL_H
#define SIDECLAW_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideclaw/err.h"

enum { SC_REDIS_URL_MAX = 2048, SC_REDIS_DB_MAX = 1000000 };

struct sc_redis_tls;

struct sc_redis_addr {
    char *host; /* name or numeric address, without brackets */
    uint16_t port;
};

/* Owned strings. */
struct sc_redis_url {
    struct sc_redis_addr at; /* host NULL when Sentinel says where */
    char *user;              /* NULL: the default user */
    char *password;          /* NULL: none */
    int db;
    bool tls;
    char *primary; /* the name under which Sentinel knows the primary; NULL: no Sentinel */
    struct sc_redis_addr *sentinels;
    size_t n_sentinels;
    /* Not from the URL, but of the same connection: */
    char *sentinel_password;   /* NULL: none */
    struct sc_redis_tls *with; /* what TLS needs; borrowed; NULL: no TLS */
};

/* User and password may be percent-encoded. SC_ECONFIG with the remedy; the error never quotes the
 * URL, which may hold a password. rediss:// is refused when TLS is not built in (redis_tls.h). */
int sc_redis_url_parse(const char *url, struct sc_redis_url *ret, struct sc_err *err) SC_MUST_CHECK;
void sc_redis_url_fini(struct sc_redis_url *u);

#endif
