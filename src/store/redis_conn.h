/* redis_conn.h: one hiredis connection on our loop, from connect to its end; redis_link.c makes the
 * next one. The only file that includes hiredis is redis_conn.c. */
#ifndef SIDECLAW_REDIS_CONN_H
#define SIDECLAW_REDIS_CONN_H

#include "redis_link.h"

/* Called from the loop; after `closed` (or sc_redis_conn_abandon) never again. */
struct sc_redis_conn_deps {
    struct sc_loop *loop;
    const char *addr; /* numeric: hiredis would call getaddrinfo, which blocks */
    uint16_t port;
    const char *host;         /* whom a certificate must name; only for TLS, for the call */
    struct sc_redis_tls *tls; /* NULL: plain */
    void (*connected)(void *ctx);
    void (*closed)(void *ctx, const char *text); /* hiredis's or the system's words */
    void (*activity)(void *ctx);                 /* bytes came */
    void (*subscribed)(void *ctx);
    void (*message)(void *ctx, const char *payload, size_t n);
    void *ctx;
};

struct sc_redis_conn;
/* NULL when the connect failed at once; ret_text then says why. */
struct sc_redis_conn *sc_redis_conn_new(const struct sc_redis_conn_deps *deps, char *ret_text,
                                        size_t text_size);
int sc_redis_conn_command(struct sc_redis_conn *c, sc_redis_reply_fn *fn, void *ctx, int argc,
                          const char **argv, const size_t *argvlen) SC_MUST_CHECK;
/* Subscribing again is harmless, and its answer is the sign of life of a subscribed connection:
 * hiredis 0.14 loses the answer to a PING there. */
int sc_redis_conn_subscribe(struct sc_redis_conn *c, const char *channel) SC_MUST_CHECK;
size_t sc_redis_conn_pending(const struct sc_redis_conn *c);
/* Close without a word; pending commands get their NULL reply, at once or, from inside a callback
 * of the connection, after it. NULL is fine. */
void sc_redis_conn_abandon(struct sc_redis_conn *c);
/* The same, and nothing of it is left when this returns. Not from inside its callbacks. */
void sc_redis_conn_destroy(struct sc_redis_conn *c);

#endif
